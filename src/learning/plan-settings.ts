/** What a learner has said about their plan, and the secret address of its calendar. */
import { sha256 } from '../base/digest.ts'
import { LearnerGone } from '../base/failures.ts'
import { newId } from '../base/ids.ts'
import type { Sql } from '../database/database.ts'
import { WEEKLY_HOURS, type WeeklyHours } from './plan.ts'

export type PlanSettings = {
  /** Undefined where the learner did not say. */
  weeklyHours: WeeklyHours | undefined
  /** Since when the calendar has its address; undefined when it has none. */
  calendarSince: Date | undefined
}

/** 190 bits (`newId`). */
const TOKEN = /^[A-Za-z0-9]{32}$/
/** The hash by which a calendar is found; undefined for what cannot be the token of one. */
export const calendarHash = (token: string): string | undefined => (TOKEN.test(token) ? sha256(token) : undefined)

export const asWeeklyHours = (hours: number | null): WeeklyHours | undefined =>
  WEEKLY_HOURS.find((known) => known === hours)

// Both lock the learner's row against deletion first, as `lockedUser` in accounts explains.

/**
 * Sets how many hours a week the learner has; undefined for not said.
 * @throws {LearnerGone}
 */
export async function setWeeklyHours(sql: Sql, userId: string, hours: WeeklyHours | undefined): Promise<void> {
  const kept = await sql`
    insert into plans (user_id, weekly_hours)
    select id, ${hours ?? null}::integer from users where id = ${userId}
    for key share
    on conflict (user_id) do update set weekly_hours = excluded.weekly_hours
    returning 1 as kept`
  if (kept.length === 0) throw new LearnerGone()
}

/**
 * Gives the calendar a new address and returns its secret part. One it had before is no longer good. Only a hash is kept, so
 * this is the only time that it can be told.
 * @throws {LearnerGone}
 */
export async function openCalendar(sql: Sql, userId: string, now: number): Promise<string> {
  const token = newId()
  const kept = await sql`
    insert into plans (user_id, calendar_hash, calendar_since)
    select id, ${sha256(token)}::text, ${new Date(now)}::timestamptz from users where id = ${userId}
    for key share
    on conflict (user_id) do update set
      calendar_hash = excluded.calendar_hash, calendar_since = excluded.calendar_since
    returning 1 as kept`
  if (kept.length === 0) throw new LearnerGone()
  return token
}

/** Withdraws the address of the calendar. Without one, nothing happens. */
export async function closeCalendar(sql: Sql, userId: string): Promise<void> {
  await sql`update plans set calendar_hash = null, calendar_since = null where user_id = ${userId}`
}
