/** How often something may be tried. Counted in PostgreSQL, so all processes share one count and a restart keeps it. */
import { createHmac } from 'node:crypto'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { Busy, Unavailable } from '../base/failures.ts'
import type { Meter } from '../base/meter.ts'
import type { Db } from '../database/database.ts'
import { type Fragment, fragment } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'
import { networkOf } from './networks.ts'
import { POLICIES, type Policy } from './policies.ts'

const TURNS_WAITING_MAX = 100
const TURN_SMOOTHING = 0.2
const REFUSAL_KNOWN_MS = 5_000
const REFUSAL_CHECK_MS = 1_000
const REFUSALS_KNOWN_MAX = 1_000
/** Nobody is told to come back later than this. Beyond it, times are spread over its second half. */
const TURN_PROMISED_MAX_MS = 60_000
/** Nobody waits for a turn that would come later than this. */
const TURN_WAIT_MAX_MS = 1_500
/** A turn counts as this long at most. One that met an outage says nothing of the next ones. */
const TURN_MEASURED_MAX_MS = 1_000

export type TooManyTries = { ok: false; reason: 'too-many-tries'; retryAfterSeconds: number }
type Count = { ok: true; left: number } | TooManyTries
export type RateLimits = ReturnType<typeof createRateLimits>

export function createRateLimits({ pool, key, meter }: { pool: Db['pool']; key: Buffer; meter: Meter }) {
  const limiterFor = (policy: Policy) =>
    new RateLimiterPostgres({
      storeClient: pool,
      storeType: 'pool',
      tableName: 'rate_limits',
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix: policy,
      ...POLICIES[policy],
    })
  const limiters = Object.fromEntries(
    Object.keys(POLICIES).map((name) => [name, limiterFor(name as Policy)]),
  ) as Record<Policy, RateLimiterPostgres>
  /** The table must not tell who was counted, so it holds no addresses. */
  const hashed = (subject: string) => createHmac('sha256', key).update(subject).digest('base64url')

  /** `promised` is the last time that somebody who was sent away has been told to come back at. */
  const turns = new Map<string, { last: Promise<unknown>; waiting: number; promised: number }>()
  /** How long a turn has taken lately, in milliseconds. */
  let turnMs = 0

  const refusals = new Map<string, { until: number; answer: TooManyTries }>()
  function noteRefusal(subject: string, answer: TooManyTries): void {
    refusals.delete(subject)
    refusals.set(subject, { until: performance.now() + REFUSAL_KNOWN_MS, answer })
    const [oldest = ''] = refusals.keys()
    if (refusals.size > REFUSALS_KNOWN_MAX) refusals.delete(oldest)
  }

  return {
    /** The key of a count in the table. */
    keyOf: (policy: Policy, subject: string): string => `${policy}:${hashed(subject)}`,
    /** Counts one try. Call it before the try is made, so that parallel tries cannot slip past the limit. */
    async count(policy: Policy, subject: string): Promise<Count> {
      try {
        const { remainingPoints } = await limiters[policy].consume(hashed(subject))
        refusals.delete(`${policy} ${subject}`)
        return { ok: true, left: remainingPoints }
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal
        const retryAfterSeconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000))
        const answer = { ok: false, reason: 'too-many-tries', retryAfterSeconds } as const
        noteRefusal(`${policy} ${subject}`, answer)
        meter.refused(policy)
        return answer
      }
    },
    /**
     * The refusal that this subject got here a few seconds ago. For whoever would have to do something costly before counting.
     * No longer than that, because tries that are still being made count too, and may be given back.
     */
    refusedLately(policy: Policy, subject: string): TooManyTries | undefined {
      const refused = refusals.get(`${policy} ${subject}`)
      if (refused === undefined) return undefined
      if (performance.now() < refused.until) {
        meter.refused(policy)
        return refused.answer
      }
      // One finds out whether it is over. Of a flood, all would try at the same moment.
      refused.until = performance.now() + REFUSAL_CHECK_MS
      return undefined
    },
    /** Takes one try back. */
    async refund(policy: Policy, subject: string): Promise<void> {
      await limiters[policy].reward(hashed(subject))
    },
    /** Forgets all tries. */
    async clear(policy: Policy, subject: string): Promise<void> {
      await limiters[policy].delete(hashed(subject))
    },
    /**
     * Runs `job` once all earlier jobs of the same subject in this process have ended.
     * @throws {Busy} when it would wait too long, each time with a later moment to come back.
     * @throws {Unavailable} when the job before failed with it: if the database is down, the whole queue fails now, rather
     * than each job after its own timeout. `Busy` is no such failure, and costs the next job no time.
     */
    async inTurn<Result>(subject: string, job: () => Promise<Result>): Promise<Result> {
      const turn = turns.get(subject) ?? { last: Promise.resolve(), waiting: 0, promised: 0 }
      const waitMs = turn.waiting * turnMs
      if (turn.waiting >= TURNS_WAITING_MAX || waitMs > TURN_WAIT_MAX_MS) {
        const at = performance.now()
        const next = Math.max(turn.promised, at + waitMs) + turnMs
        const isFar = next > at + TURN_PROMISED_MAX_MS
        // So many for one account are an attack. Its owner must not be told to come back tomorrow.
        const inMs = isFar ? (TURN_PROMISED_MAX_MS * (1 + Math.random())) / 2 : next - at
        if (!isFar) turn.promised = next
        const retryAfterSeconds = Math.max(1, Math.ceil(inMs / 1_000))
        throw new Busy('too many tries for one account are waiting', { retryAfterSeconds })
      }
      turns.set(subject, turn)
      turn.waiting += 1
      const result = turn.last.then(async () => {
        const startedAt = performance.now()
        const outcome = await job()
        turnMs += TURN_SMOOTHING * (Math.min(performance.now() - startedAt, TURN_MEASURED_MAX_MS) - turnMs)
        return outcome
      })
      turn.last = result.catch((error: unknown) => {
        if (error instanceof Unavailable && !(error instanceof Busy)) throw error
      })
      turn.last.catch(() => {})
      try {
        return await result
      } finally {
        turn.waiting -= 1
        if (turn.waiting === 0) turns.delete(subject)
      }
    },
  }
}

