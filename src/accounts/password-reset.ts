/** A forgotten password: asking for a link, and setting a new password with it. */
import { fragment } from '../database/fragments.ts'
import type { Deps } from '../deps.ts'
import { clearLoginTries, triesOfStrangers } from '../limits/login-tries.ts'
import { resetPassword } from '../mail/letters.ts'
import { passwordChanged } from '../mail/notices.ts'
import { mailed } from '../mail/outbox.ts'
import { revokeSessions } from '../sessions/sessions.ts'
import { findLeaving } from './account-deletion.ts'
import { type Device, noted } from './activity.ts'
import { requestUndo } from './deletion-undo.ts'
import { type Link, type LinkRequest, requestLink, type Sent, type Used, usedLink, whyNotUsed } from './email-links.ts'
import type { Breached } from './passwords/breached-passwords.ts'

/**
 * Mails a link to reset the password, if the address has an account, or the link to keep an account that is deleted.
 * Nothing in the answer tells which.
 */
export async function requestReset(deps: Deps, request: LinkRequest): Promise<Sent> {
  const leaving = await findLeaving(deps.sql, request.email)
  if (leaving) return requestUndo(deps, request, leaving)
  return requestLink(deps, request, {
    purpose: 'reset-password',
    letter: resetPassword,
    onlyUsers: fragment`true`,
    activity: 'reset-asked',
  })
}

/**
 * Sets a new password by a link, which is then used up. The address counts as confirmed, all sessions end with their
 * refresh tokens, and nobody is logged in (ASVS 7.4.3). The caller has checked that the password may be set;
 * one that is known from leaks is refused here, and leaves the link good.
 * @throws {Busy} when there is no room for hashing; the link stays good then.
 */
export async function resetPasswordByLink(
  deps: Deps,
  token: string,
  { link, password, device, signal }: { link: Link; password: string; device: Device; signal?: AbortSignal },
): Promise<Used | Breached> {
  const { sql, passwords, rateLimits, mail } = deps
  if (link.state !== 'good') return { ok: false, reason: link.state }
  if (await deps.breachedPasswords.includes(password)) return { ok: false, reason: 'breached' }
  const passwordHash = await passwords.hash(password, { subject: link.user.id, signal })
  const notice = mail.row(passwordChanged(link.user.email, `${mail.origin}/password-reset`))
  const now = deps.now()
  const condition = fragment`u.email = t.email and u.password_version = t.password_version`
  const changed = await sql`
    with ${usedLink({ token, purpose: 'reset-password', now }, condition)}, changed as (
      update users set password_hash = ${passwordHash}, password_version = users.password_version + 1,
        email_verified = true, updated_at = ${new Date(now)}
      from link where users.id = link.id and users.password_version = link.password_version
      returning users.id
    ), ended as (
      delete from sessions where user_id in (select id from changed)
    ), noted as (
      ${noted('password-reset', 'changed', { device, now })}
    ), mailed as (
      ${mailed([notice, fragment`from changed`])}
    )
    select id from changed`
  if (changed.length === 0) return whyNotUsed(deps, token)
  mail.wake()
  // A login racing this statement may have added a session after our delete took its snapshot. Delete again.
  await revokeSessions(sql, link.user.id)
  // Let the owner log in, even if somebody else's tries have used up the limit.
  await Promise.all([
    clearLoginTries(deps, triesOfStrangers(link.user.email)),
    rateLimits.clear('confirmByUser', link.user.id),
  ])
  return { ok: true }
}
