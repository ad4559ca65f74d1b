/** How often the app tries to connect while the database refuses, and that it recovers when this ends. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { Unavailable } from '../../src/base/failures.ts'
import { createDb } from '../../src/database/database.ts'
import { SECRET, startApp } from '../support/app.ts'
import { createDatabase, serverUrl } from '../support/database.ts'
import { learner, openBrowser } from '../support/people.ts'
import { eventually, startProgram } from '../support/process.ts'
import { startProxy } from '../support/proxy.ts'

const CONNECTS_A_SECOND = 5

/** The largest number of connection attempts within one second. */
function most(connectedAt: readonly number[]): number {
  return Math.max(0, ...connectedAt.map((from) => connectedAt.filter((at) => at >= from && at < from + 1_000).length))
}

async function administer(statement: string): Promise<void> {
  const admin = postgres(serverUrl(), { max: 1, onnotice: () => {} })
  await admin.unsafe(statement)
  await admin.end()
}

const nameOf = (url: string): string => new URL(url).pathname.slice(1)

describe('a database that takes connections and ends them at once', () => {
  it('[F03] is asked a few times a second by many who wait, and not at all when nobody does', async () => {
    const proxy = await startProxy(await createDatabase())
    const db = createDb({ url: proxy.url, poolMax: 10 })
    after(() => db.close())
    await db.sql`select 1`
    proxy.slam()
    const before = proxy.connectedAt().length
    for (let rounds = 0; rounds < 4; rounds += 1) {
      await Promise.all(Array.from({ length: 22 }, () => assert.rejects(db.sql`select 1`, Unavailable)))
    }
    const connects = proxy.connectedAt().slice(before)
    assert.ok(connects.length <= 8, `${connects.length} connects for four rounds`)
    assert.ok(most(connects) <= CONNECTS_A_SECOND, `${most(connects)} connects in a second`)
    await sleep(2_000)
    assert.equal(proxy.connectedAt().length - before, connects.length, 'nobody waits, and nobody connects')
    await proxy.heal()
    await eventually('the database to answer', async () => (await db.sql`select 1 as one`).length === 1)
  })

  it('is asked no more often for all the probes and visitors of an app', async () => {
    const proxy = await startProxy(await createDatabase())
    const app = await startApp({}, { databaseUrl: proxy.url })
    const { browser } = await learner(app, 'Ada')
    proxy.slam()
    const before = proxy.connectedAt().length
    const until = performance.now() + 4_000
    await Promise.all(
      ['/health/ready', '/dashboard', '/account'].map(async (path) => {
        while (performance.now() < until) assert.equal((await browser.get(path)).status, 503)
      }),
    )
    const connects = proxy.connectedAt().slice(before)
    assert.ok(connects.length >= 3, 'it is tried again')
    assert.ok(most(connects) <= CONNECTS_A_SECOND, `${most(connects)} connects in a second`)
    await proxy.heal()
    await eventually('the dashboard to be back', async () => (await browser.get('/dashboard')).status === 200)
  })
})

describe('connections that an administrator ends', () => {
  for (const what of ['busy', 'idle'] as const) {
    it(`while they are ${what} answer at once, and the next query is right`, async () => {
      const url = await createDatabase()
      const db = createDb({ url, poolMax: 4, deadlineMs: 60_000 })
      const admin = postgres(url, { max: 1 })
      after(() => Promise.all([db.close(), admin.end()]))
      const terminate = () => admin`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`
      for (let times = 0; times < 10; times += 1) {
        await Promise.all([1, 2, 3, 4].map(() => db.sql`select 1`))
        const seconds = what === 'busy' ? 30 : 0
        const queries = [1, 2, 3, 4].map(() => db.sql`select pg_sleep(${seconds})`.then(() => 'done', asUnavailable))
        if (what === 'busy') {
          await eventually('the queries to run', async () => {
            const [row] = await admin`
              select count(*)::int as running from pg_stat_activity where datname = current_database() and query ~ 'pg_sleep' and state = 'active' and pid <> pg_backend_pid()`
            return row?.running === 4
          })
        }
        await terminate()
        // The deadline is a minute, so a query that hangs would fail the test here.
        await Promise.all(queries)
        const answers = await Promise.all(
          [1, 2, 3, 4].map((number) =>
            db.sql<{ number: number }>`select ${number}::int as number`.catch(asUnavailable),
          ),
        )
        for (const [index, answer] of answers.entries()) {
          if (answer !== 'unavailable') assert.deepEqual([...answer], [{ number: index + 1 }])
        }
      }
    })
  }
})

