import type { Sql } from '../db.ts'

/** Deletes up to `limit` sessions that are over, and returns how many. They are dead already: this frees their place. */
export async function pruneSessions(sql: Sql, now: number, limit: number): Promise<number> {
  const gone = await sql`
    delete from sessions
    where sid in (select sid from sessions where expire < ${new Date(now)} limit ${limit})
    returning 1 as gone`
  return gone.length
}
