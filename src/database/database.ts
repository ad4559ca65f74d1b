/**
 * The only database client. Every query has a deadline, and a query that cannot be answered now fails as `Unavailable`:
 * by itself, postgres.js waits without limit while it reconnects.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import postgres from 'postgres'
import { Unavailable } from '../base/failures.ts'
import { type Address, authorityOf, databaseUrlOf } from '../config/database-url.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { type Connection, createConnections } from './connections.ts'
import { Fragment, Identifier, type Part, textOf, type Value } from './fragments.ts'
import { createHosts } from './hosts.ts'
import { BIG_NUMBERS } from './numbers.ts'
import { codeOf, isConflict, isEnd, isOutage, refusalOf } from './outages.ts'
import { TEXT_ARRAYS } from './text-arrays.ts'

const QUERY_DEADLINE_MS = 5_000
/** With more queries waiting than this, everybody would only wait longer. */
const QUERIES_IN_FLIGHT_MAX = 500
/** Before a statement that was in the way of another is tried again: up to twice this, so that two do not meet again. */
const CONFLICT_PAUSE_MS = 20

/** Runs a statement, written as a tagged template. Its values are sent apart from the text. */
export type Sql = <Row extends object>(text: TemplateStringsArray, ...parts: Part[]) => Promise<Row[]>

export type Db = ReturnType<typeof createDb>

/** Connection settings from a URL as providers give it. Certificates are always verified, unknown parameters ignored. */
export function connectionOptions(databaseUrl: string) {
  const { url, addresses, target } = databaseUrlOf(databaseUrl)
  const parameter = (name: string) => url.searchParams.get(name)
  const authority = authorityOf(url)
  const tlsWanted =
    !['disable', 'allow', 'prefer', null].includes(parameter('sslmode')) ||
    parameter('ssl') === 'true' ||
    authority !== undefined
  const behindPooler = addresses.some(({ host }) => host.includes('-pooler.')) || parameter('pgbouncer') === 'true'
  const authorities = authority === undefined ? {} : { ca: readFileSync(authority, 'utf8') }
  return {
    addresses,
    // The settings that a pooler sends may be those of another server than the one that answers.
    target: behindPooler ? ('any' as const) : target,
    user: decodeURIComponent(url.username),
    pass: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    tls: tlsWanted ? authorities : undefined,
    // PgBouncer in transaction mode may send each statement over another connection of the server.
    prepare: !behindPooler,
  }
}

type TlsOptions = { ca?: string; checkServerIdentity: typeof checkServerIdentity }

/** Where one host is, for the driver. Its certificate must be for the name, or the IP address, by which we call it. */
export function optionsAt({ host, port }: Address, tls: { ca?: string } | undefined) {
  const ofThisHost = (_name: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate)
  const ssl: TlsOptions | false = tls !== undefined && { ...tls, checkServerIdentity: ofThisHost }
  // In a text the driver takes the colons of an IPv6 address for the beginning of a port.
  return { host, port, ssl }
}

type Start<Row> = (client: postgres.Sql) => PromiseLike<Row[]>

