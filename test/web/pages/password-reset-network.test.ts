/** One network may ask for many mails, but not without limit. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, open, RESET } from '../../support/mailed.ts'
import { learner, openBrowser, problemsOf, somebody } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({ TRUST_PROXY: '1' }, { atPublicUrl: true, mailbox })
const HERE = { 'X-Forwarded-For': '198.51.100.1' }

it('[R16] after 200 mails in an hour it is told when to ask again, for a known address as for an unknown one', async () => {
  const { person } = await learner(app, 'Ada')
  const browser = openBrowser(app, HERE)
  const link = await askForReset(browser, mailbox, person.email)
  const token = await browser.token('/password-reset')
  const statuses: number[] = []
  for (let asked = 1; asked < 200; asked += 1) {
    const page = asked % 2 === 0 ? '/password-reset' : '/email-verification'
    statuses.push((await browser.post(page, { email: somebody('Ben').email, _csrf: token })).status)
  }
  assert.deepEqual([...new Set(statuses)], [303])

  for (const email of [person.email, somebody('Cleo').email]) {
    for (const page of ['/password-reset', '/email-verification']) {
      const { status, headers, text } = await browser.submit(page, { email })
      assert.equal(status, 429, page)
      const seconds = Number(headers['retry-after'])
      assert.ok(seconds > 0 && seconds <= 3600, `Retry-After: ${seconds}`)
      assert.deepEqual(problemsOf(text), [{ href: '#email', message: 'Too many tries. Try again in an hour' }])
      assert.ok(text.includes(email), 'the address is still there')
    }
  }
  assert.equal(mailbox.to(person.email, RESET.subject).length, 1)

  const elsewhere = openBrowser(app, { 'X-Forwarded-For': '198.51.100.2' })
  assert.equal((await elsewhere.submit('/password-reset', { email: person.email })).status, 303)
  await mailbox.letterTo(person.email, RESET.subject, 2)
  // The button on the page of a dead link counts too.
  await open(browser, link)
  assert.equal((await browser.submitTo('/password-reset/new', '/password-reset/again')).status, 429)
})
