/**
 * Brings the schema up to date. All pending files run in one transaction under one lock, so that two instances do not get
 * in each other's way and a failure leaves nothing behind.
 */
import { readdirSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import Postgrator from 'postgrator'
import postgres from 'postgres'
import { ROOT } from '../config/folders.ts'
import { connectionOptions, type Sql } from './database.ts'

export const SQL_DIRECTORY = join(ROOT, 'sql')
/** An arbitrary number, the same in every instance. */
const MIGRATION_LOCK = 7_281_150

/** The number of the newest file in `sql/`. */
export const NEWEST_SCHEMA = Math.max(...readdirSync(SQL_DIRECTORY).map((file) => Number.parseInt(file, 10)))

/** The files that a schema of this version lacks, in the order in which they are applied. */
export const filesBeyond = (version: number): string[] =>
  readdirSync(SQL_DIRECTORY)
    .filter((file) => Number.parseInt(file, 10) > version)
    .sort()

/** The version of the database's schema: the number of the last file applied, 0 for an empty database. */
export async function schemaVersion(sql: Sql): Promise<number> {
  const [table] = await sql<{ known: boolean }>`select to_regclass('schemaversion') is not null as known`
  if (!table?.known) return 0
  const [row] = await sql<{ version: number }>`select max(version)::int as version from schemaversion`
  return row?.version ?? 0
}

/** An update that matches no row. A read-only database still refuses it (25006). @throws {Unavailable} then, or when it is away. */
export async function requireWrites(sql: Sql): Promise<void> {
  await sql`update rate_limits set points = points where false`
}

/**
 * Applies the files that are missing and returns how many there were. An address of Neon's pooler is replaced by the
 * direct one, since the pooler cannot hold a long transaction.
 */
export async function migrate(url: string, directory = SQL_DIRECTORY): Promise<number> {
  const options = connectionOptions(url)
  const client = postgres({
    ...options,
    host: options.host.replace('-pooler.', '.'),
    max: 1,
    fetch_types: false,
    onnotice: () => {},
  })
  try {
    return await client.begin(async (transaction) => {
      await transaction`select pg_advisory_xact_lock(${MIGRATION_LOCK})`
      const postgrator = new Postgrator({
        driver: 'pg',
        // This is a glob, so special characters in the folder's own name are escaped.
        migrationPattern: `${directory
          .split(sep)
          .join('/')
          .replace(/[?*()[\]{}]/g, '[$&]')}/*`,
        schemaTable: 'schemaversion',
        currentSchema: 'public',
        newline: 'LF',
        execQuery: async (query) => {
          try {
            return { rows: await transaction.unsafe(query) }
          } catch (error) {
            throw applying === undefined ? error : failureIn(applying, query, error)
          }
        },
      })
      let applying: string | undefined
      postgrator.on('migration-started', ({ filename }) => {
        applying = filename
      })
      postgrator.on('migration-finished', () => {
        applying = undefined
      })
      return (await postgrator.migrate()).length
    })
  } finally {
    await client.end({ timeout: 5 })
  }
}

/** Names the file and the line where PostgreSQL stopped. */
function failureIn(filename: string, text: string, error: unknown): Error {
  const { message, position } = error as { message: string; position?: string }
  const line = position === undefined ? '' : `, line ${text.slice(0, Number(position) - 1).split('\n').length}`
  return new Error(`${relative(ROOT, filename)}${line}: ${message}. Nothing was applied.`, { cause: error })
}
