/** Mails that nobody asked for: an account with a stranger's address cannot be used to fill their mailbox. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { learner, openBrowser, somebody } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'

const mailbox = await openMailbox()
const app = await startApp({ DELETION_GRACE_DAYS: '0' }, { atPublicUrl: true, mailbox })
const MOST = 11

function assertFew(email: string): void {
  const { length } = mailbox.to(email)
  assert.ok(length >= 3 && length <= MOST, `${length} letters`)
}

const outboxIsEmpty = () =>
  eventually('an empty outbox', async () => (await app.sql`select 1 as one from outbox`).length === 0)

it('a password that is changed again and again is told of a few times an hour', async () => {
  const { person, browser } = await learner(app, 'Eve')
  let { password } = person
  for (let time = 0; time < MOST + 3; time += 1) {
    const newPassword = `seven quiet amber kites ${time}`
    const { status } = await browser.submit('/account/password-change', { currentPassword: password, newPassword })
    assert.equal(status, 303)
    password = newPassword
  }
  await outboxIsEmpty()
  assertFew(person.email)
  const { person: other, browser: others } = await learner(app, 'Ada')
  const change = { currentPassword: other.password, newPassword: password }
  assert.equal((await others.submit('/account/password-change', change)).status, 303)
  await mailbox.letterTo(other.email, /was changed/)
})

/** How many accounts may be made with one address within an hour. */
const ACCOUNTS = 3

it('nor does an account help that is made and deleted again and again', async () => {
  const person = somebody('Eve')
  for (let time = 0; time < ACCOUNTS; time += 1) {
    const browser = openBrowser(app)
    assert.equal((await browser.signUp(person)).status, 303)
    const newPassword = `seven quiet amber kites ${time}`
    await browser.submit('/account/password-change', { currentPassword: person.password, newPassword })
    await browser.submit('/account/email-change', { email: somebody('Ben').email })
    const gone = await browser.submit('/account/account-deletion', { password: newPassword, sure: 'yes' })
    assert.equal(gone.headers.location, '/goodbye')
  }
  await outboxIsEmpty()
  assertFew(person.email)
  // The next sign-up with this address is refused. Its owner can still ask for a password reset.
  assert.equal((await openBrowser(app).signUp(person)).status, 429)
  await openBrowser(app).submit('/password-reset', { email: person.email })
})
