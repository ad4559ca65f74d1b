/** One process that serves: it listens, waits for the database, and stops without losing a request. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OtherLines } from './accounts/passwords/promised-places.ts'
import { createApp, createOperatorsApp } from './app.ts'
import { Unavailable } from './base/failures.ts'
import { createHourly, type Log } from './base/log.ts'
import type { Config } from './config/config.ts'
import { NEWEST_SCHEMA, schemaVersion } from './database/migrate.ts'
import { codeOf, refusalOf } from './database/outages.ts'
import { createDeps, type Deps } from './deps.ts'
import type { Ending } from './ending.ts'
import type { Tracing } from './telemetry/tracing.ts'
import { answerUnreadable } from './web/middleware/unreadable.ts'

/** Longer than a router in front keeps a connection open (Heroku: 90 s). Otherwise it might use one we have just closed. */
const KEEP_ALIVE_MS = 95_000
const HEADERS_MS = 10_000
const REQUEST_MS = 20_000
const TIMEOUT_CHECK_MS = 5_000
const CONNECTIONS_MAX = 2_000
/** Browsers and proxies wait for an answer before they ask again on the same connection. */
const UNANSWERED_MAX = 10
/** For so long nothing may move on a connection while a request is handled, or while its answer is not read. */
const STUCK_MS = 60_000
/** How long requests may take to finish when the server stops. Hosts kill it after 30 s. */
const DRAIN_MS = 10_000
/** How long the server goes on taking connections at a stop. */
const READ_FIRST_MS = 50
/** Whoever has just connected sends a request by then, at a stop. */
const SPEAKS_WITHIN_MS = 1_000
const IDLE_CHECK_MS = 50
const SCHEMA_RETRY_MS = 1_000

type Surroundings = { log: Log; ending: Ending; otherLines?: OtherLines | undefined }

/**
 * Listens at once, and resolves when the database can be used.
 * @throws when the port cannot be had, or the database refuses us for a reason that waiting does not change.
 */
export async function serve(
  config: Config & { databaseUrl: string },
  { log, ending, otherLines }: Surroundings,
): Promise<{ port: number; deps: Deps }> {
  // It takes a moment to load, so only where it is wanted.
  const metrics = config.metrics && (await import('./telemetry/metrics.ts')).createMetrics()
  const tracing = await tracingOf(config, log)
  const deps = createDeps(config, { log, otherLines, metrics, tracing })
  const server = createServer({
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    requireHostHeader: false,
  })
  answerUnreadable(server, deps)
  server.setTimeout(STUCK_MS)
  const connections = trackConnections(server)
  const mayAsk = limitUnanswered()
  const { listener } = createApp(deps, { isStopping: ending.hasBegun })
  server.on('request', (req, res) => {
    if (!mayAsk(req, res)) return
    if (ending.hasBegun()) res.setHeader('Connection', 'close')
    listener(req, res)
  })
  const { port: metricsPort, host: metricsHost = '' } = config.metrics ?? {}
  const operators = createServer(createOperatorsApp(deps, { isStopping: ending.hasBegun }))
  const listening = listen(server, config)
  ending.closeFirst(async () => {
    // In a worker, Node 20 stumbles over a server that is closed before the primary has refused it the port.
    await listening.catch(() => {})
    await drain(server, connections)
    operators.close()
    operators.closeAllConnections()
    await deps.mail.stop()
    await deps.closeDb()
    await tracing?.stop()
  })

  const port = await listening
  if (metricsPort !== undefined) await listenForOperators(operators, { host: metricsHost, port: metricsPort })
  await refuseOldSchema(deps, ending.hasBegun)
  await deps.keyRing.load().catch((error: unknown) => log.warn({ err: error }, 'signing keys not read yet'))
  deps.mail.start()
  return { port, deps }
}

