/** Signing out other devices, as their owner. */
import type { Sql } from '../database/database.ts'
import { lockedUser, noted, type Occasion } from './activity.ts'

const HANDLE = /^[A-Za-z0-9]{32}$/

/** Ends one session of this user with its refresh tokens. Returns whether there was one; other people's are left alone. */
export async function revokeSession(sql: Sql, userId: string, handle: string, occasion: Occasion): Promise<boolean> {
  if (!HANDLE.test(handle)) return false
  const ended = await sql`
    with learner as (
      ${lockedUser(userId)}
    ), ended as (
      delete from sessions where handle = ${handle} and user_id in (select id from learner) returning user_id as id
    )
    ${noted('session-ended', 'ended', occasion)}`
  return ended.length > 0
}

/** Ends all sessions of this user except the one with this handle. */
export async function revokeOtherSessions(sql: Sql, userId: string, handle: string, occasion: Occasion): Promise<void> {
  await sql`
    with learner as (
      ${lockedUser(userId)}
    ), ended as (
      delete from sessions where user_id in (select id from learner) and handle <> ${handle} returning user_id as id
    )
    ${noted('sessions-ended', 'ended', occasion)}`
}
