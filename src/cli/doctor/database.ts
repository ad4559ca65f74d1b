/** The database, the way to it, its schema, our rights in it, and its clock. */
import { isLoopback } from '../../config/variables.ts'
import { connectionOptions, createDb, type Sql } from '../../database/database.ts'
import { type Facts, factsOf, mayMigrate, missingRights, sharesConnections } from '../../database/examination.ts'
import { NEWEST_SCHEMA, requireWrites, schemaVersion } from '../../database/migrate.ts'
import type { Database } from '../frame/command.ts'
import { endingOf } from '../frame/exits.ts'
import { type Finding, look, off, ok, wrong } from './findings.ts'

const OLDEST_VERSION = 150_000
/** A page waits for two or three answers of the database. */
const SLOW_MS = 50
const CLOCK_LOOK_MS = 2_000
/** Signing keys and status lists allow for clocks that differ by a minute. */
const CLOCK_WRONG_MS = 60_000
const NAMED_MAX = 5

const DEPENDENT = ['schema', 'rights', 'pooler', 'clock'] as const

export async function examineDatabase({ url, migrationUrl, embedded }: Database): Promise<Finding[]> {
  const db = createDb({ url, poolMax: 1 })
  try {
    const facts = await factsOf(db.sql)
    return [
      await serverFinding(db.sql, facts, { url, embedded }),
      encryption(url),
      await tried('schema', () => schema(db.sql)),
      await tried('rights', () => rights(db.sql, facts, migrationUrl === url ? undefined : migrationUrl)),
      await tried('pooler', () => pooler(url)),
      clock(facts),
    ]
  } catch (error) {
    const todo = embedded ? 'See .data/postgres-18/postgres.log.' : 'Is it running, and is DATABASE_URL its address?'
    return [
      wrong('database', endingOf(error).message, todo),
      encryption(url),
      ...DEPENDENT.map((about) => off(about, 'not asked: the database does not answer')),
    ]
  } finally {
    await db.close()
  }
}

/** One question that fails does not keep the others from being asked. */
const tried = (about: (typeof DEPENDENT)[number], look: () => Promise<Finding>): Promise<Finding> =>
  look().catch((error: unknown) =>
    wrong(about, endingOf(error).message, 'May the role do that? See the line about rights.'),
  )

async function serverFinding(
  sql: Sql,
  { version, tookMs }: Facts,
  { url, embedded }: { url: string; embedded: boolean },
): Promise<Finding> {
  const where = embedded ? 'the embedded one' : connectionOptions(url).host
  const says = `PostgreSQL ${Math.floor(version / 10_000)}.${version % 10_000}, ${where}, answers in ${tookMs.toFixed(1)} ms`
  if (version < OLDEST_VERSION) return wrong('database', says, 'Matricula needs PostgreSQL 15 or newer.')
  try {
    await requireWrites(sql)
  } catch (error) {
    const isMissing = endingOf(error).exit === 'configuration'
    if (!isMissing)
      return wrong('database', `${says}, and takes no writes`, 'It is a stand-by or full. Is this the primary?')
  }
  return tookMs > SLOW_MS ? look('database', says, 'Every page waits for it: is it far away?') : ok('database', says)
}

function encryption(url: string): Finding {
  const { host, ssl } = connectionOptions(url)
  if (ssl !== false) {
    const by = ssl === 'verify-full' ? 'the authorities that Node knows' : 'the authority of sslrootcert'
    return ok('tls', `the connection is encrypted, and the certificate of ${host} verified by ${by}`)
  }
  if (host.startsWith('/') || isLoopback(`http://${host.includes(':') ? `[${host}]` : host}`))
    return ok('tls', 'not encrypted, and on this machine')
  return look(
    'tls',
    `the connection to ${host} is not encrypted`,
    'Add ?sslmode=verify-full to DATABASE_URL, unless it is on a network of its own.',
  )
}

async function schema(sql: Sql): Promise<Finding> {
  const version = await schemaVersion(sql)
  const says = `version ${version}, and this program needs ${NEWEST_SCHEMA}`
  if (version < NEWEST_SCHEMA) return wrong('schema', says, 'Run: node dist/cli.js migrate')
  return ok('schema', version > NEWEST_SCHEMA ? `${says}: newer ones do too` : `version ${version}`)
}

async function rights(sql: Sql, { role }: Facts, migrationUrl: string | undefined): Promise<Finding> {
  const lacking = await missingRights(sql)
  if (lacking.length > 0) {
    const named = lacking.slice(0, NAMED_MAX).join(', ')
    const more = lacking.length > NAMED_MAX ? ` and ${lacking.length - NAMED_MAX} more` : ''
    return wrong(
      'rights',
      `the role ${role} lacks ${named}${more}`,
      `As the owner of the tables: grant select, insert, update, delete on all tables in schema public to ${role}`,
    )
  }
  const migrating = migrationUrl === undefined ? undefined : createDb({ url: migrationUrl, poolMax: 1 })
  try {
    if (await mayMigrate(migrating?.sql ?? sql)) return ok('rights', `the role ${role} may do all that the server does`)
    return look(
      'rights',
      `the role ${role} may do all that the server does, and no migrations`,
      'Give the address of the owner of the tables in DATABASE_URL_UNPOOLED.',
    )
  } catch (error) {
    const { message } = endingOf(error)
    return wrong('rights', `the address for migrations does not work: ${message}`, 'Is DATABASE_URL_UNPOOLED right?')
  } finally {
    await migrating?.close()
  }
}

async function pooler(url: string): Promise<Finding> {
  const { prepare } = connectionOptions(url)
  if (!prepare) return ok('pooler', 'statements are not prepared, as a pooler in transaction mode needs it')
  if (!(await sharesConnections(url))) return ok('pooler', 'no pooler that shares connections stands in between')
  return wrong('pooler', 'a pooler in transaction mode stands in between', 'Add ?pgbouncer=true to DATABASE_URL.')
}

function clock({ ahead }: Facts): Finding {
  const seconds = (Math.abs(ahead) / 1_000).toFixed(1)
  const says = `the database's is ${seconds} s ${ahead >= 0 ? 'ahead of' : 'behind'} this machine's`
  if (Math.abs(ahead) < CLOCK_LOOK_MS) return ok('clock', says)
  const todo = 'Let both machines set their clocks by NTP: timedatectl set-ntp true'
  return Math.abs(ahead) < CLOCK_WRONG_MS ? look('clock', says, todo) : wrong('clock', says, todo)
}
