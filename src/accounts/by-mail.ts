/** What people do by a link of a mail: confirm an address, change it, reset a password. Puts links, mails and limits together. */
import type { Deps } from '../deps.ts'
import { LearnerGone } from '../learner-gone.ts'
import type { TooManyTries } from './accounts.ts'
import type { Device } from './activity.ts'
import { findLink, type Link, type LinkState, newToken, type Purpose } from './email-tokens.ts'
import {
  addressInUse,
  confirmNewEmail,
  emailChangeAsked,
  emailChanged,
  LINK_LASTS_MS,
  nothing,
  passwordChanged,
  resetPassword,
  verifyEmail,
} from './emails.ts'
import { issueEmailChange, issueLink } from './issued-links.ts'
import { networkOf } from './rate-limits.ts'
import { revokeSessions } from './sessions.ts'
import { useEmailChange, useReset, useVerification } from './used-links.ts'
import { deleteUnverifiedUser, findUser, type User } from './users.ts'

type Sent = { ok: true } | TooManyTries

/** Where the link of a mail leads; a caller of the API may want it to lead to a page of its own. */
type LinkTo = (token: string) => string

/**
 * Counts a mail for a network, which is told when it has asked for too many, and for an address, which is not: whoever
 * asks for somebody else must not learn what became of it. Resolves to whether one may be sent.
 */
async function countMail(
  { rateLimits }: Deps,
  { purpose, email, ip }: { purpose: Purpose; email: string; ip: string },
): Promise<{ ok: true; send: boolean; retryAfterSeconds: number } | TooManyTries> {
  const byNetwork = await rateLimits.count('mailsByNetwork', networkOf(ip))
  if (!byNetwork.allowed) return { ok: false, reason: 'too-many-tries', retryAfterSeconds: byNetwork.retryAfterSeconds }
  // Each purpose for itself: nobody shall use up a learner's way back by asking for something else.
  const byAddress = await rateLimits.count('mailsByAddress', `${purpose} ${email}`)
  return { ok: true, send: byAddress.allowed, retryAfterSeconds: byAddress.allowed ? 0 : byAddress.retryAfterSeconds }
}

const MAILS = { 'reset-password': resetPassword, 'verify-email': verifyEmail }

export type LinkRequest = {
  purpose: keyof typeof MAILS
  email: string
  device: Device
  linkTo: LinkTo
  /** The learner who asks for their own address, where somebody is logged in. */
  learner?: User | undefined
}

/**
 * Mails a link to reset the password, or to confirm an address that is not confirmed yet, if there is an account; the
 * answer, the work and the time are the same if not.
 * @throws {LearnerGone} only to a `learner`: a stranger does not hear whose account is gone.
 */
export async function requestLink(deps: Deps, { purpose, email, device, linkTo, learner }: LinkRequest): Promise<Sent> {
  const { sql, mail, now } = deps
  const count = await countMail(deps, { purpose, email, ip: device.ipAddress })
  if (!count.ok) return count
  const token = newToken()
  const issued = await issueLink(sql, {
    purpose,
    // No account has this address.
    email: count.send ? email : '',
    token,
    now: now(),
    lastsMs: LINK_LASTS_MS[purpose],
    device,
    mail: mail.row(MAILS[purpose](email, linkTo(token))),
    otherwise: mail.row(nothing),
  })
  mail.wake()
  if (!issued && learner && !(await findUser(sql, learner.id))) throw new LearnerGone()
  return { ok: true }
}

/**
 * Mails a link to the new address and a notice to the old one. The address changes when the link is used. An address
 * that has an account gets the same answer, and its owner a word. `handle` names the session that asks: without it, because
 * a reset has just ended it, nothing is written.
 */
