/**
 * Refresh tokens (RFC 9700 section 4.14): random, stored as hashes, each good for one use. Using a token makes its
 * successor. All tokens that come from one first token are a family. It belongs to a session and ends with it.
 *
 * The successor is computed from the token. So whoever sends a token again within the grace period, because the answer was
 * lost or because two tabs refresh at once, gets the same successor. After that period a second use means that somebody
 * has a copy, and the family ends.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { User } from '../accounts/users.ts'
import { sha256 } from '../base/digest.ts'
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'
import { USER_COLUMNS, USER_OF_SESSION } from '../database/user-columns.ts'
import { absoluteEndOf, endOf, type Term } from '../sessions/lifetimes.ts'
import { removeDamagedSession, storedSession } from '../sessions/sessions.ts'
import type { TokenSession } from './access-tokens.ts'

const DAY = 24 * 60 * 60_000
const IDLE_MS = 14 * DAY
const ABSOLUTE_MS = 30 * DAY
const GRACE_MS = 20_000
const TOKEN_BYTES = 32
const FAMILY_BYTES = 16
const TOKEN = /^[\w-]{43}$/

/** `refreshExpiresAt` is when the token expires if it is not used: together with its session, at the latest. */
export type IssuedToken = { refreshToken: string; refreshExpiresAt: Date }
export type Refresh =
  | ({ ok: true; user: User; session: TokenSession } & IssuedToken)
  | { ok: false; reason: 'unknown' }
  | { ok: false; reason: 'reused' | 'damaged'; userId: string }

/** The first token of a new family, which ends with the session of this handle at the latest; undefined if that is gone. */
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
    select ${sha256(refreshToken)}, id, ${end} from family
    returning 1 as issued`
  return issued.length > 0 ? { refreshToken, refreshExpiresAt: earlier(end, endOf(term, now)) } : undefined
}

type Row = User & {
  sess: unknown
  family: string
  handle: string
  statusIndex: number
  amr: string[]
  startedAt: Date
  expiresAt: Date
  familyExpiresAt: Date
  usedAt: Date | null
}

/**
 * Uses a token, which counts as a visit: the idle limit of the session starts again, the absolute one stays. Refuses
 * tokens that are unknown or expired, or whose session has ended. A token that was used before ends its family
 * (`reused`); if the row of its session cannot be read, that session ends (`damaged`).
 */
export async function useRefreshToken(
  sql: Sql,
  token: string,
  { keys, now }: { keys: readonly Buffer[]; now: number },
): Promise<Refresh> {
  if (!TOKEN.test(token)) return { ok: false, reason: 'unknown' }
  const [row] = await sql<Row>`
    select t.family, t.expires_at, f.expires_at as family_expires_at, t.used_at, s.handle, s.sess,
      s.status_index, s.amr, s.created_at as started_at, ${USER_COLUMNS}
    from refresh_tokens t
    join refresh_families f on f.id = t.family
    join sessions s on s.handle = f.session_handle
    ${USER_OF_SESSION}
    where t.token_hash = ${sha256(token)}
      and f.expires_at > ${new Date(now)} and s.expire > ${new Date(now)}`
  if (row === undefined) return { ok: false, reason: 'unknown' }
  const { family, handle, statusIndex, amr, startedAt, sess, expiresAt, familyExpiresAt, usedAt, ...user } = row
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
  // Of several requests at once, the first changes the row and the others see that: all answer with the same successor.
  // The locks are taken in the order session, family, token, as when a session ends, so that neither waits for the other.
  // One that begins again where transactions are serializable finds the token used, and must be in nobody's way any more.
  const made =
    usedAt === null
      ? await sql`
          with seen as (
            update sessions set seen_at = ${new Date(now)}, expire = ${sessionEnd}
            where handle = ${handle} and exists (
              select from refresh_tokens where token_hash = ${sha256(token)} and used_at is null
            )
            returning handle
          ), family as (
            select id from refresh_families where id = ${family} and session_handle in (select handle from seen)
            for key share
          ), used as (
            update refresh_tokens set used_at = ${new Date(now)}
            where token_hash = ${sha256(token)} and used_at is null and family in (select id from family)
            returning family
          )
          insert into refresh_tokens (token_hash, family, expires_at)
          select ${sha256(newest)}, family, ${end} from used
          returning 1 as made`
      : []
  const refreshToken = made.length > 0 ? newest : await successorAmong(sql, [newest, ...older])
  if (refreshToken === undefined) return { ok: false, reason: 'unknown' }
  const issued = { refreshToken, refreshExpiresAt: earlier(end, sessionEnd) }
  return { ok: true, user, session: { handle, statusIndex, amr, createdAt: startedAt }, ...issued }
}

/** The successor that was made when the token was used, perhaps by an instance whose newest secret is another one. */
async function successorAmong(sql: Sql, candidates: readonly string[]): Promise<string | undefined> {
  const rows = await sql<{ tokenHash: string }>`
    select token_hash from refresh_tokens where token_hash = any(${candidates.map(sha256)})`
  return candidates.find((candidate) => rows.some(({ tokenHash }) => tokenHash === sha256(candidate)))
}

const earlier = (one: Date, other: Date): Date => (one < other ? one : other)

/** Ends the family of a token, even if the token itself is used or expired. */
export async function endFamilyOf(sql: Sql, token: string): Promise<void> {
  await sql`
    delete from refresh_families where id in (select family from refresh_tokens where token_hash = ${sha256(token)})`
}

/** Families that are over. Their tokens go with them by a foreign key. */
export const OLD_REFRESH_FAMILIES: Pruning = {
  table: 'refresh_families',
  key: 'id',
  isOver: (now) => fragment`expires_at < ${new Date(now)}`,
}
