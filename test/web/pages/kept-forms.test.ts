/** A form that is sent after its session has ended: nothing typed is lost, and nothing is sent automatically. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { encode, passAll } from '../../support/learning.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { type Browser, learner, openBrowser, type Person, type Response, tokenOf } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })

const REASON = 'Your session has ended. Log in, and what you typed stands in its form again.'
const FOUND = 'Your session had ended. Nothing was lost: look it over and send it again.'
const MINUTE = 60_000
const TEXT = 'A robot that waters plants.\r\nAnd finds them, <b>“always”</b> & everywhere.'

type Fields = Record<string, string | readonly string[]>
const FORMS: { path: string; fields: Fields; shows: (html: string) => unknown; expected: unknown }[] = [
  {
    path: '/onboarding/programming',
    fields: { softwareExperience: 'advanced', action: 'continue' },
    shows: checkedIn,
    expected: ['advanced'],
  },
  {
    path: '/onboarding/goals',
    fields: { projectGoals: ['career', 'humanoid'], projectGoalsText: TEXT },
    shows: (html) => [checkedIn(html), parse(html).querySelector('textarea')?.text.trim().replaceAll('\r\n', '\n')],
    expected: [['humanoid', 'career'], TEXT.replaceAll('\r\n', '\n')],
  },
  {
    path: '/profile',
    fields: { softwareExperience: 'beginner', hardwareAccess: ['none', 'raspberry_pi'], primaryFocus: '' },
    shows: (html) => checkedIn(html).filter((value) => value !== ''),
    expected: ['beginner', 'raspberry_pi', 'none'],
  },
  { path: '/account', fields: { name: 'Adah Byron' }, shows: typedIn('name'), expected: 'Adah Byron' },
  { path: '/account', fields: { name: '' }, shows: typedIn('name'), expected: '' },
  {
    path: '/account/email-change',
    fields: { email: 'not an address' },
    shows: typedIn('email'),
    expected: 'not an address',
  },
]

function checkedIn(html: string): string[] {
  return parse(html)
    .querySelectorAll('input[checked]')
    .map((input) => input.getAttribute('value') ?? '')
}

function typedIn(name: string) {
  return (html: string) => parse(html).querySelector(`main input[name=${name}]`)?.getAttribute('value')
}

const hidden = (html: string, name: string): string =>
  parse(html).querySelector(`#login-form input[name=${name}]`)?.getAttribute('value') ?? ''

/** A learner who has a form open and sends it after the session has ended. */
async function sendTooLate(path: string, fields: Fields, { more = {} as Record<string, string> } = {}) {
  const { person, browser } = await learner(app, 'Ada')
  await passAll(browser)
  const token = tokenOf((await browser.get('/account')).text)
  await app.sql`delete from sessions where user_id = (select id from users where email = ${person.email})`
  const answer = await browser.post(path, encode({ ...fields, _csrf: token }), more)
  return { person, browser, answer }
}

/** Fills in the login page that came as the answer. */
function logInWith(browser: Browser, answer: Response, { email, password }: Person, more: Record<string, string> = {}) {
  const [next, kept, _csrf] = ['next', 'kept', '_csrf'].map((name) => hidden(answer.text, name))
  return browser.post('/login', { email, password, next: next ?? '', kept: kept ?? '', _csrf: _csrf ?? '', ...more })
}

const savedOf = async (browser: Browser) => JSON.stringify((await apiOf(app, browser).get('/api/profile')).body)

describe('a form whose session has ended', () => {
  for (const { path, fields, shows, expected } of FORMS) {
    it(`stands there again after the login, filled in: ${path} with ${encode(fields).slice(0, 30)}`, async () => {
      const { person, browser, answer } = await sendTooLate(path, fields)
      assert.equal(answer.status, 403)
      assert.ok(answer.text.includes(REASON))
      // None of what was typed can be read in the page.
      assert.doesNotMatch(answer.text, /Adah Byron|waters plants|not an address/)

      const wrong = await logInWith(browser, answer, { ...person, password: 'wrong' })
      assert.equal(wrong.status, 422)
      assert.equal(hidden(wrong.text, 'kept'), hidden(answer.text, 'kept'))
      const back = await logInWith(browser, wrong, person, { remember: 'yes' })
      assert.deepEqual([back.status, back.headers.location], [303, path])

      const before = await savedOf(browser)
      const page = await browser.get(path)
      assert.equal(page.status, 200)
      assert.ok(page.text.includes(FOUND))
      assert.deepEqual(shows(page.text), expected)
      assert.equal(await savedOf(browser), before, 'nothing is sent by itself')

      const again = await browser.get(path)
      assert.ok(!again.text.includes(FOUND), 'it is told once')
    })
  }

  it('can then be sent', async () => {
    const { person, browser, answer } = await sendTooLate('/account', { name: 'Adah Byron' })
    await logInWith(browser, answer, person)
    await browser.get('/account')
    assert.equal((await browser.submit('/account', { name: 'Adah Byron' })).status, 303)
    assert.equal(await browser.whoAmI(), 'Adah Byron')
  })

  it('is found at once by whoever has logged in again in another tab', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const token = tokenOf((await browser.get('/account')).text)
    await browser.logOut()
    await browser.logIn(person, { next: '/' })
    const answer = await browser.post('/account', encode({ name: 'Adah Byron', _csrf: token }))
    assert.deepEqual([answer.status, answer.headers.location], [303, '/account'])
    const page = await browser.get('/account')
    assert.ok(page.text.includes(FOUND))
    assert.equal(typedIn('name')(page.text), 'Adah Byron')
    assert.equal(await browser.whoAmI(), 'Ada')
  })

  it('is not lost when its page asks for the password first', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const token = tokenOf((await browser.get('/account')).text)
    await browser.logOut()
    await browser.logIn(person, { next: '/' })
    app.advance(11 * MINUTE)
    const typed = { email: 'adah@example.org' }
    await browser.post('/account/email-change', encode({ ...typed, _csrf: token }))
    const asked = await browser.get('/account/email-change')
    assert.equal(asked.headers.location, '/account/password-confirmation?next=%2Faccount%2Femail-change')
    const { password } = person
    const next = '/account/email-change'
    const confirmed = await browser.submitTo(asked.headers.location, '/account/password-confirmation', {
      password,
      next,
    })
    assert.deepEqual([confirmed.status, confirmed.headers.location], [303, next])
    assert.equal(typedIn('email')((await browser.get(next)).text), typed.email)
  })

  it('is kept over an idle limit, and by a browser that has lost its cookie', async () => {
    for (const end of ['idle', 'cookie'] as const) {
      const { person, browser } = await learner(app, 'Ada')
      const token = tokenOf((await browser.get('/account')).text)
      if (end === 'idle') app.advance(3 * 60 * MINUTE)
      const late = end === 'idle' ? browser : openBrowser(app)
      const answer = await late.post('/account', encode({ name: 'Adah Byron', _csrf: token }))
      assert.ok(answer.text.includes(REASON), end)
      await logInWith(late, answer, person)
      assert.equal(typedIn('name')((await late.get('/account')).text), 'Adah Byron')
    }
  })
})

