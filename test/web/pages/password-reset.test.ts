/** A forgotten password: the whole way with a real mail, without JavaScript. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { learner, openBrowser, PASSWORD } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const NEW_PASSWORD = 'another tidy copper lantern'

it('a learner chooses a new password by the link of a mail, and all devices are logged out', async () => {
  const { person, browser: old } = await learner(app, 'Ada')
  const browser = openBrowser(app)
  const asked = await browser.submit('/password-reset', { email: person.email })
  assert.equal(asked.status, 303)
  assert.equal(asked.headers.location, '/password-reset/sent')
  const sent = await browser.get('/password-reset/sent')
  assert.match(sent.text, new RegExp(person.email))

  const letter = await mailbox.letterTo(person.email, /Reset/)
  assert.equal(letter.link.startsWith(`${app.url}/password-reset/link/`), true)
  const { pathname } = new URL(letter.link)
  const opened = await browser.get(pathname)
  assert.equal(opened.status, 303)
  assert.equal(opened.headers.location, '/password-reset/new')
  const done = await browser.submit('/password-reset/new', { password: NEW_PASSWORD })
  assert.equal(done.status, 303)
  assert.equal(done.headers.location, '/login?done=password-reset')

  assert.equal((await old.get('/dashboard')).status, 303)
  assert.equal(await browser.whoAmI(), undefined)
  assert.equal((await browser.logIn({ email: person.email, password: PASSWORD })).status, 422)
  assert.equal((await browser.logIn({ email: person.email, password: NEW_PASSWORD })).status, 303)
  await mailbox.letterTo(person.email, /was changed/)
})
