/** Logging in with address and password. */
import { Unavailable } from '../base/failures.ts'
import type { Deps } from '../deps.ts'
import { networkOf } from '../limits/networks.ts'
import { countTry, type TooManyTries } from '../limits/rate-limits.ts'
import { type Device, recordActivity } from './activity.ts'
import type { Place } from './passwords/hash-queue.ts'
import { checkPassword, noteFailure } from './passwords/password-check.ts'
import type { User } from './users.ts'

/** `passwordVersion` belongs to the password that was checked: a session starts only while that is the current one. */
type Authentication =
  | { ok: true; user: User; passwordVersion: number }
  | { ok: false; reason: 'wrong'; triesLeft: number }
  | TooManyTries

/**
 * The user with this address and password. An unknown address and a wrong password are refused with the same words, at
 * the same cost, and count the same. A hash made at a lower cost or with an older pepper is replaced.
 * @throws {Unavailable} when the password could not be checked, `Busy` among it; that does not count as a try.
 */
export function authenticate(
  deps: Deps,
  { email, password, device, signal }: { email: string; password: string; device: Device; signal?: AbortSignal },
): Promise<Authentication> {
  const { rateLimits, passwords } = deps
  // One login of an address at a time. Otherwise many good ones at once would use up a limit meant for bad ones.
  return rateLimits.inTurn(email, async () => {
    // First of all, so that whoever has to be sent away is told at once, and is not counted.
    const place = passwords.keepPlace({ subject: email, signal })
    try {
      return await checkedLogin(deps, { email, password, device }, place)
    } finally {
      place.release()
    }
  })
}

async function checkedLogin(
  deps: Deps,
  { email, password, device }: { email: string; password: string; device: Device },
  place: Place,
): Promise<Authentication> {
  const { rateLimits } = deps
  const { ipAddress } = device
  const count = await countTry(rateLimits, ['loginByNetwork', 'loginByAddress'], { email, ipAddress })
  if (!count.ok) return count

  const refundNetwork = () => rateLimits.refund('loginByNetwork', networkOf(ipAddress))
  const check = await checkPassword(deps, email, password, place).catch((error: unknown) => {
    // Not awaited: perhaps it is the table of limits itself that cannot be reached.
    void Promise.allSettled([refundNetwork(), rateLimits.refund('loginByAddress', email)])
    throw error
  })
  if (!check.ok) {
    noteFailure(deps, check.userId, { kind: 'login-failed', device })
    return { ok: false, reason: 'wrong', triesLeft: count.left }
  }

  const { user, passwordHash, passwordVersion, outdated } = check
  const [stillThere] = await Promise.all([
    recordActivity(deps.sql, user.id, 'logged-in', { device, now: deps.now() }),
    outdated ? renewHash(deps, user.id, { password, from: passwordHash ?? '' }) : undefined,
    rateLimits.clear('loginByAddress', email),
    // These tries were made at open sessions, perhaps by somebody else. The person here knows the password.
    rateLimits.clear('confirmByUser', user.id),
    refundNetwork(),
  ])
  // The account was deleted while its password was being checked, so the address is now unknown.
  if (!stillThere) return { ok: false, reason: 'wrong', triesLeft: count.left }
  return { ok: true, user, passwordVersion }
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
