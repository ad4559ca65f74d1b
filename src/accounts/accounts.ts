/** What people do with an account. The one file here that puts the others together. */
import { createHmac } from 'node:crypto'
import type { Deps } from '../deps.ts'
import { Unavailable } from '../unavailable.ts'
import { type Device, recordActivity } from './activity.ts'
import { hashedToken, newToken } from './email-tokens.ts'
import { LINK_LASTS_MS, verifyEmail } from './emails.ts'
import { newId } from './ids.ts'
import { judge, noteFailure } from './judging.ts'
import { networkOf, type Policy } from './rate-limits.ts'
import { createUser, findCredentials, replacePasswordHash, SAME_SIGN_UP_MS, type User } from './users.ts'

export type TooManyTries = { ok: false; reason: 'too-many-tries'; retryAfterSeconds: number }

/** Who is asking, as far as limits go. */
type Asking = { email: string; device: Device }

/**
 * Counts a try of a network and, only where that is allowed, of an address: who is refused as a network can neither use
 * up the tries of others nor fill the table with made-up addresses.
 */
async function countTry(
  { rateLimits }: Deps,
  [ofNetwork, ofAddress]: readonly [Policy, Policy],
  { email, device }: Asking,
): Promise<{ left: number } | TooManyTries> {
  const network = networkOf(device.ipAddress)
  const byNetwork = await rateLimits.count(ofNetwork, network)
  const count = byNetwork.allowed
    ? await rateLimits.count(ofAddress, email).catch((error: unknown) => {
        void Promise.allSettled([rateLimits.refund(ofNetwork, network)])
        throw error
      })
    : byNetwork
  return count.allowed ? count : { ok: false, reason: 'too-many-tries', retryAfterSeconds: count.retryAfterSeconds }
}

/** `passwordVersion` is that of the password that the sign-up was checked against, as in `Authentication`. */
export type Registration =
  | { ok: true; user: User; passwordVersion: number }
  | { ok: false; reason: 'address-taken' }
  | TooManyTries

/**
 * Makes an account. `form` is a secret of the form it came from: the same form sent again with the same address and
 * password is the same sign-up, and ends in the same account. Anything else for a known address is refused.
 */
export async function register(
  deps: Deps,
  {
    name,
    password,
    form,
    image = null,
    linkTo,
    ...asking
  }: Asking & {
    name: string
    password: string
    form: string
    /** Where the link leads that confirms the address. */
    linkTo: (token: string) => string
    image?: string | null | undefined
  },
): Promise<Registration> {
  const { sql, passwords, rateLimits, mail, now } = deps
  const { email, device } = asking
  const signUpForm = createHmac('sha256', form).update(email).digest('base64url')
  // One after another, so that of many sign-ups for one address only the first is worth a hash.
  const outcome = await rateLimits.inTurn(email, async () => {
    const count = await countTry(deps, ['signUpByNetwork', 'signUpByAddress'], asking)
    if ('reason' in count) return count
    const known = await findCredentials(sql, email)
    if (known) return known
    // Whoever signs up and leaves again and again would fill a stranger's mailbox, and a silent sign-up would be worse.
    const accounts = await rateLimits.count('accountsByAddress', email)
    if (!accounts.allowed) return { ok: false as const, reason: 'too-many-tries' as const, ...accounts }
    const passwordHash = await passwords.hash(password)
    const token = newToken()
    const welcome = mail.enabled
      ? {
          tokenHash: hashedToken(token),
          lastsMs: LINK_LASTS_MS['verify-email'],
          mail: mail.row(verifyEmail(email, linkTo(token))),
        }
      : undefined
    const fresh = { id: newId(), name, email, image, passwordHash, signUpForm }
    const user = await createUser(sql, fresh, { device, now: now(), welcome })
    if (user) mail.wake()
    // Without a user another process was quicker.
    return user ? { ok: true as const, user, passwordVersion: 0 } : findCredentials(sql, email)
  })
  if (outcome && 'ok' in outcome) return outcome

  const recent = outcome && now() - outcome.user.createdAt.getTime() < SAME_SIGN_UP_MS
  const same =
    recent && outcome.signUpForm === signUpForm && (await passwords.verify(password, outcome.passwordHash)).ok
  return same
    ? { ok: true, user: outcome.user, passwordVersion: outcome.passwordVersion }
    : { ok: false, reason: 'address-taken' }
}

/** `passwordVersion` is that of the password that was checked: a session starts only while it still stands. */
export type Authentication =
  | { ok: true; user: User; passwordVersion: number }
  | { ok: false; reason: 'wrong'; triesLeft: number }
  | TooManyTries

/**
 * The user of this address and password. An unknown address and a wrong password are refused alike, in words, work and
 * count. A hash from before a higher cost or a newer pepper is made anew on the way.
 * @throws {Unavailable} when the password could not be looked at; that is no try.
 */
export function authenticate(
  deps: Deps,
  { password, ...asking }: Asking & { password: string },
): Promise<Authentication> {
  const { rateLimits } = deps
  const { email, device } = asking
  // One after another, so that many good tries at once do not use up a limit that is meant for bad ones.
  return rateLimits.inTurn(email, async () => {
    const count = await countTry(deps, ['loginByNetwork', 'loginByAddress'], asking)
    if ('reason' in count) return count

    const refundNetwork = () => rateLimits.refund('loginByNetwork', networkOf(device.ipAddress))
    const judged = await judge(deps, email, password).catch((error: unknown) => {
      // Nobody waits for it: what is out of reach may be the table of limits itself.
      void Promise.allSettled([refundNetwork(), rateLimits.refund('loginByAddress', email)])
      throw error
    })
    if (!judged.ok) {
      noteFailure(deps, judged.userId, { kind: 'login-failed', device })
      return { ok: false, reason: 'wrong', triesLeft: count.left }
    }

    const { user, passwordHash, passwordVersion, outdated } = judged
    const [stillThere] = await Promise.all([
      recordActivity(deps.sql, { userId: user.id, kind: 'logged-in', device, now: deps.now() }),
      outdated ? renewHash(deps, user.id, { password, from: passwordHash ?? '' }) : undefined,
      rateLimits.clear('loginByAddress', email),
      // The guesses of whoever held a session are not this person's.
      rateLimits.clear('confirmByUser', user.id),
      refundNetwork(),
    ])
    // Deleted while its password was checked: now the address is unknown.
    if (!stillThere) return { ok: false, reason: 'wrong', triesLeft: count.left }
    return { ok: true, user, passwordVersion }
  })
}

/** Left for the next login when hashing has no room now: the person is in either way. */
async function renewHash(
  { sql, passwords }: Deps,
  userId: string,
  { password, from }: { password: string; from: string },
): Promise<void> {
  try {
    await replacePasswordHash(sql, userId, { from, to: await passwords.hash(password) })
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
  }
}
