/** Every form and call with a password while the line in front of bcrypt is full: what comes back, and what is not lost. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { fillLine, watchHashing } from '../../support/hashing.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, confirm, NEW_PASSWORD, open, RESET, secretOf, VERIFY } from '../../support/mailed.ts'
import {
  type Browser,
  learner,
  openBrowser,
  type Person,
  problemsOf,
  type Response,
  somebody,
} from '../../support/people.ts'
import { eventually } from '../../support/process.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })

const pointsCounted = async () =>
  (await app.sql<{ points: number }>`select coalesce(sum(points), 0)::int as points from rate_limits`)[0]?.points

type Fields = Record<string, string>
type Case = {
  path: string
  words: string
  /** The field with the message. */
  at: string
  /** Whether the script counts down and sends the form by itself. */
  sendsItself: boolean
  /** What was typed, and has to be there again. */
  kept: Fields
  secrets: Fields
  /** Where the form leads to when there is room. */
  leadsTo: string
}

const password = 'plain tidy copper lantern'
const ben = somebody('Ben')
const FORMS: Record<string, (person: Person) => Case> = {
  login: ({ email }) => ({
    path: '/login',
    words: 'Many people are logging in',
    at: '#email',
    sendsItself: true,
    kept: { email, remember: 'yes', next: '/profile' },
    secrets: { password },
    leadsTo: '/profile',
  }),
  'sign-up': () => ({
    path: '/sign-up',
    words: 'Many people are signing up or logging in',
    at: '#email',
    sendsItself: true,
    kept: { name: ben.name, email: ben.email },
    secrets: { password },
    leadsTo: '/onboarding',
  }),
  'password change': () => ({
    path: '/account/password-change',
    words: 'Many people are logging in, so nothing was changed',
    at: '#current-password',
    sendsItself: true,
    kept: { endOthers: 'yes' },
    secrets: { currentPassword: password, newPassword: NEW_PASSWORD },
    leadsTo: '/account',
  }),
  'password confirmation': () => ({
    path: '/account/password-confirmation',
    words: 'Many people are logging in, so your password was not checked',
    at: '#current-password',
    sendsItself: true,
    kept: { next: '/account/data-export' },
    secrets: { password },
    leadsTo: '/account/data-export',
  }),
  'account deletion': () => ({
    path: '/account/account-deletion',
    words: 'Many people are logging in, so nothing was changed',
    at: '#current-password',
    // Nothing that cannot be taken back happens by itself.
    sendsItself: false,
    kept: { sure: 'yes' },
    secrets: { password },
    leadsTo: '/goodbye',
  }),
  'password reset': () => ({
    path: RESET.page,
    words: 'Many people are logging in, so nothing was changed',
    at: '#new-password',
    sendsItself: true,
    kept: {},
    secrets: { password: NEW_PASSWORD },
    leadsTo: '/login?done=password-reset',
  }),
  'confirming an address elsewhere': () => ({
    path: VERIFY.page,
    words: 'Many people are logging in, so your password was not checked',
    at: '#current-password',
    sendsItself: true,
    kept: {},
    secrets: { password },
    leadsTo: '/email-verification/confirmed',
  }),
  'taking an account over': () => ({
    path: '/email-verification/new-password',
    words: 'Many people are logging in, so nothing was changed',
    at: '#new-password',
    // It may delete what is in the account.
    sendsItself: false,
    kept: { startEmpty: 'yes' },
    secrets: { password: NEW_PASSWORD },
    leadsTo: '/login?done=account-claimed',
  }),
}

/** A browser at the point where the form can be sent. */
async function browserFor(path: string, person: Person, own: Browser): Promise<Browser> {
  if (path.startsWith('/account')) return own
  const browser = openBrowser(app)
  if (path === RESET.page) {
    await confirm(own, await mailbox.letterTo(person.email, VERIFY.subject))
    await open(browser, await askForReset(browser, mailbox, person.email))
  }
  if (path.startsWith('/email-verification')) {
    await open(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  }
  return browser
}

function assertSentAway({ status, headers, text }: Response, { words, at, sendsItself, kept, secrets }: Case): void {
  assert.equal(status, 503)
  const seconds = Number(headers['retry-after'])
  assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, headers['retry-after'])
  const message = `${words}. Try again in ${seconds === 1 ? 'a second' : `${seconds} seconds`}`
  assert.deepEqual(problemsOf(text), [{ href: at, message }])
  const page = parse(text)
  for (const [name, value] of Object.entries(kept)) {
    const input = page.querySelector(`main input[name=${name}]`)
    assert.ok(input, name)
    if (input.getAttribute('type') === 'checkbox') assert.ok(input.hasAttribute('checked'), name)
    else assert.equal(input.getAttribute('value'), value)
  }
  for (const secret of Object.values(secrets)) assert.equal(text.includes(secret), false)
  const hint = page.querySelector('[data-send-in]')
  assert.equal(hint?.getAttribute('data-send-in'), sendsItself ? String(seconds) : undefined)
}

