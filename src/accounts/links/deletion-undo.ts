/** Taking a deletion back by the link in its mail, or making it final, while its grace lasts. */
import type { Sql } from '../../database/database.ts'
import { type Fragment, fragment } from '../../database/fragments.ts'
import type { Deps } from '../../deps.ts'
import { networkOf } from '../../limits/networks.ts'
import type { TooManyTries } from '../../limits/rate-limits.ts'
import { nothing } from '../../mail/letters.ts'
import { accountLeaving } from '../../mail/notices.ts'
import { mailed } from '../../mail/outbox.ts'
import { undoLink } from '../account-deletion.ts'
import { type Device, noted } from '../activity.ts'
import type { Counted } from './counted-mails.ts'
import { hashed, linked, newToken } from './email-links.ts'

/** `isFinal`: it can be made final before its time. `over`: its time has passed, and the account is deleted for good within minutes. `used`: the account was kept. */
export type Undo = { state: 'open' | 'used' | 'over'; email: string; until: Date; isFinal: boolean }

/** Whether somebody can still put the address of before back on the account `u`: it may be theirs. */
const isHeld = (now: number): Fragment => fragment`exists (
  select 1 from email_tokens held
  where held.user_id = u.id and held.purpose = 'undo-email-change' and held.used_at is null
    and held.cancelled_at is null and held.expires_at > ${new Date(now)})`

/** What became of the deletion that this link undoes; undefined if there is no such link, or the account is gone. */
async function findUndo(sql: Sql, token: string, now: number): Promise<Undo | undefined> {
  const [row] = await sql<{ email: string; usedAt: Date | null; expiresAt: Date; isFinal: boolean }>`
    select u.email, t.used_at, t.expires_at, not ${isHeld(now)} as is_final
    from email_tokens t join all_users u on u.id = t.user_id
    where t.token_hash = ${hashed(token)} and t.purpose = 'undo-deletion'`
  if (row === undefined) return undefined
  const ended = row.expiresAt.getTime() <= now ? 'over' : 'open'
  return { state: row.usedAt ? 'used' : ended, email: row.email, until: row.expiresAt, isFinal: row.isFinal }
}

/** Finds a link that undoes a deletion. Tokens that do not exist are counted for the network, against guessing. */
export async function lookAtUndo(
  { sql, now, rateLimits }: Deps,
  { token, ip }: { token: string; ip: string },
): Promise<{ ok: true; undo: Undo } | { ok: false; reason: 'unknown' } | TooManyTries> {
  const undo = await findUndo(sql, token, now())
  if (undo) return { ok: true, undo }
  const count = await rateLimits.count('unknownLinksByNetwork', networkOf(ip))
  return count.ok ? { ok: false, reason: 'unknown' } : count
}

/**
 * Mails another link to undo the deletion, in place of the reset or the code that somebody has asked for: without it, whoever has lost
 * the first mail could neither come back nor find out why. Written like a reset of any address; the mail that was asked for is counted
 * already. `cameBack`: the account is not deleted any more, so nothing was mailed.
 */
export async function mailUndo(deps: Deps, email: string, until: Date, count: Counted): Promise<{ cameBack: boolean }> {
  const { sql, mail } = deps
  const now = deps.now()
  const token = newToken()
  const row = mail.row(accountLeaving(email, { link: undoLink(deps, token), until, lastsMs: until.getTime() - now }))
  // Over the limit: look up an address that cannot exist, so that answer and cost stay the same and nothing is sent.
  const address = count.send ? email : ''
  const [written] = await sql<{ id: string }>`
    with holder as (
      select id, password_version from all_users
      where email = ${address} and delete_at = ${until} and delete_at > ${new Date(now)} for key share
    ), issued as (
      ${linked({ token, purpose: 'undo-deletion', email, now, until }, 'holder')}
    )
    ${mailed([row, fragment`from issued`], [mail.row(nothing), fragment`where not exists (select 1 from issued)`])}`
  mail.wake()
  return { cameBack: count.send && written?.id !== row.id }
}

/** The deleted account of a link, as the first part of a statement, with its row locked: of undo and pruning one wins. */
const leavingBy = (token: string, now: number): Fragment => fragment`
  leaving as (
    select id from all_users
    where delete_at > ${new Date(now)} and id = (
      select user_id from email_tokens
      where token_hash = ${hashed(token)} and purpose = 'undo-deletion' and used_at is null
    )
    for update
  )`

/**
 * Takes the deletion back: name, password, answers and progress are there again. Nobody is logged in by it, and what has
 * ended stays ended. Returns false if the link is not good, or another request was quicker.
 */
export async function undoDeletion(deps: Deps, token: string, device: Device): Promise<boolean> {
  const nothing = fragment`select`
  return keep(deps, token, { device, takenBack: fragment`delete_at = null`, issued: nothing, ended: nothing })
}

/**
 * The same for an owner who did not delete the account: somebody else knows the password, so it is worthless from now on, and so are the passkeys.
 * Returns the token of a link with which a new one is set, or undefined if the link is not good.
 */
export async function undoForeignDeletion(
  deps: Deps,
  token: string,
  { email, device }: { email: string; device: Device },
): Promise<string | undefined> {
  const resetToken = newToken()
  const takenBack = fragment`delete_at = null, password_hash = null, password_version = password_version + 1,
    devices_version = devices_version + 1`
  const issued = linked({ token: resetToken, purpose: 'reset-password', email, now: deps.now() }, 'kept')
  const ended = fragment`delete from passkeys where user_id in (select id from kept)`
  return (await keep(deps, token, { device, takenBack, issued, ended })) ? resetToken : undefined
}

async function keep(
  { sql, now: clock }: Deps,
  token: string,
  { device, takenBack, issued, ended }: { device: Device; takenBack: Fragment; issued: Fragment; ended: Fragment },
): Promise<boolean> {
  const now = clock()
  const kept = await sql`
    with ${leavingBy(token, now)}, kept as (
      update all_users set ${takenBack} where id in (select id from leaving) returning id, email, password_version
    ), issued as (
      ${issued}
    ), ended as (
      ${ended}
    ), used as (
      update email_tokens set used_at = ${new Date(now)}
      where user_id in (select id from kept) and purpose = 'undo-deletion' and used_at is null
    ), links_ended as (
      delete from email_tokens where user_id in (select id from kept) and purpose not in ('undo-deletion', 'undo-email-change', 'undo-second-step')
    ), logins_ended as (
      delete from login_tickets where user_id in (select id from kept)
    ), codes_ended as (
      delete from mailed_codes where user_id in (select id from kept)
    ), sessions_ended as (
      delete from sessions where user_id in (select id from kept)
    ), noted as (
      ${noted('deletion-undone', 'kept', { device, now })}
    )
    select id from kept`
  return kept.length > 0
}

/** Deletes the account for good before its time, which frees the address. Returns false as `undoDeletion` does. */
export async function deleteForGood({ sql, now: clock }: Deps, token: string): Promise<boolean> {
  const now = clock()
  const deleted = await sql`
    with ${leavingBy(token, now)}
    delete from all_users u where id in (select id from leaving) and not ${isHeld(now)} returning 1 as deleted`
  return deleted.length > 0
}
