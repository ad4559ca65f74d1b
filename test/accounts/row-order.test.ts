/** What is newest is decided by time: not by identity columns, which order nothing where each connection takes its own hundred. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { findMailStatus } from '../../src/accounts/mail-status.ts'
import { startApp } from '../support/app.ts'
import { createDatabase, withCachedSequences } from '../support/database.ts'
import { openMailbox } from '../support/mailbox.ts'
import { askForReset, headingOf, NEW_PASSWORD, open, resetBy, VERIFY } from '../support/mailed.ts'
import { learner, openBrowser } from '../support/people.ts'
import { MINUTE, SECOND } from '../support/tokens.ts'

const databaseUrl = await createDatabase()
await withCachedSequences(databaseUrl)
const mailbox = await openMailbox()
const start = () => startApp({ DB_POOL_MAX: '1' }, { databaseUrl, mailbox, atPublicUrl: true })
// A server each, with one connection each.
const early = await start()
const late = await start()

describe('of two links that two servers have mailed, one after the other', () => {
  before(async () => {
    // Whoever writes first has the lower hundred for good.
    await learner(early, 'First')
    await learner(late, 'Second')
  })

  for (const [older, newer, name] of [
    [late, early, 'the server with the higher numbers, then by that with the lower ones'],
    [early, late, 'the server with the lower numbers, then by that with the higher ones'],
  ] as const) {
    it(`the newer is the good one: first by ${name}`, async () => {
      const { person } = await learner(early, 'Ada')
      const visitor = openBrowser(early)
      const first = await askForReset(openBrowser(older), mailbox, person.email)
      const second = await askForReset(openBrowser(newer), mailbox, person.email, 2)
      assert.equal((await open(visitor, first)).status, 410)
      assert.equal((await resetBy(visitor, second)).status, 303)
      assert.equal((await visitor.logIn({ ...person, password: NEW_PASSWORD })).status, 303)
    })
  }

  it('the newer is the good one even if the clock of its server is behind', async () => {
    const { person } = await learner(early, 'Ben')
    const visitor = openBrowser(early)
    const first = await askForReset(openBrowser(early), mailbox, person.email)
    late.advance(-10 * MINUTE)
    const second = await askForReset(openBrowser(late), mailbox, person.email, 2)
    late.advance(10 * MINUTE)
    assert.equal((await open(visitor, first)).status, 410)
    assert.equal((await resetBy(visitor, second)).status, 303)
  })

  it('one is good, not two, if both were written in the same millisecond', async () => {
    const { person } = await learner(early, 'Carl')
    const letters = [await askForReset(openBrowser(late), mailbox, person.email)]
    letters.push(await askForReset(openBrowser(early), mailbox, person.email, 2))
    await early.sql`
      update email_tokens set created_at = ${new Date()} where purpose = 'reset-password'
        and user_id = (select id from users where email = ${person.email})`
    const visitor = openBrowser(early)
    const statuses: number[] = []
    for (const letter of letters) statuses.push((await open(visitor, letter)).status)
    assert.deepEqual(statuses.sort(), [200, 410])
  })

  it('the page tells where the newer mail is', async () => {
    const { person, browser } = await learner(late, 'Dora')
    await mailbox.letterTo(person.email, VERIFY.subject)
    early.advance(MINUTE)
    late.advance(MINUTE)
    const onEarly = openBrowser(early)
    await onEarly.logIn(person)
    await onEarly.submit('/email-verification', {})
    await mailbox.letterTo(person.email, VERIFY.subject, 2)
    const [user] = await early.sql<{ id: string; newest: Date }>`
      select user_id as id, max(created_at) as newest from email_tokens
      where purpose = 'verify-email' and user_id = (select id from users where email = ${person.email}) group by user_id`
    assert.ok(user)
    assert.deepEqual((await findMailStatus(early.sql, user.id))?.askedAt, user.newest)
    assert.equal(
      headingOf(await browser.get('/email-verification')),
      headingOf(await onEarly.get('/email-verification')),
    )
  })
})

describe('the list of what has happened', () => {
  it('has the latest first, whichever server wrote it', async () => {
    const { person, browser } = await learner(late, 'Eve')
    for (const app of [early, late, early]) {
      for (const one of [early, late]) one.advance(SECOND)
      await openBrowser(app).submit('/password-reset', { email: person.email })
    }
    const times = parse((await browser.get('/account/sessions')).text)
      .querySelectorAll('.activity time')
      .map((time) => time.getAttribute('datetime') ?? '')
    assert.ok(times.length >= 4, `${times.length} found`)
    assert.deepEqual(times, [...times].sort().reverse())
  })
})
