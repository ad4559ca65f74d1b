/** Rows of sessions, seen from outside of a request: reading them, finding whose they are, ending them. */
import { z } from 'zod'
import type { User } from '../accounts/users.ts'
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'
import { USER_COLUMNS, USER_OF_SESSION } from '../database/user-columns.ts'
import { endOf, type Term } from './lifetimes.ts'

/** The last moment that a `Date` can hold (ECMA-262, section 21.4.1.1), in milliseconds. */
const TIME_MAX_MS = 8.64e15
const Time = z.number().min(0).max(TIME_MAX_MS)

/**
 * The JSON in a row. It may have been damaged, or written by a newer version with more fields: unknown fields are left
 * out, known ones must have the right type.
 */
const StoredSession = z.object({
  userId: z.string().min(1),
  remembered: z.boolean(),
  loggedInAt: Time,
  confirmedAt: Time.default(0),
  steppedAt: Time.default(0),
  flash: z.string().optional(),
  kept: z.string().optional(),
})
export type StoredSession = z.output<typeof StoredSession>

/** The session that a row holds, or undefined if it cannot be read: then nobody is logged in by it. */
export const storedSession = (sess: unknown): StoredSession | undefined => StoredSession.safeParse(sess).data

/**
 * Deletes a row that cannot be read, since it would be read and refused again with every request. Returns true for only
 * one of several requests that find the same row, so that it is logged once.
 */
export async function removeDamagedSession(sql: Sql, handle: string): Promise<boolean> {
  const removed = await sql`delete from sessions where handle = ${handle} returning 1 as removed`
  return removed.length > 0
}

/** A login on one device. The handle names the session but does not open it. */
export type Session = {
  handle: string
  userId: string
  createdAt: Date
  seenAt: Date
  expiresAt: Date
  ipAddress: string
  userAgent: string
  /** How its learner has shown who they are (RFC 8176). */
  amr: string[]
  /** Its place in the status lists, by which verifiers of its tokens see that it has ended. */
  statusIndex: number
}

/** The open sessions of a user, the one seen last first. */
export function listSessions(sql: Sql, userId: string, now: number): Promise<Session[]> {
  return sql<Session>`
    select handle, user_id, created_at, seen_at, expire as expires_at, ip_address, user_agent, status_index, amr
    from sessions where user_id = ${userId} and expire > ${new Date(now)}
    order by seen_at desc, handle`
}

export type OpenSession = { user: User; session: Session; stored: StoredSession }

/** The open session of this user with this handle, for the answer that tells of it. */
export const findOwnSession = async (sql: Sql, userId: string, handle: string): Promise<Session | undefined> =>
  (await listSessions(sql, userId, 0)).find((session) => session.handle === handle)

type Row = User & { sess: unknown; startedAt: Date } & Omit<Session, 'createdAt' | 'userId'>

/**
 * The open session with this hashed id and its user, in one statement; undefined when it has ended. For a row that cannot be
 * read it returns only its handle and whose it was.
 */
export async function findOpenSession(
  sql: Sql,
  sid: string,
  now: number,
): Promise<OpenSession | { handle: string; userId: string } | undefined> {
  const [row] = await sql<Row>`
    select s.sess, s.handle, s.created_at as started_at, s.seen_at, s.expire as expires_at, s.ip_address, s.user_agent,
      s.status_index, s.amr, ${USER_COLUMNS}
    from sessions s ${USER_OF_SESSION}
    where s.sid = ${sid} and s.expire > ${new Date(now)}`
  if (row === undefined) return undefined
  const { sess, handle, startedAt, seenAt, expiresAt, ipAddress, userAgent, statusIndex, amr, ...user } = row
  const stored = storedSession(sess)
  if (stored === undefined) return { handle, userId: user.id }
  const ofSession = { handle, seenAt, expiresAt, ipAddress, userAgent, statusIndex, amr }
  return { user, session: { ...ofSession, userId: user.id, createdAt: startedAt }, stored }
}

type NewSession = Pick<
  Session,
  'handle' | 'userId' | 'createdAt' | 'seenAt' | 'expiresAt' | 'ipAddress' | 'userAgent' | 'amr'
