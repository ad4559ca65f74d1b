/** A server that is killed again and again while people sign up, refresh, reset and leave. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { after, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDb } from '../../src/database/database.ts'
import { createDatabase } from '../support/database.ts'
import { holdInvariants } from '../support/invariants.ts'
import { openMailbox } from '../support/mailbox.ts'
import { eventually, startServer } from '../support/process.ts'
import { countLost, createLedger, liveTogether } from './lives.ts'
import { IS_LONG, reportFault } from './report.ts'

const ROUNDS = IS_LONG ? 50 : 2
const AT_ONCE = 8
const KILLED_AFTER_MS = { from: 150, to: 1_600 }

it('[F16] killed at random, again and again, a server has lost nothing that it answered and left nothing half done', async () => {
  const url = await createDatabase()
  const mailbox = await openMailbox()
  const { sql, close } = createDb({ url, poolMax: 2 })
  after(close)
  const environment = {
    DATABASE_URL: url,
    SMTP_URL: mailbox.url,
    MAIL_FROM: 'no-reply@matricula.example',
    TRUST_PROXY: '1',
  }
  const ledger = createLedger()
  for (let round = 1; round <= ROUNDS; round += 1) {
    const server = await startServer(environment)
    let isOver = false
    const living = liveTogether({ site: server, ledger, mailbox, isOver: () => isOver }, AT_ONCE)
    // On a busy machine nobody may have been answered by then. In the last round somebody is.
    if (round === ROUNDS) {
      await eventually('somebody to be answered', () => ledger.lives.some(({ signedUp }) => signedUp))
    }
    await sleep(randomInt(KILLED_AFTER_MS.from, KILLED_AFTER_MS.to))
    server.kill('SIGKILL')
    isOver = true
    assert.equal((await server.ended()).signal, 'SIGKILL')
    await living
    await holdInvariants(sql)
    assert.equal(await countLost(sql, ledger), 0, `round ${round}`)
  }
  // The last one sends what the others have left, also what they were sending when they died.
  const startedAt = performance.now()
  const last = await startServer(environment)
  const healedMs = performance.now() - startedAt
  if (IS_LONG) {
    const left = async () => (await sql<{ left: number }>`select count(*)::int as left from outbox`)[0]?.left
    const deadline = Date.now() + 120_000
    while ((await left()) !== 0 && Date.now() < deadline) await sleep(200)
    assert.equal(await left(), 0, 'mails wait for ever')
  }
  const welcomed = ledger.lives.filter(({ signedUp }) => signedUp)
  if (IS_LONG) {
    const missing = welcomed.filter(({ person, left }) => !left && mailbox.to(person.email).length === 0)
    assert.equal(missing.length, 0, 'a mail got lost')
  }
  assert.ok(welcomed.length > 0, 'somebody was answered')
  await holdInvariants(sql)
  last.kill('SIGTERM')
  await eventually('the last server to end', () => !last.isRunning())
  reportFault({
    rows: 'F16',
    fault: 'kill -9',
    done: `${ROUNDS} rounds at a random moment, ${ledger.lives.length} people`,
    answers: ledger.tally,
    lost: await countLost(sql, ledger),
    healedMs,
  })
})
