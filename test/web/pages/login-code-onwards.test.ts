/** Where a login by a code of a mail leads: to the page that was wanted, with what was typed there, also over the second step. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { loginOptions, makeAuthenticator } from '../../support/authenticator.ts'
import { type Mailbox, openMailbox } from '../../support/mailbox.ts'
import { confirm, leads, open, VERIFY } from '../../support/mailed.ts'
import { ASK, askForCode, CONFIRM, codeOf, ENTER, SUBJECT, type } from '../../support/mailed-codes.ts'
import {
  type Browser,
  learner,
  openBrowser,
  type Person,
  problemsOf,
  type Response,
  somebody,
  tokenOf,
} from '../../support/people.ts'
import { enterCode, LOGIN_PAGE, nextCode, switchOn } from '../../support/second-step.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const MINUTE = 60_000
const FOUND = 'Your session had ended. Nothing was lost: look it over and send it again.'
const REASON = 'what you typed stands in its form again'

async function confirmed(name: string): Promise<{ person: Person; browser: Browser }> {
  const { person, browser } = await learner(app, name)
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  return { person, browser }
}

type Late = { person: Person; browser: Browser; asking: Response }

/** Sends a form after the session has ended, and presses “Log in with a code by email” on the login page that comes. */
async function sendTooLate({ person, browser }: { person: Person; browser: Browser }): Promise<Late> {
  const token = tokenOf((await browser.get('/account')).text)
  await app.sql`delete from sessions where user_id = (select id from users where email = ${person.email})`
  const answer = await browser.post('/account', { name: 'Adah Byron', _csrf: token })
  assert.equal(answer.status, 403)
  return { person, browser, asking: await browser.post(ASK, fieldsOf(answer, 'login-code-kept-form')) }
}

/** What a browser sends with a form. */
const fieldsOf = ({ text }: Response, form: string): Record<string, string> =>
  Object.fromEntries(
    parse(text)
      .querySelectorAll(`#${form} input`)
      .map((input) => [input.getAttribute('name') ?? '', input.getAttribute('value') ?? '']),
  )

/** Fills in the page that asks for the address, and reads the mail. */
async function askOn(browser: Browser, asking: Response, email: string, from: Mailbox = mailbox) {
  const asked = await browser.post(ASK, { ...fieldsOf(asking, 'login-code-form'), email })
  assert.equal(asked.status, 303, asked.text)
  const letter = await from.letterTo(email, SUBJECT)
  return { letter, code: codeOf(letter), path: asked.headers.location ?? '' }
}

async function findsIt(browser: Browser): Promise<void> {
  const page = await browser.get('/account')
  assert.ok(page.text.includes(FOUND))
  assert.equal(parse(page.text).querySelector('#name')?.getAttribute('value'), 'Adah Byron')
  assert.equal(await browser.whoAmI(), 'Ada', 'nothing is sent by itself')
}

