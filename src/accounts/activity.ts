/** What happened to an account lately, for its owner: when, from where, on which device, and never what was typed. */
import type { Sql } from '../db.ts'

const DAY = 24 * 60 * 60_000
const KEPT_MS = 30 * DAY

export const ACTIVITIES = {
  'signed-up': 'Signed up',
  'logged-in': 'Logged in',
  'login-failed': 'A login failed: wrong password',
  'session-ended': 'Signed out another device',
  'sessions-ended': 'Signed out all other devices',
  'confirm-failed': 'A check of the password failed',
  'password-changed': 'Changed the password',
  'reset-asked': 'Asked for a link to reset the password',
  'password-reset': 'Reset the password by email',
  'email-verified': 'Confirmed the email address',
  'email-change-asked': 'Asked to change the email address',
  'email-change-cancelled': 'Cancelled the change of the email address',
  'email-changed': 'Changed the email address',
  exported: 'Downloaded a copy of the data',
} as const

export type ActivityKind = keyof typeof ACTIVITIES

/** What a request says of where it comes from. */
export type Device = { ipAddress: string; userAgent: string }

export type Activity = Device & { kind: ActivityKind; at: Date }

/**
 * Returns whether it was noted: not when the account is gone. Holds the user's row first, so a deletion comes before it or
 * after it; without that, its foreign key would fail.
 */
export async function recordActivity(
  sql: Sql,
  { userId, kind, device, now }: { userId: string; kind: ActivityKind; device: Device; now: number },
): Promise<boolean> {
  const noted = await sql`
    insert into activity (user_id, kind, at, ip_address, user_agent)
    select id, ${kind}, ${new Date(now)}::timestamptz, ${device.ipAddress}, ${device.userAgent}
    from users where id = ${userId} for key share
    returning 1 as noted`
  return noted.length > 0
}

/** The latest first. */
export function listActivity(sql: Sql, userId: string, limit: number): Promise<Activity[]> {
  return sql<Activity>`
    select kind, at, ip_address, user_agent from activity
    where user_id = ${userId} order by id desc limit ${limit}`
}

/** Deletes up to `limit` entries older than 30 days, and returns how many. */
export async function pruneActivity(sql: Sql, now: number, limit: number): Promise<number> {
  const gone = await sql`
    delete from activity
    where id in (select id from activity where at < ${new Date(now - KEPT_MS)} limit ${limit})
    returning 1 as gone`
  return gone.length
}
