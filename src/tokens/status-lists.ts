/**
 * Status lists (draft-ietf-oauth-status-list): a bit for each session, 1 once it has ended. Other backends fetch them every
 * few seconds and so see a logout without asking about each token. A list tells nothing of who: places are random, and only
 * who holds a token knows its place.
 *
 * Like the keys, they are read when they are asked for, and the last reading serves while the database is away. It stays
 * right meanwhile: without the database nobody can log out.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { constants, deflateSync } from 'node:zlib'
import type { Log } from '../base/log.ts'
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'
import { BACKDATED_SECONDS, type SigningKey, signJwt } from './jwt.ts'
import type { KeyRing } from './key-ring.ts'

/** How many sessions have their place in one list, and how many lists there may be. Both stand in `sql/` too. */
export const LIST_SIZE = 1_000_000
export const LISTS_MAX = 100
/** How long a verifier may go by what it has fetched. */
const TTL_SECONDS = 5
/**
 * How old a reading may become. It bounds how long a logout can stay unseen if this process alone is cut off from the
 * database, and stays below the 15 minutes that a token lives without a list.
 */
const GOOD_FOR_SECONDS = 600
const GOOD_FOR_MS = GOOD_FOR_SECONDS * 1000
const READ_AGAIN_AFTER_MS = 1_000
/** A list that does not change is signed once in this time, so that it keeps its ETag. */
const SIGNED_AGAIN_AFTER_MS = 60_000
/** The longest wait for a newer reading; after it, the last one is answered. A database that was asleep takes seconds. */
const PATIENCE_MS = 3_000
/** The same when the reading before has failed, so that verifiers do not wait all through an outage. */
const PATIENCE_IN_OUTAGE_MS = 1_000
/** How long an ended session stays in its list: 15 minutes for its last token, and time for clocks that differ. */
const LISTED_MS = 20 * 60_000
const INDEX_BYTES = 4

const pathOf = (list: number): string => (list === 0 ? '/api/auth/status-list' : `/api/auth/status-list/${list}`)

/** The claim `status` of the tokens of a session: its list, and its place there. */
export const statusClaim = (issuer: string, statusIndex: number) => ({
  status_list: {
    idx: statusIndex % LIST_SIZE,
    uri: `${issuer}${pathOf(Math.floor(statusIndex / LIST_SIZE))}`,
  },
})

/** The bits of a list (section 4 of the draft): eight to a byte, the lowest first. */
export function bitsOf(places: Iterable<number>, size: number): Buffer {
  const bits = Buffer.alloc(Math.ceil(size / 8))
  for (const place of places) bits.writeUInt8(bits.readUInt8(place >> 3) | (1 << (place & 7)), place >> 3)
  return bits
}

/**
 * A list as it is sent, by DEFLATE in the ZLIB format. It is nearly all zeros: looking for runs alone makes it as small as
 * looking for everything, and takes a millisecond where that takes up to a hundred.
 */
export const compressed = (bits: Buffer): string =>
  deflateSync(bits, { level: 9, strategy: constants.Z_RLE }).toString('base64url')

/**
 * Sessions that have ended lately. Those that are over but not deleted yet are among them. They come as one
 * value of four bytes each: after a storm of logouts there may be many.
 */
async function readEnded(sql: Sql, now: number): Promise<Ended> {
  const [row] = await sql<{ indexes: Buffer | null }>`
    select string_agg(int4send(status_index), '') as indexes from (
      select status_index from token_status where ended_at is not null
      union all
      select status_index from sessions where expire > ${new Date(now - LISTED_MS)} and expire <= ${new Date(now)}
    ) as ended`
  const bytes = row?.indexes ?? Buffer.alloc(0)
  const ended = new Map<number, number[]>()
  for (let at = 0; at < bytes.length; at += INDEX_BYTES) {
    const index = bytes.readInt32BE(at)
    const list = Math.floor(index / LIST_SIZE)
    const places = ended.get(list)
    if (places === undefined) ended.set(list, [index % LIST_SIZE])
    else places.push(index % LIST_SIZE)
  }
  return ended
}

/** The places of ended sessions by the number of their list. */
type Ended = ReadonlyMap<number, readonly number[]>
type Reading = { ended: Ended; key: SigningKey; readAt: number }
/** A list as it was signed, for a reading that may be older than the one that it was last compared with. */
type Signed = { token: string; bits: Buffer; lst: string; kid: string; signedFor: number; comparedWith: Reading }