function asUnavailable(error: unknown): 'unavailable' {
  assert.ok(error instanceof Unavailable, String(error))
  return 'unavailable'
}

describe('a database that only reads for a while', () => {
  it('[F02] is not ready meanwhile, and takes logins again as soon as it writes', async () => {
    const url = await createDatabase()
    const app = await startApp({}, { databaseUrl: url })
    const { person } = await learner(app, 'Ada')
    const visitor = openBrowser(app)
    const logIn = async () => (await openBrowser(app).logIn(person, { next: '/' })).status
    const ready = async () => (await visitor.get('/health/ready')).status
    const terminate = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${nameOf(url)}'`
    await administer(`alter database ${nameOf(url)} set default_transaction_read_only = on`)
    await administer(terminate)
    await eventually('logins to be refused', async () => (await logIn()) === 503)
    await eventually('the server not to be ready', async () => (await ready()) === 503)
    // Connections opened in that time stay read-only as long as they live, so they would go on refusing logins.
    await administer(`alter database ${nameOf(url)} reset default_transaction_read_only`)
    await eventually('the server to be ready', async () => (await ready()) === 200)
    for (let times = 0; times < 6; times += 1) assert.equal(await logIn(), 303)
  })
})

describe('a database that lets nobody in for a while', () => {
  const LOCKS: Record<string, (name: string) => [close: string, open: string]> = {
    'because it allows no connections (55000)': (name) => [
      `alter database ${name} allow_connections false`,
      `alter database ${name} allow_connections true`,
    ],
    'because the role may not log in (28000)': (name) => [`alter role ${name} nologin`, `alter role ${name} login`],
    'because the role has another password (28P01)': (name) => [
      `alter role ${name} password 'another'`,
      `alter role ${name} password 'secret'`,
    ],
  }
  for (const [why, statements] of Object.entries(LOCKS)) {
    it(`${why} is out of reach, and all is well afterwards`, async () => {
      const url = new URL(await createDatabase())
      const name = nameOf(url.href)
      await administer(`create role ${name} login superuser password 'secret'`)
      url.username = name
      url.password = 'secret'
      const app = await startApp({}, { databaseUrl: url.href })
      const { browser } = await learner(app, 'Ada')
      const [close, open] = statements(name)
      await administer(close)
      await administer(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`)
      const page = await browser.get('/dashboard')
      assert.equal(page.status, 503)
      assert.match(page.headers['retry-after'] ?? '', /^\d+$/)
      await administer(open)
      await eventually('the dashboard to be back', async () => (await browser.get('/dashboard')).status === 200)
    })
  }
})

describe('a server', () => {
  const SETTINGS = { NODE_ENV: 'test', APP_SECRETS: SECRET, PORT: '0' }

  it('whose pooler refuses its start-up parameters ends its start with what to do', async () => {
    const proxy = await startProxy(await createDatabase())
    proxy.refuse('08P01', 'unsupported startup parameter: statement_timeout')
    const server = startProgram(['dist/server.js'], { ...SETTINGS, DATABASE_URL: proxy.url })
    assert.equal((await server.ended()).code, 1)
    assert.match(server.written.err, /Add \?pgbouncer=true to DATABASE_URL/)
  })

  it('whose password is refused ends its start with what the database said', async () => {
    const url = new URL(await createDatabase())
    url.password = 'wrong'
    const server = startProgram(['dist/server.js'], { ...SETTINGS, DATABASE_URL: url.href })
    assert.equal((await server.ended()).code, 1)
    assert.match(server.written.err, /The database of DATABASE_URL refused: password authentication failed/)
  })
})
