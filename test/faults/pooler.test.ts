/** The whole app behind PgBouncer in transaction mode, where each statement may go over another connection. */
import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { createDb } from '../../src/database/database.ts'
import { holdInvariants } from '../support/invariants.ts'
import { openMailbox } from '../support/mailbox.ts'
import { startPooler, whyNoPooler } from '../support/pooler.ts'
import { startServer } from '../support/process.ts'
import { countLost, createLedger, liveTogether } from './lives.ts'
import { IS_LONG, reportFault } from './report.ts'

const LASTS_MS = IS_LONG ? 20_000 : 1_000

it('[F29] behind a pooler in transaction mode two servers share three connections, and all is well', {
  skip: whyNoPooler(),
}, async () => {
  const { url, direct } = await startPooler('default_pool_size = 3')
  const mailbox = await openMailbox()
  const environment = {
    DATABASE_URL: `${url}?pgbouncer=true`,
    SMTP_URL: mailbox.url,
    MAIL_FROM: 'no-reply@matricula.example',
    TRUST_PROXY: '1',
  }
  const servers = await Promise.all([startServer(environment), startServer(environment)])
  const ledger = createLedger()
  const until = Date.now() + LASTS_MS
  await Promise.all(servers.map((site) => liveTogether({ site, ledger, mailbox, isOver: () => Date.now() > until }, 5)))
  const { sql, close } = createDb({ url: direct, poolMax: 1 })
  after(close)
  await holdInvariants(sql)
  const lost = await countLost(sql, ledger)
  assert.equal(lost, 0)
  assert.ok(ledger.tally.get(303), 'somebody was answered')
  for (const status of ledger.tally.keys()) assert.ok([200, 303, 503].includes(Number(status)), String(status))
  const done = `two servers, pool of 3, ${ledger.lives.length} people`
  reportFault({ rows: 'F29', fault: 'PgBouncer, transactions', done, answers: ledger.tally, lost, healedMs: '-' })
})
