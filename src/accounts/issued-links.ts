/**
 * Making links of mails: each in one statement with its mail, so that neither is there without the other. The user's row is
 * held first: a deletion of the account comes before it or after it.
 */
import type { Sql } from '../db.ts'
import { LearnerGone } from '../learner-gone.ts'
import type { Device } from './activity.ts'
import { hashedToken } from './email-tokens.ts'
import type { OutboxRow } from './outbox.ts'

type Issue = { token: string; now: number; lastsMs: number; device: Device }

/**
 * A link to the holder of an address, with its mail: to reset the password, or to confirm the address while it is not.
 * Where there is nobody to send it to, `otherwise` is written, at the same cost. Returns whether there is a link.
 */
export async function issueLink(
  sql: Sql,
  {
    purpose,
    email,
    token,
    now,
    lastsMs,
    device,
    mail,
    otherwise,
  }: Issue & { purpose: 'reset-password' | 'verify-email'; email: string; mail: OutboxRow; otherwise: OutboxRow },
): Promise<boolean> {
  const at = new Date(now)
  const isReset = purpose === 'reset-password'
  const [written] = await sql<{ id: string }>`
    with issued as (
      insert into email_tokens (token_hash, user_id, purpose, email, password_version, created_at, expires_at)
      select ${hashedToken(token)}, id, ${purpose}, email, password_version, ${at}::timestamptz,
        ${new Date(now + lastsMs)}::timestamptz
      from users where email = ${email} and (${isReset} or not email_verified) for key share
      returning user_id
    ), noted as (
      insert into activity (user_id, kind, at, ip_address, user_agent)
      select user_id, 'reset-asked', ${at}, ${device.ipAddress}, ${device.userAgent} from issued where ${isReset}
    )
    insert into outbox (id, kind, sealed, due_at, expires_at)
    select ${mail.id}, ${mail.kind}, ${mail.sealed}, ${mail.due}::timestamptz, ${mail.end}::timestamptz from issued
    union all
    select ${otherwise.id}, ${otherwise.kind}, ${otherwise.sealed}, ${otherwise.due}::timestamptz, ${otherwise.end}::timestamptz
    where not exists (select 1 from issued)
    returning id`
  return written?.id === mail.id
}

/**
 * A link to a new address, the notice to the old one, and to an address that has an account already a word to its owner
 * instead of the link: what the caller sees is the same. Nothing is written when the session of this handle has ended.
 * @throws {LearnerGone}
 */
export async function issueEmailChange(
  sql: Sql,
  {
    userId,
    handle,
    email,
    token,
    now,
    lastsMs,
    device,
    mail,
    taken,
    notice,
  }: Issue & {
    userId: string
    handle: string
    email: string
    mail: OutboxRow
    taken: OutboxRow
    notice: OutboxRow
  },
): Promise<void> {
  const at = new Date(now)
  const learner = await sql`
    with learner as (
      select id, password_version from users where id = ${userId} for key share
    ), issued as (
      insert into email_tokens (token_hash, user_id, purpose, email, password_version, created_at, expires_at)
      select ${hashedToken(token)}, id, 'change-email', ${email}, password_version, ${at}::timestamptz,
        ${new Date(now + lastsMs)}::timestamptz
      from learner where id = (select user_id from sessions where handle = ${handle})
      returning user_id
    ), noted as (
      insert into activity (user_id, kind, at, ip_address, user_agent)
      select user_id, 'email-change-asked', ${at}, ${device.ipAddress}, ${device.userAgent} from issued
    ), owner as (
      select 1 from users where email = ${email}
    ), mailed as (
      insert into outbox (id, kind, sealed, due_at, expires_at)
      select ${notice.id}, ${notice.kind}, ${notice.sealed}, ${notice.due}::timestamptz, ${notice.end}::timestamptz from issued
      union all
      select ${mail.id}, ${mail.kind}, ${mail.sealed}, ${mail.due}::timestamptz, ${mail.end}::timestamptz from issued
      where not exists (select 1 from owner)
      union all
      select ${taken.id}, ${taken.kind}, ${taken.sealed}, ${taken.due}::timestamptz, ${taken.end}::timestamptz from issued
      where exists (select 1 from owner)
    )
    select 1 as found from learner`
  if (learner.length === 0) throw new LearnerGone()
}
