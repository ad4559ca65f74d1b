/** Starts the server: configuration, a database if it needs one of its own, then one process that serves, or several. */
import cluster from 'node:cluster'
import type { PlaceNews } from './accounts/passwords/promised-places.ts'
import { createLog, describeError, type Log } from './base/log.ts'
import { type Config, loadConfig } from './config/config.ts'
import { DATA_DIRECTORY } from './config/folders.ts'
import { ConfigError, problemOfListening, wordsOf } from './config/problems.ts'
import { refusalOf } from './database/outages.ts'
import { createEnding, type Ending } from './ending.ts'

const CLEAR_EVERY_MS = 15 * 60_000
/** EX_CONFIG of sysexits.h: starting again will not help. */
const EXIT_CONFIGURATION = 78

type Start = { config: Config & { databaseUrl: string }; log: Log; ending: Ending }

async function start() {
  const config = loadConfig()
  const log = createLog(config.logLevel, { format: config.logFormat })
  if (config.workers > 1 && cluster.isWorker) return startWorker(config, log)

  const ending = createEnding(log)
  const embedding = config.databaseUrl === undefined ? startEmbeddedDatabase() : Promise.resolve(undefined)
  // A signal may come while it is being started.
  ending.closeFirst(async () => (await embedding.catch(() => undefined))?.stop())
  const databaseUrl = config.databaseUrl ?? (await embedding)?.url ?? ''
  if (ending.hasBegun()) return
  const given = { config: { ...config, databaseUrl }, log, ending }
  try {
    await (config.workers > 1 ? startPrimary(given) : startAlone(given))
  } catch (error) {
    console.error(explain(error, config))
    await ending.stop(1, 'failed to start')
  }
}

// What serves is loaded where it is needed only: the primary of several workers stays small.

async function startAlone({ config, log, ending }: Start): Promise<void> {
  const { serve } = await import('./serving.ts')
  const { clearAway } = await import('./clearing.ts')
  if (ending.hasBegun()) return
  const { port, deps } = await serve(config, { log, ending })
  setInterval(() => clearAway(deps), CLEAR_EVERY_MS).unref()
  sayReady({ config, log, ending }, port)
}

async function startPrimary({ config, log, ending }: Start): Promise<void> {
  const { keepWorkers } = await import('./workers.ts')
  const { clearAway } = keepWorkers({
    count: config.workers,
    environment: { DATABASE_URL: config.databaseUrl },
    log,
    ending,
    onReady: (port) => sayReady({ config, log, ending }, port),
  })
  setInterval(clearAway, CLEAR_EVERY_MS).unref()
}

/** The primary says what there is to say, so this logs requests only. */
async function startWorker(config: Config, log: Log): Promise<void> {
  const ending = createEnding()
  const { hearOthers, obeyPrimary, tellPrimary } = await import('./worker.ts')
  obeyPrimary(ending)
  try {
    const { serve } = await import('./serving.ts')
    const { clearAway } = await import('./clearing.ts')
    if (ending.hasBegun()) return
    const otherLines = {
      count: config.workers - 1,
      tell: (news: PlaceNews) => void tellPrimary({ is: 'place', news }),
    }
    const { port, deps } = await serve(
      { ...config, databaseUrl: config.databaseUrl ?? '' },
      { log, ending, otherLines },
    )
    hearOthers(deps, clearAway)
    await tellPrimary({ is: 'ready', port })
  } catch (error) {
    await tellPrimary({ is: 'refused', why: explain(error, config), exitCode: 1 })
    await ending.stop(1, 'failed to start')
  }
}

function sayReady({ config, log, ending }: Start, port: number): void {
  if (ending.hasBegun()) return
  log.info({ port, ...(config.workers > 1 ? { workers: config.workers } : {}) }, 'ready')
  if (!config.production) console.log(`\n  Matricula is ready: ${config.publicOrigin ?? `http://localhost:${port}`}\n`)
}

async function startEmbeddedDatabase() {
  const { startDevDatabase } = await import('./database/embedded/server.ts')
  const { migrate } = await import('./database/migrate.ts')
  const database = await startDevDatabase(DATA_DIRECTORY)
  try {
    await migrate(database.url)
    return database
  } catch (error) {
    await database.stop()
    throw error
  }
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
