/** The mails that wait, as an operator sees them: never to whom, nor what they say. */
import { open } from '../base/sealing.ts'
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import { LEASE_MS } from './outbox.ts'

/** `opened`: whether one of the secrets opens it, and `outdated`, whether that is not the newest one. */
export type Waiting = {
  id: string
  kind: string
  attempts: number
  dueAt: Date
  expiresAt: Date
  opened: boolean
  outdated: boolean
}

type Row = Omit<Waiting, 'opened' | 'outdated'> & { sealed: string }

/** The mails that wait, the next due first, `limit` at most. */
export async function listWaitingMails(
  sql: Sql,
  keys: readonly Buffer[],
  { limit }: { limit: number },
): Promise<Waiting[]> {
  const rows = await sql<Row>`
    select id, kind, attempts, due_at, expires_at, sealed from outbox order by due_at limit ${limit}`
  return rows.map(({ sealed, ...row }) => {
    const opened = open(sealed, row.id, keys)
    return { ...row, opened: opened !== undefined, outdated: opened?.outdated ?? false }
  })
}

export async function countWaitingMails(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }>`select count(*)::int as count from outbox`
  return row?.count ?? 0
}

/** Whether a mail with this id waits. */
export async function isWaiting(sql: Sql, id: string): Promise<boolean> {
  const found = await sql`select 1 as found from outbox where id = ${id}`
  return found.length > 0
}

/**
 * Makes a mail due now, or all of them if `id` is undefined, and returns how many. Those that are due within the time for
 * which a process may hold a mail are left alone: one of them may be being sent, and would be sent twice.
 */
export async function retryMails(sql: Sql, { id, now }: { id: string | undefined; now: number }): Promise<number> {
  const which = id === undefined ? fragment`` : fragment`and id = ${id}`
  const due = await sql`
    update outbox set due_at = ${new Date(now)} where due_at > ${new Date(now + LEASE_MS)} ${which} returning 1 as due`
  return due.length
}
