/**
 * Tries to log in, counted in two ways by one statement: those of the last minutes, and those in a row that were wrong.
 * Strangers share the counts of an address. A device that has logged in before has counts of its own, so that nobody else
 * can use them up.
 */
import type { Meter } from '../base/meter.ts'
import type { Sql } from '../database/database.ts'
import { type Fragment, fragment } from '../database/fragments.ts'
import { POLICIES } from './policies.ts'
import type { RateLimits, TooManyTries } from './rate-limits.ts'

const HOUR_MS = 60 * 60_000
/** After each ten failures beyond a hundred, a pause that grows is twice as long, up to 2^4 × 15 minutes. */
const DOUBLINGS_MAX = 4
/** Failures in a row are remembered this much longer for each of them: a made-up address is soon forgotten. */
const REMEMBERED_FOR_EACH_MS = 8 * HOUR_MS

/** Whose tries are counted together: all strangers who try one address, or one known device at one account. */
export type Tries = { of: 'Address' | 'KnownDevice'; subject: string }

type Limits = { triesMax: number; pauseMs: number; failuresMax: number }

const limitsOf = ({ of }: Pick<Tries, 'of'>): Limits => {
  const { points, duration } = POLICIES[`loginBy${of}`]
  return { triesMax: points, pauseMs: 1_000 * duration, failuresMax: POLICIES[`failuresBy${of}`].points }
}

/** Whether the address has an account or not. */
export const triesOfStrangers = (email: string): Tries => ({ of: 'Address', subject: email })

type Counting = { sql: Sql; rateLimits: RateLimits; now: () => number; meter: Meter }

/**
 * `failures`: how many have failed in a row, if this one does too. `too-many-failures`: it was a hundred already, so
 * passwords are not looked at any more until the count is cleared or forgotten.
 */
export type LoginCount =
  | { ok: true; left: number; failures: number; pauseMinutes: number }
  | { ok: false; reason: 'too-many-failures'; retryAfterSeconds: number }
  | TooManyTries

/** Whether this failure is the one after which an address takes no more passwords from strangers. */
export const isLastFailure = (failures: number): boolean => failures === limitsOf({ of: 'Address' }).failuresMax

const keysOf = ({ rateLimits }: Counting, { of, subject }: Tries) => ({
  recent: rateLimits.keyOf(`loginBy${of}`, subject),
  inARow: rateLimits.keyOf(`failuresBy${of}`, subject),
})

/**
 * How long the pause after ten tries is, in milliseconds, when so many failed in a row before the last of them. `div`, since
 * not every database (CockroachDB) gives a whole number for one integer by another.
 */
const pauseAfter = ({ triesMax, pauseMs, failuresMax }: Limits, failures: Fragment): Fragment =>
  fragment`${pauseMs}::bigint * (1 << least(${DOUBLINGS_MAX}::int,
    greatest(0, div((${failures}), ${triesMax}::int) - ${failuresMax / triesMax - 1}::int))::int)`

type Row = {
  tries: number
  triesUntil: number
  failures: number | null
  before: number
  beforeUntil: number
  pauseMs: number
}

/**
 * Counts one try before it is made, as wrong: ten in 15 minutes, and a hundred in a row. With `growing`, there is no end
 * after a hundred; the pauses grow instead, from 15 minutes to 4 hours. A try that is refused does not count as a failure.
 */
