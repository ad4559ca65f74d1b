/**
 * Taking a code, of the app or a recovery code: at a login, and once more before a change that only the owner may make. Each is
 * good once: the statement that takes it decides, so of two at the same moment one is refused.
 */
import { counted as metered } from '../../base/meter.ts'
import type { Sql } from '../../database/database.ts'
import { type Fragment, fragment } from '../../database/fragments.ts'
import type { Deps } from '../../deps.ts'
import type { Policy } from '../../limits/policies.ts'
import type { TooManyTries } from '../../limits/rate-limits.ts'
import { mailed } from '../../mail/outbox.ts'
import { recoveryCodeUsed, secondStepGuessed } from '../../mail/second-step-notices.ts'
import { type Device, lockedUser, noted } from '../activity.ts'
import { noteFailure } from '../passwords/password-check.ts'
import type { User } from '../users.ts'
import { goodTicket, type Ticket, usedTicket } from './login-tickets.ts'
import { recoveryCodeHash, typedCode } from './recovery-codes.ts'
import { openedSecret } from './sealed-secrets.ts'
import { findSecondStep, noticeFor, type SecondStep } from './second-steps.ts'
import { APP_CODE, stepOf } from './totp.ts'

/**
 * `used`: a right code of the app that was taken before. `over`: the ticket was used, or the second step was switched off, just now.
 */
export type CodeCheck =
  | { ok: true; isRecovery: boolean; passwordVersion: number }
  | { ok: false; reason: 'wrong' | 'used' }
  | { ok: false; reason: 'over' }
  | TooManyTries

/** How a login ended at the second step, in the metrics. */
const OUTCOMES = { wrong: 'wrong-code', used: 'used-code', over: 'over', 'too-many-tries': 'too-many-codes' } as const

type Attempt = { code: string; device: Device }

/**
 * The second step of a login, which uses up the ticket. Tries are counted for the account across all tickets, so a new login
 * gives no new ones: five, then a pause of 15 minutes, and fifty a day. Only who has done the first step can use them up, and with
 * a new password they begin anew, which is how an owner gets out of the pauses that somebody with the old one has caused.
 */
export async function takeLoginCode(deps: Deps, ticket: Ticket, attempt: Attempt): Promise<CodeCheck> {
  const subject = loginCodesOf({ id: ticket.user.id, passwordVersion: ticket.passwordVersion })
  const policies = ['secondStepByUser', 'secondStepByUserDaily'] as const
  const job = () => counted(deps, { policies, subject, user: ticket.user, attempt, ticket })
  return metered(deps.meter, 'login', job, (check) => (check.ok ? 'ok' : OUTCOMES[check.reason]))
}

/** Under which name the codes of logins are counted. */
export const loginCodesOf = ({ id, passwordVersion }: { id: string; passwordVersion: number }): string =>
  `${id} ${passwordVersion}`

/** The second step once more, in an open session. These tries are counted apart, so a stolen session keeps nobody from logging in. */
export const confirmCode = (deps: Deps, user: User, attempt: Attempt): Promise<CodeCheck> =>
  counted(deps, { policies: ['confirmStepByUser'], subject: user.id, user, attempt, ticket: undefined })

type Try = {
  policies: readonly Policy[]
  subject: string
  user: User
  attempt: Attempt
  ticket: Ticket | undefined
}

async function counted(deps: Deps, { policies, subject, user, attempt, ticket }: Try): Promise<CodeCheck> {
  const { rateLimits } = deps
  const left: number[] = []
  // Before the try is made, so that parallel tries cannot slip past the limit. One after the other: what is refused in a pause is
  // no try, and must not use up those of the day.
  for (const policy of policies) {
    const count = await rateLimits.count(policy, subject)
    if (!count.ok) return count
    left.push(count.left)
  }
  const check = await take(deps, user, attempt, ticket).catch((error: unknown) => {
    void Promise.allSettled(policies.map((policy) => rateLimits.refund(policy, subject)))
    throw error
  })
  if (check.ok) {
    // The wrong ones of the day stay counted. Otherwise each login of the owner would give a thief of the password new ones.
    const isOver = (policy: Policy) => policy !== 'secondStepByUserDaily'
    await Promise.all(
      policies.map((policy) => (isOver(policy) ? rateLimits.clear : rateLimits.refund)(policy, subject)),
    )
  }
  if (!check.ok && check.reason !== 'over') {
    noteFailure(deps, user.id, { kind: 'second-step-failed', device: attempt.device })
    if (ticket && left[0] === 0) await tellOwner(deps, user)
  }
  return check
}

