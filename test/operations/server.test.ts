/** The server as a process: how it starts, how it stops, and what it logs. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { ROOT } from '../../src/config/folders.ts'
import { createDb } from '../../src/database/database.ts'
import { freePort } from '../../src/database/embedded/port.ts'
import { migrate, NEWEST_SCHEMA, schemaVersion } from '../../src/database/migrate.ts'
import { SECRET } from '../support/app.ts'
import { createDatabase, createEmptyDatabase } from '../support/database.ts'
import { learner, openBrowser, somebody } from '../support/people.ts'
import { eventually, startProgram, startServer } from '../support/process.ts'
import { startProxy } from '../support/proxy.ts'
import { COOKIE, setCookieOf } from '../support/sessions.ts'

/** A client of a database for one test. */
function clientOf(url: string) {
  const client = createDb({ url, poolMax: 2 })
  after(() => client.close())
  return client
}

async function tablesOf(url: string): Promise<string[]> {
  const rows = await clientOf(url).sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'public' order by 1`
  return rows.map(({ name }) => name)
}

/** How a server ends a connection that never finishes its request. Started early, because it takes long. */
async function slowConnection(text: string): Promise<{ answer: string; seconds: number }> {
  const server = await startServer({ DATABASE_URL: await createDatabase() })
  const socket = connect(server.port, '127.0.0.1')
  let answer = ''
  const start = Date.now()
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk
  })
  socket.on('error', () => {})
  socket.write(text)
  const drip = setInterval(() => socket.write('X'), 2_000)
  const end = setTimeout(() => socket.destroy(), 30_000)
  await new Promise((resolve) => socket.once('close', resolve))
  clearTimeout(end)
  clearInterval(drip)
  return { answer, seconds: (Date.now() - start) / 1000 }
}
const slowHead = slowConnection('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')

describe('starting', () => {
  it('[F01] listens before the database is there, says so, and heals by itself', async () => {
    const proxy = await startProxy(await createDatabase())
    proxy.cut()
    const server = await startServer({ DATABASE_URL: proxy.url }, { ready: false })
    const live = await fetch(`${server.url}/health/live`)
    assert.equal(live.status, 200)
    const ready = await fetch(`${server.url}/health/ready`)
    assert.equal(ready.status, 503)
    assert.deepEqual(await ready.json(), {
      status: 'failing',
      checks: { database: 'failing', writable: 'failing', schema: 'failing', signingKey: 'failing', accepting: 'ok' },
      mail: 'off',
    })
    const page = await openBrowser(server).logIn(somebody('Ada'), { next: '/' })
    assert.equal(page.status, 503)
    assert.match(page.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    assert.match(page.text, /<h1>/)
    assert.equal(server.written.out.includes('"msg":"ready"'), false)

    await proxy.heal()
    await eventually('the server to be ready', async () => (await fetch(`${server.url}/health/ready`)).ok)
    await eventually('the log to say so', () => server.written.out.includes('"msg":"ready"'))
    await learner(server, 'Ada')
  })

  it('refuses a database without the schema, and says what to run', async () => {
    const url = await createEmptyDatabase()
    const environment = { NODE_ENV: 'test', DATABASE_URL: url, APP_SECRETS: SECRET, PORT: '0' }
    const server = startProgram(['dist/server.js'], environment)
    assert.deepEqual(await server.ended(), { code: 1, signal: null })
    assert.match(
      server.written.err,
      new RegExp(`version 0, this program needs ${NEWEST_SCHEMA}. Run: node dist/cli.js migrate`),
    )
    assert.equal(server.written.out.includes('"msg":"ready"'), false)

    const migration = startProgram(['dist/cli.js', 'migrate'], environment)
    assert.deepEqual(await migration.ended(), { code: 0, signal: null })
    assert.equal(migration.written.out, `${NEWEST_SCHEMA} applied, the schema is at version ${NEWEST_SCHEMA}\n`)
    const again = startProgram(['dist/cli.js', 'migrate'], environment)
    assert.deepEqual(await again.ended(), { code: 0, signal: null })
    assert.match(again.written.out, /^0 applied/)
    await startServer({ DATABASE_URL: url })
  })

  it('refuses a schema that is older than the program', async () => {
    const url = await createDatabase()
    await clientOf(url).sql`delete from schemaversion where version = ${NEWEST_SCHEMA}`
    const server = startProgram(['dist/server.js'], {
      NODE_ENV: 'test',
      DATABASE_URL: url,
      APP_SECRETS: SECRET,
      PORT: '0',
    })
    assert.equal((await server.ended()).code, 1)
    assert.match(server.written.err, new RegExp(`version ${NEWEST_SCHEMA - 1}, this program needs ${NEWEST_SCHEMA}`))
  })

  it('accepts a schema that is newer, as during a deployment', async () => {
    const url = await createDatabase()
    await clientOf(url).sql`insert into schemaversion (version, name) values (${NEWEST_SCHEMA + 1}, 'later')`
    await startServer({ DATABASE_URL: url })
  })

  it('says so when the port is taken', async () => {
    const url = await createDatabase()
    const first = await startServer({ DATABASE_URL: url })
    const second = startProgram(['dist/server.js'], {
      NODE_ENV: 'test',
      DATABASE_URL: url,
      APP_SECRETS: SECRET,
      PORT: String(first.port),
    })
    assert.equal((await second.ended()).code, 1)
    assert.match(second.written.err, /port is in use/)
    assert.equal((await fetch(`${first.url}/health/live`)).status, 200)
  })
})

describe('stopping', () => {
  it('[F14, F15] lets a login under way finish, takes nothing new, and ends well in spite of a second signal', async () => {
    // A high bcrypt cost, so that the login is still in progress when the signal comes.
    const url = await createDatabase()
    const server = await startServer({ DATABASE_URL: url, BCRYPT_COST: '12' })
    const { person } = await learner(server, 'Ada')
    const { sql } = clientOf(url)
    const browser = openBrowser(server)
    const body = { ...person, next: '/dashboard', _csrf: await browser.token('/login') }
    // An idle keep-alive connection, as browsers hold, must not delay the end.
    const idle = new Agent({ keepAlive: true })
    after(() => idle.destroy())
    await new Promise((resolve, reject) => {
      get(`${server.url}/health/live`, { agent: idle }, (response) => response.resume().once('end', resolve)).once(
        'error',
        reject,
      )
    })
    const login = browser.post('/login', body).then((response) => response)
    await eventually('the login to be counted', async () => {
      const [row] = await sql<{ count: number }>`
        select count(*)::int as count from rate_limits where key like 'loginByAddress%'`
      return row?.count === 1
    })

    server.kill('SIGTERM')
    await eventually('new connections to be refused', () => isRefused(server.port))
    server.kill('SIGTERM')
    server.kill('SIGINT')

    const response = await login
    assert.equal(response.status, 303)
    assert.equal(response.headers.location, '/dashboard')
    assert.equal(setCookieOf(response)?.startsWith(`${COOKIE}=s`), true)
    assert.deepEqual(await server.ended(), { code: 0, signal: null })
    assert.equal(server.written.err, '')
    const [row] = await sql<{ count: number }>`select count(*)::int as count from sessions`
    assert.equal(row?.count, 2)
  })

  it('before the database has ever answered ends well too', async () => {
    const proxy = await startProxy(await createDatabase())
    proxy.cut()
    const server = await startServer({ DATABASE_URL: proxy.url }, { ready: false })
    server.kill('SIGTERM')
    assert.deepEqual(await server.ended(), { code: 0, signal: null })
  })
})

describe('migrating', () => {
  it('[F26] is done once when two instances start it at the same time', async () => {
    const url = await createEmptyDatabase()
    const applied = await Promise.all([migrate(url), migrate(url), migrate(url)])
    assert.deepEqual(applied.toSorted(), [0, 0, NEWEST_SCHEMA])
    assert.equal(await schemaVersion(clientOf(url).sql), NEWEST_SCHEMA)
  })

  it('[F26] waits while another instance is at it', async () => {
    const url = await createEmptyDatabase()
    const other = postgres(url, { max: 1 })
    let finished = false
    let migration: Promise<number> | undefined
    await other.begin(async (transaction) => {
      await transaction`select pg_advisory_xact_lock(7281150)`
      migration = migrate(url).finally(() => {
        finished = true
      })
      await eventually('the migration to wait', async () => {
        const [row] = await clientOf(url).sql<{ waiting: number }>`
          select count(*)::int as waiting from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`
        return row?.waiting === 1
      })
      assert.equal(finished, false)
      assert.deepEqual(await tablesOf(url), [])
    })
    await other.end()
    assert.equal(await migration, NEWEST_SCHEMA)
  })

  it('[F27] that fails half-way leaves nothing behind, wherever its files are, and can be done again', async () => {
    const root = mkdtempSync(join(tmpdir(), 'matricula-migrate-'))
    after(() => rmSync(root, { recursive: true }))
    const directory = join(root, 'a folder [with] (signs) {and} a * and ?', 'sql')
    mkdirSync(directory, { recursive: true })
    cpSync(join(ROOT, 'sql'), directory, { recursive: true })
    const last = join(directory, `${String(NEWEST_SCHEMA + 1).padStart(3, '0')}.do.half.sql`)
    writeFileSync(last, 'create table half (id integer);\nselect nonsense from nowhere;\n')
    const url = await createEmptyDatabase()

    await assert.rejects(migrate(url, directory), /nowhere/)
    assert.deepEqual(await tablesOf(url), [])
    assert.equal(await schemaVersion(clientOf(url).sql), 0)

    writeFileSync(last, 'create table half (id integer);\n')
    assert.equal(await migrate(url, directory), NEWEST_SCHEMA + 1)
    assert.equal((await tablesOf(url)).includes('half'), true)
    assert.equal(await migrate(url, directory), 0)
  })

  it('refuses files that were changed after they were applied', async () => {
    const root = mkdtempSync(join(tmpdir(), 'matricula-migrate-'))
    after(() => rmSync(root, { recursive: true }))
    cpSync(join(ROOT, 'sql'), root, { recursive: true })
    const url = await createEmptyDatabase()
    await migrate(url, root)
    writeFileSync(join(root, '001.do.users.sql'), 'select 1;\n')
    await assert.rejects(migrate(url, root))
  })
})

describe('the log of a server', () => {
  it('is one line of JSON for each request, without anything secret', async () => {
    const port = await freePort()
    const environment = { NODE_ENV: 'production', PUBLIC_URL: `http://localhost:${port}`, HOST: '127.0.0.1' }
    const server = await startServer({ ...environment, DATABASE_URL: await createDatabase() })
    const ada = { ...somebody('Ada'), name: 'Augusta Ada King', password: 'Very-Secret-9f3a7c-Passphrase' }
    const browser = openBrowser(server)
    for (const path of ['/sign-up', `/login?next=/${ada.password}`, `/${ada.password}`]) await browser.get(path)
    const signUp = await browser.signUp(ada)
    assert.equal(signUp.status, 303)
    const session = browser.cookie(COOKIE) ?? ''
    const token = await browser.token('/dashboard')
    await browser.post('/logout', { _csrf: token })
    await openBrowser(server).logIn({ ...ada, password: `${ada.password} wrong` }, { next: '/' })
    await openBrowser(server).post('/login', ada)
    await fetch(`${server.url}/health/live`)
    await fetch(`${server.url}/health/ready`)
    server.kill('SIGTERM')
    assert.equal((await server.ended()).code, 0)

    const lines = server.written.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const requestLines = lines.filter((line) => 'route' in line)
    assert.deepEqual(
      requestLines.map(({ method, route, status }) => [method, route, status]),
      [
        ['GET', '/sign-up', 200],
        ['GET', '/login', 200],
        ['GET', null, 404],
        ['GET', '/sign-up', 200],
        ['POST', '/sign-up', 303],
        ['GET', '/dashboard', 200],
        ['POST', '/logout', 303],
        ['GET', '/login', 200],
        ['POST', '/login', 422],
        ['POST', null, 403],
      ],
    )
    for (const line of requestLines) {
      assert.equal(typeof line.ms, 'number')
      assert.equal(typeof line.time, 'number')
      assert.match(String(line.requestId), /^[\w.-]{8,64}$/)
    }
    assert.equal(new Set(requestLines.map(({ requestId }) => requestId)).size, requestLines.length)
    const users = requestLines.map(({ user }) => user)
    assert.equal(users[5], users[6])
    assert.equal(typeof users[5], 'string')
    assert.equal(users[0], undefined)
    const all = server.written.out + server.written.err
    for (const secret of [
      ada.password,
      ada.email,
      'Augusta',
      session,
      session.slice(4, 24),
      token,
      SECRET,
      '127.0.0.1',
    ]) {
      assert.ok(secret.length > 0 && !all.includes(secret), secret)
    }
    assert.doesNotMatch(all, /\$2b\$|postgres:\/\//)
    assert.equal(server.written.err, '')
  })
})

describe('a connection', () => {
  it('[F20] that never finishes its head is ended', async () => {
    const { answer, seconds } = await slowHead
    assert.match(answer, /^HTTP\/1\.1 408 |^$/)
    assert.ok(seconds < 25, `it was open for ${seconds} s`)
  })
})

/** Whether nothing listens on this port any more. */
function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', () => resolve(true))
  })
}
