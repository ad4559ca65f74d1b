/**
 * After a hundred wrong passwords in a row, an address takes no more from devices that it does not know. Its owner is told
 * once, and can make a device known by a link sent by email.
 */
import { fragment } from '../database/fragments.ts'
import type { Deps } from '../deps.ts'
import { clearLoginTries } from '../limits/login-tries.ts'
import { newDevice } from '../mail/letters.ts'
import { guessingStopped } from '../mail/notices.ts'
import { mailed } from '../mail/outbox.ts'
import { type Device, noted } from './activity.ts'
import { type Link, type LinkRequest, requestLink, type Sent, type Used, usedLink, whyNotUsed } from './email-links.ts'
import { claimedDevice, madeKnown, triesOfDevice } from './passwords/known-devices.ts'

/** Mails a link to make a device known, if the address has an account. Nothing in the answer tells whether it has. */
export const requestDeviceLink = (deps: Deps, request: LinkRequest): Promise<Sent> =>
  requestLink(deps, request, {
    purpose: 'new-device',
    letter: newDevice,
    onlyUsers: fragment`true`,
    activity: 'device-link-asked',
  })

/**
 * Uses up a link: the device that holds `deviceCookie`, or nothing yet, is known to the account from now on. Returns what
 * it holds then. Nobody is logged in by it: the password is still asked for.
 */
export async function letDeviceIn(
  deps: Deps,
  token: string,
  { link, deviceCookie, device }: { link: Link; deviceCookie: string | undefined; device: Device },
): Promise<{ ok: true; deviceCookie: string } | Exclude<Used, { ok: true }>> {
  if (link.state !== 'good') return { ok: false, reason: link.state }
  const { sql } = deps
  const now = deps.now()
  const condition = fragment`u.email = t.email and u.password_version = t.password_version`
  const [holder] = await sql<{ id: string; passwordVersion: number; devicesVersion: number }>`
    with ${usedLink({ token, purpose: 'new-device', now }, condition)}, noted as (
      ${noted('device-let-in', 'link', { device, now })}
    )
    select u.id, u.password_version, u.devices_version from users u join link on link.id = u.id`
  if (holder === undefined) {
    const used = await whyNotUsed(deps, token)
    return used.ok ? { ok: false, reason: 'used' } : used
  }
  // A known device that has used up its own tries begins anew.
  const claimed = claimedDevice(deviceCookie)
  if (claimed !== undefined) await clearLoginTries(deps, triesOfDevice(claimed, holder.id))
  return { ok: true, deviceCookie: madeKnown(deps, deviceCookie, { user: holder, ...holder }) }
}

/**
 * Tells the owner that their address takes no more passwords from strangers. Not awaited, like all that only happens for
 * known addresses: the time an answer takes must not show it.
 */
export function tellOwner({ sql, mail, now: clock, log }: Deps, email: string, device: Device): void {
  const now = clock()
  const notice = mail.row(guessingStopped(email, `${mail.origin}/new-device`))
  sql`
    with owner as (
      select id from users where email = ${email} for key share
    ), noted as (
      ${noted('guessing-stopped', 'owner', { device, now })}
    )
    ${mailed([notice, fragment`from owner`])}`.then(
    () => mail.wake(),
    (error: unknown) => log.warn({ err: error }, 'the owner of an account was not told of guessing'),
  )
}
