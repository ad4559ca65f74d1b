/** When the database goes away, the app says so in time, serves what needs no database, and recovers by itself. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { Unavailable } from '../../src/base/failures.ts'
import { createDb } from '../../src/database/database.ts'
import { assetPath } from '../../src/web/middleware/assets.ts'
import { startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { type Browser, learner, openBrowser, type Response, somebody } from '../support/people.ts'
import { eventually, startServer } from '../support/process.ts'
import { type DatabaseProxy, startProxy } from '../support/proxy.ts'

/** Much longer than the deadline of a query, so that only a request that hangs takes longer. */
const BOUND_SECONDS = 15

const OUTAGES: Record<string, (proxy: DatabaseProxy) => void> = {
  'is down': (proxy) => proxy.cut(),
  'takes connections and ends them at once': (proxy) => proxy.slam(),
  'takes everything and answers nothing': (proxy) => proxy.swallow(),
}

/** The answer to a request. @throws when none comes in time. */
async function inTime<Result>(request: PromiseLike<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${BOUND_SECONDS} s`)), BOUND_SECONDS * 1000)
  })
  return Promise.race([request, late]).finally(() => clearTimeout(timer))
}

function isUnavailable(response: Response, heading = 'The service is busy or out of reach') {
  assert.equal(response.status, 503)
  assert.match(response.headers['retry-after'] ?? '', /^[1-9]\d*$/)
  assert.equal(response.headers['cache-control'], 'no-store')
  assert.match(response.text, new RegExp(`<h1>${heading}</h1>`))
  assert.doesNotMatch(response.text, /postgres|ECONN|deadline|\bat .*:\d+/)
}

// At the same time, because each test waits for the same deadline.
describe('while the database', { concurrency: true }, () => {
  for (const [name, breakIt] of Object.entries(OUTAGES)) {
    it(`[F02, F03, F07] ${name}, everybody is told in time, and afterwards all is well without a restart`, async () => {
      const proxy = await startProxy(await createDatabase())
      const app = await startApp({}, { databaseUrl: proxy.url })
      const { person, browser } = await learner(app, 'Ada')
      const visitor = openBrowser(app)
      const login = { ...person, next: '/', _csrf: await visitor.token('/login') }

      // Different requests are running when it breaks.
      const traffic = Array.from({ length: 30 }, (_, index) =>
        index % 2 === 0
          ? browser.get('/dashboard')
          : visitor.post('/login', { ...login, email: somebody('Carl').email }),
      ).map((request) => inTime(request.then((response) => response.status)))
      breakIt(proxy)
      for (const status of await Promise.all(traffic)) assert.ok([200, 422, 503].includes(status), String(status))

      const [dashboard, attempt, page, style, live, ready] = await Promise.all(
        [
          browser.get('/dashboard'),
          visitor.post('/login', login),
          visitor.get('/login'),
          visitor.get(assetPath('style.css')),
          visitor.get('/health/live'),
          visitor.get('/health/ready'),
        ].map((request) => inTime(request.then((response) => response))),
      )
      assert.ok(dashboard && attempt && page && style && live && ready, 'all have an answer')
      isUnavailable(dashboard)
      isUnavailable(attempt, 'Log in')
      assert.equal(page.status, 200)
      assert.equal(style.status, 200)
      assert.equal(live.status, 200)
      assert.equal(ready.status, 503)

      await proxy.heal()
      await eventually('the dashboard to be back', async () => (await browser.get('/dashboard')).status === 200)
      await eventually('the server to be ready', async () => (await visitor.get('/health/ready')).status === 200)
      const back = await openBrowser(app).logIn(person, { next: '/' })
      assert.equal(back.status, 303)
      // The session has survived the outage.
      assert.equal(await browser.whoAmI(), 'Ada')
    })
  }

  it('[F07] answers nothing, logins of one account do not wait for one deadline after another', async () => {
    const proxy = await startProxy(await createDatabase())
    const app = await startApp({}, { databaseUrl: proxy.url })
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    const login = { ...person, next: '/', _csrf: await browser.token('/login') }
    proxy.swallow()
    const logins = Array.from({ length: 5 }, () => inTime(browser.post('/login', login).then((response) => response)))
    for (const response of await Promise.all(logins)) isUnavailable(response, 'Log in')
  })
})

describe('a statement that was given up', () => {
  for (const [name, breakIt] of Object.entries(OUTAGES)) {
    it(`while the database ${name} is not carried out later`, async () => {
      const url = await createDatabase()
      const proxy = await startProxy(url)
      const db = createDb({ url: proxy.url, poolMax: 2, deadlineMs: 500 })
      const direct = createDb({ url, poolMax: 1 })
      after(() => Promise.all([db.close(), direct.close()]))
      breakIt(proxy)
      const write = () => db.sql`insert into rate_limits (key, points, expire) values ('given up', 1, 1)`
      await Promise.all([1, 2, 3, 4].map(() => assert.rejects(write(), Unavailable)))
      await proxy.heal()
      await eventually('the database to answer', async () => (await db.sql`select 1 as one`).length === 1)
      await sleep(1_000)
      assert.equal((await direct.sql`select key from rate_limits`).length, 0)
    })
  }
})

describe('a connection that an administrator ends', () => {
  // The connection ends during its login, during the client's own queries, or at our query.
  for (const questions of [0, 1, 2, 3, 4, 5, 6]) {
    it(`[F05, F23] after ${questions} questions fails the query that waits, and nothing else`, async () => {
      const proxy = await startProxy(await createDatabase())
      const db = createDb({ url: proxy.url, poolMax: 1, deadlineMs: 500 })
      after(() => db.close())
      const look = () => db.sql`select 1 from users`
      proxy.terminateAfter(questions)
      await look().catch((error) => assert.ok(error instanceof Unavailable, error))
      await proxy.heal()
      await eventually('the database to answer', async () => (await look()).length === 0)
    })
  }
})

describe('a server whose connections are terminated', () => {
  it('[F05] five times under traffic lives on and serves', async () => {
    const url = await createDatabase()
    const server = await startServer({ DATABASE_URL: url })
    const { person, browser } = await learner(server, 'Ada')
    const admin = postgres(url, { max: 1, connection: { application_name: 'the test' } })
    after(() => admin.end())
    let terminated = 0
    for (let times = 0; times < 5; times += 1) {
      const traffic = Promise.all(Array.from({ length: 20 }, (_, index) => visit(browser, index)))
      const rows = await admin`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`
      terminated += rows.length
      for (const status of await traffic) assert.ok([200, 303, 422, 429, 503].includes(status), String(status))
      await eventually('the dashboard to be back', async () => (await browser.get('/dashboard')).status === 200)
    }
    assert.equal(terminated >= 5, true)
    assert.equal(server.isRunning(), true)
    assert.equal((await openBrowser(server).logIn(person, { next: '/' })).status, 303)
    assert.doesNotMatch(server.written.err + server.written.out, /"level":"fatal"|uncaught/i)
    server.kill('SIGTERM')
    assert.deepEqual(await server.ended(), { code: 0, signal: null })
  })
})

async function visit(browser: Browser, index: number): Promise<number> {
  const path = index % 2 ? '/dashboard' : '/'
  return (await inTime(browser.get(path).then((response) => response))).status
}

describe('one row that is locked', () => {
  it('[F10] holds up who wants it, up to the deadline, and nobody else', async () => {
    const url = await createDatabase()
    const app = await startApp({}, { databaseUrl: url })
    const { person } = await learner(app, 'Ada')
    const locker = postgres(url, { max: 1 })
    const db = createDb({ url, poolMax: 3, deadlineMs: 1_000 })
    after(() => Promise.all([locker.end({ timeout: 1 }), db.close()]))
    const rename = () => db.sql`update users set name = 'Eve' where email = ${person.email}`
    const many = (query: () => Promise<unknown>) => Promise.all(Array.from({ length: 60 }, query))
    const look = () => db.sql`select count(*) from sessions`
    // Prepares both statements on every connection first, as in a server that has been up for a while.
    await many(rename)
    await many(look)
    await locker`begin`
    await locker`select 1 from users where email = ${person.email} for update`

    const held = assert.rejects(rename(), Unavailable)
    await eventually('the update to wait', async () => {
      const waiting =
        await locker`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      return waiting.length === 1
    })
    assert.equal((await many(look)).length, 60)
    await held

    await locker`rollback`
    await rename()
  })
})
