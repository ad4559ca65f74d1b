/**
 * The second step of an account: setting it up, switching it on by a first code, switching it off. While it is on, a login needs a
 * code of an app, or a recovery code, beside the first step (ASVS 6.3.3, NIST SP 800-63B AAL2).
 */
import type { Sql } from '../../database/database.ts'
import { fragment } from '../../database/fragments.ts'
import type { Deps } from '../../deps.ts'
import type { TooManyTries } from '../../limits/rate-limits.ts'
import { type Draft, mailed } from '../../mail/outbox.ts'
import { recoveryCodesRenewed, secondStepOn } from '../../mail/second-step-notices.ts'
import { endOtherSessions } from '../../sessions/sessions.ts'
import { type Device, lockedUser, noted } from '../activity.ts'
import { noticeTo } from '../links/not-me.ts'
import type { User } from '../users.ts'
import { newRecoveryCodes, renewedCodes, typedCode } from './recovery-codes.ts'
import { openedSecret, sealedSecret } from './sealed-secrets.ts'
import { newSecret, stepOf } from './totp.ts'

/** A set-up that was begun and left is over after this time. */
const SET_UP_MS = 60 * 60_000

/** As it is stored. `confirmedAt`: since when it is on; null while it is being set up. */
export type SecondStep = {
  sealed: string
  createdAt: Date
  confirmedAt: Date | null
  /** The time step of the last code that was taken. */
  lastStep: number
  codesLeft: number
  /** With which a session can be renewed. */
  passwordVersion: number
}

/** The second step of this account, on or being set up; undefined if there is none. */
export async function findSecondStep(sql: Sql, userId: string): Promise<SecondStep | undefined> {
  const [step] = await sql<SecondStep>`
    select s.sealed, s.created_at, s.confirmed_at, s.last_step, u.password_version,
      (select count(*) from recovery_codes c where c.user_id = s.user_id and c.used_at is null) as codes_left
    from second_steps s join users u on u.id = s.user_id where s.user_id = ${userId}`
  return step
}

/**
 * Whether this account may switch one on: only with a confirmed address, where there are mails. Otherwise the owner of the address
 * could be kept out of an account that somebody else has made with it.
 */
export const maySetUp = ({ mail }: Pick<Deps, 'mail'>, user: User): boolean => !mail.enabled || user.emailVerified

/** Begins a set-up, in place of one that was begun before. Returns the secret, or undefined if the second step is on already. */
export async function beginSecondStep(
  { sql, now: clock, secondStepKeys }: Deps,
  { id }: User,
  codes: readonly string[] = [],
): Promise<Buffer | undefined> {
  const secret = newSecret()
  const at = new Date(clock())
  const begun = await sql`
    with learner as (
      ${lockedUser(id)}
    ), begun as (
      insert into second_steps (user_id, sealed, created_at)
      select id, ${sealedSecret(secret, id, secondStepKeys)}, ${at}::timestamptz from learner
      on conflict (user_id) do update set sealed = excluded.sealed, created_at = excluded.created_at
      where second_steps.confirmed_at is null
      returning user_id as id
    ), ${renewedCodes(secret, codes, fragment`select id from begun`)}
    select id from begun`
  return begun.length > 0 ? secret : undefined
}

/** The secret of a set-up that was begun within the hour; undefined if there is none, or the second step is on already. */
export async function findSetUp(deps: Deps, { id }: User): Promise<Buffer | undefined> {
  return secretOfSetUp(deps, id, await findSecondStep(deps.sql, id))
}

function secretOfSetUp({ now, secondStepKeys }: Deps, userId: string, step: SecondStep | undefined) {
  if (step === undefined || step.confirmedAt !== null || now() - step.createdAt.getTime() > SET_UP_MS) return undefined
  return openedSecret(step.sealed, userId, secondStepKeys)
}

type SwitchedOn =
  | { ok: true; codes: string[]; user: User; passwordVersion: number }
  | { ok: false; reason: 'wrong' | 'over' }
  | TooManyTries

/**
 * Switches it on, once a code shows that the app has the secret. All other sessions end, since they began without a second step;
 * the one with this handle goes on. Returns new recovery codes, unless `keepCodes`.
 * `over`: the set-up is gone, it is on already, or the session has just been ended or the password changed, as by an owner who
 * says that it was not them.
 */
