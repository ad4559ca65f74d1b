/** The embedded PostgreSQL of a first run keeps its data, and neither a crash nor a second start stops it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import postgres from 'postgres'
import { ROOT } from '../../src/config/folders.ts'
import { startDevDatabase } from '../../src/database/embedded/server.ts'
import { eventually } from '../support/process.ts'

const SETTINGS = { fsync: 'off' }
const PROGRAM = `
  const { startDevDatabase } = await import(${JSON.stringify(pathToFileURL(join(ROOT, 'dist/database/embedded/server.js')).href)})
  const { url } = await startDevDatabase(process.argv[1], { fsync: 'off' })
  console.log(url)
  setInterval(() => {}, 1000)`

const lockOf = (directory: string) => join(directory, 'postgres-18', 'data', 'postmaster.pid')

/** The process id of the server in this folder, or undefined when there is no lock file. */
function serverOf(directory: string): number | undefined {
  return existsSync(lockOf(directory)) ? Number(readFileSync(lockOf(directory), 'utf8').split('\n')[0]) : undefined
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A folder for one test. If a failing test leaves a server running there, it is ended by its process id. */
function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'matricula-dev-'))
  after(async () => {
    const pid = serverOf(directory)
    if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGQUIT')
    if (pid !== undefined) await eventually('the server to end', () => !isAlive(pid))
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

async function ask(url: string, question: string): Promise<Record<string, unknown>[]> {
  const client = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return [...(await client.unsafe(question))]
  } finally {
    await client.end()
  }
}

/** Another process starts the database and is killed, like an app that crashes. Returns the database URL. */
async function startAndKill(directory: string): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  const exit = new Promise((resolve) => child.once('exit', resolve))
  await eventually('the database to start', () => out.includes('\n') || child.exitCode !== null)
  child.kill('SIGKILL')
  await exit
  return out.trim()
}

