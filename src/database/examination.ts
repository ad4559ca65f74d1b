/** What an operator wants to know of the database: its version and clock, what our role may do, what stands in between. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createDb, type Sql } from './database.ts'
import { SQL_DIRECTORY } from './migrate.ts'

/** PostgreSQL's version as it counts (180001 is 18.1), and how far its clock is ahead of ours, in milliseconds. */
export type Facts = { version: number; ahead: number; tookMs: number; role: string }

/** Asked several times, of which the quickest counts: the first has to connect. */
export async function factsOf(sql: Sql): Promise<Facts> {
  const asked: Facts[] = []
  for (let times = 0; times < ASKED_TIMES; times += 1) asked.push(await askFacts(sql))
  return asked.reduce((best, next) => (next.tookMs < best.tookMs ? next : best))
}

const ASKED_TIMES = 4

async function askFacts(sql: Sql): Promise<Facts> {
  const [start, started] = [performance.now(), Date.now()]
  const [row] = await sql<{ version: number; clock: Date; role: string }>`
    select current_setting('server_version_num')::int as version, clock_timestamp() as clock, current_user::text as role`
  const tookMs = performance.now() - start
  if (row === undefined) throw new Error('the database does not say who it is')
  // Its clock was read somewhere in the middle.
  return { version: row.version, ahead: row.clock.getTime() - started - tookMs / 2, tookMs, role: row.role }
}

/** The tables and views that the files in `sql/` make. */
const tablesOfFiles = (): string[] =>
  readdirSync(SQL_DIRECTORY).flatMap((file) =>
    [
      ...readFileSync(join(SQL_DIRECTORY, file), 'utf8').matchAll(
        /(?:create (?:or replace )?(?:table|view)|rename to) (\w+)/g,
      ),
    ].map(([, name = '']) => name),
  )

/** What our role may not do, of what a server does: `insert on sessions`. */
export async function missingRights(sql: Sql): Promise<string[]> {
  const rows = await sql<{ lacking: string }>`
    select may || ' on ' || relname as lacking
    from pg_class, unnest(array['select', 'insert', 'update', 'delete']) as may
    where relnamespace = 'public'::regnamespace and relname = any(${tablesOfFiles()}::text[])
      and (relname <> 'current_links' or may = 'select')
      and not has_table_privilege(oid, may)
    order by relname, may`
  return rows.map(({ lacking }) => lacking)
}

/** Whether our role can apply migrations: it owns the tables, and may make more. True for a database without any. */
export async function mayMigrate(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ may: boolean }>`
    select has_schema_privilege('public', 'create') and coalesce((
      select pg_has_role(relowner, 'usage') from pg_class
      where relname = 'sessions' and relnamespace = 'public'::regnamespace
    ), true) as may`
  return row?.may ?? false
}

/**
 * Whether two clients get the same connection of the server, one after the other, as behind a pooler in transaction mode: the
 * second sees what the first has set for its session. Prepared statements do not survive that.
 */
export async function sharesConnections(url: string): Promise<boolean> {
  const clients = [1, 2].map(() => createDb({ url, poolMax: 1 }))
  const [one, other] = clients
  try {
    if (one === undefined || other === undefined) return false
    // Both are connected before the first sets anything.
    for (const { sql } of clients) await sql`select 1 as connected`
    await one.sql`select set_config('matricula.seen', 'yes', false)`
    const [row] = await other.sql<{ seen: string | null }>`select current_setting('matricula.seen', true) as seen`
    await one.sql`select set_config('matricula.seen', '', false)`
    return row?.seen === 'yes'
  } finally {
    for (const { close } of clients) await close()
  }
}
