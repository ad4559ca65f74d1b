/** What people do with an account. The one file here that puts the others together. */
import { createHmac } from 'node:crypto'
import type { Deps } from '../deps.ts'
import { Unavailable } from '../unavailable.ts'
import { CurrentPassword } from './fields.ts'
import { newId } from './ids.ts'
import { networkOf, type Policy } from './rate-limits.ts'
import { revokeSessions } from './sessions.ts'
import {
  changePasswordHash,
  createUser,
  findCredentials,
  replacePasswordHash,
  SAME_SIGN_UP_MS,
  type User,
} from './users.ts'

type TooManyTries = { ok: false; reason: 'too-many-tries'; retryAfterSeconds: number }

/** Who is asking, as far as limits go. */
type Asking = { email: string; ip: string | undefined }

/**
 * Counts a try of a network and, only where that is allowed, of an address: who is refused as a network can neither use
 * up the tries of others nor fill the table with made-up addresses.
 */
async function countTry(
  { rateLimits }: Deps,
  [ofNetwork, ofAddress]: readonly [Policy, Policy],
  { email, ip }: Asking,
): Promise<{ left: number } | TooManyTries> {
  const network = networkOf(ip)
  const byNetwork = await rateLimits.count(ofNetwork, network)
  const count = byNetwork.allowed
    ? await rateLimits.count(ofAddress, email).catch((error: unknown) => {
        void Promise.allSettled([rateLimits.refund(ofNetwork, network)])
        throw error
      })
    : byNetwork
  return count.allowed ? count : { ok: false, reason: 'too-many-tries', retryAfterSeconds: count.retryAfterSeconds }
}

export type Registration = { ok: true; user: User } | { ok: false; reason: 'address-taken' } | TooManyTries

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
    ...asking
  }: Asking & { name: string; password: string; form: string; image?: string | null | undefined },
): Promise<Registration> {
  const { sql, passwords, rateLimits, now } = deps
  const { email } = asking
  const signUpForm = createHmac('sha256', form).update(email).digest('base64url')
  // One after another, so that of many sign-ups for one address only the first is worth a hash.
  const outcome = await rateLimits.inTurn(email, async () => {
    const count = await countTry(deps, ['signUpByNetwork', 'signUpByAddress'], asking)
    if ('reason' in count) return count
    const known = await findCredentials(sql, email)
    if (known) return known
    const passwordHash = await passwords.hash(password)
    const user = await createUser(sql, { id: newId(), name, email, image, passwordHash, signUpForm })
    // Without a user another process was quicker.
    return user ? { ok: true as const, user } : findCredentials(sql, email)
  })
  if (outcome && 'ok' in outcome) return outcome

  const recent = outcome && now() - outcome.user.createdAt.getTime() < SAME_SIGN_UP_MS
  const same =
    recent && outcome.signUpForm === signUpForm && (await passwords.verify(password, outcome.passwordHash)).ok
  return same ? { ok: true, user: outcome.user } : { ok: false, reason: 'address-taken' }
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
  const { email, ip } = asking
  // One after another, so that many good tries at once do not use up a limit that is meant for bad ones.
  return rateLimits.inTurn(email, async () => {
    const count = await countTry(deps, ['loginByNetwork', 'loginByAddress'], asking)
    if ('reason' in count) return count

    const refundNetwork = () => rateLimits.refund('loginByNetwork', networkOf(ip))
    const judged = await judge(deps, email, password).catch((error: unknown) => {
      // Nobody waits for it: what is out of reach may be the table of limits itself.
      void Promise.allSettled([refundNetwork(), rateLimits.refund('loginByAddress', email)])
      throw error
    })
    if (judged === undefined) return { ok: false, reason: 'wrong', triesLeft: count.left }

    const { user, passwordHash, passwordVersion, outdated } = judged
    await Promise.all([
      outdated ? renewHash(deps, user.id, { password, from: passwordHash ?? '' }) : undefined,
      rateLimits.clear('loginByAddress', email),
      refundNetwork(),
    ])
    return { ok: true, user, passwordVersion }
  })
}

/** The credentials that the password fits, or undefined after the same work. */
async function judge({ sql, passwords }: Deps, email: string, password: string) {
  const known = await findCredentials(sql, email)
  const verdict = await passwords.verify(password, known?.passwordHash)
  return known && verdict.ok ? { ...known, outdated: verdict.outdated } : undefined
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

export type Confirmation = { ok: true; passwordHash: string } | { ok: false; reason: 'wrong' } | TooManyTries

/** Whether the person at a session knows its password. Counted for each account, whoever holds the session (ASVS 7.5.1). */
export async function confirmPassword(deps: Deps, user: User, password: string): Promise<Confirmation> {
  const { rateLimits } = deps
  return rateLimits.inTurn(`confirm ${user.id}`, async () => {
    const count = await rateLimits.count('confirmByUser', user.id)
    if (!count.allowed) return { ok: false, reason: 'too-many-tries', retryAfterSeconds: count.retryAfterSeconds }
    if (!CurrentPassword.safeParse(password).success) return { ok: false, reason: 'wrong' }

    const judged = await judge(deps, user.email, password).catch((error: unknown) => {
      void Promise.allSettled([rateLimits.refund('confirmByUser', user.id)])
      throw error
    })
    if (judged === undefined) return { ok: false, reason: 'wrong' }
    await rateLimits.clear('confirmByUser', user.id)
    return { ok: true, passwordHash: judged.passwordHash ?? '' }
  })
}

/**
 * Sets a new password after the current one. With `endSessions` all sessions of the user end in the same statement, the
 * caller's too, and their refresh tokens with them.
 */
export async function changePassword(
  deps: Deps,
  user: User,
  { current, next, endSessions }: { current: string; next: string; endSessions: boolean },
): Promise<{ ok: true } | Exclude<Confirmation, { ok: true }>> {
  const confirmation = await confirmPassword(deps, user, current)
  if (!confirmation.ok) return confirmation
  const to = await deps.passwords.hash(next)
  const changed = await changePasswordHash(deps.sql, user.id, { from: confirmation.passwordHash, to, endSessions })
  // A login that was let in by the old password while the statement waited for it: only a second look sees it.
  if (changed && endSessions) await revokeSessions(deps.sql, user.id)
  // Another request was quicker, so the current password is no longer the one that was given.
  return changed ? { ok: true } : { ok: false, reason: 'wrong' }
}
