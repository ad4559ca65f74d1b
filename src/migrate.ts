/**
 * Brings the schema up to date: `node dist/migrate.js`, and the embedded database on its own.
 * All pending files run in one transaction under one lock, so two instances agree and a failure leaves nothing behind.
 */
import { readdirSync, realpathSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import Postgrator from 'postgrator'
import postgres from 'postgres'
import { loadConfig, ROOT } from './config.ts'
import { connectionOptions, type Sql } from './db.ts'

const SQL_DIRECTORY = join(ROOT, 'sql')
/** Any number, the same in every instance. */
const MIGRATION_LOCK = 7_281_150

/** The number of the newest file in `sql/`. */
export const NEWEST_SCHEMA = Math.max(...readdirSync(SQL_DIRECTORY).map((file) => Number.parseInt(file, 10)))

/** How the database's schema stands: the number of the last file applied, 0 for an empty database. */
export async function schemaVersion(sql: Sql): Promise<number> {
  const [table] = await sql<{ known: boolean }>`select to_regclass('schemaversion') is not null as known`
  if (!table?.known) return 0
  const [row] = await sql<{ version: number }>`select max(version)::int as version from schemaversion`
  return row?.version ?? 0
}

/** Writes into no row: a database that only reads refuses even that (25006). @throws {Unavailable} then, or when it is away. */
export async function requireWrites(sql: Sql): Promise<void> {
  await sql`update rate_limits set points = points where false`
}

/**
 * Applies what is missing and returns how many files that were.
 * A pooled Neon address is replaced by the direct one: the pooler has no place for a long transaction.
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
        // The pattern is a glob, and the folder's own name may hold a glob's characters.
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

/** Names the file and the line at which PostgreSQL stopped. */
function failureIn(filename: string, text: string, error: unknown): Error {
  const { message, position } = error as { message: string; position?: string }
  const line = position === undefined ? '' : `, line ${text.slice(0, Number(position) - 1).split('\n').length}`
  return new Error(`${relative(ROOT, filename)}${line}: ${message}. Nothing was applied.`, { cause: error })
}

async function main() {
  const { migrationUrl } = loadConfig()
  if (migrationUrl === undefined) throw new Error('DATABASE_URL is not set; the embedded database migrates itself.')
  console.log(`${await migrate(migrationUrl)} applied, the schema is at version ${NEWEST_SCHEMA}`)
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  })
}