type Parts = { sql: Sql; log: Log; now: () => number; keyRing: KeyRing; issuer: string }

export function createStatusLists({ sql, log, now, keyRing, issuer }: Parts) {
  let held: Reading | undefined
  let reading: { promise: Promise<Reading>; since: number } | undefined
  let triedAt = Number.NEGATIVE_INFINITY
  let hasFailed = false
  /** By number. */
  const signed = new Map<number, Signed>()

  async function read(): Promise<Reading> {
    // Taken before the question is sent, so that a list is never thought newer than it is.
    const readAt = now()
    const [ended, key] = await Promise.all([readEnded(sql, readAt), keyRing.current()])
    return { ended, key, readAt }
  }

  /** Reads again and holds the result. All who ask in the meantime share one reading. */
  function load(): { promise: Promise<Reading>; since: number } {
    if (reading !== undefined) return reading
    triedAt = now()
    const settle = (failed: boolean) => {
      hasFailed = failed
      reading = undefined
    }
    const promise = read().then(
      (newer) => {
        held = newer
        settle(false)
        return newer
      },
      (error: unknown) => {
        settle(true)
        throw error
      },
    )
    reading = { promise, since: performance.now() }
    return reading
  }

  /** The last reading, or a new one if that is older than a second and the database answers. */
  async function recent(): Promise<Reading> {
    const known = held
    if (known === undefined || now() - known.readAt >= GOOD_FOR_MS) return load().promise
    // The age is negative after the clock was set back. Then read again too. While a reading is under way, the last one may
    // be minutes old: wait like who has begun it.
    const age = now() - triedAt
    if (reading === undefined && age >= 0 && age < READ_AGAIN_AFTER_MS) return known
    const { promise, since } = load()
    const newer = promise.catch((error: unknown) => {
      log.warn({ err: error }, 'ended sessions not read again')
      return known
    })
    const patience = hasFailed ? PATIENCE_IN_OUTAGE_MS : PATIENCE_MS
    const left = Math.max(0, patience - (performance.now() - since))
    return Promise.race([newer, sleep(left, known, { ref: false })])
  }

  function sign(list: number, reading: Reading, last: Signed | undefined): Signed {
    const { ended, key, readAt } = reading
    const bits = bitsOf(ended.get(list) ?? [], LIST_SIZE)
    const same = last?.bits.equals(bits) ? last : undefined
    if (same?.kid === key.kid && isYoung(same, reading)) return { ...same, comparedWith: reading }
    const lst = same?.lst ?? compressed(bits)
    const iat = Math.floor(readAt / 1000) - BACKDATED_SECONDS
    const exp = iat + BACKDATED_SECONDS + GOOD_FOR_SECONDS
    const claims = { sub: `${issuer}${pathOf(list)}`, iat, exp, ttl: TTL_SECONDS, status_list: { bits: 1, lst } }
    const token = signJwt(key, claims, 'statuslist+jwt')
    return { token, bits, lst, kid: key.kid, signedFor: readAt, comparedWith: reading }
  }

  /** Whether a list need not be signed again if it is the same as in this reading. */
  const isYoung = ({ signedFor }: Signed, { readAt }: Reading): boolean =>
    readAt === signedFor || (readAt > signedFor && now() - signedFor < SIGNED_AGAIN_AFTER_MS)

  return {
    /**
     * The signed list of this number (a JWT), in which every session is marked that had ended a second ago. The same text
     * is returned for a minute if nothing has changed. While the database is away the last one is returned until its `exp`.
     * @throws {Unavailable} after that.
     */
    async find(list: number): Promise<string> {
      const reading = await recent()
      const last = signed.get(list)
      if (last?.comparedWith === reading && isYoung(last, reading)) return last.token
      const next = sign(list, reading, last)
      signed.set(list, next)
      return next.token
    },
  }
}

/**
 * Places of sessions whose last token is over: they may be taken again. By the clock of the database, which has also
 * written the time of the end.
 */
export const OLD_TOKEN_STATUSES: Pruning = {
  table: 'token_status',
  key: 'status_index',
  isOver: () => fragment`ended_at < now() - interval '20 minutes'`,
}
