/** Many requests of all kinds: afterwards the server holds no more than before. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, it } from 'node:test'
import postgres from 'postgres'
import { createDatabase } from '../support/database.ts'
import { learner, openBrowser } from '../support/people.ts'
import { startServer } from '../support/process.ts'
import { IS_LONG, reportFault, type Tally, tallied } from './report.ts'

/** As many again come first, for what is made once. */
const REQUESTS = IS_LONG ? 5_000 : 200
const AT_ONCE = 10
const POOL = 5
const GROWTH_MAX_KB = 60_000

const residentKb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)

const skip = process.platform !== 'linux' && 'needs /proc'

it('[F36] thousands of requests leave memory and connections as they were', { skip }, async () => {
  const url = await createDatabase()
  const server = await startServer({ DATABASE_URL: url, DB_POOL_MAX: String(POOL) })
  const admin = postgres(url, { max: 1, onnotice: () => {} })
  after(() => admin.end({ timeout: 1 }))
  const people = await Promise.all(Array.from({ length: AT_ONCE }, () => learner(server, 'Ada')))
  const tally: Tally = new Map()
  const paths = [
    '/dashboard',
    '/login',
    '/api/me',
    '/account',
    '/api/auth/jwks',
    '/nowhere',
    '/plan',
    '/api/auth/get-session',
  ]
  const round = () =>
    Promise.all(
      people.map(async ({ browser }) => {
        for (let times = 0; times < REQUESTS / AT_ONCE; times += 1) {
          await tallied(tally, browser.get(paths[times % paths.length] ?? '/'))
          // A form without a token, and one that is not ours.
          if (times % 20 === 0) await tallied(tally, openBrowser(server).post('/login', { email: 'x' }))
        }
      }),
    )
  await round()
  const before = residentKb(server.pid)
  await round()
  const grown = residentKb(server.pid) - before
  assert.ok(grown < GROWTH_MAX_KB, `${grown} KB more`)
  const rows =
    await admin`select 1 from pg_stat_activity where application_name = 'matricula' and datname = current_database()`
  assert.ok(rows.length <= POOL, `${rows.length} connections`)
  assert.doesNotMatch(server.written.err, /MaxListeners/)
  for (const status of tally.keys()) assert.ok([200, 303, 403, 404].includes(Number(status)), String(status))
  const done = `2 × ${REQUESTS} requests: ${(grown / 1_000).toFixed(0)} MB more, ${rows.length} connections`
  reportFault({ rows: 'F36', fault: 'soak', done, answers: tally, lost: '-', healedMs: '-' })
})
