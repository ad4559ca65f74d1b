/** Logging out other devices, as their owner. */
import type { Sql } from '../database/database.ts'
import { type Fragment, fragment } from '../database/fragments.ts'
import { endOtherSessions, revokeSessions } from '../sessions/sessions.ts'
import { lockedUser, noted, type Occasion, OPERATOR } from './activity.ts'

const HANDLE = /^[A-Za-z0-9]{32}$/

/** Ends one session of this user with its refresh tokens, and forgets the form of the sign-up. Returns whether there was one; other people's are left alone. */
export async function revokeSession(sql: Sql, userId: string, handle: string, occasion: Occasion): Promise<boolean> {
  if (!HANDLE.test(handle)) return false
  const ended = await sql`
    with learner as (
      ${lockedUser(userId)}
    ), ended as (
      delete from sessions where handle = ${handle} and user_id in (select id from learner) returning user_id as id
    ), forgotten as (
      update users set sign_up_form = null where id in (select id from ended) and sign_up_form is not null
    )
    ${noted('session-ended', 'ended', occasion)}`
  return ended.length > 0
}

/**
 * Ends all sessions of this user except the one with this handle, and makes all their devices strangers. Returns the
 * versions with which the device that asks can be made known again; undefined when the account is gone.
 */
export async function revokeOtherSessions(
  sql: Sql,
  userId: string,
  handle: string,
  occasion: Occasion,
): Promise<{ devicesVersion: number; passwordVersion: number } | undefined> {
  const [learner] = await sql<{ devicesVersion: number; passwordVersion: number }>`
    with learner as (
      ${withStrangeDevices(userId)}
    ), ended as (
      delete from sessions where user_id in (select id from learner) and handle <> ${handle} returning user_id as id
    ), noted as (
      ${noted('sessions-ended', 'ended', occasion)}
    )
    select devices_version, password_version from learner`
  // A session that was getting a new id just then is not among those that our delete saw. Delete again.
  if (learner) await endOtherSessions(sql, userId, handle)
  return learner
}

/** Ends all sessions of this user, and makes all their devices strangers. */
export async function revokeEverySession(sql: Sql, userId: string): Promise<void> {
  await sql`
    with learner as (
      ${withStrangeDevices(userId)}
    )
    delete from sessions where user_id in (select id from learner)`
}

/** The same by an operator, noted for the owner. Returns how many sessions it were, or undefined when the account is gone. */
export async function signOutByOperator(sql: Sql, userId: string, now: number): Promise<number | undefined> {
  const [ended] = await sql<{ sessions: number }>`
    with learner as (
      ${withStrangeDevices(userId)}
    ), ended as (
      delete from sessions where user_id in (select id from learner) returning 1 as one
    ), noted as (
      ${noted('signed-out-by-operator', 'learner', { device: OPERATOR, now })}
    )
    select (select count(*) from ended)::int as sessions from learner`
  // A login racing this statement may have added a session after our delete took its snapshot. Delete again.
  if (ended) await revokeSessions(sql, userId)
  return ended?.sessions
}

/** Also forgets the form of the sign-up, which would begin the session again that it began at first. */
const withStrangeDevices = (userId: string): Fragment => fragment`
  update users set devices_version = devices_version + 1, sign_up_form = null where id = ${userId} 
  returning id, devices_version, password_version`
