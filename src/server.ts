/** Starts the server: configuration, database, requests, schema; and ends it without losing a request. */
import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pruneActivity } from './accounts/activity.ts'
import { pruneEmailTokens } from './accounts/email-tokens.ts'
import { pruneMails } from './accounts/outbox.ts'
import { pruneRateLimits } from './accounts/rate-limits.ts'
import { pruneRefreshTokens } from './accounts/refresh-tokens.ts'
import { pruneSessions } from './accounts/sessions.ts'
import { pruneSigningKeys } from './accounts/signing-keys.ts'
import { forgetSignUpForms } from './accounts/users.ts'
import { createApp } from './app.ts'
import { type Config, ConfigError, DATA_DIRECTORY, loadConfig } from './config.ts'
import { createDeps, type Deps } from './deps.ts'
import { describeError, type Log } from './log.ts'
import { migrate, NEWEST_SCHEMA, schemaVersion } from './migrate.ts'
import { refusalOf } from './outages.ts'
import { Unavailable } from './unavailable.ts'
import { answerUnreadable } from './web/unreadable.ts'

/** Longer than a router in front keeps a connection (Heroku: 90 s), or it would send a request into a closed one. */
const KEEP_ALIVE_MS = 95_000
const HEADERS_MS = 10_000
const REQUEST_MS = 20_000
const TIMEOUT_CHECK_MS = 5_000
const CONNECTIONS_MAX = 2_000
/** Requests under way may finish; a host gives 30 s before it kills. */
const DRAIN_MS = 10_000
const GIVE_UP_MS = 25_000
const IDLE_CHECK_MS = 50
const SCHEMA_RETRY_MS = 1_000
const PRUNE_EVERY_MS = 15 * 60_000
const PRUNED_AT_ONCE = 1_000
const PRUNE_PAUSE_MS = 100
/** EX_CONFIG of sysexits.h: started again, it would fail again. */
const EXIT_CONFIGURATION = 78

async function start() {
  const config = loadConfig()
  const embedding = config.databaseUrl === undefined ? startEmbeddedDatabase() : Promise.resolve(undefined)
  let stopping = false
  let log: Log | undefined
  let close = async () => (await embedding.catch(() => undefined))?.stop()

  /** Hosts send the signal more than once: the first one counts. It may come before there is anything to close. */
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
  const app = createApp(deps, { isStopping: () => stopping })
  server.on('request', (req, res) => {
    if (stopping) res.setHeader('Connection', 'close')
    app(req, res)
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
    console.error(explain(error))
    await stop(1, 'failed to start')
  }
}

async function startEmbeddedDatabase() {
  const { startDevDatabase } = await import('./dev-database.ts')
  const database = await startDevDatabase(DATA_DIRECTORY)
  try {
    await migrate(database.url)
    return database
  } catch (error) {
    await database.stop()
    throw error
  }
}

/** Resolves to the port, which is a free one where 0 was asked for. */
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
 * Waits for the database as long as it takes. @throws when its schema is older than this program, or when it will not let
 * this program in however long that waits.
 */
async function refuseOldSchema({ sql, log }: Deps, isStopping: () => boolean): Promise<void> {
  for (let tries = 0; !isStopping(); tries += 1) {
    try {
      const version = await schemaVersion(sql)
      if (version >= NEWEST_SCHEMA) return
      throw new Error(
        `The database's schema is at version ${version}, this program needs ${NEWEST_SCHEMA}. Run: node dist/migrate.js`,
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

/** Takes no new connection and lets requests under way finish, up to the deadline. */
async function drain(server: Server, connections: Iterable<Socket>): Promise<void> {
  const finished = new Promise((resolve) => server.close(resolve))
  // Opened ahead of time by a browser and never used: Node does not count these as idle.
  for (const socket of connections) if (socket.bytesRead === 0) socket.destroy()
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
  await Promise.race([finished, sleep(DRAIN_MS)])
  clearInterval(idle)
  server.closeAllConnections()
}

const PRUNES = [
  pruneSessions,
  pruneRefreshTokens,
  pruneSigningKeys,
  pruneRateLimits,
  pruneEmailTokens,
  pruneActivity,
  pruneMails,
  forgetSignUpForms,
]

/** In batches with pauses between, so that no lock is held for long, until nothing is left that is over. */
async function clearAway({ sql, now, log }: Deps): Promise<void> {
  try {
    for (const prune of PRUNES) {
      while ((await prune(sql, now(), PRUNED_AT_ONCE)) === PRUNED_AT_ONCE) await sleep(PRUNE_PAUSE_MS)
    }
  } catch (error) {
    log.warn({ err: error }, 'pruning failed')
  }
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'EADDRINUSE')
    return 'The port is in use by another program. Set PORT to a free one.'
  if ('code' in error && error.code === 'EACCES') return 'This user may not use the port. Set PORT to one above 1023.'
  if ('severity' in error) return refusalOf(error) ?? `The database of DATABASE_URL refused: ${error.message}`
  return error.message
}

// Nothing is known of the state any more after these, so a fresh process takes over.
process.on('uncaughtException', (error) => {
  console.error(JSON.stringify({ level: 'fatal', err: describeError(error) }))
  process.exit(1)
})

await start().catch((error: unknown) => {
  console.error(explain(error))
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIGURATION : 1
})
