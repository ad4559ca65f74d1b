/** What may happen to an account, or to the server, while somebody is between the two steps of a login. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { resumeAccount, suspendAccount } from '../../../src/accounts/suspension.ts'
import { findCredentials } from '../../../src/accounts/users.ts'
import { openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { createDatabase } from '../../support/database.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { confirm, headingOf, VERIFY } from '../../support/mailed.ts'
import { figure, METRICS_TOKEN, scrape } from '../../support/metrics.ts'
import { learner, openBrowser, type Person, problemsOf } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'
import { startProxy } from '../../support/proxy.ts'
import {
  type Careful,
  careful,
  enterCode,
  firstStep,
  LOGIN_PAGE,
  nextCode,
  PAGE,
  SETUP,
  switchOn,
  wrongCode,
} from '../../support/second-step.ts'
import { namesOfCookies, sessionsOf } from '../../support/sessions.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { mailbox, atPublicUrl: true })
const OVER = '/login?done=second-step-over'
const AUTH = '/api/auth/two-factor'

async function owner(name: string): Promise<Careful> {
  const { person, browser } = await learner(app, name)
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  return { person, browser, ...(await switchOn(app, browser)) }
}

const accountOf = async ({ email }: Person) => (await findCredentials(app.sql, email))?.user ?? assert.fail()

describe('between the two steps', () => {
  it('[M18] a suspension makes the ticket worthless, on the page and in the API', async () => {
    const { person, secret, codes } = await owner('Ada')
    const phone = openBrowser(app)
    await firstStep(phone, person)
    const api = openApi(app)
    await api.signIn(person)
    const _csrf = await phone.token(LOGIN_PAGE)
    await suspendAccount(app.deps, await accountOf(person), { reason: 'Sold answers', notify: false })
    assert.equal((await phone.get(LOGIN_PAGE)).headers.location, OVER)
    for (const code of [nextCode(app, secret), codes[0] ?? '']) {
      assert.equal((await phone.post(LOGIN_PAGE, { code, _csrf })).headers.location, OVER)
      const call = await api.post(`${AUTH}/verify-totp`, { code })
      assert.deepEqual([call.status, call.body.code], [401, 'INVALID_TWO_FACTOR_COOKIE'])
    }
    assert.deepEqual(await sessionsOf(app, person), [])
    // The first step says why, to whoever knows the password.
    assert.equal(headingOf(await openBrowser(app).logIn(person)), 'This account is suspended')
    const again = await openApi(app).signIn(person)
    assert.deepEqual([again.status, again.body.code, namesOfCookies(again)], [403, 'BANNED_USER', []])
    await resumeAccount(app.deps, await accountOf(person), { notify: false })
    const resumed = openBrowser(app)
    await firstStep(resumed, person)
    assert.equal((await enterCode(resumed, codes[0] ?? '')).headers.location, '/dashboard')
  })

  it('[M18] so does leaving, also once the account is kept after all', async () => {
    const { person, browser, secret } = await owner('Ben')
    const phone = openBrowser(app)
    await firstStep(phone, person)
    const _csrf = await phone.token(LOGIN_PAGE)
    await browser.submit('/account/account-deletion', { password: person.password, sure: 'yes' })
    assert.equal((await phone.post(LOGIN_PAGE, { code: nextCode(app, secret), _csrf })).headers.location, OVER)
    assert.deepEqual(await sessionsOf(app, person), [])
    const letter = await mailbox.letterTo(person.email, /about to be deleted/)
    const visitor = openBrowser(app)
    await visitor.get(new URL(letter.link).pathname)
    await visitor.submitTo('/deletion-undo', '/deletion-undo')
    // The second step is kept with the account.
    await firstStep(visitor, person)
    assert.equal((await enterCode(visitor, nextCode(app, secret))).headers.location, '/dashboard')
  })
})

describe('a picture with the secret', () => {
  it('[M15] is kept by no cache, is seen by nobody else, and is gone once the second step is on', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
    await browser.submitTo(PAGE, PAGE)
    for (const path of [SETUP, `${PAGE}/qr.svg`]) {
      const { headers } = await browser.get(path)
      assert.equal(headers['cache-control'], 'no-store', path)
      assert.equal(headers.etag, undefined, path)
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin', path)
    }
    const elsewhere = await openBrowser(app).get(`${PAGE}/qr.svg`)
    assert.match(elsewhere.headers.location ?? '', /^\/login/)
    const other = await owner('Eve')
    assert.equal((await other.browser.get(`${PAGE}/qr.svg`)).status, 404)
    await switchOn(app, browser)
    assert.equal((await browser.get(`${PAGE}/qr.svg`)).status, 404)
    const page = await browser.get(PAGE)
    assert.equal(page.headers['cache-control'], 'no-store')
    assert.equal(parse(page.text).querySelector('img.qr'), null)
  })
})

describe('logins in the metrics', () => {
  it('are counted once, with the outcome of the second step', async () => {
    const mine = await startApp({ METRICS_TOKEN })
    const logins = async (outcome: string) => figure(await scrape(mine), 'matricula_logins_total', { outcome }) ?? 0
    const { person, secret } = await careful(mine, 'Ada')
    const phone = openBrowser(mine)
    await firstStep(phone, person)
    assert.equal(await logins('ok'), 0, 'it is not over yet')
    const code = nextCode(mine, secret)
    await enterCode(phone, code, { rememberDevice: 'yes' })
    assert.equal(await logins('ok'), 1)
    await phone.logOut()
    assert.equal((await phone.logIn(person)).headers.location, '/dashboard')
    assert.equal(await logins('ok'), 2, 'a device that skips the second step')
    const eve = openBrowser(mine)
    await firstStep(eve, person)
    await enterCode(eve, code)
    for (let tries = 0; tries < 5; tries += 1) await enterCode(eve, wrongCode(mine, secret))
    assert.deepEqual(
      [await logins('used-code'), await logins('wrong-code'), await logins('too-many-codes'), await logins('wrong')],
      [1, 4, 1, 0],
    )
    assert.equal(await logins('ok'), 2)
  })
})

describe('a code that is sent while the database is away', () => {
  it('is asked for again on the same page, the choices kept, and ends the login afterwards', async () => {
    const proxy = await startProxy(await createDatabase())
    const away = await startApp({}, { databaseUrl: proxy.url })
    const { person, secret, codes } = await careful(away, 'Ada')
    const phone = openBrowser(away)
    await firstStep(phone, person)
    const _csrf = await phone.token(LOGIN_PAGE)
    const code = nextCode(away, secret)
    proxy.cut()
    const unsent = await phone.post(LOGIN_PAGE, { code, rememberDevice: 'yes', _csrf })
    assert.equal(unsent.status, 503)
    assert.match(unsent.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    assert.equal(headingOf(unsent), 'Enter a code')
    assert.match(problemsOf(unsent.text)[0]?.message ?? '', /^The service is out of reach for a moment/)
    const page = parse(unsent.text)
    assert.ok(page.querySelector('#remember-device[checked]'))
    assert.equal(page.querySelector('#code')?.getAttribute('value'), '')
    assert.equal(page.querySelector('[data-send-in]'), null, 'nothing sends itself without a code')
    const recovery = await phone.post(LOGIN_PAGE, { code: codes[0] ?? '', with: 'recovery-code', _csrf })
    assert.equal(parse(recovery.text).querySelector('[name=with]')?.getAttribute('value'), 'recovery-code')
    assert.ok(!recovery.text.includes(codes[0] ?? ''))
    await proxy.heal()
    await eventually('the login to succeed', async () => {
      const sent = await phone.post(LOGIN_PAGE, { code: nextCode(away, secret), rememberDevice: 'yes', _csrf })
      return sent.headers.location === '/dashboard'
    })
    assert.equal(await phone.whoAmI(), 'Ada')
  })
})
