/** Deleting an account without a grace: needs the password and a tick, happens at once, and cannot be undone. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { passAll, saveAnswers } from '../../support/learning.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, askForReset, headingOf, leads, open } from '../../support/mailed.ts'
import { comingBack, learner, openBrowser, problemsOf, somebody } from '../../support/people.ts'
import { COOKIE, holderOf, sessionCookieOf, setCookieOf } from '../../support/sessions.ts'
import { firstPair, refresh } from '../../support/tokens.ts'

const mailbox = await openMailbox()
const app = await startApp({ DELETION_GRACE_DAYS: '0' }, { atPublicUrl: true, mailbox })
const PAGE = '/account/account-deletion'
const exists = async (email: string) => (await app.sql`select 1 as one from users where email = ${email}`).length > 0

describe('nothing is deleted', () => {
  const CASES: [
    name: string,
    fields: (password: string) => Record<string, string> | string,
    problems: [string, RegExp][],
  ][] = [
    [
      'by an empty form',
      () => ({}),
      [
        ['#current-password', /Enter your password/],
        ['#sure', /Tick the box/],
      ],
    ],
    ['when the box is not ticked', (password) => ({ password }), [['#sure', /Tick the box/]]],
    ['when the box says no', (password) => ({ password, sure: 'no' }), [['#sure', /Tick the box/]]],
    [
      'by a wrong password',
      () => ({ password: 'not my password', sure: 'yes' }),
      [['#current-password', /not your current password/]],
    ],
    [
      'by a password that is too long',
      () => ({ password: 'a'.repeat(129), sure: 'yes' }),
      [['#current-password', /128/]],
    ],
    [
      'by two passwords',
      (password) => `password=${encodeURIComponent(password)}&password=x&sure=yes`,
      [['#current-password', /Enter your password/]],
    ],
  ]
  for (const [name, fields, problems] of CASES) {
    it(name, async () => {
      const { person, browser } = await learner(app, 'Ada')
      const { status, text } = await browser.submit(PAGE, fields(person.password))
      assert.equal(status, 422)
      const found = problemsOf(text)
      assert.deepEqual(
        found.map(({ href }) => href),
        problems.map(([href]) => href),
      )
      for (const [index, [href, message]] of problems.entries()) {
        assert.match(found[index]?.message ?? '', message)
        assert.ok(parse(text).querySelector(href), `${href} is on the page`)
      }
      const ticked = parse(text).querySelector('#sure')?.hasAttribute('checked')
      assert.equal(ticked, !problems.some(([href]) => href === '#sure'))
      assert.equal(await browser.whoAmI(), person.name)
      assert.equal(await exists(person.email), true)
    })
  }
})

it('the page says what goes, and offers a copy first', async () => {
  const { browser } = await learner(app, 'Ada')
  const main = parse((await browser.get(PAGE)).text).querySelector('main')
  assert.match(main?.text ?? '', /At once and for good/)
  assert.ok(main?.querySelector('a[href="/account/data-export"]'), 'a copy')
})

describe('deleting', () => {
  it('leaves no row, no session and no token behind, and says goodbye', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const { browser: ben } = await learner(app, 'Ben')
    await passAll(browser)
    await saveAnswers(browser)
    await browser.submitTo('/dashboard', '/lessons/r1/progress', { state: 'done' })
    const phone = openBrowser(app)
    await phone.logIn(person, { remember: 'yes' })
    const { refreshToken, token } = await firstPair(apiOf(app, phone))
    const change = await askForChange(browser, mailbox, somebody('Ada').email)
    const reset = await askForReset(openBrowser(app), mailbox, person.email)
    const cookies = [browser, phone].map(sessionCookieOf)
    const [user] = await app.sql<{ id: string }>`select id from users where email = ${person.email}`
    const id = user?.id ?? ''

    const gone = await browser.submit(PAGE, { password: person.password, sure: 'yes' })
    assert.deepEqual(leads(gone), [303, '/goodbye'])
    assert.match(setCookieOf(gone) ?? '', /Expires=Thu, 01 Jan 1970/)
    assert.equal(gone.headers['clear-site-data'], '"cache"')
    assert.equal(browser.cookie(COOKIE), undefined)
    const goodbye = await browser.get('/goodbye')
    assert.deepEqual([goodbye.status, headingOf(goodbye)], [200, 'Your account is deleted'])

    const tables = await app.sql<{ tableName: string }>`
      select table_name from information_schema.columns where table_schema = 'public' and column_name = 'user_id'`
    assert.ok(tables.length >= 5, `${tables.length} tables`)
    for (const { tableName } of tables) {
      const { rows } = await app.deps.pool.query(`select 1 from ${tableName} where user_id = $1`, [id])
      assert.equal(rows.length, 0, tableName)
    }
    assert.equal(await exists(person.email), false)
    for (const cookie of cookies) assert.equal(await holderOf(app, cookie), undefined)
    assert.deepEqual(leads(await phone.get('/dashboard')), [303, '/login?next=%2Fdashboard'])
    assert.equal((await refresh(app, refreshToken)).status, 401)
    const me = await apiOf(app, openBrowser(app)).get('/api/profile', { Authorization: `Bearer ${token}` })
    assert.equal(me.status, 401)
    for (const letter of [change, reset]) assert.equal((await open(openBrowser(app), letter)).status, 404)
    assert.equal((await openBrowser(app).logIn(person)).status, 422)
    const last = await mailbox.letterTo(person.email, /Your account was deleted/)
    assert.equal(last.link, '')
    assert.equal(await ben.whoAmI(), 'Ben')
  })

  it('frees the address for another sign-up, which starts with nothing', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await browser.submitTo('/dashboard', '/lessons/r1/progress', { state: 'done' })
    await browser.submit(PAGE, { password: person.password, sure: 'yes' })
    const anew = openBrowser(app)
    assert.deepEqual(leads(await anew.signUp(person)), [303, '/onboarding'])
    const copy = JSON.parse((await anew.submit('/account/data-export', {})).text)
    assert.deepEqual([copy.progress, copy.answers, copy.activity.length], [[], null, 1])
  })

  it('five times at once is done once, and nobody sees a fault', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const token = await browser.token(PAGE)
    const body = { password: person.password, sure: 'yes', _csrf: token }
    const press = () => comingBack(() => browser.post(PAGE, body))
    const answers = await Promise.all(Array.from({ length: 5 }, press))
    const statuses = answers.map(({ status }) => status)
    assert.ok(
      statuses.every((status) => [303, 403, 422].includes(status)),
      statuses.join(),
    )
    assert.ok(statuses.includes(303), statuses.join())
    assert.equal(await exists(person.email), false)
    await mailbox.letterTo(person.email, /was deleted/)
    assert.equal(mailbox.to(person.email, /was deleted/).length, 1)
  })
})
