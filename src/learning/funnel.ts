/** How many learners came how far, counted from the rows there are. Nothing is recorded for it. */
import type { Sql } from '../database/database.ts'
import { fragment, joined } from '../database/fragments.ts'
import { ANSWER_COLUMNS } from './profiles.ts'

type Funnel = {
  signedUp: number
  began: number
  /** Reached the end of the questions and answered one or more. */
  finished: number
  /** Reached the end and skipped them all. */
  skipped: number
  /** Marked a lesson. */
  learning: number
}

const IS_ANSWERED = ANSWER_COLUMNS.map(({ kind, column }) =>
  kind === 'many' ? fragment`cardinality(p.${column}) > 0` : fragment`p.${column} is not null`,
)

export async function countFunnel(sql: Sql): Promise<Funnel> {
  const [row] = await sql<Funnel>`
    select
      count(*) as signed_up,
      count(p.user_id) as began,
      count(*) filter (where p.saved_at is not null and answered) as finished,
      count(*) filter (where p.saved_at is not null and not answered) as skipped,
      count(*) filter (where exists (select from progress where progress.user_id = users.id)) as learning
    from users
    left join profiles p on p.user_id = users.id
    left join lateral (
      select ${joined(IS_ANSWERED, fragment` or `)} as answered
    ) on true`
  return row ?? { signedUp: 0, began: 0, finished: 0, skipped: 0, learning: 0 }
}
