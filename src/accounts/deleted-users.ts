/** Which accounts are deleted for good, for backends that keep data of their own. The rows are written by a trigger. */
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'

const DAY = 24 * 60 * 60_000
const KEPT_MS = 90 * DAY
const AT_ONCE = 1_000
/** PostgreSQL knows no year 0, which a caller may name. */
const EARLIEST = new Date(0)

/**
 * `until` is what to ask with next; it stands a little back, so ids of the last minutes come again. `more`: there are
 * others that were deleted before that.
 */
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
      where deleted_at > ${since > EARLIEST ? since : EARLIEST}
      order by deleted_at
      fetch first ${AT_ONCE} rows with ties
    ) as deleted on true
    order by deleted_at`
  const ids = rows.flatMap(({ id }) => id ?? [])
  const settled = rows[0]?.settled ?? since
  const last = rows.at(-1)?.deletedAt
  // Of the last minutes nobody can be told all, so however many there are, none is a reason to ask again at once. A time to
  // come is led back: what happens before it would never be told.
  if (ids.length < AT_ONCE || !last || last >= settled) return { ids, until: settled, more: false }
  return { ids, until: last, more: true }
}

/** After this time every backend has asked. */
export const OLD_DELETIONS: Pruning = {
  table: 'deleted_users',
  key: 'id',
  isOver: (now) => fragment`deleted_at < ${new Date(now - KEPT_MS)}`,
}
