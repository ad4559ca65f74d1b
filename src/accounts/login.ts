/** Logging in with address and password. */
import { Unavailable } from '../base/failures.ts'
import { counted } from '../base/meter.ts'
import type { Deps } from '../deps.ts'
import {
  clearLoginTries,
  countLoginTry,
  isLastFailure,
  type LoginCount,
  refundLoginTry,
  type Tries,
  triesOfStrangers,
} from '../limits/login-tries.ts'
import { networkOf } from '../limits/networks.ts'
import type { Device } from './activity.ts'
import { noteLogin, tellOwner } from './links/new-device.ts'
import type { Place } from './passwords/hash-queue.ts'
import { claimedDevice, knownDevice, triesOfDevice } from './passwords/known-devices.ts'
import { checkPassword, noteFailure } from './passwords/password-check.ts'
import { type Credentials, findCredentials, type User } from './users.ts'

/**
 * `passwordVersion` belongs to the password that was checked: a session starts only while that is the current one.
 * `suspended`: the password is right, and an operator has suspended the account.
 * `isNoted`: the login is in the owner's list. Where a second step follows, it is not over yet.
 * `too-many-failures`: this address takes passwords only from devices it knows, which a link sent by email can make them.
 */
type Authentication =
  | { ok: true; user: User; passwordVersion: number; isNoted: boolean }
  | { ok: false; reason: 'wrong'; triesLeft: number; pauseMinutes: number }
  | { ok: false; reason: 'suspended' }
  | Exclude<LoginCount, { ok: true }>

type Login = {
  email: string
  password: string
  device: Device
  /** What a device that has logged in before holds. */
  deviceCookie?: string | undefined
  signal?: AbortSignal
}

/**
 * The user with this address and password. An unknown address and a wrong password are refused with the same words, at
 * the same cost, and count the same. A hash made at a lower cost or with an older pepper is replaced.
 * @throws {Unavailable} when the password could not be checked, `Busy` among it; that does not count as a try.
 */
export const authenticate = (deps: Deps, login: Login): Promise<Authentication> =>
  counted(
    deps.meter,
    'login',
    () => loginInTurn(deps, login),
    // Where a second step follows, the login is counted once that is done.
    (result) => {
      if (!result.ok) return result.reason
      return result.isNoted ? 'ok' : undefined
    },
  )

async function loginInTurn(deps: Deps, { signal, ...login }: Login): Promise<Authentication> {
  const { rateLimits, passwords } = deps
  // A network over its limit must not take places in the line from others.
  const refused = rateLimits.refusedLately('loginByNetwork', networkOf(login.device.ipAddress))
  if (refused && !(await isFromKnownDevice(deps, login))) return refused
  // Those who flood an address with tries must not keep its owner waiting, so a device that says it is known has turns of
  // its own. One that lies gains nothing: its tries are counted like any stranger's.
  const subject = [login.email, claimedDevice(login.deviceCookie) ?? ''].join(' ').trim()
  // One login of an address at a time. Otherwise many good ones at once would use up a limit meant for bad ones.
  return rateLimits.inTurn(subject, async () => {
    // Before the rest, so that whoever has to be sent away is told at once, and is not counted.
    const place = passwords.keepPlace({ subject, signal })
    try {
      return await checkedLogin(deps, login, place)
    } finally {
      place.release()
    }
  })
}

/** Known devices are not held to the limit of their network, which strangers may have used up. */
async function isFromKnownDevice(deps: Deps, { email, deviceCookie }: Login): Promise<boolean> {
  if (claimedDevice(deviceCookie) === undefined) return false
  const known = await findCredentials(deps.sql, email)
  return known !== undefined && knownDevice(deps, deviceCookie, known) !== undefined
}

