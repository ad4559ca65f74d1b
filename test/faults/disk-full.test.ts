/**
 * A database whose disk is full. The tables lie in a tablespace on a file system of a few megabytes in memory, which a file
 * fills up: so only what must grow fails, and the rest of the server stays as it is. Mounting needs root.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import postgres from 'postgres'
import { createDb } from '../../src/database/database.ts'
import { startDevDatabase } from '../../src/database/embedded/server.ts'
import { migrate } from '../../src/database/migrate.ts'
import { holdInvariants } from '../support/invariants.ts'
import { learner, openBrowser, somebody } from '../support/people.ts'
import { eventually, startServer } from '../support/process.ts'
import { countLost, createLedger, liveTogether } from './lives.ts'
import { reportFault } from './report.ts'

const SIZE = '16m'
const MEGABYTE = 1024 * 1024
const PIECE = 4_096
const AT_ONCE = 6
/** What grows with each sign-up. */
const TABLES = ['all_users', 'activity', 'email_tokens', 'outbox', 'sessions', 'token_status', 'rate_limits']

const folder = mkdtempSync(join(tmpdir(), 'matricula-disk-'))
const disk = join(folder, 'disk')
mkdirSync(disk)
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', disk]).status === 0
after(() => {
  if (isMounted) spawnSync('umount', ['-l', disk])
  rmSync(folder, { recursive: true, force: true })
})

/** Fills what is left, piece by piece. */
function fill(file: string): void {
  for (const size of [MEGABYTE, PIECE]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size, 1), { flag: 'a' })
    } catch {
      // The next size is smaller.
    }
  }
}

it('[F02] a database whose disk is full refuses what must grow, reads on, and takes all again', {
  skip: !isMounted && 'mounting needs root',
}, async () => {
  const database = await startDevDatabase(join(folder, 'data'))
  after(() => database.stop({ evenIfUsed: true }))
  await migrate(database.url)
  const space = join(disk, 'space')
  mkdirSync(space, { mode: 0o700 })
  const { uid, gid } = statSync(join(folder, 'data', 'postgres-18', 'data'))
  chownSync(space, uid, gid)
  const admin = postgres(database.url, { max: 1, onnotice: () => {} })
  after(() => admin.end({ timeout: 1 }))
  await admin.unsafe(`create tablespace small location '${space}'`)
  for (const table of TABLES) await admin.unsafe(`alter table ${table} set tablespace small`)

  const server = await startServer({ DATABASE_URL: database.url, TRUST_PROXY: '1' })
  const { person, browser } = await learner(server, 'Ada')
  const ledger = createLedger()
  let isOver = false
  const living = liveTogether({ site: server, ledger, isOver: () => isOver }, AT_ONCE)
  await eventually('somebody to be answered', () => (ledger.tally.get(303) ?? 0) > 0)
  const full = join(disk, 'full')
  fill(full)
  await eventually('a write to be refused', () => (ledger.tally.get(503) ?? 0) >= 3)
  // What only reads goes on.
  assert.equal((await openBrowser(server).get('/login')).status, 200)
  assert.equal((await browser.get('/dashboard')).status, 200)
  rmSync(full)
  const from = performance.now()
  await eventually('a sign-up', async () => (await openBrowser(server).signUp(somebody('Bo'))).status === 303)
  const healedMs = performance.now() - from
  isOver = true
  await living

  for (const status of ledger.tally.keys()) assert.ok([200, 303, 503].includes(Number(status)), String(status))
  assert.equal((await openBrowser(server).logIn(person, { next: '/' })).status, 303)
  const { sql, close } = createDb({ url: database.url, poolMax: 1 })
  after(close)
  await holdInvariants(sql, { mail: false })
  const lost = await countLost(sql, ledger)
  assert.equal(lost, 0)
  const done = `tables on ${SIZE} of tmpfs, filled up, ${ledger.lives.length} people`
  reportFault({ rows: 'F02', fault: 'disk of the database full', done, answers: ledger.tally, lost, healedMs })
})