async function take(
  deps: Deps,
  user: User,
  { code: typed, device }: Attempt,
  ticket: Ticket | undefined,
): Promise<Exclude<CodeCheck, TooManyTries>> {
  const { sql, secondStepKeys } = deps
  const now = deps.now()
  const step = await findSecondStep(sql, user.id)
  if (!step?.confirmedAt) return { ok: false, reason: 'over' }
  const secret = openedSecret(step.sealed, user.id, secondStepKeys)
  const code = typedCode(typed)
  if (!APP_CODE.test(code))
    return takeRecoveryCode(deps, user, {
      ...{ hash: recoveryCodeHash(secret, code), device, ticket },
      passwordVersion: step.passwordVersion,
    })
  const taken = stepOf(secret, code, now)
  if (taken === undefined) return { ok: false, reason: 'wrong' }
  if (taken <= step.lastStep) return { ok: false, reason: 'used' }
  return takeAppCode(sql, user, { step, taken, ticket, now })
}

/** A right code that somebody else has just taken is `used`. */
async function takeAppCode(
  sql: Sql,
  { id }: User,
  { step, taken, ticket, now }: { step: SecondStep; taken: number; ticket: Ticket | undefined; now: number },
): Promise<Exclude<CodeCheck, TooManyTries>> {
  const part = fragment`select id from taken`
  const [outcome] = await sql<{ taken: boolean; used: boolean }>`
    with taken as (
      update second_steps set last_step = ${taken}
      where user_id = ${id} and sealed = ${step.sealed} and confirmed_at is not null and last_step < ${taken}
        and ${whileGood(ticket, now)}
      returning user_id as id
    ), used as (
      ${ticket ? usedTicket(ticket.id, part, now) : part}
    )
    select exists (select 1 from taken) as taken, exists (select 1 from used) as used`
  if (outcome?.used) return { ok: true, isRecovery: false, passwordVersion: step.passwordVersion }
  return { ok: false, reason: outcome?.taken ? 'over' : 'used' }
}

async function takeRecoveryCode(
  deps: Deps,
  user: User,
  {
    hash,
    device,
    ticket,
    passwordVersion,
  }: { hash: string; device: Device; ticket: Ticket | undefined; passwordVersion: number },
): Promise<Exclude<CodeCheck, TooManyTries>> {
  const { sql, mail } = deps
  const now = deps.now()
  const [known] = await sql`
    select 1 as known from recovery_codes where user_id = ${user.id} and code_hash = ${hash} and used_at is null`
  if (known === undefined) return { ok: false, reason: 'wrong' }
  const notice = await noticeFor(deps, user, (link) => recoveryCodeUsed(user.email, link))
  const part = fragment`select id from taken`
  const used = await sql`
    with learner as (
      ${lockedUser(user.id)}
    ), taken as (
      update recovery_codes set used_at = ${new Date(now)}
      where user_id in (select id from learner) and code_hash = ${hash} and used_at is null and ${whileGood(ticket, now)}
      returning user_id as id
    ), used as (
      ${ticket ? usedTicket(ticket.id, part, now) : part}
    ), holder as (
      select id, password_version from users where id in (select id from used)
    ), notice as (
      ${notice ? notice.linkedTo('holder') : fragment`select`}
    ), noted as (
      ${noted('recovery-code-used', 'used', { device, now })}
    ), mailed as (
      ${mailed([notice?.row, fragment`from used`])}
    )
    select id from used`
  if (used.length === 0) return { ok: false, reason: 'over' }
  mail.wake()
  return { ok: true, isRecovery: true, passwordVersion }
}

const whileGood = (ticket: Ticket | undefined, now: number): Fragment =>
  ticket ? goodTicket(ticket.id, now) : fragment`true`

/** Somebody who knows the password, or reads the mailbox, has used up the tries of the second step. */
async function tellOwner(deps: Deps, user: User): Promise<void> {
  const { sql, mail } = deps
  const notice = await noticeFor(deps, user, (link) => secondStepGuessed(user.email, link))
  if (notice === undefined) return
  await sql`
    with learner as (
      select id, password_version from users where id = ${user.id} for key share
    ), notice as (
      ${notice.linkedTo('learner')}
    )
    ${mailed([notice.row, fragment`from learner`])}`
  mail.wake()
}
