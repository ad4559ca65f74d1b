/**
 * After a hundred wrong passwords in a row, an address takes no more from devices that it does not know. Its owner is told
 * once, and can make a device known by a link sent by email.
 */
import { deviceName } from '../../base/device-name.ts'
import type { Sql } from '../../database/database.ts'
import { fragment } from '../../database/fragments.ts'
import type { Deps } from '../../deps.ts'
import { clearLoginTries } from '../../limits/login-tries.ts'
import { aboutNetwork } from '../../limits/networks.ts'
import { POLICIES } from '../../limits/policies.ts'
import { countedAs } from '../../limits/rate-limits.ts'
import { newDevice } from '../../mail/letters.ts'
import { guessingStopped, newLogin } from '../../mail/notices.ts'
import { mailed } from '../../mail/outbox.ts'
import { type Device, lockedUser, noted, type Occasion, recordActivity } from '../activity.ts'
import { claimedDevice, madeKnown, triesOfDevice } from '../passwords/known-devices.ts'
import type { User } from '../users.ts'
import { type Link, type LinkRequest, requestLink, type Sent, type Used, usedLink, whyNotUsed } from './email-links.ts'
import { noticeTo } from './not-me.ts'

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

/**
 * Notes a login. If the account does not know the device, its owner gets a mail: not for the first device that it knows, not
 * once they have turned that off, and a few times an hour at most. Returns false when the account is gone.
 */
export async function noteLogin(
  deps: Deps,
  user: User,
  { isKnown, device, amr = ['pwd'] }: { isKnown: boolean; device: Device; amr?: readonly string[] },
): Promise<boolean> {
  const { sql, mail, rateLimits } = deps
  const now = deps.now()
  if (isKnown || !mail.enabled) return recordActivity(sql, user.id, 'logged-in', { device, now })
  const words = {
    device: deviceName(device.userAgent),
    network: aboutNetwork(device.ipAddress),
    at: new Date(now),
    amr,
  }
  const letter = (link: string) => newLogin(user.email, { ...words, link })
  const notice = noticeTo(deps, { email: user.email, now, letter })
  const { points: most } = POLICIES.loginNoticesByAddress
  const source = fragment`from learner where login_notices and devices_known_since is not null`
  const learner = await sql<{ told: boolean }>`
    with learner as (
      select id, password_version, login_notices, devices_known_since from users where id = ${user.id} for key share
    ), first as (
      update users set devices_known_since = ${new Date(now)}
      where id in (select id from learner) and devices_known_since is null
    ), noted as (
      ${noted('logged-in', 'learner', { device, now })}
    ), counted as (
      ${countedAs({ rateLimits, now }, 'loginNoticesByAddress', { subject: user.email, source })}
    ), told as (
      select id, password_version from learner where (select points from counted) <= ${most}::int
    ), notice as (
      ${notice.linkedTo('told')}
    ), mailed as (
      ${mailed([notice.row, fragment`from told`])}
    )
    select exists (select 1 from told) as told from learner`
  if (learner[0]?.told) mail.wake()
  return learner.length > 0
}

/** Whether the owner hears of logins on devices that the account does not know. */
export async function wantsLoginNotices(sql: Sql, userId: string): Promise<boolean> {
  const [user] = await sql<{ loginNotices: boolean }>`select login_notices from users where id = ${userId}`
  return user?.loginNotices ?? true
}

/** Turns the mails about such logins on or off. Nothing is noted if that changes nothing. */
export async function setLoginNotices(sql: Sql, userId: string, wanted: boolean, occasion: Occasion): Promise<void> {
  await sql`
    with learner as (
      ${lockedUser(userId)}
    ), changed as (
      update users set login_notices = ${wanted}
      where id in (select id from learner) and login_notices <> ${wanted} returning id
    )
    ${noted(wanted ? 'login-notices-on' : 'login-notices-off', 'changed', occasion)}`
}
