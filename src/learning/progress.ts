/** How far a learner has come with each lesson. */
import { LearnerGone } from '../base/failures.ts'
import type { Sql } from '../database/database.ts'
import type { Catalogue } from './catalogue.ts'

export const PROGRESS_STATES = ['started', 'done', 'known', 'dismissed'] as const
export type ProgressState = (typeof PROGRESS_STATES)[number]

export type LessonProgress = { state: ProgressState; before: ProgressState | undefined; updatedAt: Date }

/** By the id of the lesson. Lessons that are no longer in the catalogue are in it too, and do not count. */
export type Progress = ReadonlyMap<string, LessonProgress>

type Row = { lessonId: string; state: ProgressState; before: ProgressState | null; updatedAt: Date }

export async function findProgress(sql: Sql, userId: string): Promise<Progress> {
  const rows = await sql<Row>`select lesson_id, state, before, updated_at from progress where user_id = ${userId}`
  return new Map(
    rows.map(({ lessonId, state, before, updatedAt }) => [lessonId, { state, before: before ?? undefined, updatedAt }]),
  )
}

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
  // Locks the learner's row against deletion first, as `lockedUser` in accounts explains.
  const learner = await sql`
    with learner as (
      select id from users where id = ${userId} for key share
    ), marked as (
      insert into progress (user_id, lesson_id, state, updated_at)
      select id, ${lessonId}::text, ${state}::text, ${new Date(now)}::timestamptz from learner
      on conflict (user_id, lesson_id) do update set
        before = progress.state, state = excluded.state, updated_at = excluded.updated_at
      where progress.state <> excluded.state
    )
    select 1 as found from learner`
  if (learner.length === 0) throw new LearnerGone()
}

export const isFinished = (progress: Progress, lessonId: string): boolean =>
  ['done', 'known'].includes(progress.get(lessonId)?.state ?? '')

export const isStarted = (progress: Progress, lessonId: string): boolean => progress.get(lessonId)?.state === 'started'

/** How many lessons are finished, of those that the learner has not put aside. */
export function completion({ lessons }: Catalogue, progress: Progress): { finished: number; of: number } {
  const counted = lessons.filter(({ id }) => progress.get(id)?.state !== 'dismissed')
  return { finished: counted.filter(({ id }) => isFinished(progress, id)).length, of: counted.length }
}
