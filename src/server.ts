/** Starts the server: configuration, database, requests, schema. Stops it without losing a request. */
import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createApp } from './app.ts'
import { Unavailable } from './base/failures.ts'
import { describeError, type Log } from './base/log.ts'
import { type Config, loadConfig } from './config/config.ts'
import { DATA_DIRECTORY } from './config/folders.ts'
import { ConfigError, problemOfListening, wordsOf } from './config/problems.ts'
import { migrate, NEWEST_SCHEMA, schemaVersion } from './database/migrate.ts'
import { refusalOf } from './database/outages.ts'
import { createDeps, type Deps } from './deps.ts'
import { clearAway } from './housekeeping.ts'
import { answerUnreadable } from './web/middleware/unreadable.ts'

/** Longer than a router in front keeps a connection open (Heroku: 90 s). Otherwise it might use one we have just closed. */
const KEEP_ALIVE_MS = 95_000
const HEADERS_MS = 10_000
const REQUEST_MS = 20_000
const TIMEOUT_CHECK_MS = 5_000
const CONNECTIONS_MAX = 2_000
/** How long requests may take to finish when the server stops. Hosts kill it after 30 s. */
const DRAIN_MS = 10_000
const GIVE_UP_MS = 25_000
const IDLE_CHECK_MS = 50
const SCHEMA_RETRY_MS = 1_000
const PRUNE_EVERY_MS = 15 * 60_000
/** EX_CONFIG of sysexits.h: starting again will not help. */
const EXIT_CONFIGURATION = 78

async function start() {
  const config = loadConfig()
  const embedding = config.databaseUrl === undefined ? startEmbeddedDatabase() : Promise.resolve(undefined)
  let stopping = false
  let log: Log | undefined
  let close = async () => (await embedding.catch(() => undefined))?.stop()

  /** Only the first signal counts, since hosts send several. It may come before there is anything to close. */
  async function stop(exitCode: number, reason: string) {
    if (stopping) return
    stopping = true
    log?.info({ reason }, 'stopping')
    setTimeout(() => process.exit(1), GIVE_UP_MS).unref()
    await close()
    process.exit(exitCode)
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop(0, signal))

  const embedded = await embedding
  if (stopping) return
  const deps = createDeps({ ...config, databaseUrl: config.databaseUrl ?? embedded?.url ?? '' })
  log = deps.log
  const server = createServer({
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  })
  server.maxConnections = CONNECTIONS_MAX
  answerUnreadable(server)
  const connections = trackConnections(server)
  const { listener } = createApp(deps, { isStopping: () => stopping })
  server.on('request', (req, res) => {
    if (stopping) res.setHeader('Connection', 'close')
    listener(req, res)
  })
  close = async () => {
    await drain(server, connections)
    await deps.mail.stop()
    await deps.closeDb()
    await embedded?.stop()
  }

  try {
    const port = await listen(server, config)
    await refuseOldSchema(deps, () => stopping)
    await deps.keyRing.load().catch((error: unknown) => deps.log.warn({ err: error }, 'signing keys not read yet'))
    setInterval(() => clearAway(deps), PRUNE_EVERY_MS).unref()
    deps.mail.start()
    deps.log.info({ port }, 'ready')
    if (!config.production && !stopping)
      console.log(`\n  Matricula is ready: ${config.publicOrigin ?? `http://localhost:${port}`}\n`)
  } catch (error) {
    console.error(explain(error, config))
    await stop(1, 'failed to start')
  }
}

async function startEmbeddedDatabase() {
  const { startDevDatabase } = await import('./database/embedded/server.ts')
  const database = await startDevDatabase(DATA_DIRECTORY)
  try {
    await migrate(database.url)
    return database
  } catch (error) {
    await database.stop()
    throw error
  }
}

/** Resolves to the port; for port 0 the system has chosen a free one. */
function listen(server: Server, { host, port }: Config): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
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

function trackConnections(server: Server): Set<Socket> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return open
}

/** Stops taking connections and waits for the requests that are being handled, up to the deadline. */
async function drain(server: Server, connections: Iterable<Socket>): Promise<void> {
  const finished = new Promise((resolve) => server.close(resolve))
  // Browsers open connections in advance and do not use them. Node does not count these as idle.
  for (const socket of connections) if (socket.bytesRead === 0) socket.destroy()
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
  await Promise.race([finished, sleep(DRAIN_MS)])
  clearInterval(idle)
  server.closeAllConnections()
}

function explain(error: unknown, config?: Config): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && 'syscall' in error && config !== undefined) {
    const problem = problemOfListening(String(error.code), config)
    if (problem !== undefined) return wordsOf(problem)
  }
  if ('severity' in error) return refusalOf(error) ?? `The database of DATABASE_URL refused: ${error.message}`
  return error.message
}

// After such an error the state of this process is unknown, so the host must start a new one.
process.on('uncaughtException', (error) => {
  console.error(JSON.stringify({ level: 'fatal', err: describeError(error) }))
  process.exit(1)
})

await start().catch((error: unknown) => {
  console.error(explain(error))
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIGURATION : 1
})
