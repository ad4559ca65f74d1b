/** Logging in by a code of a mail, without the password. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { suspendAccount } from '../../../src/accounts/suspension.ts'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { controlsOf } from '../../support/gallery.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { confirm, headingOf, leads, open, pathOf, VERIFY } from '../../support/mailed.ts'
import {
  ASK,
  ask,
  askForCode,
  CONFIRM,
  ENTER,
  notThis,
  REQUEST_COOKIE,
  SUBJECT,
  type,
} from '../../support/mailed-codes.ts'
import { figure, METRICS_TOKEN, scrape } from '../../support/metrics.ts'
import { type Browser, learner, openBrowser, type Person, problemsOf, somebody } from '../../support/people.ts'
import { enterCode, LOGIN_PAGE, nextCode, switchOn } from '../../support/second-step.ts'
import { decode } from '../../support/tokens.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { mailbox, atPublicUrl: true })
const withoutMail = await startApp({}, { databaseUrl: app.databaseUrl })
const MINUTE = 60_000

/** Somebody whose address is confirmed, and the browser in which they signed up. */
async function confirmed(name: string): Promise<{ person: Person; browser: Browser }> {
  const { person, browser } = await learner(app, name)
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  return { person, browser }
}

describe('somebody who has forgotten the password', () => {
  it('asks for a code, types it, and is logged in', async () => {
    const { person } = await confirmed('Ada')
    const phone = openBrowser(app)
    assert.deepEqual(leads(await phone.submit(ASK, { email: person.email })), [303, ENTER])
    const page = await phone.get(ENTER)
    assert.equal(page.status, 200)
    assert.ok(page.text.includes(person.email))
    const letter = await mailbox.letterTo(person.email, SUBJECT)
    const [code = ''] = /^\d{6}$/m.exec(letter.text) ?? []
    assert.doesNotMatch(letter.subject, /\d/, 'a locked phone shows subjects')
    assert.match(letter.text, /10 minutes/)
    assert.match(letter.text, /tell nobody/)
    assert.match(letter.html, new RegExp(`<p>${code}</p>`))
    assert.deepEqual(leads(await type(phone, code)), [303, '/dashboard'])
    assert.equal(await phone.whoAmI(), person.name)
    const { claims } = decode((await apiOf(app, phone).get('/api/auth/token')).body.token)
    assert.deepEqual(claims.amr, ['otp'])
    assert.equal(phone.cookie('matricula-code'), undefined)
    assert.ok(!app.log().includes(code), 'no log has the code')
    assert.equal((await openBrowser(app).logIn(person)).status, 303, 'the password is as good as before')
  })

  it('may type spaces in it, is led on, and stays logged in if they like', async () => {
    const { person } = await confirmed('Ada')
    const phone = openBrowser(app)
    const login = parse((await phone.get('/login?next=/profile')).text)
    const link = login.querySelectorAll('.after-form a').find(({ text }) => text === 'Log in with a code by email')
    assert.equal(link?.getAttribute('href'), '/login/code?next=%2Fprofile')
    const asked = await phone.submit('/login/code?next=%2Fprofile', { email: person.email, next: '/profile' })
    const path = asked.headers.location ?? ''
    assert.equal(path, '/login/code/enter?next=%2Fprofile')
    const letter = await mailbox.letterTo(person.email, SUBJECT)
    const [code = ''] = /^\d{6}$/m.exec(letter.text) ?? []
    const spaced = ` ${code.slice(0, 3)} ${code.slice(3)} `
    const response = await phone.submit(path, { code: spaced, next: '/profile', remember: 'yes' })
    assert.deepEqual(leads(response), [303, '/profile'])
    assert.match(String(response.headers['set-cookie']), /matricula=[^;]+; Max-Age=2592000/)
  })

  it('presses the button of the link instead, in the same browser, once', async () => {
    const { person } = await confirmed('Ada')
    const phone = openBrowser(app)
    const { letter, code } = await askForCode(phone, mailbox, person.email)
    assert.deepEqual(leads(await phone.get(pathOf(letter))), [303, CONFIRM])
    const page = await phone.get(CONFIRM)
    assert.equal(page.status, 200)
    assert.equal(await phone.whoAmI(), undefined, 'opening it changes nothing')
    assert.ok(!page.text.includes(code))
    assert.deepEqual(leads(await phone.submit(CONFIRM, {})), [303, '/dashboard'])
    assert.equal(await phone.whoAmI(), person.name)
    await phone.logOut()
    assert.equal((await open(phone, letter)).status, 410)
  })

  it('gets a letter about a new device, and the device is known from then on', async () => {
    const { person } = await confirmed('Ada')
    const phone = openBrowser(app, {
      'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    })
    const first = await askForCode(phone, mailbox, person.email)
    assert.match(first.letter.text, /Firefox/)
    await type(phone, first.code)
    await mailbox.letterTo(person.email, /A new device was used/)
    await phone.logOut()
    const { code } = await askForCode(phone, mailbox, person.email, 2)
    await type(phone, code)
    const activity = (await phone.get('/account/sessions')).text
    assert.match(activity, /Asked for a code by email/)
    assert.equal(
      mailbox.letters.filter(({ to, subject }) => to === person.email && /new device/.test(subject)).length,
      1,
    )
  })

  it('logs in to an account without a password', async () => {
    const { person } = await confirmed('Ada')
    await app.sql`update users set password_hash = null where email = ${person.email}`
    const phone = openBrowser(app)
    const { code } = await askForCode(phone, mailbox, person.email)
    assert.equal((await type(phone, code)).status, 303)
    assert.deepEqual(leads(await phone.get('/account/email-change')), [
      303,
      '/account/password-confirmation?next=%2Faccount%2Femail-change',
    ])
  })

  it('reads what is wrong with a code: none, too short, wrong, over', async () => {
    const { person } = await confirmed('Ada')
    const phone = openBrowser(app)
    const { code } = await askForCode(phone, mailbox, person.email)
    for (const typed of ['', '12345', 'abcdef', '1234567']) {
      const response = await type(phone, typed)
      assert.equal(response.status, 422)
      assert.deepEqual(problemsOf(response.text), [{ href: '#code', message: 'Enter the six digits of the email' }])
    }
    const wrong = await type(phone, notThis(code))
    assert.equal(wrong.status, 422)
    assert.match(problemsOf(wrong.text)[0]?.message ?? '', /4 tries left/)
    assert.ok(!parse(wrong.text).querySelector('#code')?.getAttribute('value'), 'a code never comes back')
    app.advance(11 * MINUTE)
    const late = await type(phone, code)
    assert.equal(late.status, 410)
    assert.equal(headingOf(late), 'This code has expired')
    assert.equal(await phone.whoAmI(), undefined)
  })

  it('is told at the fifth wrong code that it is over, and sees no form any more', async () => {
    const { person } = await confirmed('Ada')
    const phone = openBrowser(app)
    const { code } = await askForCode(phone, mailbox, person.email)
    for (let tries = 0; tries < 4; tries += 1) assert.equal((await type(phone, notThis(code, tries))).status, 422)
    const last = await type(phone, notThis(code, 4))
    assert.deepEqual([last.status, headingOf(last)], [410, 'This code is over'])
    assert.match(last.text, /wrong five times/)
    assert.equal(parse(last.text).querySelector('#code'), null)
  })

  it('types a code that was used, and is told so', async () => {
    const { person } = await confirmed('Ada')
    const phone = openBrowser(app)
    const { code } = await askForCode(phone, mailbox, person.email)
    const cookie = phone.cookie(REQUEST_COOKIE) ?? ''
    await type(phone, code)
    const other = openBrowser(app)
    other.agent.jar.setCookie(`${REQUEST_COOKIE}=${cookie}`, '127.0.0.1', '/')
    assert.equal((await type(other, code)).status, 410)
  })

  it('hears of a suspension after the right code, and not before', async () => {
    const { person } = await confirmed('Ada')
    const [{ id } = { id: '' }] = await app.sql<{ id: string }>`select id from users where email = ${person.email}`
    await suspendAccount(app.deps, { id, email: person.email }, { reason: 'of the test', notify: false })
    const phone = openBrowser(app)
    const { code } = await askForCode(phone, mailbox, person.email)
    assert.equal((await type(phone, notThis(code))).status, 422)
    const told = await type(phone, code)
    assert.equal(told.status, 403)
    assert.match(told.text, /Your code is right/)
    assert.equal(await phone.whoAmI(), undefined)
  })

  it('who has left gets the link to come back', async () => {
    const { person, browser } = await confirmed('Ada')
    await browser.submit('/account/account-deletion', { password: person.password, sure: 'yes' })
    await mailbox.letterTo(person.email, /about to be deleted/)
    await ask(openBrowser(app), person.email)
    await mailbox.letterTo(person.email, /about to be deleted/, 2)
    assert.ok(!mailbox.letters.some(({ to, subject }) => to === person.email && SUBJECT.test(subject)))
  })

  it('with a second step is asked for it', async () => {
    const { person, browser } = await confirmed('Ada')
    const { secret } = await switchOn(app, browser)
    const phone = openBrowser(app)
    const { code } = await askForCode(phone, mailbox, person.email)
    assert.deepEqual(leads(await type(phone, code)), [303, LOGIN_PAGE])
    assert.equal(await phone.whoAmI(), undefined)
    assert.equal((await enterCode(phone, nextCode(app, secret))).status, 303)
    assert.equal(await phone.whoAmI(), person.name)
    const { claims } = decode((await apiOf(app, phone).get('/api/auth/token')).body.token)
    assert.deepEqual(claims.amr, ['otp', 'mfa'])
  })
})

describe('the pages', () => {
  it('are there for browsers that fill in codes: one field each', async () => {
    const phone = openBrowser(app)
    const controls = controlsOf((await phone.get(ASK)).text, 'login-code-form')
    assert.deepEqual(
      controls.map(({ name, autocomplete }) => [name, autocomplete]),
      [
        ['email', 'username'],
        [undefined, undefined],
      ],
    )
    await ask(phone, somebody('nobody').email)
    const [field] = controlsOf((await phone.get(ENTER)).text, 'login-code-enter-form')
    assert.equal(field?.autocomplete, 'one-time-code')
    assert.equal(field?.inputmode, 'numeric')
    assert.equal(field?.type, 'text')
  })

  it('lead whoever has not asked to asking, and whoever is logged in home', async () => {
    assert.deepEqual(leads(await openBrowser(app).get(ENTER)), [303, ASK])
    const { browser } = await learner(app, 'Ada')
    assert.deepEqual(leads(await browser.get(ASK)), [303, '/dashboard'])
  })

  it('say where there is no mail, and the login page does not speak of them', async () => {
    const visitor = openBrowser(withoutMail)
    assert.doesNotMatch((await visitor.get('/login')).text, /login\/code/)
    assert.equal(headingOf(await visitor.get(ASK)), 'Email is not set up here')
    assert.equal(controlsOf((await openBrowser(app).get('/login')).text, 'login-form').length, 4)
  })
})

describe('logins by a code in the metrics', () => {
  it('are counted once, and apart from wrong passwords', async () => {
    const mine = await startApp({ METRICS_TOKEN }, { mailbox, atPublicUrl: true })
    const logins = async (outcome: string) => figure(await scrape(mine), 'matricula_logins_total', { outcome }) ?? 0
    const { person, browser } = await learner(mine, 'Ada')
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
    const phone = openBrowser(mine)
    const { code } = await askForCode(phone, mailbox, person.email)
    await type(phone, notThis(code))
    await type(phone, code)
    assert.deepEqual([await logins('wrong-mailed-code'), await logins('wrong'), await logins('ok')], [1, 0, 1])
    const { secret } = await switchOn(mine, browser)
    const other = openBrowser(mine)
    await type(other, (await askForCode(other, mailbox, person.email, 2)).code)
    assert.equal(await logins('ok'), 1, 'it is not over yet')
    await enterCode(other, nextCode(mine, secret))
    assert.equal(await logins('ok'), 2)
  })
})
