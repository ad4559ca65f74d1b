/** All that is known of a learner's studies, read in one round trip: answers, progress, plan. */
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import { asWeeklyHours, calendarHash, type PlanSettings } from './plan-settings.ts'
import { BLANK_PROFILE, PROFILE_COLUMNS, type Profile, type ProfileRow, profileIn } from './profiles.ts'
import { type Progress, type ProgressState, progressIn } from './progress.ts'

export type LearnerRecord = { profile: Profile; progress: Progress; plan: PlanSettings }

/** Moments in JSON are text. */
type MarkInJson = {
  lessonId: string
  state: ProgressState
  before: ProgressState | null
  beganAt: string | null
  updatedAt: string
  isReplacing: boolean
}

type Row = ProfileRow & {
  userId: string
  hasProfile: boolean
  progress: MarkInJson[]
  weeklyHours: number | null
  calendarSince: Date | null
}

const RECORD = fragment`
  select u.id as user_id, p.user_id is not null as has_profile, ${PROFILE_COLUMNS},
    l.weekly_hours, l.calendar_since,
    (
      select coalesce(json_agg(json_build_object('lessonId', g.lesson_id, 'state', g.state, 'before', g.before,
        'beganAt', g.began_at, 'updatedAt', g.updated_at, 'isReplacing', g.replaced is not null)), '[]')
      from progress g where g.user_id = u.id
    ) as progress
  from users u
  left join profiles p on p.user_id = u.id
  left join plans l on l.user_id = u.id`

/** That of a learner. Somebody whose account is gone has an empty one. */
export async function findRecord(sql: Sql, userId: string): Promise<LearnerRecord> {
  const [row] = await sql<Row>`${RECORD} where u.id = ${userId}`
  return recordIn(row)
}

/** Whose calendar has this secret, and their record; undefined for nobody. */
export async function findRecordByCalendar(
  sql: Sql,
  token: string,
): Promise<{ userId: string; record: LearnerRecord } | undefined> {
  const hash = calendarHash(token)
  if (hash === undefined) return undefined
  const [row] = await sql<Row>`${RECORD} where l.calendar_hash = ${hash}`
  return row && { userId: row.userId, record: recordIn(row) }
}

function recordIn(row: Row | undefined): LearnerRecord {
  const marks = (row?.progress ?? []).map((mark) => ({
    ...mark,
    beganAt: mark.beganAt === null ? null : new Date(mark.beganAt),
    updatedAt: new Date(mark.updatedAt),
  }))
  return {
    profile: row?.hasProfile ? profileIn(row) : BLANK_PROFILE,
    progress: progressIn(marks),
    plan: {
      weeklyHours: asWeeklyHours(row?.weeklyHours ?? null),
      calendarSince: row?.calendarSince ?? undefined,
    },
  }
}
