/** A mail server that is away for an hour: afterwards each mail arrives, once, and a few at a time. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startApp } from '../support/app.ts'
import { holdInvariants } from '../support/invariants.ts'
import { openMailbox } from '../support/mailbox.ts'
import { allSent, waiting } from '../support/outbox.ts'
import { learner } from '../support/people.ts'
import { eventually } from '../support/process.ts'
import { HOUR, MINUTE } from '../support/tokens.ts'
import { IS_LONG, reportFault } from './report.ts'

const PEOPLE = IS_LONG ? 60 : 12

it('[F33] mails that could not be sent for an hour arrive when the mail server is back, each once', async () => {
  const mailbox = await openMailbox()
  const app = await startApp({}, { mailbox })
  await mailbox.close()
  const people = await Promise.all(Array.from({ length: PEOPLE }, () => learner(app, 'Ada')))
  await eventually('each to be tried', async () => (await waiting(app)).every(({ attempts }) => attempts > 0))
  await app.deps.mail.stop()
  await holdInvariants(app.sql, { now: app.deps.now() })
  app.advance(HOUR)
  const back = await openMailbox({ port: mailbox.port })
  const from = performance.now()
  app.deps.mail.start()
  await allSent(app)
  const healedMs = performance.now() - from
  for (const { person } of people) assert.equal(back.to(person.email).length, 1)
  assert.equal(back.tries(), PEOPLE)
  app.advance(MINUTE)
  app.deps.mail.wake()
  await app.deps.mail.stop()
  assert.equal(back.tries(), PEOPLE)
  await holdInvariants(app.sql, { now: app.deps.now() })
  reportFault({
    rows: 'F33',
    fault: 'mail server away',
    done: `${PEOPLE} mails, an hour`,
    answers: new Map([[250, back.tries()]]),
    lost: PEOPLE - back.letters.length,
    healedMs,
  })
})
