/**
 * “It was not me”: the owner hears of what happens to the account, and each such mail holds a link that ends what somebody
 * else has gained. Whoever reads the mailbox could also reset the password, so the link gives them nothing more; but for
 * a change of address, whose notice goes to the address of before, and a second step: only the link of the notice that tells of its
 * switch-on switches it off, since that mailbox was enough until then.
 */
import type { Sql } from '../../database/database.ts'
import { type Fragment, fragment } from '../../database/fragments.ts'
import { isUniqueViolation } from '../../database/outages.ts'
import type { Deps } from '../../deps.ts'
import { clearLoginTries, triesOfStrangers } from '../../limits/login-tries.ts'
import { emailPutBack } from '../../mail/notices.ts'
import { type Draft, mailed, type OutboxRow } from '../../mail/outbox.ts'
import { revokeSessions } from '../../sessions/sessions.ts'
import { type Device, noted } from '../activity.ts'
import { endPasskeys } from '../passkeys/ending.ts'
import { withoutSecondStep } from '../second-step/recovery-codes.ts'
import { type Link, linked, newToken, type Used, usedLink, whyNotUsed } from './email-links.ts'

export const NOTICE_PURPOSES = ['not-me', 'undo-email-change', 'undo-second-step'] as const
type NoticePurpose = (typeof NOTICE_PURPOSES)[number]
const NOTED = {
  'not-me': 'not-me',
  'undo-email-change': 'email-put-back',
  'undo-second-step': 'second-step-undone',
} as const

/** A mail about a change, and its link. `linkedTo` names a part of the statement with the user's id and version. */
export type Notice = { row: OutboxRow; linkedTo: (holder: string) => Fragment }

/** A notice for the statement that makes the change, so that there is never one without the other. */
export function noticeTo(
  { mail }: Pick<Deps, 'mail'>,
  {
    email,
    now,
    letter,
    purpose = 'not-me',
  }: { email: string; now: number; letter: (link: string) => Draft; purpose?: NoticePurpose },
): Notice {
  const token = newToken()
  return {
    row: mail.row(letter(`${mail.origin}/not-me/link/${token}`)),
    linkedTo: (holder) => linked({ token, purpose, email, now }, holder),
  }
}

/**
 * Uses the link of a notice: ends all sessions, refresh tokens, known devices and passkeys, makes the password of now worthless and
 * with it all links that were asked for, and returns the token of a link with which a new password is set. A link of a changed
 * address also puts the address of before back, and takes a deletion back: the letter about that has been answered by it, and
 * must not answer a later one. An account that somebody has made with that address since is removed, unless it is confirmed:
 * then the link is `taken`. A second step goes where this is the link of its own notice, or where it was switched on after the
 * change of address that is undone, since that notice went to the new address. Every other one stays on.
 */
export async function sayNotMe(
  deps: Deps,
  token: string,
  { link, device }: { link: Link; device: Device },
): Promise<{ ok: true; resetToken: string } | Exclude<Used, { ok: true }>> {
  if (link.state !== 'good') return { ok: false, reason: link.state }
  const { sql, mail, rateLimits } = deps
  const isUndo = link.purpose === 'undo-email-change'
  const purpose = NOTICE_PURPOSES.find((one) => one === link.purpose) ?? 'not-me'
  const resetToken = newToken()
  const now = deps.now()
  const toNewAddress = isUndo ? mail.row(emailPutBack(link.user.email, `${mail.origin}/help`)) : undefined
  // Of a link in a mailbox that is the account's no longer, all but the address is looked at.
  const announced = {
    'not-me': fragment`false`,
    'undo-email-change': fragment`s.confirmed_at > link.linked_at`,
    'undo-second-step': fragment`s.confirmed_at <= link.linked_at`,
  }[purpose]
  const still = isUndo ? fragment`true` : fragment`users.email = link.email`
  const [changed] = await sql<{ linkedAt: Date }>`
    with ${usedLink({ token, purpose, now }, fragment`true`)}, freed as (
      delete from all_users other using link
      where ${isUndo} and other.email = link.email and other.id <> link.id and not other.email_verified
      returning 1 as freed
    ), changed as (
      update all_users users set email = link.email, email_verified = users.email_verified or ${isUndo}, password_hash = null,
        delete_at = null, login_notices = true, password_version = users.password_version + 1, devices_version = users.devices_version + 1,
        updated_at = ${new Date(now)}, second_step = users.second_step and not exists (
          select 1 from second_steps s where s.user_id = users.id and ${announced}
        )
      from link where users.id = link.id and (users.delete_at is null or ${isUndo}) and ${still} and (select count(*) from freed) >= 0
      returning users.id, users.password_version, users.second_step
    ), ${withoutSecondStep(fragment`select id from changed where not second_step`)}, ended as (
      delete from sessions where user_id in (select id from changed)
    ), without_passkeys as (
      delete from passkeys where user_id in (select id from changed)
    ), without_calendar as (
      update plans set calendar_hash = null, calendar_since = null where user_id in (select id from changed)
    ), cancelled as (
      update email_tokens t set cancelled_at = ${new Date(now)} from link
      where t.user_id in (select id from changed) and t.purpose = 'undo-email-change' and ${isUndo}
        and (t.created_at, t.id) > (link.linked_at, link.link_id)
        and t.used_at is null and t.cancelled_at is null
    ), kept as (
      update email_tokens set used_at = ${new Date(now)}
      where user_id in (select id from changed) and purpose = 'undo-deletion' and used_at is null
    ), issued as (
      ${linked({ token: resetToken, purpose: 'reset-password', email: link.email, now }, 'changed')}
    ), noted as (
      ${noted(NOTED[purpose], 'changed', { device, now })}
    ), mailed as (
      ${mailed([toNewAddress, fragment`from changed`])}
    )
    select link.linked_at from changed join link on link.id = changed.id`.catch((error: unknown) => {
    // Somebody has signed up with the address at this very moment.
    if (isUniqueViolation(error)) return []
    throw error
  })
  if (changed === undefined) {
    const used = await whyNotUsed(deps, token)
    return used.ok ? { ok: false, reason: 'used' } : used
  }
  mail.wake()
  // A login racing this statement may have added a session after our delete took its snapshot. Delete again.
  await revokeSessions(sql, link.user.id)
  await endPasskeys(sql, link.user.id)
  if (isUndo) await endLaterSecondStep(sql, link.user.id, changed.linkedAt)
  await Promise.all([
    clearLoginTries(deps, triesOfStrangers(link.email)),
    rateLimits.clear('confirmByUser', link.user.id),
  ])
  return { ok: true, resetToken }
}

/**
 * Ends a second step that was switched on after this moment. One that was being switched on while the statement of the undo waited
 * for the account was off in what that statement had seen. Nobody can switch one on any more: nobody has the password.
 */
async function endLaterSecondStep(sql: Sql, userId: string, since: Date): Promise<void> {
  await sql`
    with changed as (
      update users set second_step = false
      where id = ${userId} and second_step and exists (
        select 1 from second_steps s where s.user_id = ${userId} and s.confirmed_at > ${since}
      )
      returning id
    ), ${withoutSecondStep(fragment`select id from changed`)}
    select id from changed`
}
