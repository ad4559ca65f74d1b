/** The mails that wait, as an operator sees them: never to whom, nor what they say. */
import { open, type SealedAnew, sealAllAnew } from '../base/sealing.ts'
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import { LEASE_MS, type Mail, recipientMarks } from './outbox.ts'

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

const SEALED_AT_ONCE = 500

/** Seals the mails anew that another than the newest key opens. One that is sent or put off meanwhile stays as it is. */
export const sealMailsAnew = (sql: Sql, keys: readonly Buffer[], how: { dryRun: boolean }): Promise<SealedAnew> =>
  sealAllAnew(
    keys,
    how,
    async (after) => {
      const rows = await sql<{ id: string; sealed: string }>`
        select id, sealed from outbox where id > ${after} order by id limit ${SEALED_AT_ONCE}`
      return rows.map((row) => ({ ...row, name: row.id }))
    },
    ({ id, sealed: before }, { secret, sealed }) => {
      const { to } = JSON.parse(secret.toString()) as Mail
      const [recipient = ''] = recipientMarks(to, keys)
      return replaceSealedMail(sql, id, { before, sealed, recipient })
    },
  )

/** Returns whether the mail was still there as it was `before`. */
export async function replaceSealedMail(
  sql: Sql,
  id: string,
  { before, sealed, recipient }: { before: string; sealed: string; recipient: string },
): Promise<boolean> {
  const changed = await sql`
    update outbox set sealed = ${sealed}, recipient = ${recipient} where id = ${id} and sealed = ${before}
    returning 1 as changed`
  return changed.length > 0
}
