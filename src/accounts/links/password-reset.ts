/** Setting a new password by a link: a forgotten one, or that of an account which somebody else made with one's address. */
import type { Sql } from '../../database/database.ts'
import { type Fragment, fragment } from '../../database/fragments.ts'
import type { Deps } from '../../deps.ts'
import { clearLoginTries, triesOfStrangers } from '../../limits/login-tries.ts'
import { resetPassword } from '../../mail/letters.ts'
import { passwordChanged } from '../../mail/notices.ts'
import { mailed } from '../../mail/outbox.ts'
import { revokeSessions } from '../../sessions/sessions.ts'
import { findLeaving } from '../account-deletion.ts'
import { type ActivityKind, type Device, noted } from '../activity.ts'
import type { Breached } from '../passwords/breached-passwords.ts'
import { withoutSecondStep } from '../second-step/recovery-codes.ts'
import { requestUndo } from './deletion-undo.ts'
import { type Link, type LinkRequest, requestLink, type Sent, type Used, usedLink, whyNotUsed } from './email-links.ts'
import { noticeTo } from './not-me.ts'

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

type NewPassword = {
  link: Link
  password: string
  /**
   * Whether name, picture, answers and progress go: somebody else may have put them there, before the address was proven. With them
   * goes a second step, and only then, so that whoever reads the mailbox gains nothing that it protected.
   */
  startEmpty?: boolean
  device: Device
  signal?: AbortSignal
}

/** `passwordVersion` belongs to the new password: the device that set it can be made known with it. */
type Set = { ok: true; passwordVersion: number } | Exclude<Used, { ok: true }> | Breached

/**
 * Sets a new password by a link, which is then used up. The address counts as confirmed, all sessions end with their
 * refresh tokens, devices are strangers again, links that were asked for with the password of before are worthless, and
 * nobody is logged in (ASVS 7.4.3). The caller has checked that the password may be set; one that is known from leaks is
 * refused here, and leaves the link good.
 * @throws {Busy} when there is no room for hashing; the link stays good then.
 */
export const resetPasswordByLink = (deps: Deps, token: string, given: NewPassword): Promise<Set> =>
  setPassword(deps, token, given, {
    purpose: 'reset-password',
    activity: 'password-reset',
    condition: fragment`u.password_version = t.password_version`,
    still: fragment`users.password_version = link.password_version`,
  })

/**
 * The same by a link that confirms the address of an account, as long as it is not confirmed: for the owner of an address
 * with which somebody else has signed up, who may be logged in still.
 * @throws {Busy} when there is no room for hashing; the link stays good then.
 */
export const claimAccount = (deps: Deps, token: string, given: NewPassword): Promise<Set> =>
  setPassword(deps, token, given, {
    purpose: 'verify-email',
    activity: 'account-claimed',
    condition: fragment`not u.email_verified`,
    still: fragment`not users.email_verified`,
  })

async function setPassword(
  deps: Deps,
  token: string,
  { link, password, startEmpty = false, device, signal }: NewPassword,
  {
    purpose,
    activity,
    condition,
    still,
  }: {
    purpose: 'reset-password' | 'verify-email'
    activity: ActivityKind
    /** What must hold of the account, as the statement finds it and as it is once its row is locked. */
    condition: Fragment
    still: Fragment
  },
): Promise<Set> {
  const { sql, passwords, rateLimits, mail } = deps
  if (link.state !== 'good') return { ok: false, reason: link.state }
  if (await deps.breachedPasswords.includes(password)) return { ok: false, reason: 'breached' }
  const passwordHash = await passwords.hash(password, { subject: link.user.id, signal })
  const now = deps.now()
  const letter = (it: string) => passwordChanged(link.user.email, it)
  const notice = noticeTo(deps, { email: link.user.email, now, letter })
  const [changed] = await sql<{ passwordVersion: number }>`
    with ${usedLink({ token, purpose, now }, fragment`u.email = t.email and ${condition}`)}, changed as (
      update users set password_hash = ${passwordHash}, password_version = users.password_version + 1,
        sign_up_form = null,
        email_verified = true, login_notices = users.login_notices or not users.email_verified, updated_at = ${new Date(now)},
        second_step = users.second_step and not (${startEmpty} and not users.email_verified),
        name = case when ${startEmpty} then '' else name end,
        image = case when ${startEmpty} then null else image end,
        onboarded_at = case when ${startEmpty} then null else onboarded_at end
      from link where users.id = link.id and users.email = link.email and ${still}
      returning users.id, users.password_version, users.second_step
    ), ${withoutSecondStep(fragment`select id from changed where not second_step`)}, ended as (
      delete from sessions where user_id in (select id from changed)
    ), without_answers as (
      delete from profiles where ${startEmpty} and user_id in (select id from changed)
    ), without_progress as (
      delete from progress where ${startEmpty} and user_id in (select id from changed)
    ), without_calendar as (
      update plans set calendar_hash = null, calendar_since = null,
        weekly_hours = case when ${startEmpty} then null else weekly_hours end
      where user_id in (select id from changed)
    ), notice as (
      ${notice.linkedTo('changed')}
    ), noted as (
      ${noted(activity, 'changed', { device, now })}
    ), mailed as (
      ${mailed([notice.row, fragment`from changed`])}
    )
    select password_version from changed`
  if (changed === undefined) {
    const used = await whyNotUsed(deps, token)
    return used.ok ? { ok: false, reason: 'used' } : used
  }
  mail.wake()
  // A login racing this statement may have added a session after our delete took its snapshot. Delete again.
  await revokeSessions(sql, link.user.id)
  // A request of such a session may also have been about to write.
  if (startEmpty) await emptyAgain(sql, link.user.id)
  // Let the owner log in, even if somebody else's tries have used up the limit.
  await Promise.all([
    clearLoginTries(deps, triesOfStrangers(link.user.email)),
    rateLimits.clear('confirmByUser', link.user.id),
  ])
  return { ok: true, ...changed }
}

async function emptyAgain(sql: Sql, userId: string): Promise<void> {
  await sql`
    with emptied as (
      update users set name = '', image = null, onboarded_at = null where id = ${userId} returning id
    ), without_answers as (
      delete from profiles where user_id in (select id from emptied)
    ), without_plan as (
      delete from plans where user_id in (select id from emptied)
    )
    delete from progress where user_id in (select id from emptied)`
}
