/**
 * What must be true of the whole database at every moment, whatever was cut off, killed or done at the same time. It holds for
 * a database that was filled through the front door and, since lists of events are cleared after 30 days, lately.
 */
import assert from 'node:assert/strict'
import type { Sql } from '../../src/database/database.ts'
import { type Fragment, fragment, joined } from '../../src/database/fragments.ts'

export type Broken = { invariant: string; subject: string; count: number }

type Given = {
  /** The clock of the server, in milliseconds: a test may have moved it. */
  now: number
  /** Whether mail is on. Without it nobody gets a link at the sign-up. */
  mail: boolean
  /** Whether deletions have a grace. Without it nobody who has left is still there. */
  grace: boolean
}

/** Events after which no earlier session may be open. */
const ENDS_SESSIONS = [
  'password-reset',
  'account-claimed',
  'not-me',
  'email-put-back',
  'second-step-undone',
  'deletion-asked',
  'deletion-undone',
  'signed-out-by-operator',
  'suspended',
]
/** A mail that could not be sent is tried again after five minutes at most. Whoever sends it holds it for less. */
const PUT_OFF_MAX_MS = 6 * 60_000
const DAY = 24 * 60 * 60_000

/** Each selects, as `subject`, what breaks it. */
const INVARIANTS: Record<string, (given: Given) => Fragment> = {
  'an address has one account, also among those who have left': () => fragment`
    select min(id) as subject from all_users group by lower(email) having count(*) > 1`,
  'nobody is half signed up: an account has the event of its sign-up, once': () => fragment`
    select u.id as subject from all_users u
    where (select count(*) from activity a where a.user_id = u.id and a.kind = 'signed-up') <> 1`,
  'an account that was never left has the link that confirms its address': ({ mail }) => fragment`
    select u.id as subject from all_users u where ${mail}
      and not exists (select from email_tokens t where t.user_id = u.id and t.purpose = 'verify-email')
      and not exists (select from activity a where a.user_id = u.id and a.kind = 'deletion-asked')`,
  'nobody is both there and deleted for good': () => fragment`
    select id as subject from deleted_users where id in (select id from all_users)`,
  'whoever has left has a way back, unused': ({ grace }) => fragment`
    select u.id as subject from all_users u where u.delete_at is not null and ${grace}
      and not exists (
        select from email_tokens t
        where t.user_id = u.id and t.purpose = 'undo-deletion' and t.used_at is null and t.cancelled_at is null
      )`,

  'a session belongs to somebody who is there and not suspended': () => fragment`
    select s.handle as subject from sessions s
    where not exists (select from users u where u.id = s.user_id and u.suspended_at is null)`,
  'no session is older than what ended all of them': () => fragment`
    select s.handle as subject from sessions s
    where s.created_at < (
      select max(a.at) from activity a where a.user_id = s.user_id and a.kind = any(${ENDS_SESSIONS})
    )`,
  'a session began by a sign-up or a login that is noted': () => fragment`
    select s.handle as subject from sessions s
    where not exists (
      select from activity a where a.user_id = s.user_id and a.kind in ('signed-up', 'logged-in', 'password-changed')
    )`,
  'no session outlives its absolute limit': () => fragment`
    select handle as subject from sessions where expire > created_at + interval '30 days 1 minute'`,
  'an open session has a place of its own in the status lists, and is good there': () => fragment`
    select s.handle as subject from sessions s
    where not exists (select from token_status t where t.status_index = s.status_index and t.ended_at is null)
      or exists (select from sessions o where o.status_index = s.status_index and o.sid <> s.sid)`,
  'a place in the status lists that has not ended belongs to a session': () => fragment`
    select t.status_index::text as subject from token_status t
    where t.ended_at is null and not exists (select from sessions s where s.status_index = t.status_index)`,

  'a passkey is one of an account that authenticators know by a handle': () => fragment`
    select p.id as subject from passkeys p where not exists (select from passkey_handles h where h.user_id = p.user_id)`,
  'no passkey is older than what ended all of them': () => fragment`
    select p.id as subject from passkeys p
    where p.created_at < (
      select max(a.at) from activity a
      where a.user_id = p.user_id and a.kind in ('not-me', 'email-put-back', 'account-claimed', 'claimed-by-code')
    )`,

  'a family of refresh tokens has exactly one that is not used': () => fragment`
    select f.id as subject from refresh_families f
    where (select count(*) from refresh_tokens t where t.family = f.id and t.used_at is null) <> 1`,
  'no refresh token outlives its family, and no family its session’s absolute limit': () => fragment`
    select f.id as subject from refresh_families f join sessions s on s.handle = f.session_handle
    where f.expires_at > s.created_at + interval '30 days 1 minute'
      or exists (select from refresh_tokens t where t.family = f.id and t.expires_at > f.expires_at)`,

  'for a purpose one link is good, but for those of notices': ({ now }) => fragment`
    select min(t.token_hash) as subject from email_tokens t join current_links c on c.token_hash = t.token_hash
    where t.used_at is null and t.cancelled_at is null and t.expires_at > ${new Date(now)}::timestamptz
      and t.purpose not in ('not-me', 'undo-email-change')
    group by t.user_id, t.purpose having count(*) > 1`,
  'whoever has left has no link but those that lead back': () => fragment`
    select t.token_hash as subject from email_tokens t join all_users u on u.id = t.user_id
    where u.delete_at is not null and t.purpose not in ('undo-deletion', 'undo-email-change', 'undo-second-step')`,
  'a used link has done its work': () => fragment`
    select t.token_hash as subject from email_tokens t join all_users u on u.id = t.user_id
    where t.used_at is not null and (
      (t.purpose = 'verify-email' and t.email = u.email and not u.email_verified)
      or (t.purpose in ('reset-password', 'not-me', 'undo-second-step') and u.password_version <= t.password_version)
      or (t.purpose = 'change-email' and not exists (
        select from activity a where a.user_id = u.id and a.kind = 'email-changed'
      ))
      or (t.purpose = 'new-device' and not exists (
        select from activity a where a.user_id = u.id and a.kind = 'device-let-in'
      ))
      or (t.purpose = 'undo-deletion' and not exists (
        select from activity a where a.user_id = u.id and a.kind = 'deletion-undone'
      ))
    )`,
  'no link comes from a password that is still to be set': () => fragment`
    select t.token_hash as subject from email_tokens t join all_users u on u.id = t.user_id
    where t.password_version > u.password_version`,
  'a change of a password that is noted was made': () => fragment`
    select u.id as subject from all_users u
    where u.password_version < (
      select count(*) from activity a where a.user_id = u.id
        and a.kind in ('password-changed', 'password-reset', 'account-claimed', 'not-me', 'email-put-back', 'second-step-undone')
    )`,

  'an account asks for a code when a second step is switched on, and only then': () => fragment`
    select u.id as subject from all_users u
    where u.second_step <> exists (select from second_steps s where s.user_id = u.id and s.confirmed_at is not null)`,
  'recovery codes are ten at most, and belong to a second step': () => fragment`
    select c.user_id as subject from recovery_codes c left join second_steps s on s.user_id = c.user_id
    group by c.user_id having count(*) > 10 or count(s.user_id) = 0`,

  'the mail of a link that is still good waits, or is known to have gone': ({ now, mail }) => fragment`
    select t.mail_id as subject from email_tokens t
    where ${mail} and t.mail_id is not null and t.used_at is null and t.cancelled_at is null
      and t.expires_at > ${new Date(now)}::timestamptz
      and not exists (select from outbox o where o.id = t.mail_id)
      and not exists (select from mail_outcomes o where o.id = t.mail_id)`,
  'no mail that has gone waits to be sent': () => fragment`
    select o.id as subject from outbox o join mail_outcomes m on m.id = o.id`,
  'no mail waits longer than its next turn': ({ now }) => fragment`
    select id as subject from outbox where due_at > ${new Date(now + PUT_OFF_MAX_MS)}::timestamptz`,

  'whoever has come to the end of the questions has answers, and whoever has answers has come to the end':
    () => fragment`
    select u.id as subject from all_users u left join profiles p on p.user_id = u.id
    where (u.onboarded_at is null) <> (p.saved_at is null)`,
  'the address of a calendar has a beginning': () => fragment`
    select user_id as subject from plans where (calendar_hash is null) <> (calendar_since is null)`,

  'a key that may sign is there': ({ now }) => fragment`
    select 'signing keys' as subject
    where exists (select from signing_keys) and not exists (
      select from signing_keys where retired_at is null and signs_from < ${new Date(now + DAY)}::timestamptz
    )`,
}

/** Looks at everything in one statement, so at one moment. Returns what is broken; nothing is what is wanted. */
export async function brokenInvariants(
  sql: Sql,
  { now = Date.now(), mail = true, grace = true }: Partial<Given> = {},
): Promise<Broken[]> {
  const looks = Object.entries(INVARIANTS).map(
    ([invariant, breaking]) => fragment`
      select ${invariant}::text as invariant, min(broken.subject) as subject, count(*) as count
      from (${breaking({ now, mail, grace })}) as broken having count(*) > 0`,
  )
  return [...(await sql<Broken>`${joined(looks, fragment` union all `)}`)]
}

/** @throws with the names of what is broken. */
export async function holdInvariants(sql: Sql, given: Partial<Given> = {}): Promise<void> {
  assert.deepEqual(await brokenInvariants(sql, given), [])
}

export const INVARIANTS_COUNT = Object.keys(INVARIANTS).length