export function createDb({
  url,
  poolMax,
  deadlineMs = QUERY_DEADLINE_MS,
  tracing,
}: {
  url: string
  poolMax: number
  deadlineMs?: number
  tracing?: Pick<Tracing, 'statement'> | undefined
}) {
  const { addresses, target, tls, ...options } = connectionOptions(url)
  const hosts = createHosts({ addresses, target })
  // Ends queries that nobody waits for any more. A pooler refuses this parameter; there the operator must set it.
  const serverDeadline = options.prepare ? { statement_timeout: 2 * deadlineMs } : {}
  const connections = createConnections({
    hosts,
    max: poolMax,
    connect: (address, ofConnection) =>
      postgres({
        ...options,
        ...optionsAt(address, tls),
        // Nothing handles the promise of the type look-up: if its connection drops, the process crashes.
        fetch_types: false,
        types: { textArrays: TEXT_ARRAYS, bigNumbers: BIG_NUMBERS },
        connect_timeout: hosts.connectMs / 1_000,
        // We end connections ourselves; the driver must not do it between two queries.
        idle_timeout: 0,
        max_lifetime: 0,
        connection: { application_name: 'matricula', ...serverDeadline },
        transform: { column: { from: postgres.toCamel } },
        onnotice: () => {},
        ...ofConnection,
      }),
  })
  let inFlight = 0

  /**
   * Answers a whole statement. One that was in the way of another is carried out again, once: nothing of the first time is left,
   * and nobody has seen a row of it, since the driver settles a query when its transaction has ended.
   */
  async function answer<Row>(start: Start<Row>): Promise<Row[]> {
    if (inFlight >= QUERIES_IN_FLIGHT_MAX) throw new Unavailable('too many queries are waiting')
    inFlight += 1
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new DeadlinePassed('a query passed its deadline')), deadlineMs)
    })
    try {
      return await askHosts(start, deadline).catch(async (error: unknown) => {
        if (!isConflict(error)) throw error
        await Promise.race([sleep(CONFLICT_PAUSE_MS * (1 + Math.random())), deadline])
        return askHosts(start, deadline)
      })
    } catch (error) {
      throw isOutage(error) ? new Unavailable('the database is out of reach', { cause: error }) : error
    } finally {
      inFlight -= 1
      clearTimeout(timer)
    }
  }

  /** Asks the host whose turn it is. One that does not let us in, or only reads, has not seen the query: then the next. */
  async function askHosts<Row>(start: Start<Row>, deadline: Promise<never>): Promise<Row[]> {
    const errors: unknown[] = []
    while (errors.length < hosts.count) {
      const { connection, leave } = connections.acquire()
      const held = await Promise.race([connection, deadline]).finally(leave)
      try {
        return await ask(held, start, deadline)
      } catch (error) {
        if (!isEnd(error) || !connections.isUnsent(held)) throw error
        errors.push(error)
      }
    }
    // Of several reasons, the one that somebody can do something about.
    throw errors.find((error) => error instanceof Error && refusalOf(error) !== undefined) ?? errors.at(-1)
  }

  async function ask<Row>(connection: Connection, start: Start<Row>, deadline: Promise<never>): Promise<Row[]> {
    try {
      const rows = await Promise.race([start(connection.client), deadline])
      connections.release(connection)
      return withoutHoles(rows)
    } catch (error) {
      // The connection was cut silently and never answers again, or after a failover it leads to a read-only server. The
      // other connections may be the same, so none is used for a new query.
      const isReadOnly = codeOf(error) === READ_ONLY
      if (error instanceof DeadlinePassed || isReadOnly) connections.renew(connection, { elsewhere: isReadOnly })
      if (error instanceof DeadlinePassed) connections.drop(connection, { error, graceMs: deadlineMs })
      else if (isEnd(error)) connections.drop(connection, { error })
      else connections.release(connection)
      throw error
    }
  }

  const traced = <Result>(text: () => string, send: () => Promise<Result>): Promise<Result> =>
    tracing === undefined ? send() : tracing.statement(text, send)

  const sql: Sql = (text, ...parts) =>
    traced(
      () => textOf({ text, parts }),
      () => answer((client) => queryOf(client, { text, parts }) as PromiseLike<never[]>),
    )

  return {
    sql,
    /** For connect-pg-simple and rate-limiter-flexible, which want a `pool` that takes a text with `$1` and its values. */
    pool: {
      async query(query: string | { text: string; values?: Value[] }, params: Value[] = []) {
        const { text, values = [] } = typeof query === 'string' ? { text: query, values: params } : query
        const { prepare } = options
        const send = () => answer((client) => client.unsafe(text, values as string[], { prepare }))
        return { rows: await traced(() => text, send) }
      },
    },
    connections: connections.load,
    close: (): Promise<void> => connections.close(deadlineMs),
  }
}

/** A statement for postgres.js. It nests queries of the same client, so fragments become queries only here. */
const queryOf = (
  client: postgres.Sql,
  { text, parts }: Pick<Fragment, 'text' | 'parts'>,
): postgres.PendingQuery<never[]> => client(text, ...parts.map((part) => argumentOf(client, part)))

function argumentOf(client: postgres.Sql, part: Part) {
  if (part instanceof Fragment) return queryOf(client, part)
  return part instanceof Identifier ? client(part.text) : part
}

/** The answer of a stand-by or a full database to a write. */
const READ_ONLY = '25006'

class DeadlinePassed extends Unavailable {}

/**
 * When a query fails in the middle of its result, postgres.js 3.4.9 does not reset its row counter, so the next result on
 * that connection begins with as many holes. The rows after them are complete. Can go when porsager/postgres #1119 and
 * #1181 are closed.
 */
function withoutHoles<Row>(rows: Row[]): Row[] {
  return rows.length > 0 && !(0 in rows) ? rows.filter(() => true) : rows
}
