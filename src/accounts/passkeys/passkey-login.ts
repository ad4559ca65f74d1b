/** Logging in with a passkey, which is both steps: the authenticator, and what it asks of whoever holds it (NIST SP 800-63B AAL2). */
import { generateAuthenticationOptions, verifyAuthenticationResponse } from '@simplewebauthn/server'
import { counted } from '../../base/meter.ts'
import { fragment } from '../../database/fragments.ts'
import { USER_COLUMNS } from '../../database/user-columns.ts'
import type { Deps } from '../../deps.ts'
import { networkOf } from '../../limits/networks.ts'
import type { TooManyTries } from '../../limits/rate-limits.ts'
import { mailed } from '../../mail/outbox.ts'
import { passkeyCopied } from '../../mail/passkey-notices.ts'
import { type Device, noted } from '../activity.ts'
import { noticeFor } from '../second-step/second-steps.ts'
import type { User } from '../users.ts'
import { type Challenge, newChallenge, readChallenge, spent } from './challenges.ts'
import { type Assertion, challengeIn, isFramed, relyingParty } from './credentials.ts'
import type { Passkey } from './passkeys.ts'

/** What a browser needs to ask for a passkey. It names no account: the authenticator knows which it has (discoverable credentials). */
export const optionsToLogIn = (deps: Deps, browser: string) =>
  generateAuthenticationOptions({
    rpID: relyingParty(deps.config).id,
    challenge: new Uint8Array(Buffer.from(newChallenge(deps, browser, { kind: 'login' }))),
    timeout: 300_000,
    userVerification: 'required',
  })

/**
 * `unknown`: no account has this passkey. `over`: its challenge is not one of ours for this browser, or was answered before, or is more
 * than five minutes old. `wrong`: it is not signed as it should be, or the counter went back. `suspended`: the passkey is right, and an operator has suspended the account.
 */
export type PasskeyLogin =
  | { ok: true; user: User; passwordVersion: number; passkey: Passkey }
  | { ok: false; reason: 'unknown' | 'over' | 'wrong' | 'suspended' }
  | TooManyTries

type Answer = { assertion: Assertion; browser: string; device: Device }

/** The account whose passkey has signed. Failures are counted for the network, for an answer names no account that could be guessed at. */
export const logInByPasskey = (deps: Deps, answer: Answer): Promise<PasskeyLogin> =>
  counted(
    deps.meter,
    'login',
    async () => {
      const network = networkOf(answer.device.ipAddress)
      const count = await deps.rateLimits.count('passkeysByNetwork', network)
      if (!count.ok) return count
      const refund = () => deps.rateLimits.refund('passkeysByNetwork', network)
      const login = await checked(deps, answer).catch((error: unknown) => {
        void Promise.allSettled([refund()])
        throw error
      })
      if (login.ok || login.reason === 'suspended') await refund()
      return login
    },
    outcomeOf,
  )

/** In the metrics apart from passwords, so that an alert about guesses is not about passkeys. */
const outcomeOf = (login: PasskeyLogin): string => {
  if (login.ok) return 'ok'
  return login.reason === 'suspended' || login.reason === 'too-many-tries' ? login.reason : `${login.reason}-passkey`
}

type Known = Passkey & { handle: string; passwordVersion: number; suspendedAt: Date | null }

async function checked(
  deps: Deps,
  { assertion, browser, device }: Answer,
): Promise<Exclude<PasskeyLogin, TooManyTries>> {
  const wrong = { ok: false, reason: 'wrong' } as const
  const challenge = readChallenge(deps, challengeIn(assertion), browser, { kind: 'login' })
  if (challenge === undefined) return { ok: false, reason: 'over' }
  if (isFramed(assertion)) return wrong
  const [known] = await deps.sql<Known>`
    select p.*, h.handle, u.password_version, u.suspended_at
    from passkeys p join passkey_handles h on h.user_id = p.user_id join users u on u.id = p.user_id
    where p.credential_id = ${assertion.id}`
  if (known === undefined) return { ok: false, reason: 'unknown' }
  // Discoverable passkeys always name their account (WebAuthn section 7.2, step 6).
  if (assertion.response.userHandle !== known.handle) return wrong
  const { origin, id: rpID } = relyingParty(deps.config)
  const { verified, authenticationInfo: signed } = await verifyAuthenticationResponse({
    response: { ...assertion, response: { ...assertion.response, userHandle: known.handle } },
    expectedChallenge: challengeIn(assertion),
    expectedOrigin: origin,
    expectedRPID: rpID,
    requireUserVerification: true,
    // The counter is compared by the statement below, so that two answers at the same moment cannot both be right.
    credential: {
      id: known.credentialId,
      publicKey: new Uint8Array(Buffer.from(known.publicKey, 'base64url')),
      counter: 0,
    },
  }).catch(() => ({ verified: false, authenticationInfo: undefined }) as const)
  if (!verified || signed === undefined) return wrong
  // Some authenticators say later than they should that a passkey may be copied. Once one has, it is no hardware key any more.
  const backupEligible = known.backupEligible || signed.credentialDeviceType === 'multiDevice'
  const passkey = { ...known, backupEligible, backedUp: signed.credentialBackedUp }
  return use(deps, passkey, { challenge, device, count: signed.newCounter })
}

/** Uses a passkey that has signed, and spends the challenge. */
async function use(
  deps: Deps,
  known: Known,
  { challenge, device, count }: { challenge: Challenge; device: Device; count: number },
): Promise<Exclude<PasskeyLogin, TooManyTries>> {
  const now = deps.now()
  const [found] = await deps.sql<
    User & { spent: boolean; used: boolean; passwordVersion: number; suspendedAt: Date | null }
  >`
    with spent as (
      ${spent(challenge)}
    ), used as (
      update passkeys set sign_count = ${count}::bigint, backup_eligible = backup_eligible or ${known.backupEligible}, backed_up = ${known.backedUp},
        used_at = ${new Date(now)}
      where id = ${known.id} and exists (select 1 from spent) and (sign_count < ${count}::bigint or (sign_count = 0 and ${count}::bigint = 0))
      returning 1 as used
    )
    select exists (select 1 from spent) as spent, exists (select 1 from used) as used, u.password_version, u.suspended_at, ${USER_COLUMNS}
    from users u where u.id = ${known.userId}`
  if (!found?.spent) return { ok: false, reason: 'over' }
  const { spent: _, used, passwordVersion, suspendedAt, ...user } = found
  if (!used) {
    // As it is now: another answer with the same counter may have come at the same moment.
    const [current] = await deps.sql<{ signCount: number }>`select sign_count from passkeys where id = ${known.id}`
    if (current !== undefined && count <= current.signCount) await tellOfCopy(deps, user, known, device)
    return { ok: false, reason: 'wrong' }
  }
  if (suspendedAt !== null) return { ok: false, reason: 'suspended' }
  return { ok: true, user, passwordVersion, passkey: known }
}

/** The counter of a passkey that is not copied only goes up (WebAuthn section 6.1.1): somebody may have copied the authenticator. */
async function tellOfCopy(deps: Deps, user: User, { name }: Passkey, device: Device): Promise<void> {
  const { sql, mail } = deps
  const notice = await noticeFor(deps, user, (link) => passkeyCopied(user.email, { name, link }))
  await sql`
    with learner as (
      select id, password_version from users where id = ${user.id} for key share
    ), notice as (
      ${notice ? notice.linkedTo('learner') : fragment`select`}
    ), mailed as (
      ${mailed([notice?.row, fragment`from learner`])}
    )
    ${noted('passkey-copied', 'learner', { device, now: deps.now() })}`
  mail.wake()
}
