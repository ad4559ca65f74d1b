/** Switching the second step off: by its owner, or by an operator. The recovery codes and the devices that skip it go with it. */
import { fragment } from '../../database/fragments.ts'
import type { Deps } from '../../deps.ts'
import { mailed } from '../../mail/outbox.ts'
import { secondStepOff, secondStepTakenOff } from '../../mail/second-step-notices.ts'
import { type Device, noted, OPERATOR } from '../activity.ts'
import { type Notice, noticeTo } from '../links/not-me.ts'
import { findUser, type User } from '../users.ts'
import { withoutSecondStep } from './recovery-codes.ts'
import { noticeFor } from './second-steps.ts'

/** Switches it off. Harmless when it is off already. */
export async function switchSecondStepOff(deps: Deps, user: User, device: Device): Promise<void> {
  const notice = await noticeFor(deps, user, (link) => secondStepOff(user.email, link))
  await switchOff(deps, user, { kind: 'second-step-off', notice, device })
}

/**
 * For the operator, after a check of their own that the account is whose they say: somebody has lost the app and all recovery
 * codes. The owner sees it in their list, and hears of it by mail if `notify`: always, so that nobody can use those mails up
 * beforehand. Returns false if there is nothing to switch off.
 */
export async function takeSecondStepOff(deps: Deps, userId: string, { notify }: { notify: boolean }): Promise<boolean> {
  const user = await findUser(deps.sql, userId)
  if (!user?.secondStep) return false
  const { email } = user
  const letter = (link: string) => secondStepTakenOff(email, link)
  const notice = notify && deps.mail.enabled ? noticeTo(deps, { email, now: deps.now(), letter }) : undefined
  return switchOff(deps, user, { kind: 'second-step-taken-off', notice, device: OPERATOR })
}

type Way = { kind: 'second-step-off' | 'second-step-taken-off'; notice: Notice | undefined; device: Device }

async function switchOff(
  { sql, mail, now: clock }: Deps,
  { id }: User,
  { kind, notice, device }: Way,
): Promise<boolean> {
  const changed = await sql`
    with changed as (
      update users set second_step = false where id = ${id} and second_step returning id, password_version
    ), ${withoutSecondStep(fragment`select id from changed`)}, notice as (
      ${notice ? notice.linkedTo('changed') : fragment`select`}
    ), noted as (
      ${noted(kind, 'changed', { device, now: clock() })}
    ), mailed as (
      ${mailed([notice?.row, fragment`from changed`])}
    )
    select id from changed`
  if (changed.length > 0) mail.wake()
  return changed.length > 0
}