describe('while the line is full, the form comes back as it was, and works when there is room:', () => {
  for (const [name, caseFor] of Object.entries(FORMS)) {
    it(name, async () => {
      const { person, browser: own } = await learner(app, 'Ada')
      const form = caseFor(person)
      const browser = await browserFor(form.path, person, own)
      const fields = { ...form.kept, ...form.secrets, _csrf: await browser.token(form.path) }
      const counted = await pointsCounted()
      const hashing = watchHashing()
      const callOff = fillLine(app)
      const refused = await browser.post(form.path, fields)
      callOff()
      assertSentAway(refused, form)
      assert.equal(hashing.started, 0)
      await eventually('the try to be taken back', async () => (await pointsCounted()) === counted)
      const _csrf = parse(refused.text).querySelector('main input[name=_csrf]')?.getAttribute('value') ?? ''
      const { status, headers } = await browser.post(form.path, { ...fields, _csrf })
      assert.deepEqual([status, headers.location], [303, form.leadsTo])
    })
  }
})

describe('while the line is full, the API says when to come back, and does it then:', () => {
  const CALLS: Record<string, (person: Person) => Promise<[string, object]> | [string, object]> = {
    'sign-in/email': ({ email }) => ['/api/auth/sign-in/email', { email, password }],
    'sign-up/email': () => ['/api/auth/sign-up/email', somebody('Carl')],
    'change-password': () => ['/api/auth/change-password', { currentPassword: password, newPassword: NEW_PASSWORD }],
    'verify-password': () => ['/api/auth/verify-password', { password }],
    'delete-user': () => ['/api/auth/delete-user', { password }],
    'reset-password': async ({ email }) => [
      '/api/auth/reset-password',
      { token: secretOf(await askForReset(openBrowser(app), mailbox, email)), newPassword: NEW_PASSWORD },
    ],
  }
  for (const [name, callFor] of Object.entries(CALLS)) {
    it(name, async () => {
      const { person, browser } = await learner(app, 'Ada')
      const api = /^sign|^reset/.test(name) ? openApi(app) : apiOf(app, browser)
      const [path, body] = await callFor(person)
      const counted = await pointsCounted()
      const callOff = fillLine(app)
      const refused = await api.post(path, body)
      callOff()
      assert.deepEqual([refused.status, refused.body.code], [503, 'SERVICE_UNAVAILABLE'])
      assert.match(refused.headers['retry-after'] ?? '', /^[1-9]\d?$/)
      await eventually('the try to be taken back', async () => (await pointsCounted()) === counted)
      assert.equal((await api.post(path, body)).status, 200)
    })
  }
})

it('those who are sent away are lines of requests in the log, and no failures', () => {
  assert.match(app.log(), /"status":503/)
  assert.doesNotMatch(app.log(), /"level":(40|50|60)/)
})

describe('whoever hangs up in the line gives the place back before the hash is begun:', () => {
  const CALLS: Record<string, { path: string; body: object; counted?: string }> = {
    'a sign-up': { path: '/api/auth/sign-up/email', body: somebody('Dan'), counted: 'accountsByAddress' },
    'a password change': {
      path: '/api/auth/change-password',
      body: { currentPassword: password, newPassword: NEW_PASSWORD },
    },
    'a confirmation': { path: '/api/auth/verify-password', body: { password } },
    'a deletion': { path: '/api/auth/delete-user', body: { password } },
  }
  for (const [name, { path, body, counted = 'confirmByUser' }] of Object.entries(CALLS)) {
    it(name, async () => {
      const { browser, person } = await learner(app, 'Ada')
      const slow = await startApp({ BCRYPT_COST: '13' }, { databaseUrl: app.databaseUrl, atPublicUrl: true })
      await slow.sql`delete from rate_limits`
      const hashing = watchHashing()
      const threads = slow.deps.config.hashesAtOnce
      const others = Array.from({ length: threads }, () => slow.deps.passwords.hash('plain'))
      await eventually('all threads to be busy', () => hashing.running === threads)
      const hangUp = new AbortController()
      const call = fetch(`${slow.url}${path}`, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          Origin: slow.url,
          Cookie: `matricula=${browser.cookie('matricula')}`,
        },
        body: JSON.stringify(body),
        signal: hangUp.signal,
      })
      await eventually('the call to be counted, or to end', async () => {
        const rows = await slow.sql`select 1 from rate_limits where key like ${`${counted}%`}`
        return rows.length > 0
      })
      hangUp.abort()
      await assert.rejects(call)
      await Promise.all(others)
      await eventually('the try to be given back', async () => {
        const [row] = await slow.sql<{ points: number }>`
          select points from rate_limits where key like ${`${counted}%`}`
        return row?.points === 0
      })
      assert.equal(hashing.started, threads, 'nothing was hashed for nobody')
      const [user] = await slow.sql`select 1 from users where email = ${person.email}`
      assert.ok(user)
    })
  }
})