async function checkedLogin(deps: Deps, login: Login, place: Place): Promise<Authentication> {
  const { email, password, device } = login
  const known = await findCredentials(deps.sql, email)
  const count = await countTry(deps, login, known)
  if (!count.ok) return count

  const check = await checkPassword(deps, known, password, place).catch((error: unknown) => {
    // Not awaited: perhaps it is the table of limits itself that cannot be reached.
    void Promise.allSettled([count.refundNetwork(), refundLoginTry(deps, count.tries)])
    throw error
  })
  const wrong = { ok: false, reason: 'wrong', triesLeft: count.left, pauseMinutes: count.pauseMinutes } as const
  if (!check.ok) {
    noteFailure(deps, check.userId, { kind: 'login-failed', device })
    const isClosed = count.tries.of === 'Address' && isLastFailure(count.failures)
    if (isClosed && deps.mail.enabled) tellOwner(deps, email, device)
    return wrong
  }

  const { user, passwordHash, passwordVersion, suspendedAt, outdated } = check
  if (suspendedAt !== null) {
    // Said only to whoever knows the password, and no failure of theirs.
    await Promise.all([count.refundNetwork(), refundLoginTry(deps, count.tries)])
    return { ok: false, reason: 'suspended' }
  }
  const isKnown = count.tries.of === 'KnownDevice'
  const [stillThere] = await Promise.all([
    user.secondStep || noteLogin(deps, user, { isKnown: count.isKnownDevice, device }),
    outdated ? renewHash(deps, user.id, { password, from: passwordHash ?? '' }) : undefined,
    clearLoginTries(deps, triesOfStrangers(email), { unlessClosed: isKnown }),
    isKnown ? clearLoginTries(deps, count.tries) : undefined,
    // These tries were made at open sessions, perhaps by somebody else. The person here knows the password.
    deps.rateLimits.clear('confirmByUser', user.id),
    count.refundNetwork(),
  ])
  // The account was deleted while its password was being checked, so the address is now unknown.
  return stillThere ? { ok: true, user, passwordVersion, isNoted: !user.secondStep } : wrong
}

type Counted = Extract<LoginCount, { ok: true }> & {
  tries: Tries
  refundNetwork: () => Promise<void>
  /** Also of a device that has used up its own tries, and is counted like a stranger. */
  isKnownDevice: boolean
}

/**
 * Counts a try before it is made. A device that has logged in to this account before has a count of its own, until it has
 * failed a hundred times itself. Strangers are counted for their network and, if that is within its limit, for the
 * address, whether it has an account or not.
 */
async function countTry(
  deps: Deps,
  { email, device, deviceCookie }: Login,
  known: Credentials | undefined,
): Promise<Counted | Exclude<LoginCount, { ok: true }>> {
  const { rateLimits } = deps
  const id = known && knownDevice(deps, deviceCookie, known)
  if (known && id !== undefined) {
    const tries = triesOfDevice(id, known.user.id)
    const count = await countLoginTry(deps, tries, { growing: false })
    if (count.ok) return { ...count, tries, refundNetwork: async () => {}, isKnownDevice: true }
    if (count.reason === 'too-many-tries') return count
  }
  const network = networkOf(device.ipAddress)
  const byNetwork = await rateLimits.count('loginByNetwork', network)
  if (!byNetwork.ok) return byNetwork
  const refundNetwork = () => rateLimits.refund('loginByNetwork', network)
  const tries = triesOfStrangers(email)
  // Where no mail can be sent, nobody could get a link: the pauses grow instead.
  const count = await countLoginTry(deps, tries, { growing: !deps.mail.enabled }).catch((error: unknown) => {
    void Promise.allSettled([refundNetwork()])
    throw error
  })
  return count.ok ? { ...count, tries, refundNetwork, isKnownDevice: id !== undefined } : count
}

/** Replaces the hash that was checked, unless another request has replaced it. Left to the next login if hashing is busy. */
async function renewHash(
  { sql, passwords }: Deps,
  userId: string,
  { password, from }: { password: string; from: string },
): Promise<void> {
  try {
    const to = await passwords.hash(password)
    await sql`update users set password_hash = ${to} where id = ${userId} and password_hash = ${from}`
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
  }
}
