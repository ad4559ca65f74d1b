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
import { type Proof, usedCode } from '../mailed-codes/mailed-codes.ts'
import { endPasskeys } from '../passkeys/ending.ts'
import type { Breached } from '../passwords/breached-passwords.ts'
import { withoutSecondStep } from '../second-step/recovery-codes.ts'
import type { User } from '../users.ts'
import { countMail } from './counted-mails.ts'
import { mailUndo } from './deletion-undo.ts'
import { type Link, type LinkRequest, mailLink, type Sent, type Used, usedLink, whyNotUsed } from './email-links.ts'
import { noticeTo } from './not-me.ts'

/**
 * Mails a link to reset the password, if the address has an account, or the link to keep an account that is deleted.
 * Nothing in the answer tells which.
 */
export async function requestReset(deps: Deps, request: LinkRequest): Promise<Sent> {
  const { email, device } = request
  const count = await countMail(deps, { purpose: 'reset-password', email, ip: device.ipAddress })
  if (!count.ok) return count
  const leaving = await findLeaving(deps.sql, email)
  const isLeaving = leaving !== undefined && leaving.getTime() > deps.now()
  if (isLeaving && !(await mailUndo(deps, email, leaving, count)).cameBack) return { ok: true }
  const asked = await mailLink(
    deps,
    request,
    { purpose: 'reset-password', letter: resetPassword, onlyUsers: fragment`true`, activity: 'reset-asked' },
    count,
  )
  // Deleted since the look at the beginning.
  if (asked.leavesAt) await mailUndo(deps, email, asked.leavesAt, count)
  return { ok: true }
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
type Done = { ok: true; passwordVersion: number }
type Set = Done | Exclude<Used, { ok: true }> | Breached

/**
 * Sets a new password by a link, which is then used up. The address counts as confirmed, all sessions end with their
 * refresh tokens, devices are strangers again, links that were asked for with the password of before are worthless, and
 * nobody is logged in (ASVS 7.4.3). Passkeys stay, unless the address was not confirmed: then they may be somebody else's. The caller has checked that the password may be set; one that is known from leaks is
 * refused here, and leaves the link good.
 * @throws {Busy} when there is no room for hashing; the link stays good then.
 */
export const resetPasswordByLink = (deps: Deps, token: string, given: NewPassword): Promise<Set> =>
  setPasswordByLink(deps, token, given, {
    purpose: 'reset-password',
    activity: 'password-reset',
    condition: fragment`u.password_version = t.password_version`,
    still: SAME_PASSWORD,
  })

/**
 * The same by the code of a mail, that `tryCode` has found right. `over`: it was used, or the account has changed, just now.
 * @throws {Busy} when there is no room for hashing; the code stays good then.
 */
export async function resetPasswordByCode(
  deps: Deps,
  proof: Proof,
  { user, ...given }: Omit<NewPassword, 'link' | 'startEmpty'> & { user: User },
): Promise<Done | { ok: false; reason: 'over' } | Breached> {
  const by = {
    activity: 'password-reset',
    used: (now: number) => usedCode(deps, proof, now),
    still: SAME_PASSWORD,
  } as const
  const set = await setPassword(deps, { ...given, user }, by)
  if (set === undefined) return { ok: false, reason: 'over' }
  if (set.ok) await deps.rateLimits.clear('unusedCodesByAddress', `forget-password ${user.email}`)
  return set
}

/**
 * The same by a link that confirms the address of an account, as long as it is not confirmed: for the owner of an address
 * with which somebody else has signed up, who may be logged in still.
 * @throws {Busy} when there is no room for hashing; the link stays good then.
 */
export const claimAccount = (deps: Deps, token: string, given: NewPassword): Promise<Set> =>
  setPasswordByLink(deps, token, given, {
    purpose: 'verify-email',
    activity: 'account-claimed',
    condition: fragment`not u.email_verified`,
    still: fragment`not users.email_verified`,
  })

const SAME_PASSWORD = fragment`users.password_version = link.password_version`

async function setPasswordByLink(
  deps: Deps,
  token: string,
  { link, ...given }: NewPassword,
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
  if (link.state !== 'good') return { ok: false, reason: link.state }
  const used = (now: number) => usedLink({ token, purpose, now }, fragment`u.email = t.email and ${condition}`)
  const set = await setPassword(deps, { ...given, user: link.user }, { activity, used, still })
  if (set !== undefined) return set
  const why = await whyNotUsed(deps, token)
  return why.ok ? { ok: false, reason: 'used' } : why
}

/** `used`: the parts that use up the link or the code, one of them named `link`. Undefined when it was not good any more. */
async function setPassword(
  deps: Deps,
  { user, password, startEmpty = false, device, signal }: Omit<NewPassword, 'link'> & { user: User },
  { activity, used, still }: { activity: ActivityKind; used: (now: number) => Fragment; still: Fragment },
): Promise<Done | Breached | undefined> {
  const { sql, passwords, rateLimits, mail } = deps
  if (await deps.breachedPasswords.includes(password)) return { ok: false, reason: 'breached' }
  const passwordHash = await passwords.hash(password, { subject: user.id, signal })
  const now = deps.now()
  const letter = (it: string) => passwordChanged(user.email, it)
  const notice = noticeTo(deps, { email: user.email, now, letter })
  const [changed] = await sql<{ passwordVersion: number }>`
    with ${used(now)}, changed as (
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
    ), without_passkeys as (
      delete from passkeys where user_id in (select id from changed)
        and exists (select 1 from users before where before.id = passkeys.user_id and not before.email_verified)
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
  if (changed === undefined) return undefined
  mail.wake()
  // A login racing this statement may have added a session after our delete took its snapshot. Delete again.
  await revokeSessions(sql, user.id)
  if (!user.emailVerified) await endPasskeys(sql, user.id)
  // A request of such a session may also have been about to write.
  if (startEmpty) await emptyAgain(sql, user.id)
  // Let the owner log in, even if somebody else's tries have used up the limit.
  await Promise.all([
    clearLoginTries(deps, triesOfStrangers(user.email)),
    rateLimits.clear('confirmByUser', user.id),
    rateLimits.clear('unusedCodesByAddress', `sign-in ${user.email}`),
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