export async function countLoginTry(
  counting: Counting,
  tries: Tries,
  { growing }: { growing: boolean },
): Promise<LoginCount> {
  const { recent, inARow } = keysOf(counting, tries)
  const limits = limitsOf(tries)
  const { triesMax, pauseMs, failuresMax } = limits
  const now = counting.now()
  const [row] = await counting.sql<Row>`
    with before as (
      select coalesce(max(points), 0) as points, coalesce(max(expire), ${now}) as expire from rate_limits
      where key = ${inARow} and expire > ${now}
    ), recent as (
      insert into rate_limits as r (key, points, expire) values (${recent}, 1, ${now + pauseMs})
      on conflict (key) do update set
        points = case when r.expire <= ${now} then 1 else r.points + 1 end,
        expire = case
          when r.expire <= ${now} then excluded.expire
          when r.points + 1 = ${triesMax} then greatest(r.expire,
            case when ${growing} then ${now} + ${pauseAfter(limits, fragment`select points from before`)} else 0 end)
          else r.expire end
      returning points, expire
    ), failed as (
      insert into rate_limits as r (key, points, expire)
      select ${inARow}, 1, ${now + REMEMBERED_FOR_EACH_MS}::bigint from recent where points <= ${triesMax}
      on conflict (key) do update set
        points = case when r.expire <= ${now} then 1 else r.points + 1 end,
        expire = ${now} + ${REMEMBERED_FOR_EACH_MS}::bigint
          * case when r.expire <= ${now} then 1 else least(r.points + 1, ${failuresMax}::int) end
      where ${growing} or r.expire <= ${now} or r.points < ${failuresMax}
      returning points
    )
    select recent.points as tries, recent.expire as tries_until, failed.points as failures,
      before.points as before, before.expire as before_until,
      ${pauseAfter(limits, fragment`coalesce(failed.points, 0) + ${triesMax}::int - recent.points - 1`)} as pause_ms
    from before, recent left join failed on true`
  if (row === undefined) throw new Error('a try was not counted')
  const count = judged(row, { now, growing, limits })
  if (!count.ok) counting.meter.refused(`${count.reason === 'too-many-tries' ? 'loginBy' : 'failuresBy'}${tries.of}`)
  return count
}

function judged(
  { tries, triesUntil, failures, before, beforeUntil, pauseMs }: Row,
  {
    now,
    growing,
    limits: { triesMax, pauseMs: shortest, failuresMax },
  }: { now: number; growing: boolean; limits: Limits },
): LoginCount {
  const secondsTo = (end: number) => Math.max(1, Math.ceil((end - now) / 1_000))
  if (failures !== null) {
    return { ok: true, left: triesMax - tries, failures, pauseMinutes: (growing ? pauseMs : shortest) / 60_000 }
  }
  // Within the ten and yet not counted: another try has just been the hundredth.
  const isClosed = !growing && (before >= failuresMax || tries <= triesMax)
  if (!isClosed) return { ok: false, reason: 'too-many-tries', retryAfterSeconds: secondsTo(triesUntil) }
  const end = before >= failuresMax ? beforeUntil : now + failuresMax * REMEMBERED_FOR_EACH_MS
  return { ok: false, reason: 'too-many-failures', retryAfterSeconds: secondsTo(end) }
}

/** Takes a try back that could not be made. */
export async function refundLoginTry(counting: Counting, tries: Tries): Promise<void> {
  await counting.sql`
    with ${countedRows(keysOf(counting, tries))}
    update rate_limits set points = points - 1 where key in (select key from counted) and points > 0`
}

/**
 * Both counts as the first part of a statement, named `counted`. The rows are locked in the order in which they are counted;
 * in two orders, two statements would wait for each other.
 */
const countedRows = ({ recent, inARow }: ReturnType<typeof keysOf>): Fragment => fragment`
  counted as (
    select key from rate_limits where key in (${recent}, ${inARow}) order by key = ${inARow} for update
  )`

/**
 * Forgets the tries, since the right password was given. With `unlessClosed`, an address that has had its hundred
 * failures stays closed to strangers: its owner has logged in from elsewhere, and the guessing may go on.
 */
export async function clearLoginTries(
  counting: Counting,
  tries: Tries,
  { unlessClosed = false }: { unlessClosed?: boolean } = {},
): Promise<void> {
  const keys = keysOf(counting, tries)
  await counting.sql`
    with ${countedRows(keys)}
    delete from rate_limits
    where key in (select key from counted) and (key = ${keys.recent} or points < ${limitsOf(tries).failuresMax} or ${!unlessClosed})`
}
