/** What people do with an account. The one file here that puts the others together. */
import type { Deps } from '../deps.ts'
import { Unavailable } from '../unavailable.ts'
import { type Count, networkOf } from './rate-limits.ts'
import { createUser, findCredentials, replacePasswordHash, type User } from './users.ts'

type TooManyTries = { ok: false; reason: 'too-many-tries'; retryAfterSeconds: number }

const tooManyTries = (counts: Count[]): TooManyTries | undefined => {
  const waits = counts.flatMap((count) => (count.allowed ? [] : [count.retryAfterSeconds]))
  return waits.length > 0 ? { ok: false, reason: 'too-many-tries', retryAfterSeconds: Math.max(...waits) } : undefined
}

export type Registration = { ok: true; user: User } | { ok: false; reason: 'address-taken' } | TooManyTries

/**
 * Makes an account. `signUpForm` names the form it came from: the same form sent twice, with the same password, is the
 * same sign-up and ends in the same account; anything else for a known address is refused.
 */
export async function register(
  { sql, passwords, rateLimits }: Deps,
  {
    name,
    email,
    password,
    ip,
    signUpForm,
  }: { name: string; email: string; password: string; ip: string | undefined; signUpForm: string },
): Promise<Registration> {
  const refusal = tooManyTries(
    await Promise.all([rateLimits.count('signUpByNetwork', networkOf(ip)), rateLimits.count('signUpByAddress', email)]),
  )
  if (refusal) return refusal

  const known = await findCredentials(sql, email)
  if (known && known.signUpForm !== signUpForm) return { ok: false, reason: 'address-taken' }

  const user = known
    ? undefined
    : await createUser(sql, { name, email, passwordHash: await passwords.hash(password), signUpForm })
  if (user) return { ok: true, user }

  const first = known ?? (await findCredentials(sql, email))
  if (first?.signUpForm !== signUpForm) return { ok: false, reason: 'address-taken' }
  const verdict = await passwords.verify(password, first.passwordHash)
  return verdict.ok ? { ok: true, user: first.user } : { ok: false, reason: 'address-taken' }
}

export type Authentication = { ok: true; user: User } | { ok: false; reason: 'wrong'; triesLeft: number } | TooManyTries

/**
 * The user of this address and password. An unknown address and a wrong password are refused alike, in words, work and
 * count. A hash from before a higher cost or a newer pepper is made anew on the way.
 */
export function authenticate(
  deps: Deps,
  { email, password, ip }: { email: string; password: string; ip: string | undefined },
): Promise<Authentication> {
  const network = networkOf(ip)
  // One after another, so that many good tries at once do not use up a limit that is meant for bad ones.
  return deps.rateLimits.inTurn(email, async () => {
    const { sql, passwords, rateLimits } = deps
    const [byAddress, byNetwork] = await Promise.all([
      rateLimits.count('loginByAddress', email),
      rateLimits.count('loginByNetwork', network),
    ])
    const refusal = tooManyTries([byAddress, byNetwork])
    if (refusal) return refusal

    const known = await findCredentials(sql, email)
    const verdict = await passwords.verify(password, known?.passwordHash)
    if (!known || !verdict.ok) return { ok: false, reason: 'wrong', triesLeft: byAddress.allowed ? byAddress.left : 0 }

    await Promise.all([
      rateLimits.clear('loginByAddress', email),
      rateLimits.refund('loginByNetwork', network),
      verdict.outdated ? renewHash(deps, known.user.id, { password, from: known.passwordHash ?? '' }) : undefined,
    ])
    return { ok: true, user: known.user }
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