describe('the embedded database', { concurrency: 2 }, () => {
  it('keeps its data from one run to the next, in UTF-8 and UTC', async () => {
    const directory = newDirectory()
    const first = await startDevDatabase(directory, SETTINGS)
    await ask(first.url, "create table kept as select 'Ünïcode 名' as text")
    const pid = serverOf(directory)
    await first.stop()
    assert.ok(pid !== undefined && !isAlive(pid), 'the server has ended')
    assert.equal(serverOf(directory), undefined)

    const second = await startDevDatabase(directory, SETTINGS)
    assert.deepEqual(
      await ask(
        second.url,
        "select text, current_setting('timezone') as zone, current_setting('fsync') as fsync from kept",
      ),
      [{ text: 'Ünïcode 名', zone: 'UTC', fsync: 'off' }],
    )
    await second.stop()
  })

  it('that an app left behind when it was killed is found and used again', async () => {
    const directory = newDirectory()
    const url = await startAndKill(directory)
    const pid = serverOf(directory)
    assert.ok(pid !== undefined && isAlive(pid), 'the server is there')
    await ask(url, 'create table kept as select 1 as one')

    const again = await startDevDatabase(directory, SETTINGS)
    assert.equal(again.url, url)
    assert.equal(serverOf(directory), pid)
    assert.deepEqual(await ask(again.url, 'select one from kept'), [{ one: 1 }])
    await again.stop()
    assert.equal(isAlive(pid), false)
  })

  it('starts after a crash of its own, over the lock that the crash left', async () => {
    const directory = newDirectory()
    const first = await startDevDatabase(directory, SETTINGS)
    await ask(first.url, 'create table kept as select 1 as one')
    const pid = serverOf(directory)
    assert.ok(pid !== undefined, 'a server is noted')
    process.kill(pid, 'SIGKILL')
    await eventually('the server to be gone', () => !isAlive(pid))
    assert.equal(serverOf(directory), pid)

    const second = await startDevDatabase(directory, SETTINGS)
    assert.notEqual(serverOf(directory), pid)
    assert.deepEqual(await ask(second.url, 'select one from kept'), [{ one: 1 }])
    await second.stop()
  })

  it('starts although the lock names a process that is no database', async () => {
    const directory = newDirectory()
    const first = await startDevDatabase(directory, SETTINGS)
    const lock = readFileSync(lockOf(directory), 'utf8')
    await first.stop()
    // As after a reboot, when the lock may name any process. It must not be our own: PostgreSQL ignores a lock that
    // names its parent.
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    after(() => other.kill())
    writeFileSync(lockOf(directory), lock.replace(/^\d+/, String(other.pid)))

    const second = await startDevDatabase(directory, SETTINGS)
    assert.notEqual(serverOf(directory), other.pid)
    assert.equal(other.exitCode, null)
    assert.deepEqual(await ask(second.url, 'select 1 as one'), [{ one: 1 }])
    await second.stop()
  })

  it('is one and the same for two first starts at the same time', async () => {
    const directory = newDirectory()
    const [one, two] = await Promise.all([startDevDatabase(directory, SETTINGS), startDevDatabase(directory, SETTINGS)])
    assert.equal(one.url, two.url)
    await ask(one.url, 'create table shared as select 1 as one')
    assert.deepEqual(await ask(two.url, 'select one from shared'), [{ one: 1 }])
    await one.stop()
  })

  it('stays up while somebody else uses it, and ends with the last one', async () => {
    const directory = newDirectory()
    const database = await startDevDatabase(directory, SETTINGS)
    const other = postgres(database.url, { max: 1, onnotice: () => {} })
    await other`select 1`
    const pid = serverOf(directory)
    assert.ok(pid !== undefined, 'a server is noted')
    await database.stop()
    assert.equal(isAlive(pid), true)
    assert.deepEqual([...(await other`select 1 as one`)], [{ one: 1 }])
    await other.end()
    await database.stop()
    assert.equal(isAlive(pid), false)
  })

  it('is reached from this machine only, with a password that only its owner can read', async () => {
    const directory = newDirectory()
    const database = await startDevDatabase(directory, SETTINGS)
    const url = new URL(database.url)
    assert.equal(url.hostname, '127.0.0.1')
    const [setting] = await ask(database.url, "select current_setting('listen_addresses') as addresses")
    assert.equal(setting?.addresses, '127.0.0.1')
    const others = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
    for (const { address } of others.filter(({ address }) => address !== '127.0.0.1' && !address.startsWith('fe80'))) {
      assert.equal(await isOpen(address, Number(url.port)), false, address)
    }
    assert.equal(await isOpen('127.0.0.1', Number(url.port)), true)

    const password = join(directory, 'postgres-18', 'password')
    assert.equal(statSync(password).mode & 0o777, 0o600)
    assert.equal(readFileSync(password, 'utf8'), url.password)
    assert.equal(url.password.length >= 32, true)
    for (const wrong of ['', 'postgres', 'matricula']) {
      const guess = new URL(database.url)
      guess.password = wrong
      await assert.rejects(ask(guess.href, 'select 1'))
    }
    await database.stop()
  })
})

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

describe('the address of the embedded database', () => {
  it('is the same after a restart, is kept in a file for its owner, and gives way to another program', async () => {
    const directory = newDirectory()
    const noted = () => readFileSync(join(directory, 'database-url'), 'utf8')
    const first = await startDevDatabase(directory, SETTINGS)
    assert.equal(noted(), first.url)
    assert.equal(statSync(join(directory, 'database-url')).mode & 0o077, 0)
    assert.equal((await ask(noted(), 'select 1 as one')).length, 1)
    await first.stop()
    const second = await startDevDatabase(directory, SETTINGS)
    assert.equal(second.url, first.url)
    await second.stop()

    const other = createServer().listen(Number(new URL(first.url).port), '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    after(() => other.close())
    const third = await startDevDatabase(directory, SETTINGS)
    assert.notEqual(new URL(third.url).port, new URL(first.url).port)
    assert.equal(noted(), third.url)
    assert.equal((await ask(noted(), 'select 1 as one')).length, 1)
    await third.stop()
  })
})
