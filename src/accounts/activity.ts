/** What happened to an account lately, shown to its owner: when, where from, on which device. Never what was typed. */
import type { Sql } from '../database/database.ts'
import { type Fragment, fragment, identifier } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'

const DAY = 24 * 60 * 60_000
const KEPT_MS = 30 * DAY

export const ACTIVITIES = {
  'signed-up': 'Signed up',
  'logged-in': 'Logged in',
  'login-failed': 'A login failed: wrong password',
  'guessing-stopped': 'Too many wrong passwords: new devices need a link sent by email',
  'device-link-asked': 'Asked for a link to log in from a new device',
  'device-let-in': 'Let a new device log in, by a link sent by email',
  'session-ended': 'Logged out another device',
  'sessions-ended': 'Logged out all other devices',
  'confirm-failed': 'A check of the password failed',
  'password-changed': 'Changed the password',
  'reset-asked': 'Asked for a link to reset the password',
  'password-reset': 'Reset the password by email',
  'email-verified': 'Confirmed the email address',
  'account-claimed': 'Confirmed the email address with a new password, and ended everything from before',
  'email-change-asked': 'Asked to change the email address',
  'email-change-cancelled': 'Cancelled the change of the email address',
  'email-changed': 'Changed the email address',
  'deletion-asked': 'Deleted the account',
  'deletion-undone': 'Kept the account after all',
  'email-put-back': 'Said “It was not me”: the former email address is back, and all devices are signed out',
  'not-me': 'Said “It was not me”: all devices are signed out',
  'login-notices-on': 'Turned emails about new devices on',
  'login-notices-off': 'Turned emails about new devices off',
  'second-step-on': 'Switched the second step on',
  'second-step-off': 'Switched the second step off',
  'second-step-undone': 'Said “It was not me”: the second step is off, and all devices are signed out',
  'second-step-taken-off': 'The second step was switched off by us, after a check',
  'second-step-failed': 'A second step failed: wrong code',
  'second-step-devices-forgotten': 'Made all devices ask for the second step again',
  'recovery-codes-renewed': 'Made new recovery codes',
  'recovery-code-used': 'Used a recovery code',
  'mailed-code-asked': 'Asked for a code by email',
  'mailed-code-failed': 'A code of an email was wrong',
  'claimed-by-code': 'Confirmed the email address by a code, and ended everything from before',
  'passkey-added': 'Added a passkey',
  'passkey-removed': 'Removed a passkey',
  'passkey-copied': 'Refused a passkey that may have been copied',
  exported: 'Downloaded a copy of the data',
  'exported-by-operator': 'The people who run this site made a copy of the data',
  'verified-by-operator': 'The people who run this site confirmed the email address',
  'signed-out-by-operator': 'The people who run this site logged out all devices',
  suspended: 'The people who run this site suspended the account',
  resumed: 'The people who run this site opened the account again',
} as const

export type ActivityKind = keyof typeof ACTIVITIES

/** What a request says of where it comes from. */
export type Device = { ipAddress: string; userAgent: string }

/** What stands there for an operator, who gives a command at a terminal. */
export const OPERATOR: Device = { ipAddress: '', userAgent: '' }

/** Where and when something happens; `now` in milliseconds. */
export type Occasion = { device: Device; now: number }

export type Activity = Device & { kind: ActivityKind; at: Date }

/**
 * Adds an entry, as one part of the statement that makes the change. `part` names another part of that statement, which
 * must return the learner's id as `id` for each row that changed; without rows there is no entry.
 */
export const noted = (kind: ActivityKind, part: string, { device, now }: Occasion): Fragment => fragment`
  insert into activity (user_id, kind, at, ip_address, user_agent)
  select distinct id, ${kind}, ${new Date(now)}::timestamptz, ${device.ipAddress}, ${device.userAgent} from ${identifier(part)}
  returning 1 as noted`

/**
 * The id of a user, with their row locked against deletion until the statement ends. Every statement that adds a row to
 * somebody locks the user like this first: otherwise a deletion at the same time would make its foreign key fail.
 */
export const lockedUser = (userId: string): Fragment =>
  fragment`select id from users where id = ${userId} for key share`

/** Adds an entry by itself. Returns false when the account is gone. */
export async function recordActivity(
  sql: Sql,
  userId: string,
  kind: ActivityKind,
  occasion: Occasion,
): Promise<boolean> {
  const rows = await sql`with learner as (${lockedUser(userId)}) ${noted(kind, 'learner', occasion)}`
  return rows.length > 0
}

/** The latest first. */
export function listActivity(sql: Sql, userId: string, limit: number): Promise<Activity[]> {
  return sql<Activity>`
    select kind, at, ip_address, user_agent from activity
    where user_id = ${userId} order by at desc, id desc limit ${limit}`
}

/** Entries older than 30 days. */
export const OLD_ACTIVITY: Pruning = {
  table: 'activity',
  key: 'id',
  isOver: (now) => fragment`at < ${new Date(now - KEPT_MS)}`,
}
