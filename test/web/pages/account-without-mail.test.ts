/** A server that cannot send mail says so, and everything that needs no mail works. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { headingOf, leads, NEW_PASSWORD, open, RESET, VERIFY } from '../../support/mailed.ts'
import { learner, openBrowser } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({ SUPPORT_EMAIL: 'help@example.org' }, { atPublicUrl: true })
const mails = async () => (await app.sql`select 1 as one from outbox`).length

describe('what needs mail says that there is none', () => {
  for (const path of ['/password-reset', '/email-verification', '/account/email-change']) {
    it(path, async () => {
      const { person, browser } = await learner(app, 'Ada')
      const page = await browser.get(path)
      assert.equal(headingOf(page), 'Email is not set up here')
      assert.ok(parse(page.text).querySelector('a[href="mailto:help@example.org"]'), 'somebody to write to')
      const sent = await browser.submitTo('/account', path, { email: person.email })
      assert.equal(headingOf(sent), 'Email is not set up here')
      assert.equal(await mails(), 0)
    })
  }

  it('also where a link from better days asks for a new one', async () => {
    const earlier = await startApp({}, { databaseUrl: app.databaseUrl, atPublicUrl: true, mailbox })
    const { person } = await learner(earlier, 'Ada')
    const verification = await mailbox.letterTo(person.email, VERIFY.subject)
    await openBrowser(earlier).submit('/password-reset', { email: person.email })
    const reset = await mailbox.letterTo(person.email, RESET.subject)
    app.advance(25 * 60 * 60_000)
    const browser = openBrowser(app)
    for (const [letter, page] of [
      [reset, RESET.page],
      [verification, VERIFY.page],
    ] as const) {
      assert.equal((await open(browser, letter)).status, 410)
      const again = await browser.submitTo(page, page.replace(/[^/]+$/, 'again'))
      assert.equal(headingOf(again), 'Email is not set up here')
    }
    assert.equal(await mails(), 0)
  })
})

it('nothing else points there', async () => {
  const { browser } = await learner(app, 'Ada')
  assert.equal(parse((await browser.get('/dashboard')).text).querySelector('.banner'), null)
  const { text } = await browser.get('/account')
  assert.equal(parse(text).querySelector('a[href="/account/email-change"], a[href="/email-verification"]'), null)
})

it('passwords are changed, copies taken and accounts deleted all the same', async () => {
  const { person, browser } = await learner(app, 'Ada')
  const change = { currentPassword: person.password, newPassword: NEW_PASSWORD }
  assert.deepEqual(leads(await browser.submit('/account/password-change', change)), [303, '/account'])
  assert.equal((await browser.submit('/account/data-export', {})).status, 200)
  const gone = await browser.submit('/account/account-deletion', { password: NEW_PASSWORD, sure: 'yes' })
  assert.deepEqual(leads(gone), [303, '/goodbye'])
  assert.equal(await mails(), 0)
})
