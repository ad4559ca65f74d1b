/**
 * Refresh tokens (RFC 9700 section 4.14): opaque, hashed at rest, each good for one use. Using one makes its successor;
 * all that follow from one first token are a family, bound to a session and gone with it.
 *
 * The successor is computed from the token, so an answer that was lost on the way, or two tabs that refresh at once, get
 * the same one within the grace. After it, a second use means that somebody holds a copy: the family ends.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { Sql } from '../db.ts'
import { absoluteEndOf, endOf, removeDamagedSession, storedSession, type Term } from './sessions.ts'
import type { User } from './users.ts'

const DAY = 24 * 60 * 60_000
const IDLE_MS = 14 * DAY
const ABSOLUTE_MS = 30 * DAY
const GRACE_MS = 20_000
const TOKEN_BYTES = 32
const FAMILY_BYTES = 16
const TOKEN = /^[\w-]{43}$/

/** `refreshExpiresAt` is when it is over if nobody comes back: with its session, at the latest. */
export type IssuedToken = { refreshToken: string; refreshExpiresAt: Date }
export type Refresh =
  | ({ ok: true; user: User; handle: string } & IssuedToken)
  | { ok: false; reason: 'unknown' }
  | { ok: false; reason: 'reused' | 'damaged'; userId: string }

const hashed = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** The first token of a new family, which lives no longer than the session of this handle; undefined when that is gone. */
export async function issueRefreshToken(
  sql: Sql,
  { handle, term, now }: { handle: string; term: Term; now: number },
): Promise<IssuedToken | undefined> {
  const refreshToken = randomBytes(TOKEN_BYTES).toString('base64url')
  const family = randomBytes(FAMILY_BYTES).toString('base64url')
  const familyEnd = Math.min(now + ABSOLUTE_MS, absoluteEndOf(term))
  const end = new Date(Math.min(now + IDLE_MS, familyEnd))
  const issued = await sql`
    with family as (
      insert into refresh_families (id, session_handle, expires_at)
      select ${family}, handle, ${new Date(familyEnd)} from sessions where handle = ${handle} for key share
      returning id
    )
    insert into refresh_tokens (token_hash, family, expires_at)
    select ${hashed(refreshToken)}, id, ${end} from family
    returning 1 as issued`
  return issued.length > 0 ? { refreshToken, refreshExpiresAt: earlier(end, endOf(term, now)) } : undefined
}

type Row = User & {
  sess: unknown
  family: string
  handle: string
  expiresAt: Date
  familyExpiresAt: Date
  usedAt: Date | null
}

/**
 * Uses a token. It is a visit too: the idle limit of its session starts anew, the absolute one stays. Refused are tokens
 * that are unknown, over, or whose session has ended; one that was used before ends its family, and one of a session that
 * does not parse (`damaged`) ends that.
 */
export async function useRefreshToken(
  sql: Sql,
  token: string,
  { keys, now }: { keys: readonly Buffer[]; now: number },
): Promise<Refresh> {
  if (!TOKEN.test(token)) return { ok: false, reason: 'unknown' }
  const [row] = await sql<Row>`
    select t.family, t.expires_at, f.expires_at as family_expires_at, t.used_at, s.handle, s.sess,
      u.id, u.name, u.email, u.email_verified, u.image, u.onboarded_at, u.created_at, u.updated_at
    from refresh_tokens t
    join refresh_families f on f.id = t.family
    join sessions s on s.handle = f.session_handle
    join users u on u.id = s.user_id
    where t.token_hash = ${hashed(token)}
      and f.expires_at > ${new Date(now)} and s.expire > ${new Date(now)}`
  if (row === undefined) return { ok: false, reason: 'unknown' }
  const { family, handle, sess, expiresAt, familyExpiresAt, usedAt, ...user } = row
  const session = storedSession(sess)
  if (session === undefined) {
    const removed = await removeDamagedSession(sql, handle)
    return removed ? { ok: false, reason: 'damaged', userId: user.id } : { ok: false, reason: 'unknown' }
  }
  if (usedAt !== null && now - usedAt.getTime() > GRACE_MS) {
    await endFamilyOf(sql, token)
    return { ok: false, reason: 'reused', userId: user.id }
  }
  if (usedAt === null && expiresAt.getTime() <= now) return { ok: false, reason: 'unknown' }

  const [newest = '', ...older] = keys.map((key) => createHmac('sha256', key).update(token).digest('base64url'))
  const end = new Date(Math.min(now + IDLE_MS, familyExpiresAt.getTime()))
  const sessionEnd = endOf(session, now)
  // Of several at once the first changes the row, and the others find it changed: all answer with its successor.
  // Session, family, token: locked in the order in which an end of the session takes them, so neither waits for the other.
  const made =
    usedAt === null
      ? await sql`
          with seen as (
            update sessions set seen_at = ${new Date(now)}, expire = ${sessionEnd}
            where handle = ${handle}
            returning handle
          ), family as (
            select id from refresh_families where id = ${family} and session_handle in (select handle from seen)
            for key share
          ), used as (
            update refresh_tokens set used_at = ${new Date(now)}
            where token_hash = ${hashed(token)} and used_at is null and family in (select id from family)
            returning family
          )
          insert into refresh_tokens (token_hash, family, expires_at)
          select ${hashed(newest)}, family, ${end} from used
          returning 1 as made`
      : []
  const refreshToken = made.length > 0 ? newest : await successorAmong(sql, [newest, ...older])
  if (refreshToken === undefined) return { ok: false, reason: 'unknown' }
  return { ok: true, user, handle, refreshToken, refreshExpiresAt: earlier(end, sessionEnd) }
}

/** The one that was made when the token was used, maybe by an instance whose newest secret is another. */
async function successorAmong(sql: Sql, candidates: readonly string[]): Promise<string | undefined> {
  const rows = await sql<{ tokenHash: string }>`
    select token_hash from refresh_tokens where token_hash = any(${candidates.map(hashed)})`
  return candidates.find((candidate) => rows.some(({ tokenHash }) => tokenHash === hashed(candidate)))
}

const earlier = (one: Date, other: Date): Date => (one < other ? one : other)

/** Ends the family of a token, whatever became of the token itself. */
export async function endFamilyOf(sql: Sql, token: string): Promise<void> {
  await sql`
    delete from refresh_families where id in (select family from refresh_tokens where token_hash = ${hashed(token)})`
}

/** Deletes up to `limit` families that are over, with their tokens, and returns how many. */
export async function pruneRefreshTokens(sql: Sql, now: number, limit: number): Promise<number> {
  const gone = await sql`
    delete from refresh_families
    where id in (select id from refresh_families where expires_at < ${new Date(now)} limit ${limit})
    returning 1 as gone`
  return gone.length
}
