/**
 * `npm run bench`: puts the same load on this app, Better Auth, Express alone and a bare server, one after the other, on
 * one machine. Prints two Markdown tables; docs/bench.md says how to read it. `-- --seconds 10 --rounds 3` changes the defaults.
 * `-- --storm` measures many logins at once instead, `-- --python` what a Python backend pays for the check of a token,
 * `-- --growth` a million learners, `-- --hashing` bcrypt by cost,
 * `-- --workers 2` one process beside two.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../../src/config/folders.ts'
import { startDevDatabase } from '../../src/database/embedded/server.ts'
import { footprint } from './footprint.ts'
import { growth } from './growth/growth.ts'
import { hashing } from './hashing.ts'
import { type Run, runProgram } from './processes.ts'
import { table } from './report.ts'
import { inRounds } from './rounds.ts'
import { STORM_PEOPLE, storm } from './storm.ts'
import { startOurs, startTargets } from './targets.ts'
import { verificationReport } from './verification.ts'
import { compareWorkers } from './workers.ts'

const CALLER_CHECK_MS = 500
/** With the usual settings, copying millions of rows would write each page of an index many times. */
const FEW_CHECKPOINTS = { max_wal_size: '8GB', checkpoint_timeout: '30min' }
const HERE = import.meta.dirname

const REPORTS = {
  loads: loadsReport,
  storm: stormReport,
  growth: growthReport,
  workers: workersReport,
  python: async () => `\n${machine()}; ${await verificationReport(ending.signal)}`,
  hashing: async () => `\n${machine()}.\n\n${hashing()}`,
}

const { seconds, rounds, learners, workers, kind } = readOptions()
const [before = 0] = loadavg()
const ending = new AbortController()
const run: Run = { signal: ending.signal, undo: [] }
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => ending.abort(`Ended by ${signal}`))
}
// A signal to npm ends only the shell that npm started this from, so also stop when our parent is gone.
const caller = process.ppid
setInterval(() => process.ppid === caller || ending.abort('Ended with its caller'), CALLER_CHECK_MS).unref()

try {
  await runProgram(run, process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', ROOT])
  await installPeer()
  const directory = mkdtempSync(join(tmpdir(), 'matricula-bench-'))
  run.undo.push(async () => rmSync(directory, { recursive: true, force: true }))
  console.log(await REPORTS[kind](directory))
} catch (error) {
  console.error(ending.signal.aborted ? ending.signal.reason : error)
  process.exitCode = 1
} finally {
  for (const undo of run.undo.reverse()) await undo().catch((error: unknown) => console.error(error))
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      storm: { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
      hashing: { type: 'boolean', default: false },
      python: { type: 'boolean', default: false },
      workers: { type: 'string', default: '1' },
      learners: { type: 'string', default: '1000000' },
    },
  })
  const { seconds: s, rounds: r, learners: l, workers: w } = values
  const [seconds, rounds, learners, workers] = [s, r, l, w].map(Number)
  if (!isCount(seconds) || !isCount(rounds) || !isCount(workers)) {
    throw new Error('--seconds, --rounds and --workers take a whole number from 1')
  }
  if (!isCount(learners) || learners % 1_000 > 0) throw new Error('--learners takes thousands')
  const kind: keyof typeof REPORTS =
    (['storm', 'python', 'growth', 'hashing'] as const).find((name) => values[name]) ??
    (workers > 1 ? 'workers' : 'loads')
  return { seconds, rounds, learners, workers, kind }
}

function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 1
}

async function loadsReport(directory: string): Promise<string> {
  const url = await databaseUrl(directory)
  const targets = await startTargets(run, url, directory)
  const rows = await inRounds(run, targets, { rounds, seconds })
  const weights = await footprint(run, targets, rows)
  return `\n${machine()}; ${rounds} rounds of ${seconds} s, median, highest memory.\n\n${table(rows)}\n\n${weights}`
}

async function stormReport(directory: string): Promise<string> {
  const url = await databaseUrl(directory)
  const target = await startOurs(run, url, directory, STORM_PEOPLE)
  const lines = await storm(run, target)
  return `\n${machine()}.\n\n| a storm of ${STORM_PEOPLE} logins | |\n| --- | --- |\n${lines}`
}

async function growthReport(directory: string): Promise<string> {
  const serverUrl = await databaseUrl(directory, FEW_CHECKPOINTS)
  const tables = await growth(run, { serverUrl, directory }, { rounds, seconds, learners })
  return `\n${machine()}; ${rounds} rounds of ${seconds} s, median.\n\n${tables}`
}

async function workersReport(directory: string): Promise<string> {
  const serverUrl = await databaseUrl(directory)
  const lines = await compareWorkers(run, { serverUrl, directory }, { workers, rounds, seconds })
  return `\n${machine()}; ${rounds} rounds of ${seconds} s, median.\n\n${lines}`
}

/** The peer and the load generator are no dependencies of the app, so they are installed here on first use. */
async function installPeer() {
  const manifest = (file: string) => JSON.parse(readFileSync(join(HERE, file), 'utf8'))
  const { dependencies }: { dependencies: Record<string, string> } = manifest('package.json')
  const installed = Object.entries(dependencies).every(([name, version]) => {
    const file = `node_modules/${name}/package.json`
    return existsSync(join(HERE, file)) && manifest(file).version === version
  })
  if (installed) return
  console.error('Installing Better Auth and autocannon into test/bench/node_modules')
  const flags = ['--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund']
  await runProgram(run, 'npm', ['install', '--prefix', HERE, ...flags])
}

/** PostgreSQL with its default, durable settings, since the cost of writes counts too. */
async function databaseUrl(directory: string, settings: Record<string, string> = {}): Promise<string> {
  const { DATABASE_URL } = process.env
  if (DATABASE_URL) return DATABASE_URL
  const database = await startDevDatabase(directory, settings)
  run.undo.push(() => database.stop({ evenIfUsed: true }))
  return database.url
}

/** Includes the load average, since other programs influence every figure. */
function machine(): string {
  const cores = `${availableParallelism()} cores shared by server, database and load`
  return `${cores}; load average ${before.toFixed(1)} before; Node ${process.versions.node}`
}
