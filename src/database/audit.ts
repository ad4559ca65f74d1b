/**
 * What operators have changed: who, what, whom, when. It stands here and not with accounts, since any room may hold what is
 * changed.
 */
import type { Sql } from './database.ts'
import { fragment } from './fragments.ts'
import type { Pruning } from './pruning.ts'

const DAY = 24 * 60 * 60_000
/** Two years. What an operator did is asked about long after. */
const KEPT_MS = 730 * DAY

export type AuditEntry = {
  id: string
  at: Date
  who: string
  osUser: string
  what: string
  whom: string | null
  details: Record<string, unknown>
  outcome: 'done' | 'failed' | null
}

type Beginning = Pick<AuditEntry, 'who' | 'osUser' | 'what'> & {
  /** In milliseconds. */
  at: number
  whom?: string
  details?: Record<string, unknown>
}

/** Notes that a change is about to be made. Returns the id of the note. */
export async function beginAudit(sql: Sql, { at, who, osUser, what, whom, details = {} }: Beginning): Promise<string> {
  const [noted] = await sql<{ id: string }>`
    insert into audit (at, who, os_user, what, whom, details)
    values (${new Date(at)}, ${who}, ${osUser}, ${what}, ${whom ?? null}, ${JSON.stringify(details)}::text::jsonb)
    returning id`
  return noted?.id ?? ''
}

/** Notes how a change ended, and what else is known of it by then. */
export async function endAudit(
  sql: Sql,
  id: string,
  outcome: 'done' | 'failed',
  more: Record<string, unknown> = {},
): Promise<void> {
  await sql`
    update audit set outcome = ${outcome}, details = details || ${JSON.stringify(more)}::text::jsonb where id = ${id}`
}

/** The newest entries first, `limit` at most; only about `whom` and not older than `since` (in milliseconds), if given. */
export function listAudit(
  sql: Sql,
  { whom, since, limit }: { whom?: string | undefined; since?: number | undefined; limit: number },
): Promise<AuditEntry[]> {
  const about = whom === undefined ? fragment`` : fragment`and whom = ${whom}`
  const from = since === undefined ? fragment`` : fragment`and at >= ${new Date(since)}`
  return sql<AuditEntry>`
    select id, at, who, os_user, what, whom, details, outcome from audit
    where true ${about} ${from} order by at desc, id desc limit ${limit}`
}

/** Entries of which nobody asks any more. */
export const OLD_AUDIT: Pruning = {
  table: 'audit',
  key: 'id',
  isOver: (now) => fragment`at < ${new Date(now - KEPT_MS)}`,
}
