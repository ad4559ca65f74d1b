/** A database that ends in the middle of transactions, as when its machine loses power, and connections that are terminated. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { createDb } from '../../src/database/database.ts'
import { readLock, signalTo } from '../../src/database/embedded/lock.ts'
import { startDevDatabase } from '../../src/database/embedded/server.ts'
import { migrate } from '../../src/database/migrate.ts'
import { holdInvariants } from '../support/invariants.ts'
import { openMailbox } from '../support/mailbox.ts'
import { openBrowser, somebody } from '../support/people.ts'
import { eventually, isOpen, startServer } from '../support/process.ts'
import { countLost, createLedger, type Ledger, liveTogether } from './lives.ts'
import { IS_LONG, reportFault } from './report.ts'

const RESTARTS = IS_LONG ? 5 : 1
const TERMINATIONS = IS_LONG ? 10 : 2
const AT_ONCE = 8
const BEFORE_MS = 800
const LOCKED_MS = 300

/** Lets people live on the server while `fault` happens. Returns how long it took from its end to the first sign-up. */
async function during(server: { url: string }, ledger: Ledger, fault: () => Promise<unknown>): Promise<number> {
  let isOver = false
  const living = liveTogether({ site: server, ledger, isOver: () => isOver }, AT_ONCE)
  await sleep(BEFORE_MS)
  await fault()
  const from = performance.now()
  await eventually(
    'a sign-up to be answered',
    async () => (await openBrowser(server).signUp(somebody('Bo'))).status === 303,
  )
  const healedMs = performance.now() - from
  isOver = true
  await living
  return healedMs
}

it('[F03, F04, F05] a database that ends at once, with transactions open, and connections that are terminated take nothing along', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'matricula-restart-'))
  let database = await startDevDatabase(folder)
  after(async () => {
    await database.stop({ evenIfUsed: true })
    rmSync(folder, { recursive: true, force: true })
  })
  const { url } = database
  await migrate(url)
  const mailbox = await openMailbox()
  const server = await startServer({
    DATABASE_URL: url,
    SMTP_URL: mailbox.url,
    MAIL_FROM: 'no-reply@matricula.example',
    TRUST_PROXY: '1',
  })
  const look = async () => {
    const db = createDb({ url, poolMax: 2 })
    await holdInvariants(db.sql).finally(db.close)
  }
  const lost = async (ledger: Ledger) => {
    const db = createDb({ url, poolMax: 2 })
    return countLost(db.sql, ledger).finally(db.close)
  }

  const ledger = createLedger()
  let healedMs = 0
  for (let times = 0; times < RESTARTS; times += 1) {
    const healed = await during(server, ledger, async () => {
      // Statements that write wait for this lock, in the middle of their transactions.
      const locker = postgres(url, { max: 1, onnotice: () => {} })
      await locker.unsafe('begin; lock table activity in exclusive mode').catch(() => {})
      await sleep(LOCKED_MS)
      const { pid = 0, port = 0 } = await readLock(join(folder, 'postgres-18'))
      // What `pg_ctl restart -m immediate` sends.
      signalTo(pid, 'SIGQUIT')
      await eventually('the database to be gone', async () => !(await isOpen(port)))
      await locker.end({ timeout: 1 }).catch(() => {})
      database = await startDevDatabase(folder)
      assert.equal(database.url, url)
    })
    healedMs = Math.max(healedMs, healed)
    await look()
    assert.equal(await lost(ledger), 0)
  }
  reportFault({
    rows: 'F03, F04',
    fault: 'restart -m immediate',
    done: `${RESTARTS} times with transactions open, ${ledger.lives.length} people`,
    answers: ledger.tally,
    lost: await lost(ledger),
    healedMs,
  })

  const terminated = createLedger()
  const admin = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: 'the test' } })
  const healed = await during(server, terminated, async () => {
    for (let times = 0; times < TERMINATIONS; times += 1) {
      await admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'matricula'`
      await sleep(LOCKED_MS)
    }
  }).finally(() => admin.end({ timeout: 1 }))
  await look()
  assert.equal(await lost(terminated), 0)
  reportFault({
    rows: 'F05',
    fault: 'connections terminated',
    done: `all of them, ${TERMINATIONS} times, ${terminated.lives.length} people`,
    answers: terminated.tally,
    lost: await lost(terminated),
    healedMs: healed,
  })

  assert.equal(server.isRunning(), true)
  assert.doesNotMatch(server.written.err + server.written.out, /"level":"fatal"|uncaught/i)
  for (const status of [...ledger.tally.keys(), ...terminated.tally.keys()]) {
    assert.ok([200, 303, 401, 403, 422, 429, 503].includes(Number(status)), String(status))
  }
})
