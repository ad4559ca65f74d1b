/** Somebody types the password in an open session at the moment when a reset by mail changes it. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, NEW_PASSWORD, resetBy } from '../../support/mailed.ts'
import { oneAfterTheOther } from '../../support/one-after-the-other.ts'
import { type Browser, learner, openBrowser, type Person } from '../../support/people.ts'
import { sessionsOf } from '../../support/sessions.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })

/**
 * Lets the next password check succeed and holds what follows: `arrived` resolves when it gets there, `release` lets it
 * go on.
 */
function holdNextConfirmation() {
  const { rateLimits } = app.deps
  const { clear } = rateLimits
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const arrived = new Promise<void>((resolve) => {
    rateLimits.clear = async (policy, subject) => {
      if (policy !== 'confirmByUser') return clear(policy, subject)
      rateLimits.clear = clear
      resolve()
      await released
      return clear(policy, subject)
    }
  })
  return { arrived, release }
}

const WAYS: Record<string, (browser: Browser, person: Person) => Promise<{ status: number }>> = {
  'by “Confirm it is you”': (browser, { password }) => browser.submit('/account/password-confirmation', { password }),
  'by the form for a new password': (browser, { password }) =>
    browser.submit('/account/password-change', { currentPassword: password, newPassword: 'seven quiet amber kites' }),
}
for (const [name, show] of Object.entries(WAYS)) {
  it(`${name}: the reset ends that session too, and no other takes its place`, async () => {
    const { person, browser: intruder } = await learner(app, 'Eve')
    const owner = openBrowser(app)
    const letter = await askForReset(owner, mailbox, person.email)
    const held = holdNextConfirmation()
    const shown = show(intruder, person)
    await held.arrived
    assert.equal((await resetBy(owner, letter)).status, 303)
    held.release()
    await shown
    assert.equal(await intruder.whoAmI(), undefined)
    assert.deepEqual(await sessionsOf(app, person), [])
    assert.equal((await owner.logIn({ email: person.email, password: NEW_PASSWORD })).status, 303)
  })
}

it('a login begins no session with a password that is changed meanwhile', async () => {
  const { person } = await learner(app, 'Ada')
  const visitor = openBrowser(app)
  const form = { ...person, _csrf: await visitor.token('/login') }
  const [login] = await oneAfterTheOther(
    app,
    person,
    [() => visitor.post('/login', form)],
    (transaction) =>
      transaction`update users set password_version = password_version + 1 where email = ${person.email}`,
  )
  assert.equal(login?.status, 503)
  assert.equal(await visitor.whoAmI(), undefined)
})
