/** “Confirm it is you”: asks for the password again before owner-only pages, then leads on to the page asked for. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { leads } from '../../support/mailed.ts'
import { learner, openBrowser, problemsOf, somebody } from '../../support/people.ts'
import { holderOf, sessionCookieOf, sessionsOf, setCookieOf } from '../../support/sessions.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const MINUTE = 60_000
const PAGE = '/account/password-confirmation'

describe('the password is asked for', () => {
  const ASKING: [method: 'get' | 'post', path: string][] = [
    ['get', '/account/email-change'],
    ['post', '/account/email-change'],
    ['post', '/account/data-export'],
  ]
  for (const [method, path] of ASKING) {
    it(`[T20, S35] before ${method.toUpperCase()} ${path}, ten minutes after it was typed, and leads back`, async () => {
      const { person, browser } = await learner(app, 'Ada')
      const send = () =>
        method === 'get' ? browser.get(path) : browser.submitTo('/account', path, { email: somebody('Ada').email })
      app.advance(10 * MINUTE - 5_000)
      assert.doesNotMatch(String((await send()).headers.location), /confirm/)
      app.advance(6_000)
      const asked = await send()
      assert.deepEqual(leads(asked), [303, `${PAGE}?next=${encodeURIComponent(path)}`])
      const page = parse((await browser.get(asked.headers.location ?? '')).text)
      assert.equal(page.querySelector('#confirm-form input[name=next]')?.getAttribute('value'), path)
      const fields = page.querySelectorAll('#confirm-form input[autocomplete]')
      assert.deepEqual(
        fields.map((field) => field.getAttribute('autocomplete')),
        ['username', 'current-password'],
      )
      const old = sessionCookieOf(browser)
      const confirmed = await browser.submit(PAGE, { password: person.password, next: path })
      assert.deepEqual(leads(confirmed), [303, path])
      assert.notEqual(sessionCookieOf(browser), old)
      assert.equal(await holderOf(app, old), undefined)
      assert.equal((await browser.get(path)).status, 200)
      assert.doesNotMatch(String((await send()).headers.location), /confirm/)
    })
  }

  it('and nothing is written before it is given', async () => {
    const { browser } = await learner(app, 'Ada')
    app.advance(11 * MINUTE)
    await browser.submitTo('/account', '/account/email-change', { email: somebody('Ada').email })
    await browser.submitTo('/account', '/account/data-export')
    const rows =
      await app.sql`select kind from activity where kind in ('exported', 'email-change-asked') and at > ${new Date(app.deps.now() - MINUTE)}`
    assert.equal(rows.length, 0)
  })

  it('of a remembered session too, which then lasts as long as before and no longer', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    await browser.logIn(person, { remember: 'yes' })
    app.advance(3 * 24 * 60 * MINUTE)
    const confirmed = await browser.submit(PAGE, { password: person.password })
    const [, maxAge] = /Max-Age=(\d+)/.exec(setCookieOf(confirmed) ?? '') ?? []
    const days = Number(maxAge) / 86_400
    assert.ok(days > 26.9 && days <= 27, `${days} days are left`)
    const [newest] = (await sessionsOf(app, person)).slice(-1)
    assert.equal(JSON.parse(newest?.sess ?? '{}').remembered, true)
  })

  it('and a wrong one changes nothing', async () => {
    const { browser } = await learner(app, 'Ada')
    app.advance(11 * MINUTE)
    const CASES: [password: string, message: RegExp][] = [
      ['', /^Enter your password$/],
      ['not my password', /^This is not your current password$/],
      ['a'.repeat(129), /128 characters or fewer/],
    ]
    for (const [password, message] of CASES) {
      const { status, text } = await browser.submit(PAGE, { password, next: '/account/data-export' })
      assert.equal(status, 422)
      const [problem] = problemsOf(text)
      assert.equal(problem?.href, '#current-password')
      assert.match(problem?.message ?? '', message)
      assert.equal(parse(text).querySelector('input[name=next]')?.getAttribute('value'), '/account/data-export')
    }
    assert.match(
      String((await browser.get('/account/email-change')).headers.location),
      /^\/account\/password-confirmation/,
    )
  })

  it('once for pages and API', async () => {
    const { person, browser } = await learner(app, 'Ada')
    app.advance(11 * MINUTE)
    const { status } = await apiOf(app, browser).post('/api/auth/verify-password', { password: person.password })
    assert.equal(status, 200)
    assert.equal((await browser.get('/account/email-change')).status, 200)
  })
})

describe('it leads inside the account only', () => {
  const browser = openBrowser(app)
  const person = somebody('Ada')
  before(() => browser.signUp(person))

  const INSIDE = ['/account', '/account/email-change', '/account/data-export?a=b', '/account/account-deletion#sure']
  for (const next of INSIDE) {
    it(next, async () => {
      assert.deepEqual(leads(await browser.submit(PAGE, { password: person.password, next })), [303, next])
    })
  }

  const OUTSIDE = [
    '',
    '/',
    '/dashboard',
    '/logout',
    '/accounts',
    '/accountant/x',
    '/account.evil.test',
    '/account@evil.test',
    'account/email',
    'https://evil.test/account',
    '//evil.test/account',
    '///account',
    '/\\evil.test/account',
    '\\/account',
    '/account\\..\\..\\evil.test',
    '/account/../logout',
    '/account/%2e%2e/logout',
    '/account/..//evil.test',
    '/account/%2f%2fevil.test',
    '/account/\r\nSet-Cookie: x=1',
    '/account/%0d%0aSet-Cookie:x=1',
    '/\t/evil.test/account',
    'javascript:alert(1)//account/',
    `/account/${'x'.repeat(2_000)}`,
  ]
  for (const next of OUTSIDE) {
    it(`not to ${JSON.stringify(next.slice(0, 50))}`, async () => {
      const { text } = await browser.get(`${PAGE}?next=${encodeURIComponent(next)}`)
      assert.equal(parse(text).querySelector('input[name=next]')?.getAttribute('value'), '/account')
      assert.deepEqual(leads(await browser.submit(PAGE, { password: person.password, next })), [303, '/account'])
    })
  }

  it('not to several at once', async () => {
    const { text } = await browser.get(`${PAGE}?next=/account/email-change&next=/account/data-export`)
    assert.equal(parse(text).querySelector('input[name=next]')?.getAttribute('value'), '/account')
    const sent = await browser.submit(
      PAGE,
      `password=${encodeURIComponent(person.password)}&next=/account/email-change&next=//x`,
    )
    assert.deepEqual(leads(sent), [303, '/account'])
  })
})
