/**
 * The links of mails (ASVS 6.4.1, 6.5): hashed at rest, for one purpose, one address and one use. Only the newest of its
 * purpose is good. One that resets a password or changes the address is over when the password has changed: whoever
 * asked for it may be the one who was shut out by that.
 */
import { createHash } from 'node:crypto'
import type { Sql } from '../db.ts'
import type { Device } from './activity.ts'
import { newId } from './ids.ts'
import type { User } from './users.ts'

const DAY = 24 * 60 * 60_000
/** As clients of Better Auth expect: 142 bits. */
const TOKEN_LENGTH = 24
const TOKEN = /^[A-Za-z0-9]{24}$/
/** A dead link can say for so long what became of it. */
const KEPT_MS = 7 * DAY

export type Purpose = 'verify-email' | 'change-email' | 'reset-password'
export type LinkState = 'good' | 'expired' | 'used' | 'superseded' | 'cancelled'
export type Link = {
  state: LinkState
  purpose: Purpose
  /** Where it was mailed to. */
  email: string
  user: User
}

/** Used again, or an older one, a link finds what it wanted: the address is the account's, and confirmed. */
export const isDone = ({ email, user }: Link): boolean => user.email === email && user.emailVerified

export const newToken = (): string => newId().slice(0, TOKEN_LENGTH)
export const hashedToken = (token: string): string => createHash('sha256').update(token).digest('base64url')

type Row = User & {
  purpose: Purpose
  sentTo: string
  expiresAt: Date
  usedAt: Date | null
  cancelledAt: Date | null
  current: boolean
}

/** The link of a token and what became of it; undefined for one that never was, or that is long over. */
export async function findLink(sql: Sql, token: string, now: number): Promise<Link | undefined> {
  if (!TOKEN.test(token)) return undefined
  const [row] = await sql<Row>`
    select t.purpose, t.email as sent_to, t.expires_at, t.used_at, t.cancelled_at,
      exists (select 1 from current_links c where c.token_hash = t.token_hash) as current,
      u.id, u.name, u.email, u.email_verified, u.image, u.onboarded_at, u.created_at, u.updated_at
    from email_tokens t join users u on u.id = t.user_id
    where t.token_hash = ${hashedToken(token)}`
  if (row === undefined) return undefined
  const { purpose, sentTo, expiresAt, usedAt, cancelledAt, current, ...user } = row
  const state = stateOf({ usedAt, cancelledAt, expiresAt, current }, now)
  return { state, purpose, email: sentTo, user }
}

function stateOf(
  { usedAt, cancelledAt, expiresAt, current }: Pick<Row, 'usedAt' | 'cancelledAt' | 'expiresAt' | 'current'>,
  now: number,
): LinkState {
  if (usedAt) return 'used'
  if (cancelledAt) return 'cancelled'
  if (expiresAt.getTime() <= now) return 'expired'
  return current ? 'good' : 'superseded'
}

/** The address that waits to be confirmed, or undefined. */
export async function findPendingEmail(sql: Sql, userId: string, now: number): Promise<string | undefined> {
  const [pending] = await sql<{ email: string }>`
    select email from email_tokens
    where user_id = ${userId} and purpose = 'change-email' and used_at is null and cancelled_at is null
      and expires_at > ${new Date(now)} and token_hash in (select token_hash from current_links)`
  return pending?.email
}

export async function cancelEmailChange(
  sql: Sql,
  { userId, device, now }: { userId: string; device: Device; now: number },
): Promise<void> {
  const at = new Date(now)
  await sql`
    with holder as (
      select id from users where id = ${userId} for key share
    ), cancelled as (
      update email_tokens set cancelled_at = ${at}
      where user_id in (select id from holder) and purpose = 'change-email' and used_at is null and cancelled_at is null
      returning user_id
    )
    insert into activity (user_id, kind, at, ip_address, user_agent)
    select distinct user_id, 'email-change-cancelled', ${at}::timestamptz, ${device.ipAddress}, ${device.userAgent}
    from cancelled`
}

/** Deletes up to `limit` links that are long over, and returns how many. */
export async function pruneEmailTokens(sql: Sql, now: number, limit: number): Promise<number> {
  const gone = await sql`
    delete from email_tokens
    where token_hash in (select token_hash from email_tokens where expires_at < ${new Date(now - KEPT_MS)} limit ${limit})
    returning 1 as gone`
  return gone.length
}
