/**
 * Suspending an account, and opening it again, by an operator. Whoever logs in with the right password is told; to everybody
 * else the address is one that is taken. What is in the account stays, and so do its links: a new password may be set by
 * mail, but does not log in either.
 */
import { fragment } from '../database/fragments.ts'
import type { Deps } from '../deps.ts'
import { accountResumed, accountSuspended } from '../mail/notices.ts'
import { mailed } from '../mail/outbox.ts'
import { noted, OPERATOR } from './activity.ts'

type Account = { id: string; email: string }

/**
 * Suspends an account, also one that is deleted and may come back. Its sessions end in the same moment, by a trigger, and
 * with them its refresh tokens and, by the status list, its access tokens. `notify` mails its owner. Returns false if the
 * account is gone or suspended already.
 */
export async function suspendAccount(
  deps: Deps,
  { id, email }: Account,
  { reason, notify }: { reason: string; notify: boolean },
): Promise<boolean> {
  const { sql, mail } = deps
  const now = deps.now()
  const notice = notify && mail.enabled ? mail.row(accountSuspended(email, `${mail.origin}/help`)) : undefined
  const suspended = await sql`
    with suspended as (
      update all_users set suspended_at = ${new Date(now)}, suspended_reason = ${reason}, sign_up_form = null
      where id = ${id} and suspended_at is null returning id
    ), noted as (
      ${noted('suspended', 'suspended', { device: OPERATOR, now })}
    ), mailed as (
      ${mailed([notice, fragment`from suspended`])}
    )
    select id from suspended`
  mail.wake()
  return suspended.length > 0
}

/** Opens a suspended account again. Returns false if it is gone or was not suspended. */
export async function resumeAccount(
  deps: Deps,
  { id, email }: Account,
  { notify }: { notify: boolean },
): Promise<boolean> {
  const { sql, mail } = deps
  const now = deps.now()
  const notice = notify && mail.enabled ? mail.row(accountResumed(email, `${mail.origin}/login`)) : undefined
  const resumed = await sql`
    with resumed as (
      update all_users set suspended_at = null, suspended_reason = null
      where id = ${id} and suspended_at is not null returning id
    ), noted as (
      ${noted('resumed', 'resumed', { device: OPERATOR, now })}
    ), mailed as (
      ${mailed([notice, fragment`from resumed`])}
    )
    select id from resumed`
  mail.wake()
  return resumed.length > 0
}
