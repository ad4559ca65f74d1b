/** A PostgreSQL and its stand-by, which follows it by streaming replication and can take its place. */
import { execFile, spawn } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { freePort } from '../../src/database/embedded/port.ts'
import { chooseRunner, findBinaries } from '../../src/database/embedded/runner.ts'
import { startDevDatabase } from '../../src/database/embedded/server.ts'
import { migrate } from '../../src/database/migrate.ts'
import { eventually } from './process.ts'

const SETTINGS = { fsync: 'off', full_page_writes: 'off' }

export type Pair = Awaited<ReturnType<typeof startPair>>

/** Started with the whole schema, and ended after the test file. Both have the same user, password and database. */
export async function startPair() {
  const folder = mkdtempSync(join(tmpdir(), 'matricula-pair-'))
  const [own, copy] = [join(folder, 'primary'), join(folder, 'standby')]
  const first = await startDevDatabase(own, SETTINGS)
  await migrate(first.url)
  await first.stop({ evenIfUsed: true })
  await promisify(execFile)('cp', ['-a', own, copy])
  const primary = await startDevDatabase(own, SETTINGS)
  const port = await freePort()
  const standby = await follow(copy, port, new URL(primary.url))
  after(async () => {
    await primary.stop({ evenIfUsed: true })
    await standby.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const url = new URL(primary.url)
  const { username, password, pathname } = url
  const hostOf = (wanted: number | string) => `127.0.0.1:${wanted}`
  const ask = async (at: number | string, question: string) => {
    const client = postgres(`postgres://${username}:${password}@${hostOf(at)}/postgres`, { max: 1, onnotice: () => {} })
    return client.unsafe(question).finally(() => client.end())
  }
  await eventually('the stand-by to follow', async () => {
    return (await ask(url.port, "select 1 from pg_stat_replication where state = 'streaming'")).length === 1
  })
  return {
    hosts: { primary: hostOf(url.port), standby: hostOf(port) },
    /** An address with these hosts in this order. */
    urlOf: (hosts: readonly string[], parameters = '') =>
      `postgres://${username}:${password}@${hosts.join(',')}${pathname}${parameters}`,
    /** How many sessions of a program are open there. */
    sessions: async (at: 'primary' | 'standby', program: string) => {
      const rows = await ask(
        at === 'primary' ? url.port : port,
        `select 1 from pg_stat_activity where application_name = '${program}'`,
      )
      return rows.length
    },
    /** Stops the primary and puts the stand-by in its place. */
    async failOver() {
      await primary.stop({ evenIfUsed: true })
      await ask(port, 'select pg_promote()')
    },
  }
}

/** Starts a server on a copy of another one's data, which then follows that one. */
async function follow(directory: string, port: number, primary: URL) {
  const home = join(directory, 'postgres-18')
  const binaries = await findBinaries()
  const runner = await chooseRunner(binaries, directory, home)
  const signal = join(home, 'data', 'standby.signal')
  writeFileSync(signal, '')
  if (runner.owner !== undefined) chownSync(signal, runner.owner, runner.owner)
  const password = await readFile(join(home, 'password'), 'utf8')
  const settings = {
    ...SETTINGS,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    primary_conninfo: `host=127.0.0.1 port=${primary.port} user=${primary.username} password=${password}`,
  }
  const { file, args, identity } = runner.command(binaries.postgres, [
    ...['-D', join(home, 'data'), '-p', String(port)],
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ])
  const child = spawn(file, args, { ...identity, stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  return {
    async stop() {
      child.kill('SIGINT')
      await ended
    },
  }
}
