/** Sessions as their owner sees them, from outside of a request: how long they last, which are open, ending them. */
import { z } from 'zod'
import type { Sql } from '../db.ts'
import type { Device } from './activity.ts'
import type { User } from './users.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Idle and absolute limit of a session, in milliseconds (ASVS 7.3.1, 7.3.2). */
const BROWSER_SESSION = { idle: 2 * HOUR, absolute: 24 * HOUR }
const REMEMBERED_SESSION = { idle: 14 * DAY, absolute: 30 * DAY }

/** For how long a device keeps somebody signed in who asked for it. */
export const REMEMBERED_MS = REMEMBERED_SESSION.absolute

/** What decides how long a session lasts; `loggedInAt` in milliseconds. */
export type Term = { remembered: boolean; loggedInAt: number }

/** The last moment that a date can name (ECMA-262, section 21.4.1.1), in milliseconds. */
const TIME_MAX_MS = 8.64e15
const Time = z.number().min(0).max(TIME_MAX_MS)

/** A row may have been damaged, or written by another version, which may know more: what this one knows must be as it writes it. */
const StoredSession = z.object({
  userId: z.string().min(1),
  remembered: z.boolean(),
  loggedInAt: Time,
  confirmedAt: Time.default(0),
  flash: z.string().optional(),
  kept: z.string().optional(),
})
export type StoredSession = z.output<typeof StoredSession>

/** What stands in a row, or undefined for what does not parse as our session: that is none. */
export const storedSession = (sess: unknown): StoredSession | undefined => StoredSession.safeParse(sess).data

/**
 * Removes a row that does not parse: left in place, it would be read and refused with every visit. Returns whether it did:
 * of many requests that find it, one has.
 */
export async function removeDamagedSession(sql: Sql, handle: string): Promise<boolean> {
  const removed = await sql`delete from sessions where handle = ${handle} returning 1 as removed`
  return removed.length > 0
}

/** When a session is over however often somebody comes, in milliseconds. */
export const absoluteEndOf = ({ remembered, loggedInAt }: Term): number =>
  loggedInAt + (remembered ? REMEMBERED_SESSION : BROWSER_SESSION).absolute

/** When a session ends if nobody is seen again after `seenAt`: the earlier of its two limits. */
export function endOf(term: Term, seenAt: number): Date {
  const { idle } = term.remembered ? REMEMBERED_SESSION : BROWSER_SESSION
  return new Date(Math.min(seenAt + idle, absoluteEndOf(term)))
}

/** A login on one device. The handle names it and opens nothing. */
export type Session = {
  handle: string
  userId: string
  createdAt: Date
  seenAt: Date
  expiresAt: Date
  ipAddress: string
  userAgent: string
}

/** The open sessions of a user, the one seen last first. */
export function listSessions(sql: Sql, userId: string, now: number): Promise<Session[]> {
  return sql<Session>`
    select handle, user_id, created_at, seen_at, expire as expires_at, ip_address, user_agent
    from sessions where user_id = ${userId} and expire > ${new Date(now)}
    order by seen_at desc, handle`
}

/** The user of an open session, or undefined when either is gone, or the session is none. */
export async function findUserOfSession(sql: Sql, handle: string, now: number): Promise<User | undefined> {
  const [row] = await sql<User & { sess: unknown }>`
    select s.sess, u.id, u.name, u.email, u.email_verified, u.image, u.onboarded_at, u.created_at, u.updated_at
    from sessions s join users u on u.id = s.user_id
    where s.handle = ${handle} and s.expire > ${new Date(now)}`
  if (row === undefined || !storedSession(row.sess)) return undefined
  const { sess: _, ...user } = row
  return user
}

const HANDLE = /^[A-Za-z0-9]{32}$/

/** Who ends sessions, from where, and when. */
export type Ending = { userId: string; device: Device; now: number }

/** Ends one session of this user with its refresh tokens. Returns whether there was one: somebody else's is not touched. */
export async function revokeSession(sql: Sql, handle: string, { userId, device, now }: Ending): Promise<boolean> {
  if (!HANDLE.test(handle)) return false
  const ended = await sql`
    with holder as (
      select id from users where id = ${userId} for key share
    ), ended as (
      delete from sessions where handle = ${handle} and user_id in (select id from holder) returning user_id
    )
    insert into activity (user_id, kind, at, ip_address, user_agent)
    select user_id, 'session-ended', ${new Date(now)}::timestamptz, ${device.ipAddress}, ${device.userAgent} from ended
    returning 1 as ended`
  return ended.length > 0
}

/** Ends all sessions of this user but the one of this handle. */
export async function revokeOtherSessions(sql: Sql, handle: string, { userId, device, now }: Ending): Promise<void> {
  await sql`
    with holder as (
      select id from users where id = ${userId} for key share
    ), ended as (
      delete from sessions where user_id in (select id from holder) and handle <> ${handle} returning user_id
    )
    insert into activity (user_id, kind, at, ip_address, user_agent)
    select distinct user_id, 'sessions-ended', ${new Date(now)}::timestamptz, ${device.ipAddress}, ${device.userAgent}
    from ended`
}

/** Ends all sessions of this user. That is noted where they asked for it themselves. */
export async function revokeSessions(sql: Sql, userId: string): Promise<void> {
  await sql`delete from sessions where user_id = ${userId}`
}

/** Deletes up to `limit` sessions that are over, and returns how many. They are dead already: this frees their place. */
export async function pruneSessions(sql: Sql, now: number, limit: number): Promise<number> {
  const gone = await sql`
    delete from sessions
    where sid in (select sid from sessions where expire < ${new Date(now)} limit ${limit})
    returning 1 as gone`
  return gone.length
}
