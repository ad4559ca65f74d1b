/** What stands behind the codes of mails, guard by guard. Ada owns the address; Eve is somebody else. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiOf, openApi } from '../../support/api.ts'
import { SECRET, startApp } from '../../support/app.ts'
import { addPasskey, logInWith } from '../../support/authenticator.ts'
import { newNetwork, useUp } from '../../support/guessing.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, confirm, headingOf, NEW_PASSWORD, open, VERIFY } from '../../support/mailed.ts'
import { ASK, askForCode, CONFIRM, codeOf, notThis, REQUEST_COOKIE, SUBJECT, type } from '../../support/mailed-codes.ts'
import { type Browser, learner, openBrowser, type Person, somebody } from '../../support/people.ts'
import { nextCode, switchOn } from '../../support/second-step.ts'

const mailbox = await openMailbox()
const app = await startApp({ TRUST_PROXY: '1' }, { mailbox, atPublicUrl: true })
const { databaseUrl } = app
const MINUTE = 60_000
const SEND = '/api/auth/email-otp/send-verification-otp'
const NEWER = 'a-newer-secret-of-the-tests-0123456789abc'

const visitor = (network = newNetwork()): Browser => openBrowser(app, { 'X-Forwarded-For': network })

async function owner(name: string): Promise<{ person: Person; browser: Browser }> {
  const { person, browser } = await learner(app, name)
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  return { person, browser }
}

/** Puts the part of one browser into another one, perhaps at another server. */
function withRequestOf(browser: Browser, at: Pick<typeof app, 'url'> = app): Browser {
  const other = openBrowser(at, { 'X-Forwarded-For': newNetwork() })
  other.agent.jar.setCookie(`${REQUEST_COOKIE}=${browser.cookie(REQUEST_COOKIE)}`, '127.0.0.1', '/')
  return other
}

describe('the link beside a code', () => {
  it('that is older than ten minutes is over, and says so', async () => {
    const { person } = await owner('Ada')
    const ada = visitor()
    const { letter } = await askForCode(ada, mailbox, person.email)
    app.advance(11 * MINUTE)
    const page = await open(ada, letter)
    assert.deepEqual([page.status, headingOf(page)], [410, 'This code has expired'])
    assert.equal((await ada.submitTo(ASK, CONFIRM)).status, 410)
    assert.equal(await ada.whoAmI(), undefined)
  })

  it('logs in once, and not again in another browser with the same part', async () => {
    const { person } = await owner('Ada')
    const ada = visitor()
    const { letter } = await askForCode(ada, mailbox, person.email)
    const other = withRequestOf(ada)
    await open(other, letter)
    await open(ada, letter)
    assert.equal((await ada.submit(CONFIRM, {})).status, 303)
    assert.equal(await ada.whoAmI(), person.name)
    assert.equal((await other.submitTo(ASK, CONFIRM)).status, 410)
    assert.equal(await other.whoAmI(), undefined)
  })

  it('that waits while the password is changed is over', async () => {
    const { person, browser } = await owner('Ada')
    const ada = visitor()
    const { letter } = await askForCode(ada, mailbox, person.email)
    const change = { currentPassword: person.password, newPassword: NEW_PASSWORD }
    assert.equal((await browser.submit('/account/password-change', change)).status, 303)
    assert.equal((await open(ada, letter)).status, 410)
    assert.equal((await ada.submitTo(ASK, CONFIRM)).status, 410)
    assert.equal(await ada.whoAmI(), undefined)
  })

  it('is guessed a hundred times from one network, which must then wait; the real one works all the same', async () => {
    const { person } = await owner('Ada')
    const network = newNetwork()
    await useUp(app, 'unknownLinksByNetwork', network, 100)
    const eve = visitor(network)
    const link = `${app.url}${ASK}/link/abcdefghijklmnopqrstuvwx`
    assert.equal((await open(eve, { link })).status, 429)
    const ada = visitor(network)
    const { letter } = await askForCode(ada, mailbox, person.email)
    assert.equal((await open(ada, letter)).status, 200)
  })
})

