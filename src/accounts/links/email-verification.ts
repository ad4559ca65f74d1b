/** Confirming the address of an account: asking for a link, and using it. */
import { fragment } from '../../database/fragments.ts'
import type { Deps } from '../../deps.ts'
import { verifyEmail } from '../../mail/letters.ts'
import { type Device, noted, OPERATOR } from '../activity.ts'
import { changeEmail } from '../email-change.ts'
import { type Proof, usedCode } from '../mailed-codes/mailed-codes.ts'
import type { User } from '../users.ts'
import { type Link, type LinkRequest, requestLink, type Sent, type Used, usedLink, whyNotUsed } from './email-links.ts'

/** Mails a link to confirm an address that is not confirmed yet. Nothing in the answer tells whether it has an account. */
export const requestVerification = (deps: Deps, request: LinkRequest): Promise<Sent> =>
  requestLink(deps, request, { purpose: 'verify-email', letter: verifyEmail, onlyUsers: fragment`not email_verified` })

/**
 * Confirms the address that the link was mailed to: the account's own, or the new one that it is to have. The caller has
 * seen that whoever asks uses a session of the account, or knows its password: that of this version, if it is given.
 * Otherwise somebody could have signed up with another person's address, and wait for them to press the button.
 */
export async function confirmAddress(
  deps: Deps,
  token: string,
  { link, device, passwordVersion }: { link: Link; device: Device; passwordVersion?: number | undefined },
): Promise<Used> {
  if (link.state !== 'good') return { ok: false, reason: link.state }
  // Of a change, a link is good for one version only.
  if (link.purpose === 'change-email') return changeEmail(deps, token, { link, device })
  const now = deps.now()
  const sameVersion = passwordVersion === undefined ? fragment`true` : fragment`u.password_version = ${passwordVersion}`
  const verified = await deps.sql`
    with ${usedLink({ token, purpose: 'verify-email', now }, fragment`u.email = t.email and ${sameVersion}`)}, verified as (
      update users u set email_verified = true, updated_at = ${new Date(now)} from link
      where u.id = link.id and u.email = link.email and ${sameVersion}
      returning u.id
    )
    ${noted('email-verified', 'verified', { device, now })}`
  return verified.length > 0 ? { ok: true } : whyNotUsed(deps, token)
}

/**
 * Confirms the address of the account whose session asks, by the code of a mail that `tryCode` has found right. Returns false if it
 * was used, or the account has changed, just now.
 */
export async function confirmAddressByCode(
  deps: Deps,
  proof: Proof,
  { user, device }: { user: User; device: Device },
): Promise<boolean> {
  const now = deps.now()
  const verified = await deps.sql`
    with ${usedCode(deps, proof, now)}, verified as (
      update users u set email_verified = true, updated_at = ${new Date(now)} from link
      where u.id = link.id and u.id = ${user.id} and u.email = link.email
      returning u.id
    )
    ${noted('email-verified', 'verified', { device, now })}`
  await deps.rateLimits.clear('unusedCodesByAddress', `email-verification ${user.email}`)
  return verified.length > 0
}

/**
 * Confirms the address of an account by an operator, who has seen otherwise whose it is. Returns false if it is confirmed
 * already, or the account is gone.
 */
export async function confirmByOperator({ sql, now: clock }: Deps, userId: string): Promise<boolean> {
  const now = clock()
  const verified = await sql`
    with verified as (
      update users set email_verified = true, updated_at = ${new Date(now)}
      where id = ${userId} and not email_verified returning id
    )
    ${noted('verified-by-operator', 'verified', { device: OPERATOR, now })}`
  return verified.length > 0
}

/** Deletes an account that somebody else made with the address of whoever has the link, while it is not confirmed. */
export async function disownAccount({ sql }: Deps, { state, purpose, user }: Link): Promise<boolean> {
  if (state !== 'good' || purpose !== 'verify-email') return false
  const deleted = await sql`delete from users where id = ${user.id} and not email_verified returning 1 as deleted`
  return deleted.length > 0
}
