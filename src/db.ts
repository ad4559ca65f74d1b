/**
 * The one database client. Every query has a deadline, and a query that cannot be answered now is `Unavailable`,
 * because postgres.js by itself waits without limit while it reconnects.
 */
import postgres from 'postgres'
import { TEXT_ARRAYS } from './text-arrays.ts'
import { Unavailable } from './unavailable.ts'

const QUERY_DEADLINE_MS = 5_000
const CONNECT_TIMEOUT_SECONDS = 5
const RECONNECT_PAUSE_SECONDS = 0.2
const IDLE_TIMEOUT_SECONDS = 300
const CONNECTION_LIFETIME_SECONDS = 1_800
/** A query behind one that waits for a lock would wait too. postgres.js knows the option, its types do not. */
const ONE_AT_A_TIME = { max_pipeline: 0 }
/** More waiting queries than this only make everybody late. */
const QUERIES_IN_FLIGHT_MAX = 500

export type Value = string | number | boolean | Date | null | readonly string[]

/** A query as a tagged template; the values travel apart from the text. */
export type Sql = <Row extends object>(text: TemplateStringsArray, ...values: Value[]) => Promise<Row[]>

export type Db = ReturnType<typeof createDb>

/** Connection settings from a URL as a provider shows it, certificates always verified and unknown parameters left out. */
export function connectionOptions(databaseUrl: string) {
  const url = new URL(databaseUrl)
  const parameter = (name: string) => url.searchParams.get(name)
  const tlsWanted = !['disable', 'allow', 'prefer', null].includes(parameter('sslmode')) || parameter('ssl') === 'true'
  const behindPooler = url.hostname.includes('-pooler.') || parameter('pgbouncer') === 'true'
  return {
    host: parameter('host') ?? decodeURIComponent(url.hostname).replace(/^\[|\]$/g, ''),
    port: Number(url.port || parameter('port') || 5432),
    user: decodeURIComponent(url.username),
    pass: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    ssl: tlsWanted ? ('verify-full' as const) : false,
    // PgBouncer in transaction mode hands each statement to another server connection.
    prepare: !behindPooler,
  }
}

export function createDb({
  url,
  poolMax,
  deadlineMs = QUERY_DEADLINE_MS,
}: {
  url: string
  poolMax: number
  deadlineMs?: number
}) {
  const options = connectionOptions(url)
  // A pooler refuses start-up parameters; there the server's own setting must end what nobody waits for any more.
  const serverDeadline = options.prepare ? { statement_timeout: 2 * deadlineMs } : {}
  const connect = () =>
    postgres({
      ...options,
      // Its own query for them belongs to nobody: when the connection ends under it, the process would.
      fetch_types: false,
      types: { textArrays: TEXT_ARRAYS },
      max: poolMax,
      ...ONE_AT_A_TIME,
      connect_timeout: CONNECT_TIMEOUT_SECONDS,
      idle_timeout: IDLE_TIMEOUT_SECONDS,
      max_lifetime: CONNECTION_LIFETIME_SECONDS,
      backoff: () => RECONNECT_PAUSE_SECONDS,
      connection: { application_name: 'matricula', ...serverDeadline },
      transform: { column: { from: postgres.toCamel } },
      onnotice: () => {},
    })
  let client = connect()
  const ending = new Set<Promise<void>>()
  let inFlight = 0

  /**
   * A connection that was cut without a word never answers again, so a deadline that passes ends its pool. What the
   * other connections of that pool are doing they may finish.
   */
  function replace(silent: typeof client) {
    if (client !== silent) return
    client = connect()
    const end = silent.end({ timeout: deadlineMs / 1000 }).catch(() => {})
    ending.add(end)
    void end.finally(() => ending.delete(end))
  }

  async function answer<Rows>(start: (client: postgres.Sql) => PromiseLike<Rows>): Promise<Rows> {
    if (inFlight >= QUERIES_IN_FLIGHT_MAX) throw new Unavailable('too many queries are waiting')
    const used = client
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Unavailable('a query passed its deadline'))
        replace(used)
      }, deadlineMs)
    })
    inFlight += 1
    const query = start(used)
    try {
      return await Promise.race([query, deadline])
    } catch (error) {
      takeBack(query)
      throw isOutage(error) ? new Unavailable('the database is out of reach', { cause: error }) : error
    } finally {
      inFlight -= 1
      clearTimeout(timer)
    }
  }

  const sql: Sql = (text, ...values) => answer((client) => client(text, ...values) as PromiseLike<never[]>)

  return {
    sql,
    /** What connect-pg-simple and rate-limiter-flexible call `pool`: a query text with `$1`, and its values. */
    pool: {
      async query(query: string | { text: string; values?: Value[] }, params: Value[] = []) {
        const { text, values = [] } = typeof query === 'string' ? { text: query, values: params } : query
        const { prepare } = client.options
        return { rows: await answer((client) => client.unsafe(text, values as string[], { prepare })) }
      },
    },
    async close(): Promise<void> {
      await Promise.all([client.end({ timeout: deadlineMs / 1000 }), ...ending])
    },
  }
}

/**
 * What waits for a connection would be carried out when the database is back, long after its caller was told that it
 * was not. What has been sent cannot be taken back: postgres.js would ask on a connection of its own, and fail unheard.
 */
function takeBack(query: PromiseLike<unknown> & { state?: unknown; cancel?: () => void }): void {
  if (!query.state) query.cancel?.()
}

/**
 * Class 08 connection, 40 two statements in each other's way, 53 resources, 57 the server stops, starts or gives up,
 * 25006 it is a stand-by, 42P01 the schema is not there yet.
 */
const OUTAGE = /^(08|40|53|57|25006|42P01|CONNECT|ECONN|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOENT)/

function isOutage(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isOutage)
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && OUTAGE.test(error.code)
}
