/** The connection dies when a write is done and before its answer has come: whoever tries again comes to a sane end. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { holdInvariants } from '../support/invariants.ts'
import { openMailbox } from '../support/mailbox.ts'
import { askForReset, NEW_PASSWORD, open, RESET } from '../support/mailed.ts'
import { comingBack, learner, openBrowser, type Response, somebody } from '../support/people.ts'
import { startProxy } from '../support/proxy.ts'
import { IS_LONG, reportFault, type Tally, tallied } from './report.ts'

/** After so many messages of the answer; with none it is not even said that the statement was understood. */
const MESSAGES = IS_LONG ? [0, 1, 2, 3] : [1]

const mailbox = await openMailbox()
const proxy = await startProxy(await createDatabase())
const app = await startApp({}, { databaseUrl: proxy.url, mailbox })

const logsIn = async (email: string, password: string) =>
  (await comingBack(() => openBrowser(app).logIn({ email, password }, { next: '/' }))).status === 303

async function cutIn(
  tally: Tally,
  statement: string,
  messages: number,
  ask: () => PromiseLike<Response>,
): Promise<void> {
  proxy.cutWithin(statement, messages)
  await tallied(tally, ask())
  assert.equal(proxy.isStillToCut(), false, `${statement} was not sent`)
}

describe('an answer of the database that is lost', () => {
  for (const messages of MESSAGES) {
    it(`[F13] after ${messages} messages leaves a sign-up that is there or not, and the same form ends well`, async () => {
      const tally: Tally = new Map()
      const person = somebody('Ada')
      const browser = openBrowser(app)
      const form = { ...person, _csrf: await browser.token('/sign-up') }
      await cutIn(tally, 'insert into users', messages, () => browser.post('/sign-up', form))
      const again = await comingBack(() => browser.post('/sign-up', form))
      assert.equal(again.status, 303, again.text)
      assert.equal(await browser.whoAmI(), 'Ada')
      await holdInvariants(app.sql)
      reportFault({
        rows: 'F13',
        fault: 'answer lost at a sign-up',
        done: `cut after ${messages} messages`,
        answers: tally,
        lost: '-',
        healedMs: '-',
      })
    })

    it(`[F13] after ${messages} messages leaves a password that was reset or not, and one of them is good`, async () => {
      const tally: Tally = new Map()
      const { person } = await learner(app, 'Bo')
      const browser = openBrowser(app)
      await open(browser, await askForReset(browser, mailbox, person.email))
      const form = { password: NEW_PASSWORD, _csrf: await browser.token(RESET.page) }
      await cutIn(tally, 'update email_tokens t set used_at', messages, () => browser.post(RESET.page, form))
      const good = await Promise.all([logsIn(person.email, person.password), logsIn(person.email, NEW_PASSWORD)])
      assert.equal(good.filter(Boolean).length, 1)
      await holdInvariants(app.sql)
      reportFault({
        rows: 'F13',
        fault: 'answer lost at a reset',
        done: `cut after ${messages} messages`,
        answers: tally,
        lost: '-',
        healedMs: '-',
      })
    })

    it(`[F13] after ${messages} messages leaves an account that is left or not, and leaving again ends well`, async () => {
      const tally: Tally = new Map()
      const { person, browser } = await learner(app, 'Cy')
      const page = '/account/account-deletion'
      const form = { password: person.password, sure: 'yes', _csrf: await browser.token(page) }
      await cutIn(tally, 'update all_users set delete_at', messages, () => browser.post(page, form))
      const again = openBrowser(app)
      if (await logsIn(person.email, person.password)) {
        await comingBack(() => again.logIn(person, { next: '/' }))
        assert.equal((await again.submit(page, { password: person.password, sure: 'yes' })).status, 303)
      }
      assert.equal(await logsIn(person.email, person.password), false)
      await holdInvariants(app.sql)
      reportFault({
        rows: 'F13',
        fault: 'answer lost at a deletion',
        done: `cut after ${messages} messages`,
        answers: tally,
        lost: '-',
        healedMs: '-',
      })
    })
  }
})
