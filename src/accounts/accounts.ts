/** What people do with an account. The one file here that puts the others together. */
import { createHmac } from 'node:crypto'
import type { Deps } from '../deps.ts'
import { Unavailable } from '../unavailable.ts'
import { type Count, networkOf } from './rate-limits.ts'
import { type Credentials, createUser, findCredentials, replacePasswordHash, type User } from './users.ts'

type TooManyTries = { ok: false; reason: 'too-many-tries'; retryAfterSeconds: number }

const tooManyTries = (counts: Count[]): TooManyTries | undefined => {
  const waits = counts.flatMap((count) => (count.allowed ? [] : [count.retryAfterSeconds]))
  return waits.length > 0 ? { ok: false, reason: 'too-many-tries', retryAfterSeconds: Math.max(...waits) } : undefined
}

export type Registration = { ok: true; user: User } | { ok: false; reason: 'address-taken' } | TooManyTries

/** Long enough for a second press of the button, short enough that the open form is no second way to log in. */
const SAME_SIGN_UP_MINUTES = 10

/**
 * Makes an account. `form` is a secret of the form it came from: the same form sent again with the same address and
 * password is the same sign-up, and ends in the same account. Anything else for a known address is refused.
 */
export function register(
  { sql, passwords, rateLimits, now }: Deps,
  {
    name,
    email,
    password,
    ip,
    form,
  }: { name: string; email: string; password: string; ip: string | undefined; form: string },
): Promise<Registration> {
  // Without the form's secret, which is not kept, nothing can be learned from this.
  const signUpForm = createHmac('sha256', form).update(`${email}\n${password}`).digest('base64url')
  const judge = (known: Credentials): Registration => {
    const recent = now() - known.user.createdAt.getTime() < SAME_SIGN_UP_MINUTES * 60_000
    return recent && known.signUpForm === signUpForm
      ? { ok: true, user: known.user }
      : { ok: false, reason: 'address-taken' }
  }
  // One after another, so that of many sign-ups for one address only the first is worth a hash.
  return rateLimits.inTurn(email, async () => {
    const refusal = tooManyTries(
      await Promise.all([
        rateLimits.count('signUpByNetwork', networkOf(ip)),
        rateLimits.count('signUpByAddress', email),
      ]),
    )
    if (refusal) return refusal

    const known = await findCredentials(sql, email)
    if (known) return judge(known)
    const user = await createUser(sql, { name, email, passwordHash: await passwords.hash(password), signUpForm })
    if (user) return { ok: true, user }
    // Another process was quicker.
    const first = await findCredentials(sql, email)
    return first ? judge(first) : { ok: false, reason: 'address-taken' }
  })
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