describe('a code', () => {
  it('with another address than it was mailed to is wrong', async () => {
    const { person } = await owner('Ada')
    const { person: ben } = await owner('Ben')
    const api = openApi(app, { 'X-Forwarded-For': newNetwork() })
    await api.post(SEND, { email: person.email, type: 'sign-in' })
    const otp = codeOf(await mailbox.letterTo(person.email, SUBJECT))
    const wrong = await api.post('/api/auth/sign-in/email-otp', { email: ben.email, otp })
    assert.deepEqual([wrong.status, wrong.body.code], [400, 'INVALID_OTP'])
    assert.equal((await api.post('/api/auth/sign-in/email-otp', { email: person.email, otp })).status, 200)
  })

  it('is wrong at a server that has other secrets, and right at one that has a newer one beside', async () => {
    const { person } = await owner('Ada')
    const ada = visitor()
    const { code } = await askForCode(ada, mailbox, person.email)
    const [strange, rotating] = await Promise.all(
      [NEWER, `${NEWER},${SECRET}`].map((secrets) =>
        startApp({ APP_SECRETS: secrets, TRUST_PROXY: '1' }, { databaseUrl, mailbox }),
      ),
    )
    if (!strange || !rotating) assert.fail('two servers')
    assert.equal((await type(withRequestOf(ada, strange), code)).status, 422)
    assert.equal((await type(withRequestOf(ada, rotating), code)).status, 303)
  })

  it('that is right costs its network nothing', async () => {
    const { person } = await owner('Ada')
    const network = newNetwork()
    const ada = visitor(network)
    const { code } = await askForCode(ada, mailbox, person.email)
    await useUp(app, 'wrongCodesByNetwork', network, 99)
    assert.equal((await type(ada, code)).status, 303)
    const ben = visitor(network)
    const { code: other } = await askForCode(ben, mailbox, person.email, 2)
    assert.equal((await type(ben, notThis(other))).status, 422, 'the hundredth wrong one')
    assert.equal((await type(ben, other)).status, 429)
  })

  it('that would confirm an address is not mailed to one that is confirmed', async () => {
    const { person } = await owner('Ada')
    const api = openApi(app, { 'X-Forwarded-For': newNetwork() })
    assert.equal((await api.post(SEND, { email: person.email, type: 'email-verification' })).status, 200)
    assert.equal((await app.sql`select 1 as one from mailed_codes where email = ${person.email}`).length, 0)
  })

  it('with a second step beside another account leaves that one’s session, and what follows is about the new one', async () => {
    const { person, browser } = await owner('Ada')
    const { secret } = await switchOn(app, browser)
    const { person: ben, browser: at } = await learner(app, 'Ben')
    const elsewhere = visitor()
    await elsewhere.logIn(ben)
    const api = apiOf(app, at)
    await api.post(SEND, { email: person.email, type: 'sign-in' })
    const otp = codeOf(await mailbox.letterTo(person.email, SUBJECT))
    const half = await api.post('/api/auth/sign-in/email-otp', { email: person.email, otp })
    assert.equal(half.body.twoFactorRedirect, true)
    assert.equal((await api.get('/api/auth/get-session')).body, null)
    assert.equal((await api.post('/api/auth/two-factor/verify-totp', { code: nextCode(app, secret) })).status, 200)
    assert.equal(await at.whoAmI(), person.name)
    assert.equal(await elsewhere.whoAmI(), ben.name)
  })

  it('writes as much for an address without an account: a row of a mail too', async () => {
    const { person } = await owner('Ada')
    // Nothing is sent, so that each mail can be seen to wait.
    const quiet = await startApp({ TRUST_PROXY: '1' }, { mailbox, databaseUrl })
    await Promise.all([app.deps.mail.stop(), quiet.deps.mail.stop()])
    const waiting = async () => (await app.sql`select 1 as one from outbox`).length
    for (const email of [person.email, somebody('nobody').email]) {
      const before = await waiting()
      const browser = openBrowser(quiet, { 'X-Forwarded-For': newNetwork() })
      assert.equal((await browser.submit(ASK, { email })).status, 303)
      assert.equal(await waiting(), before + 1)
    }
    app.deps.mail.start()
  })
})

describe('a login by a code to an account that Eve has made with Ada’s address', () => {
  it('leaves whoever made it no change of the address that waits', async () => {
    const { person, browser: eve } = await learner(app, 'Ada')
    const change = await askForChange(eve, mailbox, somebody('Eve').email)
    const ada = visitor()
    const { code } = await askForCode(ada, mailbox, person.email)
    assert.equal((await type(ada, code)).status, 303)
    assert.equal((await open(visitor(), change)).status, 410)
  })

  it('leaves whoever made it no passkey, from a time without mail', async () => {
    const before = await startApp({ TRUST_PROXY: '1', PUBLIC_URL: app.url }, { databaseUrl })
    const { person, browser: eve } = await learner(before, 'Ada')
    const passkey = await addPasskey(app, eve)
    const ada = visitor()
    const { code } = await askForCode(ada, mailbox, person.email)
    assert.equal((await type(ada, code)).status, 303)
    const again = visitor()
    assert.equal((await logInWith(again, passkey)).status, 422)
    assert.equal(await again.whoAmI(), undefined)
  })

  it('confirms no address in the session of somebody else', async () => {
    const { person } = await learner(app, 'Ada')
    const { browser } = await learner(app, 'Eve')
    const eve = apiOf(app, browser)
    await eve.post(SEND, { email: person.email, type: 'email-verification' })
    const otp = codeOf(await mailbox.letterTo(person.email, /code to confirm your address/))
    const { status, body } = await eve.post('/api/auth/email-otp/verify-email', { email: person.email, otp })
    assert.deepEqual([status, body.code], [401, 'INVALID_USER'])
    const [row] = await app.sql<{ emailVerified: boolean }>`
      select email_verified from users where email = ${person.email}`
    assert.equal(row?.emailVerified, false)
  })
})
