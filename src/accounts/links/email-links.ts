/**
 * The links in mails (ASVS 6.4.1, 6.5): stored as hashes, for one purpose, one address and one use. Only the newest link
 * for a purpose is good, but for those of notices. A changed password also ends links that reset it, change the address or let
 * a device in: they may have been asked for by the intruder whom the new password shuts out.
 */
import { sha256 } from '../../base/digest.ts'
import { LearnerGone } from '../../base/failures.ts'
import { newId } from '../../base/ids.ts'
import type { Sql } from '../../database/database.ts'
import { type Fragment, fragment, identifier } from '../../database/fragments.ts'
import type { Pruning } from '../../database/pruning.ts'
import { USER_COLUMNS } from '../../database/user-columns.ts'
import type { Deps } from '../../deps.ts'
import { networkOf } from '../../limits/networks.ts'
import type { TooManyTries } from '../../limits/rate-limits.ts'
import { LINK_LASTS_MS, nothing } from '../../mail/letters.ts'
import { type Draft, mailed } from '../../mail/outbox.ts'
import { type ActivityKind, type Device, noted } from '../activity.ts'
import { findUser, type User } from '../users.ts'
import { type Counted, countMail } from './counted-mails.ts'
import { found, leavesAt } from './holder.ts'

const DAY = 24 * 60 * 60_000
/** 142 bits, in the form that clients of Better Auth expect. */
const TOKEN_LENGTH = 24
const TOKEN = /^[A-Za-z0-9]{24}$/
/** For this long after its end, a link can still say what became of it. */
const KEPT_MS = 7 * DAY

/** Links that undo a deletion last as long as its grace. */
type Purpose = keyof typeof LINK_LASTS_MS | 'undo-deletion'
type LinkState = 'good' | 'expired' | 'used' | 'superseded' | 'cancelled'
export type Link = {
  state: LinkState
  purpose: Purpose
  /** The address that the link was mailed to. */
  email: string
  user: User
}

/** Whether the account already has this address, confirmed: then opening the link again is no mistake. */
export const isDone = ({ email, user }: Link): boolean => user.email === email && user.emailVerified

export const newToken = (): string => newId().slice(0, TOKEN_LENGTH)
export const hashed = (token: string): string => sha256(token)

type Row = User & {
  purpose: Purpose
  sentTo: string
  expiresAt: Date
  usedAt: Date | null
  cancelledAt: Date | null
  current: boolean
}

/** The link with this token and what became of it; undefined if it never existed or ended long ago. */
async function findLink(sql: Sql, token: string, now: number): Promise<Link | undefined> {
  if (!TOKEN.test(token)) return undefined
  const [row] = await sql<Row>`
    select t.purpose, t.email as sent_to, t.expires_at, t.used_at, t.cancelled_at,
      exists (select 1 from current_links c where c.token_hash = t.token_hash) as current, ${USER_COLUMNS}
    from email_tokens t join all_users u on u.id = t.user_id
    where t.token_hash = ${hashed(token)} and (u.delete_at is null or t.purpose = 'undo-email-change')`
  if (row === undefined) return undefined
  const { purpose, sentTo, expiresAt, usedAt, cancelledAt, current, ...user } = row
  return { state: stateOf({ usedAt, cancelledAt, expiresAt, current }, now), purpose, email: sentTo, user }
}

function stateOf(
  { usedAt, cancelledAt, expiresAt, current }: Pick<Row, 'usedAt' | 'cancelledAt' | 'expiresAt' | 'current'>,
  now: number,
): LinkState {
  if (usedAt) return 'used'
  if (cancelledAt) return 'cancelled'
  if (expiresAt.getTime() <= now) return 'expired'
  return current ? 'good' : 'superseded'
}

/** Finds a link for one of these purposes. Tokens that do not exist are counted for the network, against guessing. */
export async function lookAtLink(
  { sql, now, rateLimits }: Deps,
  { token, purposes, ip }: { token: string; purposes: readonly Purpose[]; ip: string },
): Promise<{ ok: true; link: Link } | { ok: false; reason: 'unknown' } | TooManyTries> {
  const link = await findLink(sql, token, now())
  if (link && purposes.includes(link.purpose)) return { ok: true, link }
  const count = await rateLimits.count('unknownLinksByNetwork', networkOf(ip))
  return count.ok ? { ok: false, reason: 'unknown' } : count
}

/** Where the link of a mail leads. A caller of the API may want it to lead to a page of its own. */
export type LinkTo = (token: string) => string
export type Sent = { ok: true } | TooManyTries

export type LinkRequest = {
  email: string
  device: Device
  linkTo: LinkTo
  /** The learner who asks for a link to their own address. Undefined for somebody who is not logged in. */
  learner?: User | undefined
}

/** One feature's own part of asking for a link: which users get one, what is mailed, and what their list of events says. */
type LinkFeature = {
  purpose: keyof typeof LINK_LASTS_MS
  letter: (to: string, link: string) => Draft
  onlyUsers: Fragment
  activity?: ActivityKind
}

/**
 * Mails a link to the user with an address. If there is no such user, the answer, the cost and the time are the same.
 * @throws {LearnerGone} only to a `learner`: a stranger must not hear that an account was deleted.
 */
