import type { Sql } from '../db.ts'

const PRUNED_AT_ONCE = 1000

/** Deletes up to a thousand sessions that are over. They are dead already: this only frees their place. */
export async function pruneSessions(sql: Sql, now: number): Promise<void> {
  await sql`
    delete from sessions
    where sid in (select sid from sessions where expire < ${new Date(now)} limit ${PRUNED_AT_ONCE})`
}
