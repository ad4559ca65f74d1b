/** A new password, set by somebody who knows the current one. */
import { fragment } from '../database/fragments.ts'
import type { Deps } from '../deps.ts'
import { passwordChanged } from '../mail/notices.ts'
import { mailed } from '../mail/outbox.ts'
import { revokeSessions } from '../sessions/sessions.ts'
import { type Device, noted } from './activity.ts'
import { noticeTo } from './links/not-me.ts'
import type { Breached } from './passwords/breached-passwords.ts'
import { type Confirmation, confirmAndHash } from './passwords/password-check.ts'
import type { User } from './users.ts'

type Change = { current: string; next: string; endSessions: boolean; device: Device; signal?: AbortSignal }
type Refused = Exclude<Confirmation, { ok: true }> | Breached

/**
 * Sets a new password after checking the current one, and mails a notice. A password known from leaks is refused. With
 * `endSessions`, all sessions of the user end in the same statement, including the caller's own, and their refresh tokens
 * with them.
 * @throws {Busy} when there is no room for hashing; nothing was changed or counted then.
 */
export async function changePassword(
  deps: Deps,
  user: User,
  { current, next, endSessions, device, signal }: Change,
): Promise<{ ok: true; passwordVersion: number } | Refused> {
  if (await deps.breachedPasswords.includes(next)) return { ok: false, reason: 'breached' }
  const confirmation = await confirmAndHash(deps, user, { password: current, newPassword: next, device, signal })
  if (!confirmation.ok) return confirmation
  const { sql, rateLimits, mail } = deps
  // The address may belong to a stranger, whose mailbox must not be filled.
  const mayNotify = mail.enabled && (await rateLimits.count('noticesByAddress', user.email)).ok
  const now = deps.now()
  const letter = (link: string) => passwordChanged(user.email, link)
  const notice = mayNotify ? noticeTo(deps, { email: user.email, now, letter }) : undefined
  const changed = await sql`
    with changed as (
      update users set password_hash = ${confirmation.newHash}, password_version = password_version + 1,
        sign_up_form = null, updated_at = ${new Date(now)}
      where id = ${user.id} and password_hash = ${confirmation.passwordHash}
      returning id, password_version
    ), ended as (
      delete from sessions where ${endSessions} and user_id in (select id from changed)
    ), notice as (
      ${notice ? notice.linkedTo('changed') : fragment`select`}
    ), noted as (
      ${noted('password-changed', 'changed', { device, now })}
    ), mailed as (
      ${mailed([notice?.row, fragment`from changed`])}
    )
    select id from changed`
  // Another request was quicker, so the password given as the current one no longer is.
  if (changed.length === 0) return { ok: false, reason: 'wrong' }
  mail.wake()
  // A login racing this statement may have added a session after our delete took its snapshot. Delete again.
  if (endSessions) await revokeSessions(sql, user.id)
  return { ok: true, passwordVersion: confirmation.passwordVersion + 1 }
}