describe('a form whose session has ended', () => {
  it('stands there again after a login by a code', async () => {
    const { person, browser, asking } = await sendTooLate(await confirmed('Ada'))
    assert.equal(asking.status, 200)
    assert.ok(asking.text.includes(REASON))
    assert.deepEqual(problemsOf(asking.text), [], 'nobody has typed an address yet')
    assert.doesNotMatch(asking.text, /Adah Byron/)
    const wrong = await browser.post(ASK, { ...fieldsOf(asking, 'login-code-form'), email: 'ada' })
    assert.equal(wrong.status, 422)
    const { code, path } = await askOn(browser, wrong, person.email)
    assert.equal(path, `${ENTER}?next=%2Faccount`, 'nothing of the form is in the address')
    assert.deepEqual(leads(await type(browser, code)), [303, '/account'])
    await findsIt(browser)
  })

  it('stands there again after a login by the link of that mail', async () => {
    const { person, browser, asking } = await sendTooLate(await confirmed('Ada'))
    const { letter } = await askOn(browser, asking, person.email)
    await open(browser, letter)
    assert.deepEqual(leads(await browser.submit(CONFIRM, {})), [303, '/account'])
    await findsIt(browser)
  })

  it('stands there again when another code was asked for on the way', async () => {
    const { person, browser, asking } = await sendTooLate(await confirmed('Ada'))
    const { path } = await askOn(browser, asking, person.email)
    const again = parse((await browser.get(path)).text)
      .querySelectorAll('a')
      .find(({ text }) => text === 'ask for another code')
    const page = again?.getAttribute('href') ?? ''
    await browser.submit(page, { email: person.email, next: '/account' })
    const code = codeOf(await mailbox.letterTo(person.email, SUBJECT, 2))
    assert.deepEqual(leads(await type(browser, code)), [303, '/account'])
    await findsIt(browser)
  })

  it('stands there again after code and second step', async () => {
    const owner = await confirmed('Ada')
    const { secret } = await switchOn(app, owner.browser)
    const { person, browser, asking } = await sendTooLate(owner)
    const { code } = await askOn(browser, asking, person.email)
    assert.deepEqual(leads(await type(browser, code)), [303, LOGIN_PAGE])
    assert.deepEqual(leads(await enterCode(browser, nextCode(app, secret))), [303, '/account'])
    await findsIt(browser)
  })

  it('goes on waiting after a passkey that was refused', async () => {
    const person = somebody('Ada')
    const browser = openBrowser(app)
    await browser.signUp(person)
    const token = tokenOf((await browser.get('/account')).text)
    await app.sql`delete from sessions where user_id = (select id from users where email = ${person.email})`
    const login = fieldsOf(await browser.post('/account', { name: 'Adah Byron', _csrf: token }), 'login-form')
    const strange = makeAuthenticator(app.url)
    const credential = JSON.stringify(strange.get(await loginOptions(browser)))
    const refused = await browser.post('/login/passkey', { ...login, credential })
    assert.equal(refused.status, 422)
    assert.ok(refused.text.includes(REASON))
    const again = { ...fieldsOf(refused, 'login-form'), email: person.email, password: person.password }
    assert.deepEqual(leads(await browser.post('/login', again)), [303, '/account'])
    await findsIt(browser)
  })

  it('is dropped when somebody else logs in, and when it is too old or was not sealed here', async () => {
    const other = await confirmed('Ben')
    const late = await sendTooLate(await confirmed('Ada'))
    const { code } = await askOn(late.browser, late.asking, other.person.email)
    await type(late.browser, code)
    const page = (await late.browser.get('/account')).text
    assert.doesNotMatch(page, /Adah Byron|Nothing was lost/)

    const old = await sendTooLate(await confirmed('Ada'))
    app.advance(16 * MINUTE)
    const fields = fieldsOf(old.asking, 'login-code-form')
    for (const kept of [fields.kept ?? '', 'not sealed']) {
      const { status, text } = await old.browser.post(ASK, { ...fields, kept })
      assert.equal(status, 422)
      assert.equal(parse(text).querySelector('input[name=kept]'), null)
    }
  })
})

describe('the page that somebody wanted', () => {
  it('opens after the code and the second step', async () => {
    const { person, browser } = await confirmed('Ada')
    const { secret } = await switchOn(app, browser)
    await browser.logOut()
    await browser.submit(`${ASK}?next=/profile`, { email: person.email, next: '/profile' })
    const code = codeOf(await mailbox.letterTo(person.email, SUBJECT))
    assert.deepEqual(leads(await type(browser, code)), [303, LOGIN_PAGE])
    assert.deepEqual(leads(await enterCode(browser, nextCode(app, secret))), [303, '/profile'])
  })

  it('opens after the link, and is never one of another site', async () => {
    const { person, browser } = await confirmed('Ada')
    await browser.logOut()
    const asked = await browser.submit(ASK, { email: person.email, next: '//evil.example' })
    assert.equal(asked.headers.location, ENTER)
    await open(browser, await mailbox.letterTo(person.email, SUBJECT))
    assert.deepEqual(leads(await browser.submit(CONFIRM, { next: '//evil.example' })), [303, '/dashboard'])
    await browser.logOut()
    await browser.submit(ASK, { email: person.email, next: '/profile' })
    await open(browser, await mailbox.letterTo(person.email, SUBJECT, 2))
    assert.deepEqual(leads(await browser.submit(CONFIRM, {})), [303, '/profile'])
  })

  it('is the one of the newest code, not of one before', async () => {
    const { person, browser } = await confirmed('Ada')
    await browser.logOut()
    await browser.submit(ASK, { email: person.email, next: '/profile' })
    const { code } = await askForCode(browser, mailbox, person.email, 2)
    assert.deepEqual(leads(await type(browser, code)), [303, '/dashboard'])
  })
})
