/** Making links of mails: each in one statement with its mail, so that neither is there without the other. */
import type { Sql } from '../db.ts'
import type { Device } from './activity.ts'
import { hashedToken } from './email-tokens.ts'
import type { OutboxRow } from './outbox.ts'

type Issue = { token: string; now: number; lastsMs: number; device: Device }

/**
 * A link to the holder of an address, with its mail: to reset the password, or to confirm the address while it is not.
 * Where there is nobody to send it to, `otherwise` is written, at the same cost.
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
): Promise<void> {
  const at = new Date(now)
  const isReset = purpose === 'reset-password'
  await sql`
    with issued as (
      insert into email_tokens (token_hash, user_id, purpose, email, password_version, created_at, expires_at)
      select ${hashedToken(token)}, id, ${purpose}, email, password_version, ${at}, ${new Date(now + lastsMs)}
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
    where not exists (select 1 from issued)`
}

/**
 * A link to a new address, the notice to the old one, and to an address that has an account already a word to its owner
 * instead of the link: what the caller sees is the same.
 */
export async function issueEmailChange(
  sql: Sql,
  {
    handle,
    email,
    token,
    now,
    lastsMs,
    device,
    mail,
    taken,
    notice,
  }: Issue & { handle: string; email: string; mail: OutboxRow; taken: OutboxRow; notice: OutboxRow },
): Promise<void> {
  const at = new Date(now)
  await sql`
    with issued as (
      insert into email_tokens (token_hash, user_id, purpose, email, password_version, created_at, expires_at)
      select ${hashedToken(token)}, id, 'change-email', ${email}, password_version, ${at}, ${new Date(now + lastsMs)}
      from users where id = (select user_id from sessions where handle = ${handle}) for key share
      returning user_id
    ), noted as (
      insert into activity (user_id, kind, at, ip_address, user_agent)
      select user_id, 'email-change-asked', ${at}, ${device.ipAddress}, ${device.userAgent} from issued
    ), owner as (
      select 1 from users where email = ${email}
    )
    insert into outbox (id, kind, sealed, due_at, expires_at)
    select ${notice.id}, ${notice.kind}, ${notice.sealed}, ${notice.due}::timestamptz, ${notice.end}::timestamptz from issued
    union all
    select ${mail.id}, ${mail.kind}, ${mail.sealed}, ${mail.due}::timestamptz, ${mail.end}::timestamptz from issued
    where not exists (select 1 from owner)
    union all
    select ${taken.id}, ${taken.kind}, ${taken.sealed}, ${taken.due}::timestamptz, ${taken.end}::timestamptz from issued
    where exists (select 1 from owner)`
}
