/** The sessions of everybody, as an operator sees and ends them. */
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import type { Session } from './sessions.ts'

export type Listed = Omit<Session, 'ipAddress' | 'statusIndex' | 'amr'>

/** Open sessions, the one seen last first, `limit` at most; only those of `userId`, if given. */
export function listOpenSessions(
  sql: Sql,
  { userId, now, limit }: { userId: string | undefined; now: number; limit: number },
): Promise<Listed[]> {
  const whose = userId === undefined ? fragment`` : fragment`and user_id = ${userId}`
  return sql<Listed>`
    select handle, user_id, created_at, seen_at, expire as expires_at, user_agent from sessions
    where expire > ${new Date(now)} ${whose}
    order by seen_at desc, handle limit ${limit}`
}

/** `seen` in the last 15 minutes; `last` is the end of the one that ends last. */
export type Counted = { open: number; people: number; seen: number; last: Date | null }

export async function countOpenSessions(sql: Sql, now: number): Promise<Counted> {
  const [row] = await sql<Counted>`
    select count(*)::int as open, count(distinct user_id)::int as people, max(expire) as last,
      count(*) filter (where seen_at > ${new Date(now - 15 * 60_000)})::int as seen
    from sessions where expire > ${new Date(now)}`
  return row ?? { open: 0, people: 0, seen: 0, last: null }
}

/** Ends one session with its refresh tokens, whosever it is. */
export async function endSession(sql: Sql, handle: string): Promise<void> {
  await sql`delete from sessions where handle = ${handle}`
}

/** Ends up to `limit` of all sessions there are, and returns how many: a small batch holds no lock for long. */
export async function endSomeSessions(sql: Sql, limit: number): Promise<number> {
  const ended = await sql`
    delete from sessions where sid = any(array(select sid from sessions limit ${limit})) returning 1 as ended`
  return ended.length
}