export async function requestLink(deps: Deps, request: LinkRequest, feature: LinkFeature): Promise<Sent> {
  const { email, device } = request
  const count = await countMail(deps, { purpose: feature.purpose, email, ip: device.ipAddress })
  if (!count.ok) return count
  await mailLink(deps, request, feature, count)
  return { ok: true }
}

/** The same where the mail is counted already. `leavesAt`, if the account is deleted and can be kept, is for the feature that asks. */
export async function mailLink(
  deps: Deps,
  { email, device, linkTo, learner }: LinkRequest,
  { purpose, letter, onlyUsers, activity }: LinkFeature,
  count: Counted,
): Promise<{ leavesAt: Date | null }> {
  const { sql, mail } = deps
  const now = deps.now()
  const token = newToken()
  const row = mail.row(letter(email, linkTo(token)))
  // Over the limit: look up an address that cannot exist, so that answer and cost stay the same and nothing is sent.
  const address = count.send ? email : ''
  const [written] = await sql<{ id: string; leavesAt: Date | null }>`
    with ${found(address)}, holder as (
      select id, password_version from found where delete_at is null and ${onlyUsers}
    ), issued as (
      ${linked({ token, purpose, email, now, mailId: row.id }, 'holder')}
    ), noted as (
      ${activity ? noted(activity, 'issued', { device, now }) : fragment`select`}
    ), mailed as (
      ${mailed([row, fragment`from issued`], [mail.row(nothing), fragment`where not exists (select 1 from issued)`])}
    )
    select id, ${leavesAt(now)} from mailed`
  mail.wake()
  if (written?.id !== row.id && learner && !(await findUser(sql, learner.id))) throw new LearnerGone()
  return { leavesAt: written?.leavesAt ?? null }
}

type NewLink = { token: string; email: string; now: number; mailId?: string | null } & (
  | { purpose: keyof typeof LINK_LASTS_MS }
  | { purpose: 'undo-deletion'; until: Date }
)

/**
 * Adds a link, as one part of a statement. `holder` names another part of it with the columns `id` and `password_version`
 * of the user, whose row it must lock against deletion. With `mailId` the learner can be told where the mail is. The link
 * is newer than all that there are and than their use, even if the clock of the server that wrote them is ahead of ours.
 */
export const linked = ({ token, email, now, mailId = null, ...link }: NewLink, holder: string): Fragment => fragment`
  insert into email_tokens (token_hash, user_id, purpose, email, password_version, created_at, expires_at, mail_id)
  select ${hashed(token)}, u.id, ${link.purpose}, ${email}, u.password_version,
    greatest(${new Date(now)}::timestamptz, (
      select max(greatest(earlier.created_at, earlier.used_at)) + interval '1 millisecond' from email_tokens earlier
      where earlier.user_id = u.id and earlier.purpose = ${link.purpose})),
    ${'until' in link ? link.until : new Date(now + LINK_LASTS_MS[link.purpose])}::timestamptz, ${mailId}
  from ${identifier(holder)} u
  returning user_id as id`

/**
 * Uses up a link, as the first parts of the statement that does what the link is for: so of many uses at the same time
 * one wins. Gives a part named `link` with the user's `id`, `email` and `password_version`, and the link's `link_id` and `linked_at`, without a
 * row if the link is not good. The user's row is locked first, as when an account is deleted, and as strongly as a change of the address
 * needs it: two statements that take two locks in different orders would wait for each other.
 */
export const usedLink = (
  { token, purpose, now }: { token: string; purpose: Purpose; now: number },
  condition: Fragment,
): Fragment => fragment`
  holder as (
    select u.id from email_tokens t join all_users u on u.id = t.user_id
    where t.token_hash = ${hashed(token)} and (u.delete_at is null or t.purpose = 'undo-email-change') for update of u
  ), link as (
    update email_tokens t set used_at = ${new Date(now)} from all_users u join holder on holder.id = u.id
    where t.token_hash = ${hashed(token)} and t.purpose = ${purpose} and t.used_at is null and t.cancelled_at is null
      and t.expires_at > ${new Date(now)} and u.id = t.user_id and ${condition}
      and t.token_hash in (select token_hash from current_links)
    returning t.user_id as id, t.email, t.password_version, t.id as link_id, t.created_at as linked_at
  )`

/** `taken`: another account has the address now. `gone`: the account was deleted, and its links with it. */
export type Used = { ok: true } | { ok: false; reason: Exclude<LinkState, 'good'> | 'taken' | 'gone' }

/** Why a link that was good a moment ago could not be used: another request has changed something since. */
export async function whyNotUsed({ sql, now }: Deps, token: string): Promise<Used> {
  const link = await findLink(sql, token, now())
  if (link === undefined) return { ok: false, reason: 'gone' }
  return { ok: false, reason: link.state === 'good' ? 'taken' : link.state }
}

/** Links that ended long ago. */
export const OLD_LINKS: Pruning = {
  table: 'email_tokens',
  key: 'token_hash',
  isOver: (now) => fragment`expires_at < ${new Date(now - KEPT_MS)}`,
}
