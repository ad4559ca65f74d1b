/** How many learners came how far, counted from what is there anyway: nobody is followed. */
import type { Sql } from '../db.ts'

export type Funnel = {
  signedUp: number
  began: number
  /** Came to the end of the questions and answered one or more. */
  finished: number
  /** Came to the end and skipped them all. */
  skipped: number
  /** Has marked a lesson. */
  learning: number
}

export async function countFunnel(sql: Sql): Promise<Funnel> {
  const [row] = await sql<Funnel>`
    select
      count(*)::int as signed_up,
      count(p.user_id)::int as began,
      count(*) filter (where p.saved_at is not null and answered)::int as finished,
      count(*) filter (where p.saved_at is not null and not answered)::int as skipped,
      count(*) filter (where exists (select from progress where progress.user_id = users.id))::int as learning
    from users
    left join profiles p on p.user_id = users.id
    left join lateral (
      select coalesce(p.software_experience, p.skill_level, p.primary_focus, p.project_goals_text) is not null
        or cardinality(p.programming_languages || p.hardware_access || p.project_goals) > 0 as answered
    ) on true`
  return row ?? { signedUp: 0, began: 0, finished: 0, skipped: 0, learning: 0 }
}