/**
 * Counts a try for a network and, only if the network is within its limit, for an address. So a network that is over its
 * limit can neither use up other people's tries nor fill the table with made-up addresses.
 */
export async function countTry(
  rateLimits: RateLimits,
  [ofNetwork, ofAddress]: readonly [Policy, Policy],
  { email, ipAddress }: { email: string; ipAddress: string },
): Promise<Count> {
  const network = networkOf(ipAddress)
  const byNetwork = await rateLimits.count(ofNetwork, network)
  if (!byNetwork.ok) return byNetwork
  return rateLimits.count(ofAddress, email).catch((error: unknown) => {
    void Promise.allSettled([rateLimits.refund(ofNetwork, network)])
    throw error
  })
}

/**
 * Counts within another statement, once if `source`, the end of a `select`, has a row. Gives the `points` counted so far, to
 * be compared with those of the policy.
 */
export const countedAs = (
  { rateLimits, now }: { rateLimits: RateLimits; now: number },
  policy: Policy,
  { subject, source }: { subject: string; source: Fragment },
): Fragment => fragment`
  insert into rate_limits as r (key, points, expire)
  select ${rateLimits.keyOf(policy, subject)}, 1, ${now + 1_000 * POLICIES[policy].duration}::bigint ${source}
  on conflict (key) do update set
    points = case when r.expire <= ${now} then 1 else r.points + 1 end,
    expire = case when r.expire <= ${now} then excluded.expire else r.expire end
  returning points`

/** Counters whose time is over. */
export const OLD_RATE_LIMITS: Pruning = {
  table: 'rate_limits',
  key: 'key',
  isOver: (now) => fragment`expire < ${now}`,
}
