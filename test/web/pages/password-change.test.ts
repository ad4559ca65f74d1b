/** Changing one's own password: it needs the old one, logs out other devices, and makes no session last longer. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { headingOf, leads, NEW_PASSWORD } from '../../support/mailed.ts'
import { type Browser, comingBack, learner, openBrowser, problemsOf } from '../../support/people.ts'
import { holderOf, onlySessionOf, sessionCookieOf, setCookieOf } from '../../support/sessions.ts'
import { firstPair, refresh } from '../../support/tokens.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const PAGE = '/account/password-change'
const HOUR = 60 * 60_000
const change = (browser: Browser, currentPassword: string, more = {}) =>
  browser.submit(PAGE, { currentPassword, newPassword: NEW_PASSWORD, ...more })
const logsIn = async (email: string, password: string) =>
  (await openBrowser(app).logIn({ email, password })).status === 303

describe('the form', () => {
  it('[P17] is where password managers look for it', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const { status, headers } = await browser.get('/.well-known/change-password')
    assert.deepEqual([status, headers.location], [303, PAGE])
    assert.equal((await browser.get('/.well-known/change-passwords')).status, 404)
    assert.equal(
      (await browser.get('/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200')).status,
      404,
    )
    const form = parse((await browser.get(PAGE)).text).querySelector('#password-form')
    const fields = (form?.querySelectorAll('input[autocomplete]') ?? []).map(
      ({ attributes }) => attributes.autocomplete,
    )
    assert.deepEqual(fields, ['username', 'current-password', 'new-password'])
    assert.equal(form?.querySelector('input[autocomplete=username]')?.getAttribute('value'), person.email)
    const box = form?.querySelector('input[name=endOthers]')
    assert.ok(box?.hasAttribute('checked'), 'other devices are logged out by default')
  })

  it('[P09, P16] comes back with every message, and with the box as it was', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const CASES: [current: string, next: string, problems: [string, RegExp][]][] = [
      [
        '',
        '',
        [
          ['#current-password', /Enter your password/],
          ['#new-password', /Enter a password/],
        ],
      ],
      [person.password, 'short', [['#new-password', /8 characters or more/]]],
      [person.password, 'password123', [['#new-password', /very common/]]],
      [person.password, person.email, [['#new-password', /name or email/]]],
      ['not my password', NEW_PASSWORD, [['#current-password', /^This is not your current password$/]]],
      ['a'.repeat(129), NEW_PASSWORD, [['#current-password', /128 characters or fewer/]]],
    ]
    for (const [currentPassword, newPassword, problems] of CASES) {
      const { status, text } = await browser.submit(PAGE, { currentPassword, newPassword })
      assert.equal(status, 422)
      const found = problemsOf(text)
      assert.deepEqual(
        found.map(({ href }) => href),
        problems.map(([href]) => href),
      )
      for (const [index, [, message]] of problems.entries()) assert.match(found[index]?.message ?? '', message)
      const form = parse(text).querySelector('#password-form')
      assert.equal(form?.querySelector('input[name=endOthers]')?.hasAttribute('checked'), false)
      for (const input of form?.querySelectorAll('input[type=password]') ?? [])
        assert.equal(input.getAttribute('value'), undefined)
    }
    assert.equal(await logsIn(person.email, person.password), true)
    assert.equal(await browser.whoAmI(), person.name)
  })
})

describe('a change', () => {
  it('[S25] with the box as it comes logs out the other devices, and tells the owner', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const [phone, library] = [openBrowser(app), openBrowser(app)]
    await phone.logIn(person, { remember: 'yes' })
    await library.logIn(person)
    const { refreshToken } = await firstPair(apiOf(app, phone))
    const old = sessionCookieOf(browser)
    assert.deepEqual(leads(await change(browser, person.password, { endOthers: 'yes' })), [303, '/account'])
    const { text } = await browser.get('/account')
    assert.match(parse(text).querySelector('.success')?.text ?? '', /Your password is changed\./)
    assert.equal(parse(text).querySelector('input[type=password]'), null)

    assert.notEqual(sessionCookieOf(browser), old)
    assert.equal(await holderOf(app, old), undefined)
    for (const other of [phone, library]) {
      assert.equal(await other.whoAmI(), undefined)
      assert.equal((await other.get('/dashboard')).status, 303)
    }
    assert.equal((await refresh(app, refreshToken)).status, 401)
    await mailbox.letterTo(person.email, /Your password was changed/)
    assert.equal(await logsIn(person.email, person.password), false)
    assert.equal(await logsIn(person.email, NEW_PASSWORD), true)
  })

  it('without the box leaves the other devices logged in', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const phone = openBrowser(app)
    await phone.logIn(person)
    const old = sessionCookieOf(browser)
    assert.equal((await change(browser, person.password)).status, 303)
    assert.equal(await phone.whoAmI(), person.name)
    assert.equal(await browser.whoAmI(), person.name)
    assert.equal(await holderOf(app, old), undefined)
  })

  it('lets a remembered session stay remembered, and end when it would have ended', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    await browser.logIn(person, { remember: 'yes' })
    app.advance(9 * 24 * HOUR)
    const changed = await change(browser, person.password, { endOthers: 'yes' })
    const [, maxAge] = /Max-Age=(\d+)/.exec(setCookieOf(changed) ?? '') ?? []
    const days = Number(maxAge) / 86_400
    assert.ok(days > 20.9 && days <= 21, `${days} days are left`)
    const { loggedInAt, remembered } = JSON.parse((await onlySessionOf(app, person)).sess)
    assert.equal(remembered, true)
    assert.ok(Math.abs(app.deps.now() - loggedInAt - 9 * 24 * HOUR) < 60_000, 'logged in nine days ago')
    for (const days of [10, 10]) {
      app.advance(days * 24 * HOUR)
      assert.equal(await browser.whoAmI(), person.name)
    }
    app.advance(1.1 * 24 * HOUR)
    assert.equal(await browser.whoAmI(), undefined)
  })

  it('lets a session of the day end with its day', async () => {
    const { person, browser } = await learner(app, 'Ada')
    for (let hour = 0; hour < 23; hour += 1) {
      app.advance(HOUR)
      assert.equal(await browser.whoAmI(), person.name)
    }
    const changed = await change(browser, person.password, { endOthers: 'yes' })
    assert.equal(changed.status, 303)
    assert.doesNotMatch(setCookieOf(changed) ?? '', /Max-Age|Expires/)
    app.advance(HOUR + 60_000)
    assert.equal(await browser.whoAmI(), undefined)
  })

  it('five times at once is done once, and the rest is told so or is out', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const token = await browser.token(PAGE)
    const statuses = await Promise.all(
      Array.from({ length: 5 }, async (_, index) => {
        const body = { currentPassword: person.password, newPassword: `${NEW_PASSWORD} ${index}`, _csrf: token }
        return (await comingBack(() => browser.post(PAGE, body))).status
      }),
    )
    assert.ok(
      statuses.every((status) => [303, 403, 422].includes(status)),
      statuses.join(),
    )
    const worked = await Promise.all(
      Array.from({ length: 5 }, (_, index) => logsIn(person.email, `${NEW_PASSWORD} ${index}`)),
    )
    assert.equal(worked.filter(Boolean).length, 1)
  })
})

describe('guessing at an open session', () => {
  const GUESSES: Record<string, (browser: Browser) => Promise<{ status: number; text: string }>> = {
    'by the form for a new password': (browser) => change(browser, 'not my password'),
    'by “Confirm it is you”': (browser) =>
      browser.submit('/account/password-confirmation', { password: 'not my password' }),
    'by the form to delete the account': (browser) =>
      browser.submit('/account/account-deletion', { password: 'not my password', sure: 'yes' }),
  }
  for (const [name, guess] of Object.entries(GUESSES)) {
    it(`[R18] ${name} is counted, and ends the session after ten`, async () => {
      const { person, browser } = await learner(app, 'Ada')
      const cookie = sessionCookieOf(browser)
      for (let time = 0; time < 10; time += 1) assert.equal((await guess(browser)).status, 422)
      assert.equal(await browser.whoAmI(), person.name)
      const end = await guess(browser)
      assert.deepEqual([end.status, headingOf(end)], [429, 'You are logged out'])
      const links = parse(end.text)
        .querySelectorAll('main a')
        .map((link) => link.getAttribute('href'))
      assert.ok(links.includes('/login') && links.includes('/password-reset'), 'ways on')
      assert.equal(parse(end.text).querySelector('.site-nav-name'), null)
      assert.equal(await holderOf(app, cookie), undefined)
      assert.equal(await browser.whoAmI(), undefined)
      assert.equal((await browser.logIn(person)).status, 303)
    })
  }

  it('is one count for all forms, and the right password starts it anew', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const all = Object.values(GUESSES)
    for (let time = 0; time < 9; time += 1) assert.equal((await all[time % 3]?.(browser))?.status, 422)
    assert.equal((await browser.submit('/account/password-confirmation', { password: person.password })).status, 303)
    for (let time = 0; time < 10; time += 1) assert.equal((await all[time % 3]?.(browser))?.status, 422)
    assert.equal((await all[0]?.(browser))?.status, 429)
  })

  it('leaves the other devices of the owner alone, and a reset by mail opens the way again', async () => {
    const { person, browser: owner } = await learner(app, 'Ada')
    const stolen = openBrowser(app)
    await stolen.logIn(person)
    for (let time = 0; time < 11; time += 1) await change(stolen, 'not my password')
    assert.equal(await stolen.whoAmI(), undefined)
    assert.equal(await owner.whoAmI(), person.name)
    const browser = openBrowser(app)
    await browser.submit('/password-reset', { email: person.email })
    const { link } = await mailbox.letterTo(person.email, /Reset/)
    await browser.get(new URL(link).pathname)
    await browser.submit('/password-reset/new', { password: NEW_PASSWORD })
    await browser.logIn({ email: person.email, password: NEW_PASSWORD })
    assert.equal((await browser.submit('/account/password-confirmation', { password: NEW_PASSWORD })).status, 303)
  })
})