export async function requestEmailChange(
  deps: Deps,
  user: User,
  { email, handle, device, linkTo }: { email: string; handle: string; device: Device; linkTo: LinkTo },
): Promise<Sent> {
  const { sql, mail, now, rateLimits } = deps
  const byUser = await rateLimits.count('emailChangesByUser', user.id)
  if (!byUser.allowed) return { ok: false, reason: 'too-many-tries', retryAfterSeconds: byUser.retryAfterSeconds }
  const count = await countMail(deps, { purpose: 'change-email', email, ip: device.ipAddress })
  if (!count.ok) return count
  // Told, for it says nothing of accounts; and no link is made that would end the last good one and reach nobody.
  if (!count.send) return { ok: false, reason: 'too-many-tries', retryAfterSeconds: count.retryAfterSeconds }
  const token = newToken()
  const { origin } = mail
  // The old address may be a stranger's, whose mailbox nobody shall fill.
  const tells = (await rateLimits.count('noticesByAddress', user.email)).allowed
  await issueEmailChange(sql, {
    userId: user.id,
    handle,
    email,
    token,
    now: now(),
    lastsMs: LINK_LASTS_MS['change-email'],
    device,
    mail: mail.row(confirmNewEmail(email, linkTo(token))),
    taken: mail.row(addressInUse(email, `${origin}/password-reset`)),
    notice: tells
      ? mail.row(emailChangeAsked(user.email, { newEmail: email, link: `${origin}/account/email` }))
      : mail.row(nothing),
  })
  mail.wake()
  return { ok: true }
}

/** What became of a link of one of these purposes. Made-up ones are counted for their network. */
export async function lookAtLink(
  { sql, now, rateLimits }: Deps,
  { token, purposes, ip }: { token: string; purposes: readonly Purpose[]; ip: string },
): Promise<{ ok: true; link: Link } | { ok: false; reason: 'unknown' } | TooManyTries> {
  const link = await findLink(sql, token, now())
  if (link && purposes.includes(link.purpose)) return { ok: true, link }
  const count = await rateLimits.count('unknownLinksByNetwork', networkOf(ip))
  if (count.allowed) return { ok: false, reason: 'unknown' }
  return { ok: false, reason: 'too-many-tries', retryAfterSeconds: count.retryAfterSeconds }
}

/** `taken`: another account has the address by now; `gone`: the account was deleted, and its links with it. */
export type Used = { ok: true } | { ok: false; reason: Exclude<LinkState, 'good'> | 'taken' | 'gone' }

/** Whoever lost a race for the link reads what became of it. */
async function lost({ sql, now }: Deps, token: string): Promise<Used> {
  const link = await findLink(sql, token, now())
  if (link === undefined) return { ok: false, reason: 'gone' }
  return { ok: false, reason: link.state === 'good' ? 'taken' : link.state }
}

/** Confirms the address that the link was mailed to: that of the account, or the one it is to change to. */
export async function confirmAddress(
  deps: Deps,
  token: string,
  { link, device }: { link: Link; device: Device },
): Promise<Used> {
  const { sql, mail, now } = deps
  if (link.state !== 'good') return { ok: false, reason: link.state }
  if (link.purpose === 'verify-email') {
    return (await useVerification(sql, { token, device, now: now() })) ? { ok: true } : lost(deps, token)
  }
  const from = link.user.email
  const notice = mail.row(emailChanged(from, { newEmail: link.email, link: `${mail.origin}/help` }))
  const use = { token, from, device, now: now(), notice }
  const changed = await useEmailChange(sql, use).catch((error: unknown) => {
    if (isUniqueViolation(error)) return false
    throw error
  })
  if (!changed) return lost(deps, token)
  mail.wake()
  return { ok: true }
}

const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23505'

/** Removes an account that somebody else made with the address of whoever holds the link, while it is not confirmed. */
export async function disownAccount({ sql }: Deps, { state, purpose, user }: Link): Promise<boolean> {
  return state === 'good' && purpose === 'verify-email' && deleteUnverifiedUser(sql, user.id)
}

/** Sets a new password, ends every session, and logs nobody in (ASVS 7.4.3). The password is one that may be set. */
export async function resetByLink(
  deps: Deps,
  token: string,
  { link, password, device }: { link: Link; password: string; device: Device },
): Promise<Used> {
  const { sql, passwords, rateLimits, mail, now } = deps
  if (link.state !== 'good') return { ok: false, reason: link.state }
  const passwordHash = await passwords.hash(password)
  const notice = mail.row(passwordChanged(link.user.email, `${mail.origin}/password-reset`))
  if (!(await useReset(sql, { token, passwordHash, device, now: now(), notice }))) return lost(deps, token)
  mail.wake()
  // A login that was let in by the old password while the statement waited for it: only a second look sees it.
  await revokeSessions(sql, link.user.id)
  // Whoever was locked out by a stranger's tries is let in again.
  await Promise.all([
    rateLimits.clear('loginByAddress', link.user.email),
    rateLimits.clear('confirmByUser', link.user.id),
  ])
  return { ok: true }
}
