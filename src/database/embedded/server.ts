/**
 * The embedded PostgreSQL for a first run and for the tests: the real server, with its data in a folder, on a free
 * loopback port, with a generated password. Never used in production.
 *
 * The server goes on running when the app is killed. The next start finds it by its `postmaster.pid` and uses it.
 */
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { dataOf, isAlive, readLock, removeStaleLock, type Server, serves, signalTo } from './lock.ts'
import { portOf } from './port.ts'
import { type Binaries, chooseRunner, findBinaries, type Runner } from './runner.ts'

const POSTGRES_MAJOR = 18
const USER = 'matricula'
/** Long, because after a crash the server first has to replay its log. */
const START_MS = 60_000
const LAUNCHES_MAX = 20
const STOP_MS = 10_000
const POLL_MS = 50
const DRAFT_MS = 60 * 60_000

const run = promisify(execFile)

export type DevDatabase = {
  url: string
  /** Stops the server and waits until it has ended. If another process uses it, it stays, unless `evenIfUsed`. */
  stop: (options?: { evenIfUsed: boolean }) => Promise<void>
}

/**
 * Starts a server with its data in `directory`, which is set up the first time. `settings` are settings of the server,
 * for example `{ fsync: 'off' }`.
 * @throws if the server does not start, with the last lines of its log.
 */
export async function startDevDatabase(directory: string, settings: Record<string, string> = {}): Promise<DevDatabase> {
  const home = join(directory, `postgres-${POSTGRES_MAJOR}`)
  const binaries = await findBinaries()
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const runner = await chooseRunner(binaries, directory, home)
  if (!existsSync(home)) await initialise(home, binaries, runner)

  const password = await readFile(join(home, 'password'), 'utf8')
  const urlOf = (port: number, database: string) => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`
  const adminUrl = (port: number) => urlOf(port, 'postgres')
  for (let launches = 0; launches < LAUNCHES_MAX; launches += 1) {
    const server = (await adopt(home, adminUrl)) ?? (await launch(home, binaries, runner, settings, adminUrl))
    if (server === undefined) continue
    await ask(adminUrl(server.port), `create database ${USER}`).catch(ignoreExisting)
    const url = urlOf(server.port, USER)
    // For other tools: psql "$(cat .data/database-url)".
    await writeFile(join(directory, 'database-url'), url, { mode: 0o600 })
    return {
      url,
      stop: (options) => stop(home, server.pid, adminUrl(server.port), options),
    }
  }
  throw new Error(
    `The embedded PostgreSQL did not start. End a server that still uses ${home}, or move that folder away to begin anew, ` +
      `or set DATABASE_URL. Its last words:\n${await lastWords(home)}`,
  )
}

/** Sets up the data in a draft folder and renames it: so nothing is ever half-made, and of two starts one wins. */
async function initialise(home: string, { initdb }: Binaries, runner: Runner) {
  await removeOldDrafts(home)
  const draft = `${home}.${randomBytes(6).toString('hex')}`
  const passwordFile = join(draft, 'password')
  await mkdir(draft, { mode: 0o700 })
  await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 })
  if (runner.owner !== undefined) {
    for (const path of [passwordFile, draft]) await chown(path, runner.owner, runner.owner)
  }
  const { file, args, identity } = runner.command(initdb, [
    `--pgdata=${join(draft, 'data')}`,
    `--username=${USER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--no-locale',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
  ])
  await run(file, args, identity)
  await rename(draft, home).catch(() => rm(draft, { recursive: true, force: true }))
}

/** Removes drafts of starts that were cut off. A young draft may belong to a start that is still running. */
async function removeOldDrafts(home: string) {
  for (const name of await readdir(dirname(home))) {
    const path = join(dirname(home), name)
    if (!path.startsWith(`${home}.`) || Date.now() - (await stat(path)).mtimeMs < DRAFT_MS) continue
    await rm(path, { recursive: true, force: true })
  }
}

/** The server that an earlier or parallel start has left running on this data, if it answers. */
async function adopt(home: string, adminUrl: (port: number) => string): Promise<Server | undefined> {
  const { pid, port } = await readLock(home)
  if (pid === undefined || port === undefined) return undefined
  return (await answers(adminUrl(port))) && (await serves(pid, home)) ? { pid, port } : undefined
}

async function launch(
  home: string,
  binaries: Binaries,
  runner: Runner,
  settings: Record<string, string>,
  adminUrl: (port: number) => string,
): Promise<Server | undefined> {
  await removeStaleLock(home)
  const port = await portOf(home)
  const chosen = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...settings,
  }
  const { file, args, identity } = runner.command(binaries.postgres, [
    '-D',
    dataOf(home),
    '-p',
    String(port),
    ...Object.entries(chosen).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ])
  const log = await open(logFile(home), 'w', 0o600)
  // Detached: otherwise Ctrl-C would stop the database before the app has finished its last requests.
  const child = spawn(file, args, { ...identity, detached: true, stdio: ['ignore', log.fd, log.fd] })
  child.unref()
  let ended = false
  child.once('exit', () => (ended = true)).once('error', () => (ended = true))
  await log.close()

  for (const deadline = Date.now() + START_MS; !ended && Date.now() < deadline; await sleep(POLL_MS)) {
    if (child.pid !== undefined && (await answers(adminUrl(port)))) return { pid: child.pid, port }
  }
  // Another start may have won, or an old server may not have ended yet, so the caller tries again.
  await sleep(POLL_MS * 5)
  return undefined
}

async function stop(
  home: string,
  pid: number,
  adminUrl: string,
  { evenIfUsed } = { evenIfUsed: false },
): Promise<void> {
  const others = "select 1 from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
  const used = evenIfUsed ? [] : await ask(adminUrl, others).catch(() => [])
  if (used.length > 0) return
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    // In the meantime, the process id may belong to another program.
    if (!isAlive(pid) || !(await serves(pid, home))) return
    signalTo(pid, signal)
    for (const deadline = Date.now() + STOP_MS; Date.now() < deadline; await sleep(POLL_MS)) {
      if (!isAlive(pid)) return
    }
  }
}

async function ask(url: string, question: string): Promise<Record<string, unknown>[]> {
  const client = postgres(url, { max: 1, connect_timeout: 5, fetch_types: false, onnotice: () => {} })
  try {
    return [...(await client.unsafe(question))]
  } finally {
    await client.end({ timeout: 1 })
  }
}

const answers = (url: string): Promise<boolean> =>
  ask(url, 'select 1').then(
    () => true,
    () => false,
  )

function ignoreExisting(error: unknown) {
  const duplicateDatabase = ['42P04', '23505']
  if (!(error instanceof postgres.PostgresError && duplicateDatabase.includes(error.code))) throw error
}

const logFile = (home: string) => join(home, 'postgres.log')

async function lastWords(home: string): Promise<string> {
  const text = await readFile(logFile(home), 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-12).join('\n')
}