export async function switchSecondStepOn(
  deps: Deps,
  user: User,
  { code, handle, device, keepCodes = false }: { code: string; handle: string; device: Device; keepCodes?: boolean },
): Promise<SwitchedOn> {
  const { sql, mail } = deps
  const now = deps.now()
  // Read once: the secret that the code is of, and no newer one, is switched on.
  const step = await findSecondStep(sql, user.id)
  const secret = secretOfSetUp(deps, user.id, step)
  if (secret === undefined || step === undefined) return { ok: false, reason: 'over' }
  const taken = stepOf(secret, typedCode(code), now)
  if (taken === undefined) return { ok: false, reason: 'wrong' }
  const codes = keepCodes ? [] : newRecoveryCodes()
  // Its notice holds the only link that takes this back, so it is always sent; the limit is here instead.
  const count = await deps.rateLimits.count('switchOnsByUser', user.id)
  if (!count.ok) return count
  const letter = (link: string) => secondStepOn(user.email, link)
  const notice = mail.enabled
    ? noticeTo(deps, { email: user.email, now, letter, purpose: 'undo-second-step' })
    : undefined
  const part = fragment`select id from changed where ${!keepCodes}`
  const [changed] = await sql<{ passwordVersion: number }>`
    with learner as (
      select id from users
      where id = ${user.id} and not second_step and password_version = ${step.passwordVersion} for no key update
    ), asking as (
      select learner.id from learner join sessions s on s.user_id = learner.id
      where s.handle = ${handle} for key share of s
    ), changed as (
      update users set second_step = true
      where id in (select id from asking) and exists (
        select 1 from second_steps where user_id = ${user.id} and sealed = ${step.sealed} and confirmed_at is null
      )
      returning id, password_version
    ), confirmed as (
      update second_steps set confirmed_at = ${new Date(now)}, last_step = ${taken}
      where user_id in (select id from changed)
    ), ended as (
      delete from sessions where user_id in (select id from changed) and handle <> ${handle}
    ), ${renewedCodes(secret, codes, part)}, notice as (
      ${notice ? notice.linkedTo('changed') : fragment`select`}
    ), noted as (
      ${noted('second-step-on', 'changed', { device, now })}
    ), mailed as (
      ${mailed([notice?.row, fragment`from changed`])}
    )
    select password_version from changed`
  if (changed === undefined) return { ok: false, reason: 'over' }
  mail.wake()
  // A login racing this statement may have added a session after our delete took its snapshot. Delete again.
  await endOtherSessions(sql, user.id, handle)
  return { ok: true, codes, user: { ...user, secondStep: true }, ...changed }
}

/**
 * Ten new recovery codes; the former ones are worthless. Undefined if the second step is off, or another request has just made
 * new ones.
 */
export async function renewRecoveryCodes(deps: Deps, user: User, device: Device): Promise<string[] | undefined> {
  const { sql, mail, secondStepKeys } = deps
  const step = await findSecondStep(sql, user.id)
  if (!step?.confirmedAt) return undefined
  const codes = newRecoveryCodes()
  const secret = openedSecret(step.sealed, user.id, secondStepKeys)
  const notice = await noticeFor(deps, user, (link) => recoveryCodesRenewed(user.email, link))
  // The secret is sealed anew, which looks different each time: so of two such statements at once one finds it as it was. The other
  // would not see the codes of the first, and leave them good.
  const changed = await sql`
    with learner as (
      select id, password_version from users where id = ${user.id} and second_step for no key update
    ), sealed as (
      update second_steps set sealed = ${sealedSecret(secret, user.id, secondStepKeys)}
      where user_id in (select id from learner) and sealed = ${step.sealed} and confirmed_at is not null
      returning user_id
    ), changed as (
      select id, password_version from learner where id in (select user_id from sealed)
    ), ${renewedCodes(secret, codes, fragment`select id from changed`)}, notice as (
      ${notice ? notice.linkedTo('changed') : fragment`select`}
    ), noted as (
      ${noted('recovery-codes-renewed', 'changed', { device, now: deps.now() })}
    ), mailed as (
      ${mailed([notice?.row, fragment`from changed`])}
    )
    select id from changed`
  if (changed.length === 0) return undefined
  mail.wake()
  return codes
}

/** A notice to the owner, a few times an hour at most: the address may belong to a stranger. */
export async function noticeFor(deps: Deps, { email }: User, letter: (link: string) => Draft) {
  const mayNotify = deps.mail.enabled && (await deps.rateLimits.count('noticesByAddress', email)).ok
  return mayNotify ? noticeTo(deps, { email, now: deps.now(), letter }) : undefined
}
