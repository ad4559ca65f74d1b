/** Another address for an account: asking for it, cancelling that, and confirming it by a link mailed there. */
import { LearnerGone } from '../base/failures.ts'
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import { isUniqueViolation } from '../database/outages.ts'
import type { Deps } from '../deps.ts'
import { confirmNewEmail, nothing } from '../mail/letters.ts'
import {
  addressInUse,
  addressOfLeaving,
  emailChangeAsked,
  emailChanged,
  emailChangedWithUndo,
} from '../mail/notices.ts'
import { mailed } from '../mail/outbox.ts'
import { findLeaving } from './account-deletion.ts'
import { type Device, lockedUser, noted, type Occasion } from './activity.ts'
import { countMail } from './links/counted-mails.ts'
import {
  type Link,
  type LinkTo,
  linked,
  newToken,
  type Sent,
  type Used,
  usedLink,
  whyNotUsed,
} from './links/email-links.ts'
import { noticeTo } from './links/not-me.ts'
import type { User } from './users.ts'

/**
 * Mails a link to the new address and a notice to the old one. The address changes when the link is used. If the new
 * address already has an account, the answer is the same, and its owner gets a notice instead of the link. `handle` names
 * the session that asks: if a reset has just ended it, nothing is written, even if this statement had begun before.
 * @throws {LearnerGone}
 */
export async function requestEmailChange(
  deps: Deps,
  user: User,
  { email, handle, device, linkTo }: { email: string; handle: string; device: Device; linkTo: LinkTo },
): Promise<Sent> {
  const { sql, mail, rateLimits } = deps
  const byUser = await rateLimits.count('emailChangesByUser', user.id)
  if (!byUser.ok) return byUser
  const count = await countMail(deps, { purpose: 'change-email', email, ip: device.ipAddress })
  if (!count.ok) return count
  // Safe to tell, since it says nothing of accounts. A link made now would replace the last good one and never be sent.
  if (!count.send) return { ok: false, reason: 'too-many-tries', retryAfterSeconds: count.retryAfterSeconds }

  const now = deps.now()
  const token = newToken()
  const row = mail.row(confirmNewEmail(email, linkTo(token)))
  const until = await findLeaving(sql, email)
  const resets = `${mail.origin}/password-reset`
  const toOwner = mail.row(until ? addressOfLeaving(email, { link: resets, until }) : addressInUse(email, resets))
  // The old address may belong to a stranger, whose mailbox must not be filled.
  const mayNotify = (await rateLimits.count('noticesByAddress', user.email)).ok
  const notice = mayNotify
    ? noticeTo(deps, {
        email: user.email,
        now,
        letter: (link) => emailChangeAsked(user.email, { newEmail: email, link }),
      })
    : undefined
  const learner = await sql`
    with learner as (
      select id, password_version from users where id = ${user.id} for key share
    ), asking as (
      select learner.id, learner.password_version from learner join sessions s on s.user_id = learner.id
      where s.handle = ${handle} for key share of s
    ), issued as (
      ${linked({ token, purpose: 'change-email', email, now }, 'asking')}
    ), notice as (
      ${notice ? notice.linkedTo('asking') : fragment`select`}
    ), noted as (
      ${noted('email-change-asked', 'issued', { device, now })}
    ), owner as (
      select 1 from all_users where email = ${email}
    ), mailed as (
      ${mailed(
        [notice?.row ?? mail.row(nothing), fragment`from issued`],
        [row, fragment`from issued where not exists (select 1 from owner)`],
        [toOwner, fragment`from issued where exists (select 1 from owner)`],
      )}
    )
    select 1 as found from learner`
  if (learner.length === 0) throw new LearnerGone()
  mail.wake()
  return { ok: true }
}

/** The address that waits to be confirmed, or undefined. */
export async function findPendingEmail(sql: Sql, userId: string, now: number): Promise<string | undefined> {
  const [pending] = await sql<{ email: string }>`
    select email from email_tokens
    where user_id = ${userId} and purpose = 'change-email' and used_at is null and cancelled_at is null
      and expires_at > ${new Date(now)} and token_hash in (select token_hash from current_links)`
  return pending?.email
}

/** Makes links to a new address worthless. Harmless when there are none. */
export async function cancelEmailChange(sql: Sql, userId: string, occasion: Occasion): Promise<void> {
  await sql`
    with learner as (
      ${lockedUser(userId)}
    ), cancelled as (
      update email_tokens set cancelled_at = ${new Date(occasion.now)}
      where user_id in (select id from learner) and purpose = 'change-email' and used_at is null and cancelled_at is null
      returning user_id as id
    )
    ${noted('email-change-cancelled', 'cancelled', occasion)}`
}

/**
 * Uses a link: its address becomes the account's, confirmed, and the old address gets a notice. If that was confirmed too,
 * the change can be undone from there for 7 days; otherwise it may be a stranger's, mistyped.
 */
export async function changeEmail(
  deps: Deps,
  token: string,
  { link, device }: { link: Link; device: Device },
): Promise<Used> {
  const { sql, mail } = deps
  const now = deps.now()
  const from = link.user.email
  const letter = emailChanged(from, { newEmail: link.email, link: `${mail.origin}/help` })
  const notice = link.user.emailVerified
    ? noticeTo(deps, {
        email: from,
        now,
        purpose: 'undo-email-change',
        letter: (undo) => emailChangedWithUndo(from, { newEmail: link.email, link: undo }),
      })
    : undefined
  const condition = fragment`u.email = ${from} and u.password_version = t.password_version
    and not exists (select 1 from all_users other where other.email = t.email)`
  const changed = await sql`
    with ${usedLink({ token, purpose: 'change-email', now }, condition)}, changed as (
      update users set email = link.email, email_verified = true, updated_at = ${new Date(now)}
      from link
      where users.id = link.id and users.email = ${from} and users.password_version = link.password_version
      returning users.id, users.password_version
    ), notice as (
      ${notice ? notice.linkedTo('changed') : fragment`select`}
    ), noted as (
      ${noted('email-changed', 'changed', { device, now })}
    ), mailed as (
      ${mailed([notice?.row ?? mail.row(letter), fragment`from changed`])}
    )
    select id from changed`.catch((error: unknown) => {
    // Somebody else has taken the address at this very moment.
    if (isUniqueViolation(error)) return []
    throw error
  })
  if (changed.length === 0) return whyNotUsed(deps, token)
  mail.wake()
  return { ok: true }
}
