/**
 * Deleting an account. Everything ends at once; the rows stay for a while, unseen, so that the owner can take it back by a
 * mailed link (deletion-undo.ts). `all_users` has those accounts too, `users` has not.
 */
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'
import type { Deps } from '../deps.ts'
import { accountDeleted, accountLeaving } from '../mail/notices.ts'
import { mailed, waitingFor } from '../mail/outbox.ts'
import { revokeSessions } from '../sessions/sessions.ts'
import { type Device, noted } from './activity.ts'
import { linked, newToken } from './links/email-links.ts'
import type { User } from './users.ts'

const DAY = 24 * 60 * 60_000

/** When an account that is deleted now is deleted for good; undefined if that is at once. */
export const graceEnd = ({ config, now }: Pick<Deps, 'config' | 'now'>): Date | undefined =>
  config.deletionGraceDays === 0 ? undefined : new Date(now() + config.deletionGraceDays * DAY)

/** Where the link of a mail leads that undoes a deletion. */
export const undoLink = ({ mail }: Pick<Deps, 'mail'>, token: string): string =>
  `${mail.origin}/deletion-undo/link/${token}`

/**
 * Deletes the account and mails a last notice: for good after `DELETION_GRACE_DAYS`, with the link to undo it, or at once
 * if there is no grace. Sessions, refresh tokens, links, known devices and mails that wait end now in either case. The caller has checked
 * the password, or the login was a moment ago. Harmless when the account is gone.
 */
export async function deleteAccount(deps: Deps, user: Pick<User, 'id' | 'email'>, device: Device): Promise<void> {
  const end = await endFor(deps, user.id)
  if (end === undefined) return deleteAtOnce(deps, user)
  const { sql, mail } = deps
  const { id, email } = user
  const now = deps.now()
  const token = newToken()
  const goodbye = mail.row(
    accountLeaving(email, { link: undoLink(deps, token), until: end, lastsMs: end.getTime() - now }),
  )
  // Locked as a real deletion locks it, so that statements that add a row to somebody wait, and then find nobody.
  await sql`
    with leaving as (
      select id from users where id = ${id} for update
    ), sessions_ended as (
      delete from sessions where user_id in (select id from leaving)
    ), links_ended as (
      delete from email_tokens where user_id in (select id from leaving) and purpose not in ('undo-deletion', 'undo-email-change', 'undo-second-step')
    ), mails_ended as (
      delete from outbox where ${waitingFor(mail.recipientMarks(email))} and exists (select from leaving)
    ), left_now as (
      update all_users set delete_at = ${end}, sign_up_form = null, devices_version = devices_version + 1
      where id in (select id from leaving)
      returning id, password_version
    ), noted as (
      ${noted('deletion-asked', 'left_now', { device, now })}
    ), issued as (
      ${linked({ token, purpose: 'undo-deletion', email, now, until: end }, 'left_now')}
    )
    ${mailed([goodbye, fragment`from issued`])}`
  mail.wake()
  // A login racing this statement may have added a session after our delete took its snapshot. Delete again.
  await revokeSessions(sql, id)
}

/**
 * The end of the grace, or of a link that puts the address of before back if that is later: somebody may have changed the
 * address and left so that its owner cannot come back.
 */
async function endFor(deps: Deps, userId: string): Promise<Date | undefined> {
  const [{ held } = { held: null }] = await deps.sql<{ held: Date | null }>`
    select max(expires_at) as held from email_tokens
    where user_id = ${userId} and purpose = 'undo-email-change' and used_at is null and cancelled_at is null
      and expires_at > ${new Date(deps.now())}`
  const grace = graceEnd(deps)
  if (held === null) return grace
  return grace && grace > held ? grace : held
}

/**
 * Deletes the account for good at once, for an operator: also one that is deleted already and could still come back.
 * Harmless when the account is gone.
 */
export const deleteWithoutGrace = (deps: Deps, account: Pick<User, 'id' | 'email'>): Promise<void> =>
  deleteAtOnce(deps, account, { evenLeaving: true })

/** By foreign keys, everything that belongs to the account goes with it. */
async function deleteAtOnce(
  { sql, mail }: Deps,
  { id, email }: Pick<User, 'id' | 'email'>,
  { evenLeaving = false } = {},
): Promise<void> {
  const goodbye = mail.enabled ? mail.row(accountDeleted(email)) : undefined
  await sql`
    with deleted as (
      delete from all_users where id = ${id} and (delete_at is null or ${evenLeaving}) returning id
    ), mails_ended as (
      delete from outbox where ${waitingFor(mail.recipientMarks(email))} and exists (select from deleted)
    )
    ${mailed([goodbye, fragment`from deleted`])}`
  mail.wake()
}

/**
 * When the deleted account with this address is deleted for good, or undefined if no deleted account has it. Until then
 * the address is not free.
 */
export async function findLeaving(sql: Sql, email: string): Promise<Date | undefined> {
  const [row] = await sql<{ deleteAt: Date }>`
    select delete_at from all_users where email = ${email} and delete_at is not null`
  return row?.deleteAt
}

/** Deleted accounts whose grace is over. */
export const LEFT_ACCOUNTS: Pruning = {
  table: 'all_users',
  key: 'id',
  isOver: (now) => fragment`delete_at <= ${new Date(now)}`,
}
