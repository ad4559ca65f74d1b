/** Nobody can use this app to fill a stranger's mailbox. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startApp } from '../support/app.ts'
import { openMailbox } from '../support/mailbox.ts'
import { learner, openBrowser, PASSWORD, somebody } from '../support/people.ts'
import { eventually } from '../support/process.ts'

const mailbox = await openMailbox()
const app = await startApp({ DELETION_GRACE_DAYS: '0' }, { atPublicUrl: true, mailbox })

const waiting = async () => (await app.sql`select id from outbox`).length
/** Waits until all mails have been sent. */
const allSent = () => eventually('the outbox to be empty', async () => (await waiting()) === 0)

it('[R16] signing up with an address and leaving again works three times an hour, and never in silence', async () => {
  const stranger = somebody('Stranger')
  for (let times = 0; times < 3; times += 1) {
    const browser = openBrowser(app)
    assert.equal((await browser.signUp(stranger)).status, 303)
    // A mail that still waits when the account is deleted is not sent.
    await allSent()
    const left = await browser.submit('/account/account-deletion', { password: PASSWORD, sure: 'yes' })
    assert.equal(left.headers.location, '/goodbye')
    await allSent()
  }
  const refused = await openBrowser(app).signUp(stranger)
  assert.equal(refused.status, 429)
  assert.match(refused.headers['retry-after'] ?? '', /^[1-9]\d*$/)
  assert.equal(mailbox.to(stranger.email, /Confirm/).length, 3)
  assert.equal(mailbox.to(stranger.email, /was deleted/).length, 3)
})

it('a stranger’s requests for one kind of mail leave the learner the others', async () => {
  const { browser, person } = await learner(app, 'Ben')
  for (let times = 0; times < 5; times += 1) {
    await openBrowser(app).submit('/email-verification', { email: person.email })
  }
  await browser.submit('/password-reset', { email: person.email })
  await mailbox.letterTo(person.email, /Reset/)
})

it('changing a password again and again tells the address five times an hour', async () => {
  const { browser, person } = await learner(app, 'Ada')
  let currentPassword = person.password
  for (let times = 0; times < 7; times += 1) {
    const newPassword = `another tidy copper lantern ${times}`
    const changed = await browser.submit('/account/password-change', { currentPassword, newPassword })
    assert.equal(changed.status, 303)
    currentPassword = newPassword
  }
  await allSent()
  assert.equal(mailbox.to(person.email, /was changed/).length, 5)
})
