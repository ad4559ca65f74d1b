/** Which accounts are deleted for good, for backends that keep data of their own. The rows are written by a trigger. */
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'

const DAY = 24 * 60 * 60_000
const KEPT_MS = 90 * DAY
const AT_ONCE = 1_000

/** `until` is what to ask with next; it stands a little back, so ids of the last minutes come again. */
export type Deleted = { ids: string[]; until: Date; more: boolean }

/**
 * The ids of accounts that were deleted for good after this time, the oldest first, a thousand or so at once. All times are
 * those of the database, which has also written when each was deleted.
 */
export async function listDeletedUsers(sql: Sql, since: Date): Promise<Deleted> {
  // With ties: all that were deleted at the same moment come together, so that the next call can begin after it. A deletion
  // may be seen a little later than the time that stands beside it, so the last two minutes are not done with yet.
  const rows = await sql<{ settled: Date; id: string | null; deletedAt: Date | null }>`
    select now() - interval '2 minutes' as settled, id, deleted_at
    from (select 1) as asked left join (
      select id, deleted_at from deleted_users
      where deleted_at > ${since}
      order by deleted_at
      fetch first ${AT_ONCE} rows with ties
    ) as deleted on true
    order by deleted_at`
  const ids = rows.flatMap(({ id }) => id ?? [])
  const more = ids.length >= AT_ONCE
  const settled = rows[0]?.settled ?? since
  const last = (more ? rows.at(-1)?.deletedAt : null) ?? settled
  const until = new Date(Math.max(Number(since), Math.min(Number(last), Number(settled))))
  return { ids, until, more }
}

/** After this time every backend has asked. */
export const OLD_DELETIONS: Pruning = {
  table: 'deleted_users',
  key: 'id',
  isOver: (now) => fragment`deleted_at < ${new Date(now - KEPT_MS)}`,
}