> & {
  /** The hashed id, and the JSON of the row. */
  sid: string
  sess: string
  /** The version of the password that was checked. */
  passwordVersion: number
  /** Whether the account needed a second step then. */
  secondStep: boolean
  /** The hashed id of the session that goes on as this one, which then must still be open. */
  replaces: string | undefined
}

/**
 * Begins a session while the account is there, not suspended, and has this password and second step or none, and ends the one
 * that it replaces. Returns false otherwise, also when that one has ended meanwhile. If the session is there already, as when a
 * form is sent twice, it goes on.
 */
export async function beginSession(sql: Sql, session: NewSession): Promise<boolean> {
  const {
    sid,
    sess,
    handle,
    userId,
    createdAt,
    seenAt,
    expiresAt,
    ipAddress,
    userAgent,
    passwordVersion,
    secondStep,
    amr,
    replaces,
  } = session
  // The form of a sign-up begins the session once more that it began at first, which must not come back.
  const replaced = fragment`replaced as (
      delete from sessions where sid = ${replaces ?? null} and user_id in (select id from owner) returning user_id
    ), forgotten as (
      update users set sign_up_form = null where id in (select user_id from replaced) and sign_up_form is not null
    ), `
  const [begun] = await sql<{ offered: number; taken: number }>`
    with owner as (
      select id from users where id = ${userId} and password_version = ${passwordVersion} and suspended_at is null
        and second_step = ${secondStep}
      ${replaces === undefined ? fragment`for share` : fragment`for no key update`}
    ), ${replaces === undefined ? fragment`` : replaced}place as (
      select take_status_index() as status_index from ${replaces === undefined ? fragment`owner` : fragment`replaced`}
    ), begun as (
      insert into sessions (sid, sess, handle, ip_address, user_agent, expire, created_at, seen_at, amr, status_index)
      select ${sid}, ${sess}::text::json, ${handle}, ${ipAddress}, ${userAgent}, ${expiresAt}::timestamptz,
        ${createdAt}::timestamptz, ${seenAt}::timestamptz, ${amr}::text[], status_index
      from place
      on conflict (sid) do update set seen_at = excluded.seen_at
      returning status_index
    )
    select place.status_index as offered, begun.status_index as taken from place, begun`
  // Nobody knows of the place that was not needed. It would be held for ever.
  if (begun && begun.offered !== begun.taken)
    await sql`delete from token_status where status_index = ${begun.offered} and ended_at is null`
  return begun !== undefined
}

/** Notes that a session is in use at `now`, which moves its idle limit. */
export async function touchSession(sql: Sql, sid: string, term: Term, now: number): Promise<void> {
  await sql`update sessions set expire = ${endOf(term, now)}, seen_at = ${new Date(now)} where sid = ${sid}`
}

/** The user of an open session; undefined when the session or the user is gone, or the row cannot be read. */
export async function findUserOfSession(sql: Sql, handle: string, now: number): Promise<User | undefined> {
  const [row] = await sql<User & { sess: unknown }>`
    select s.sess, ${USER_COLUMNS}
    from sessions s ${USER_OF_SESSION}
    where s.handle = ${handle} and s.expire > ${new Date(now)}`
  if (row === undefined || !storedSession(row.sess)) return undefined
  const { sess: _, ...user } = row
  return user
}

/** Ends all sessions of this user, and their refresh tokens by a foreign key. */
export async function revokeSessions(sql: Sql, userId: string): Promise<void> {
  await sql`delete from sessions where user_id = ${userId}`
}

/** Ends all sessions of this user but the one with this handle. */
export async function endOtherSessions(sql: Sql, userId: string, handle: string): Promise<void> {
  await sql`delete from sessions where user_id = ${userId} and handle <> ${handle}`
}

/** Sessions that are over. Nobody can use them; deleting them frees the space. */
export const OLD_SESSIONS: Pruning = {
  table: 'sessions',
  key: 'sid',
  isOver: (now) => fragment`expire < ${new Date(now)}`,
}
