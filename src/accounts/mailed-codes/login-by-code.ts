/** Logging in by a code or a link of a mail, without a password. It is a first step only: a second one is asked for as ever. */
import { counted } from '../../base/meter.ts'
import { fragment } from '../../database/fragments.ts'
import { USER_COLUMNS } from '../../database/user-columns.ts'
import type { Deps } from '../../deps.ts'
import { clearLoginTries, triesOfStrangers } from '../../limits/login-tries.ts'
import { revokeSessions } from '../../sessions/sessions.ts'
import { type Device, noted } from '../activity.ts'
import { endPasskeys } from '../passkeys/ending.ts'
import { withoutSecondStep } from '../second-step/recovery-codes.ts'
import type { User } from '../users.ts'
import { type CodeRefusal, type Proof, tryCode, usedCode } from './mailed-codes.ts'

/**
 * `passwordVersion`: a session starts only while that is the current one. `isClaimed`: the address was not confirmed before, and
 * the password is gone. `next` and `kept`: what it was asked for with. `suspended`: the code is right, and an operator has
 * suspended the account.
 */
export type CodeLogin =
  | { ok: true; user: User; passwordVersion: number; isClaimed: boolean; next: string | null; kept: string | null }
  | { ok: false; reason: 'suspended' }
  | CodeRefusal

type Typed = { request: string | undefined; code: string; email?: string | undefined; device: Device }
type Opened = { request: string; linkToken: string; device: Device }

/** The user whom the code was mailed to. It is used up, and a wrong one counts as a try. */
export const loginByCode = (deps: Deps, typed: Typed): Promise<CodeLogin> =>
  metered(deps, async () => {
    const tried = await tryCode(deps, { ...typed, purpose: 'sign-in' })
    return tried.ok ? useUp(deps, tried.proof, typed.device) : tried
  })

/** The same by the link of the mail, in the browser that has asked for it. */
export const loginByLink = (deps: Deps, { request, linkToken, device }: Opened): Promise<CodeLogin> =>
  metered(deps, () => useUp(deps, { request, purpose: 'sign-in', linkToken }, device))

/** By what name a refusal is counted, apart from wrong passwords: an alert looks at those. */
const OUTCOMES = {
  wrong: 'wrong-mailed-code',
  expired: 'mailed-code-over',
  exhausted: 'mailed-code-over',
  over: 'mailed-code-over',
  'too-many-tries': 'too-many-mailed-codes',
  suspended: 'suspended',
} as const

const metered = (deps: Deps, login: () => Promise<CodeLogin>): Promise<CodeLogin> =>
  counted(deps.meter, 'login', login, (result) => {
    if (!result.ok) return OUTCOMES[result.reason]
    // Where a second step follows, the login is counted once that is done.
    return result.user.secondStep ? undefined : 'ok'
  })

/**
 * Where the address was not confirmed, somebody else may have made the account with it. The code proves whose it is, so what
 * they could come back with ends in the same statement: password, sessions, passkeys, links, devices, the address of the calendar.
 * With a second step it stays as it is: the code alone logs nobody in there, and a reset can still begin empty, without that step.
 */
async function useUp(deps: Deps, proof: Proof, device: Device): Promise<CodeLogin> {
  const { sql, rateLimits } = deps
  const now = deps.now()
  type Row = User & {
    version: number
    suspendedAt: Date | null
    isClaimed: boolean
    next: string | null
    kept: string | null
  }
  const [row] = await sql<Row>`
    with ${usedCode(deps, proof, now)}, claimed as (
      update users set email_verified = true, password_hash = null, sign_up_form = null, login_notices = true,
        password_version = users.password_version + 1, devices_version = users.devices_version + 1, updated_at = ${new Date(now)}
      from link where users.id = link.id and users.email = link.email and users.password_version = link.password_version
        and not users.email_verified and users.suspended_at is null and not users.second_step
      returning users.id
    ), ended as (
      delete from sessions where user_id in (select id from claimed)
    ), ${withoutSecondStep(fragment`select id from claimed`)}, without_passkeys as (
      delete from passkeys where user_id in (select id from claimed)
    ), without_calendar as (
      update plans set calendar_hash = null, calendar_since = null where user_id in (select id from claimed)
    ), noted as (
      ${noted('claimed-by-code', 'claimed', { device, now })}
    )
    select ${USER_COLUMNS}, u.suspended_at, link.password_version as version, link.next, link.kept,
      exists (select 1 from claimed where claimed.id = u.id) as is_claimed
    from users u join link on link.id = u.id`
  if (row === undefined) return { ok: false, reason: 'over' }
  const { version, suspendedAt, isClaimed, next, kept, ...user } = row
  const onwards = { isClaimed, next, kept }
  await rateLimits.clear('unusedCodesByAddress', `sign-in ${user.email}`)
  if (suspendedAt !== null) return { ok: false, reason: 'suspended' }
  if (!isClaimed) return { ok: true, user, passwordVersion: version, ...onwards }
  // What raced this statement may have added a session or a passkey after our deletes took their snapshot. Delete again.
  await revokeSessions(sql, user.id)
  await endPasskeys(sql, user.id)
  await Promise.all([clearLoginTries(deps, triesOfStrangers(user.email)), rateLimits.clear('confirmByUser', user.id)])
  // The statement sees the row as it was before.
  const after = { emailVerified: true, devicesVersion: user.devicesVersion + 1, updatedAt: new Date(now) }
  return { ok: true, user: { ...user, ...after }, passwordVersion: version + 1, ...onwards }
}