describe('what was typed is dropped', () => {
  const isDropped = async (browser: Browser, login: Response) => {
    assert.equal(login.status, 303)
    const page = await browser.get('/account')
    assert.ok(!page.text.includes(FOUND))
    assert.notEqual(typedIn('name')(page.text), 'Adah Byron')
  }

  it('when somebody else logs in', async () => {
    const { browser, answer } = await sendTooLate('/account', { name: 'Adah Byron' })
    const { person: ben } = await learner(app, 'Ben')
    await isDropped(browser, await logInWith(browser, answer, ben))
  })

  it('after 15 minutes', async () => {
    const { person, browser, answer } = await sendTooLate('/account', { name: 'Adah Byron' })
    app.advance(15 * MINUTE)
    await isDropped(browser, await logInWith(browser, answer, person))
  })

  it('when it has been tampered with, or was sealed by another server', async () => {
    const other = await startApp(
      { APP_SECRETS: 'another-secret-of-the-tests-0123456789abc' },
      { databaseUrl: app.databaseUrl },
    )
    const foreign = await openBrowser(other).post(
      '/account',
      encode({ name: 'Adah Byron', _csrf: `x.${'a'.repeat(22)}` }),
    )
    const forge: ((kept: string) => string)[] = [
      (kept) => `${kept.slice(0, -4)}AAAA`,
      (kept) => `${kept.startsWith('A') ? 'B' : 'A'}${kept.slice(1)}`,
      (kept) => kept.slice(0, 40),
      () => hidden(foreign.text, 'kept'),
      () => Buffer.from('{"path":"/account","values":{"name":"Adah Byron"}}').toString('base64url'),
      () => '{}',
    ]
    for (const change of forge) {
      const { person, browser, answer } = await sendTooLate('/account', { name: 'Adah Byron' })
      const kept = change(hidden(answer.text, 'kept'))
      assert.notEqual(kept, '')
      await isDropped(browser, await logInWith(browser, answer, person, { kept }))
    }
  })
})

describe('nothing is kept', () => {
  const NOT_KEPT: Record<string, { path: string; fields: Fields; more?: Record<string, string> }> = {
    'of a password': {
      path: '/account/password-change',
      fields: { currentPassword: 'old one', newPassword: 'new one' },
    },
    'of a confirmation': { path: '/account/password-confirmation', fields: { password: 'old one' } },
    'of a deletion': { path: '/account/account-deletion', fields: { password: 'old one', sure: 'yes' } },
    'of a lesson that is marked': { path: '/lessons/f1/progress', fields: { state: 'done' } },
    'of a question that is none': { path: '/onboarding/none', fields: { softwareExperience: 'none' } },
    'of more than a form can carry': { path: '/account', fields: { name: 'n'.repeat(9_000) } },
    'of a form of another site': {
      path: '/account',
      fields: { name: 'Eve' },
      more: { 'Sec-Fetch-Site': 'cross-site' },
    },
    'of a form from another origin': {
      path: '/account',
      fields: { name: 'Eve' },
      more: { Origin: 'https://evil.example' },
    },
  }
  for (const [name, { path, fields, more }] of Object.entries(NOT_KEPT)) {
    it(name, async () => {
      const { answer } = await sendTooLate(path, fields, more ? { more } : {})
      assert.equal(answer.status, 403)
      assert.equal(parse(answer.text).querySelector('input[name=kept]'), null)
      assert.ok(!answer.text.includes(REASON))
    })
  }

  it('of other fields, and of a form that does not say whose it is', async () => {
    const { person, browser, answer } = await sendTooLate('/account', {
      name: 'Adah Byron',
      password: 'a secret',
      email: 'eve@example.org',
    })
    await logInWith(browser, answer, person)
    assert.doesNotMatch((await browser.get('/account')).text, /a secret|eve@example/)
    const { text } = await openBrowser(app).post('/account', encode({ name: 'Eve', _csrf: 'made up' }))
    assert.ok(!text.includes(REASON))
  })
})