async function tracingOf({ tracesTo, trustProxy }: Config, log: Log): Promise<Tracing | undefined> {
  if (tracesTo === undefined) return undefined
  const { startTracing } = await import('./telemetry/tracing.ts')
  return startTracing({ to: tracesTo, log, firstThisHour: createHourly(Date.now), goesOn: trustProxy > 0 })
}

/** Resolves to the port; for port 0 the system has chosen a free one. */
function listen(server: Server, { host, port }: Pick<Config, 'host' | 'port'>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

async function listenForOperators(server: Server, at: Pick<Config, 'host' | 'port'>): Promise<void> {
  await listen(server, at).catch((error: unknown) => {
    throw new Error(`The metrics cannot be served at METRICS_PORT ${at.port}: ${codeOf(error)}`)
  })
}

/**
 * Waits for the database as long as it takes. @throws when its schema is too old for this program, or when it refuses us
 * for a reason that waiting does not change.
 */
async function refuseOldSchema({ sql, log }: Deps, isStopping: () => boolean): Promise<void> {
  for (let tries = 0; !isStopping(); tries += 1) {
    try {
      const version = await schemaVersion(sql)
      if (version >= NEWEST_SCHEMA) return
      throw new Error(
        `The database's schema is at version ${version}, this program needs ${NEWEST_SCHEMA}. Run: node dist/cli.js migrate`,
      )
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal !== undefined) throw new Error(refusal, { cause: error })
      if (!(error instanceof Unavailable)) throw error
      if (tries === 0) log.warn({ err: error }, 'waiting for the database')
      await sleep(SCHEMA_RETRY_MS)
    }
  }
}

/**
 * The open connections, and since when. Those beyond the limit are closed at once. Node's own `maxConnections` would do the
 * same, but in a cluster it hands a connection on to the next worker, and round and round when all of them are full.
 */
function trackConnections(server: Server): Map<Socket, number> {
  const open = new Map<Socket, number>()
  server.on('connection', (socket: Socket) => {
    if (open.size >= CONNECTIONS_MAX) {
      socket.destroy()
      return
    }
    open.set(socket, performance.now())
    socket.once('close', () => open.delete(socket))
  })
  return open
}

/**
 * Ends a connection on which too many requests wait for their answers. Node answers everything that has come, whether the
 * answers before are read or not: a client who sends three thousand requests and reads nothing would take 40 MB.
 */
function limitUnanswered(): (req: IncomingMessage, res: ServerResponse) => boolean {
  const unanswered = new WeakMap<Socket, number>()
  const add = (socket: Socket, count: number): number => {
    const now = (unanswered.get(socket) ?? 0) + count
    unanswered.set(socket, now)
    return now
  }
  return ({ socket }, res) => {
    if (add(socket, 1) > UNANSWERED_MAX) socket.destroy()
    res.once('close', () => add(socket, -1))
    return !socket.destroyed
  }
}

/** Stops taking connections and waits for the requests that are being handled, up to the deadline. */
async function drain(server: Server, connections: ReadonlyMap<Socket, number>): Promise<void> {
  // What has come by now is read first: newer versions of Node close a connection whose first request they have not read yet.
  await sleep(READ_FIRST_MS)
  const finished = new Promise((resolve) => server.close(resolve))
  const idle = setInterval(() => {
    server.closeIdleConnections()
    // What has come on one by now is read first: it may be the request of somebody who was let in at the last moment.
    setImmediate(() => closeUnused(connections))
  }, IDLE_CHECK_MS)
  await Promise.race([finished, sleep(DRAIN_MS)])
  clearInterval(idle)
  server.closeAllConnections()
}

/** Browsers open connections in advance and do not use them. Node does not count these as idle. A new one has its moment to speak. */
function closeUnused(connections: ReadonlyMap<Socket, number>): void {
  for (const [socket, since] of connections) {
    if (socket.bytesRead === 0 && performance.now() - since > SPEAKS_WITHIN_MS) socket.destroy()
  }
}
