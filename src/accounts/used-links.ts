/**
 * Using links of mails: each in one statement with what it changes, so that of many uses at once one wins.
 * The user's row is locked first everywhere, as by deleting an account: two locks in two orders wait for each other.
 */
import type { Sql } from '../db.ts'
import type { Device } from './activity.ts'
import { hashedToken } from './email-tokens.ts'
import type { OutboxRow } from './outbox.ts'

/** Uses a link to confirm an address. Returns whether it did: a link is used once, whatever runs in parallel. */
export async function useVerification(
  sql: Sql,
  { token, device, now }: { token: string; device: Device; now: number },
): Promise<boolean> {
  const at = new Date(now)
  const verified = await sql`
    with holder as (
      select u.id from email_tokens t join users u on u.id = t.user_id
      where t.token_hash = ${hashedToken(token)} for no key update of u
    ), link as (
      update email_tokens t set used_at = ${at} from users u join holder on holder.id = u.id
      where t.token_hash = ${hashedToken(token)} and t.purpose = 'verify-email' and t.used_at is null
        and t.cancelled_at is null and t.expires_at > ${at} and u.id = t.user_id and u.email = t.email
        and t.token_hash in (select token_hash from current_links)
      returning t.user_id
    ), noted as (
      insert into activity (user_id, kind, at, ip_address, user_agent)
      select user_id, 'email-verified', ${at}, ${device.ipAddress}, ${device.userAgent} from link
    )
    update users set email_verified = true, updated_at = ${at} where id in (select user_id from link)
    returning 1 as verified`
  return verified.length > 0
}

/**
 * Uses a link to a new address, which then is the account's. Returns whether it did. `notice` goes to the old address,
 * which must still be the account's.
 * @throws a unique violation when somebody else has taken the address at this very moment.
 */
export async function useEmailChange(
  sql: Sql,
  { token, from, device, now, notice }: { token: string; from: string; device: Device; now: number; notice: OutboxRow },
): Promise<boolean> {
  const at = new Date(now)
  const changed = await sql`
    with holder as (
      select u.id from email_tokens t join users u on u.id = t.user_id
      where t.token_hash = ${hashedToken(token)} for no key update of u
    ), link as (
      update email_tokens t set used_at = ${at} from users u join holder on holder.id = u.id
      where t.token_hash = ${hashedToken(token)} and t.purpose = 'change-email' and t.used_at is null
        and t.cancelled_at is null and t.expires_at > ${at} and u.id = t.user_id and u.email = ${from}
        and u.password_version = t.password_version
        and not exists (select 1 from users other where other.email = t.email)
        and t.token_hash in (select token_hash from current_links)
      returning t.user_id, t.email, t.password_version
    ), changed as (
      update users set email = link.email, email_verified = true, updated_at = ${at}
      from link
      where users.id = link.user_id and users.email = ${from} and users.password_version = link.password_version
      returning users.id
    ), noted as (
      insert into activity (user_id, kind, at, ip_address, user_agent)
      select id, 'email-changed', ${at}, ${device.ipAddress}, ${device.userAgent} from changed
    )
    insert into outbox (id, kind, sealed, due_at, expires_at)
    select ${notice.id}, ${notice.kind}, ${notice.sealed}, ${notice.due}::timestamptz, ${notice.end}::timestamptz from changed
    returning 1 as changed`
  return changed.length > 0
}

/**
 * Uses a link to set a new password: the address counts as confirmed, and all sessions end with their refresh tokens.
 * Returns whether it did.
 */
export async function useReset(
  sql: Sql,
  {
    token,
    passwordHash,
    device,
    now,
    notice,
  }: { token: string; passwordHash: string; device: Device; now: number; notice: OutboxRow },
): Promise<boolean> {
  const at = new Date(now)
  const reset = await sql`
    with holder as (
      select u.id from email_tokens t join users u on u.id = t.user_id
      where t.token_hash = ${hashedToken(token)} for no key update of u
    ), link as (
      update email_tokens t set used_at = ${at} from users u join holder on holder.id = u.id
      where t.token_hash = ${hashedToken(token)} and t.purpose = 'reset-password' and t.used_at is null
        and t.cancelled_at is null and t.expires_at > ${at} and u.id = t.user_id and u.email = t.email
        and u.password_version = t.password_version
        and t.token_hash in (select token_hash from current_links)
      returning t.user_id, t.password_version
    ), changed as (
      update users set password_hash = ${passwordHash}, password_version = users.password_version + 1,
        email_verified = true, updated_at = ${at}
      from link where users.id = link.user_id and users.password_version = link.password_version
      returning users.id
    ), ended as (
      delete from sessions where user_id in (select id from changed)
    ), noted as (
      insert into activity (user_id, kind, at, ip_address, user_agent)
      select id, 'password-reset', ${at}, ${device.ipAddress}, ${device.userAgent} from changed
    )
    insert into outbox (id, kind, sealed, due_at, expires_at)
    select ${notice.id}, ${notice.kind}, ${notice.sealed}, ${notice.due}::timestamptz, ${notice.end}::timestamptz from changed
    returning 1 as reset`
  return reset.length > 0
}
