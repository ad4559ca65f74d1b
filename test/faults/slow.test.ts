/** A database that is slow, and one whose connections are all taken: everybody is told in time, and nobody loses a session. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { holdInvariants } from '../support/invariants.ts'
import { learner, openBrowser, somebody } from '../support/people.ts'
import { eventually } from '../support/process.ts'
import { startProxy } from '../support/proxy.ts'
import { IS_LONG, reportFault, type Tally, tallied } from './report.ts'

const LAG_MS = IS_LONG ? 2_000 : 250
const WAITING = 30
/** Much longer than the deadline of a query, so that only a request that hangs takes longer. */
const BOUND_MS = 30_000

async function inTime<Answer>(asking: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), BOUND_MS)
  })
  return Promise.race([asking, late]).finally(() => clearTimeout(timer))
}

describe('a database', { concurrency: true }, () => {
  it('[F08] that takes its time for each answer ends no session, and everybody is answered', async () => {
    const proxy = await startProxy(await createDatabase())
    const app = await startApp({}, { databaseUrl: proxy.url })
    const people = await Promise.all(Array.from({ length: 5 }, () => learner(app, 'Ada')))
    const tally: Tally = new Map()
    proxy.lag(LAG_MS)
    await inTime(
      Promise.all(
        people.flatMap(({ person, browser }) => [
          tallied(tally, browser.get('/dashboard')),
          tallied(tally, openBrowser(app).logIn(person, { next: '/' })),
        ]),
      ),
    )
    const from = performance.now()
    proxy.lag(0)
    await eventually('a login', async () => {
      const again = await openBrowser(app).signUp(somebody('Bo'))
      return again.status === 303
    })
    const healedMs = performance.now() - from
    for (const status of tally.keys()) assert.ok([200, 303, 503].includes(Number(status)), String(status))
    for (const { browser } of people) assert.equal(await browser.whoAmI(), 'Ada')
    await holdInvariants(app.sql, { mail: false })
    const done = `${LAG_MS / 1_000} s for each answer`
    reportFault({ rows: 'F08', fault: 'slow database', done, answers: tally, lost: 0, healedMs })
  })

  it('[F09] whose connections all wait holds up nobody who needs none, and the others are told in time', async () => {
    const url = await createDatabase()
    const app = await startApp({ DB_POOL_MAX: '2' }, { databaseUrl: url })
    const { browser } = await learner(app, 'Ada')
    assert.equal((await browser.get('/api/auth/jwks')).status, 200)
    const locker = postgres(url, { max: 1, onnotice: () => {} })
    after(() => locker.end({ timeout: 1 }))
    await locker.unsafe('begin; lock table sessions in access exclusive mode')
    const tally: Tally = new Map()
    const waiting = Promise.all(Array.from({ length: WAITING }, () => tallied(tally, browser.get('/dashboard'))))
    const visitor = openBrowser(app)
    const open: Tally = new Map()
    for (const path of ['/login', '/api/auth/jwks', '/health/live']) await tallied(open, visitor.get(path))
    assert.deepEqual([...open.keys()], [200])
    // Nobody who waits has an answer yet, so these were not held up.
    assert.equal(tally.size, 0)
    await inTime(waiting)
    assert.deepEqual([...tally], [[503, WAITING]])
    await locker.unsafe('rollback')
    const from = performance.now()
    await eventually('the dashboard to be back', async () => (await browser.get('/dashboard')).status === 200)
    const done = `${WAITING} wait for a table that is locked`
    reportFault({
      rows: 'F09, F10',
      fault: 'connections all taken',
      done,
      answers: tally,
      lost: '-',
      healedMs: performance.now() - from,
    })
  })
})
