/** Gives each test file its own database, copied from one migrated template in a few milliseconds. */
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { migrate } from '../../src/database/migrate.ts'

const TEMPLATE = 'matricula_template'

function onDatabase(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

const administer = (url: string, statement: string) => carryOut(onDatabase(url, 'postgres'), statement)

async function carryOut(url: string, statement: string): Promise<void> {
  const client = postgres(url, { max: 1, onnotice: () => {} })
  await client.unsafe(statement)
  await client.end()
}

/** Lets each connection take a hundred numbers of a sequence at once, as YugabyteDB does. */
export const withCachedSequences = (url: string): Promise<void> =>
  carryOut(
    url,
    `do $$
    declare
      sequence record;
    begin
      for sequence in select schemaname, sequencename from pg_sequences loop
        execute format('alter sequence %I.%I cache 100', sequence.schemaname, sequence.sequencename);
      end loop;
    end $$`,
  )

/**
 * Whether this run is one with `--serializable`. There a request that meets two others at the same row is told to come back
 * (503), having been carried out again once.
 */
export const IS_SERIALIZABLE = process.env.TEST_SERIALIZABLE === 'yes'

/** The URL of the database server that `npm test` started. */
export function serverUrl(): string {
  const url = process.env.TEST_DATABASE_URL
  if (url === undefined) throw new Error('Run the tests by `npm test`: it starts the database.')
  return url
}

export async function createTemplate(url: string, { cachedSequences }: { cachedSequences: boolean }): Promise<void> {
  const template = onDatabase(url, TEMPLATE)
  await administer(url, `create database ${TEMPLATE}`)
  await migrate(template)
  if (cachedSequences) await withCachedSequences(template)
}

async function create(template: string): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await administer(serverUrl(), `create database ${name} template ${template}`)
  return onDatabase(serverUrl(), name)
}

/** The URL of a new, empty, migrated database. */
export const createDatabase = (): Promise<string> => create(TEMPLATE)

/** The URL of a new database without tables. */
export const createEmptyDatabase = (): Promise<string> => create('template1')
