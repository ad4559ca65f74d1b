/** How far a learner has come with each lesson. */
import { LearnerGone } from '../base/failures.ts'
import type { Sql } from '../database/database.ts'
import type { Catalogue } from './catalogue.ts'

export const PROGRESS_STATES = ['started', 'done', 'known', 'dismissed'] as const
export type ProgressState = (typeof PROGRESS_STATES)[number]

export type LessonProgress = {
  state: ProgressState
  before: ProgressState | undefined
  /** When it was first marked; undefined for old marks. */
  beganAt: Date | undefined
  updatedAt: Date
  /** Whether it was marked as known together with others, so that all of them can be taken back at once. */
  isReplacing: boolean
}

/** By the id of the lesson. Lessons that are no longer in the catalogue are in it too, and do not count. */
export type Progress = ReadonlyMap<string, LessonProgress>

type Row = {
  lessonId: string
  state: ProgressState
  before: ProgressState | null
  beganAt: Date | null
  updatedAt: Date
  isReplacing: boolean
}

export async function findProgress(sql: Sql, userId: string): Promise<Progress> {
  return progressIn(
    await sql<Row>`
      select lesson_id, state, before, began_at, updated_at, replaced is not null as is_replacing
      from progress where user_id = ${userId}`,
  )
}

/** The progress that rows hold. */
export const progressIn = (rows: readonly Row[]): Progress =>
  new Map(
    rows.map(({ lessonId, before, beganAt, ...row }) => [
      lessonId,
      { ...row, before: before ?? undefined, beganAt: beganAt ?? undefined },
    ]),
  )

/**
 * Sets the state of a lesson; `none` means not started. Setting the same state again changes nothing, not even the time.
 * @throws {LearnerGone}
 */
export async function setProgress(
  sql: Sql,
  { userId, lessonId, state, now }: { userId: string; lessonId: string; state: ProgressState | 'none'; now: number },
): Promise<void> {
  if (state === 'none') {
    await sql`delete from progress where user_id = ${userId} and lesson_id = ${lessonId}`
    return
  }
  const at = new Date(now)
  // Locks the learner's row against deletion first, as `lockedUser` in accounts explains.
  const learner = await sql`
    with learner as (
      select id from users where id = ${userId} for key share
    ), marked as (
      insert into progress (user_id, lesson_id, state, began_at, updated_at)
      select id, ${lessonId}::text, ${state}::text, ${at}::timestamptz, ${at}::timestamptz from learner
      on conflict (user_id, lesson_id) do update set
        before = progress.state, state = excluded.state, updated_at = excluded.updated_at, replaced = null
      where progress.state <> excluded.state
    )
    select 1 as found from learner`
  if (learner.length === 0) throw new LearnerGone()
}

/**
 * Marks lessons as known, all at the time `now`, by which `takeBackKnown` finds them. Those that are done, known or put
 * aside stay as they are. Each keeps what stood there before. Returns how many were marked.
 * @throws {LearnerGone}
 */
export async function markKnown(
  sql: Sql,
  { userId, lessonIds, now }: { userId: string; lessonIds: readonly string[]; now: number },
): Promise<number> {
  const at = new Date(now)
  const [learner] = await sql<{ count: number }>`
    with learner as (
      select id from users where id = ${userId} for key share
    ), marked as (
      insert into progress (user_id, lesson_id, state, began_at, updated_at, replaced)
      select id, lesson, 'known', ${at}::timestamptz, ${at}::timestamptz, '{}'
      from learner, unnest(${lessonIds}::text[]) as lesson
      on conflict (user_id, lesson_id) do update set
        before = progress.state, state = excluded.state, updated_at = excluded.updated_at,
        replaced = jsonb_build_object('before', progress.before, 'updatedAt', progress.updated_at)
      where progress.state = 'started'
      returning 1
    )
    select (select count(*) from marked) as count from learner`
  if (learner === undefined) throw new LearnerGone()
  return learner.count
}

/** Takes back what was marked as known together at this time, so that all is as it was before. Returns how many there were. */
export async function takeBackKnown(sql: Sql, { userId, at }: { userId: string; at: number }): Promise<number> {
  const [row] = await sql<{ count: number }>`
    with begun as (
      update progress set
        state = before, before = replaced ->> 'before', updated_at = (replaced ->> 'updatedAt')::timestamptz,
        replaced = null
      where user_id = ${userId} and updated_at = ${new Date(at)} and replaced <> '{}'
      returning 1
    ), fresh as (
      delete from progress where user_id = ${userId} and updated_at = ${new Date(at)} and replaced = '{}'
      returning 1
    )
    select (select count(*) from begun) + (select count(*) from fresh) as count`
  return row?.count ?? 0
}

export function isFinished(progress: Progress, lessonId: string): boolean {
  const state = progress.get(lessonId)?.state
  return state === 'done' || state === 'known'
}

export const isStarted = (progress: Progress, lessonId: string): boolean => progress.get(lessonId)?.state === 'started'

/** How many lessons are finished, of those that the learner has not put aside. */
export function completion(
  { lessons }: Pick<Catalogue, 'lessons'>,
  progress: Progress,
): { finished: number; of: number } {
  const counted = lessons.filter(({ id }) => progress.get(id)?.state !== 'dismissed')
  return { finished: counted.filter(({ id }) => isFinished(progress, id)).length, of: counted.length }
}
