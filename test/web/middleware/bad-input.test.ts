/** Input that nobody types: every field wrong in every way, bodies that are no forms, and bytes without end. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { type HTMLElement, parse } from 'node-html-parser'
import { identifier } from '../../../src/database/fragments.ts'
import { startApp } from '../../support/app.ts'
import { learner, openBrowser, problemsOf, type Response, somebody, tokenOf } from '../../support/people.ts'
import { exchange, sendBytes } from '../../support/raw-http.ts'
import { setCookieOf } from '../../support/sessions.ts'

const app = await startApp()
const { person: ada } = await learner(app, 'Ada')

const KILOBYTE = 1024
const LIMIT = 16 * KILOBYTE
const FORM_TYPE = 'application/x-www-form-urlencoded'
const FORM = { 'Content-Type': FORM_TYPE }

const count = async (table: 'users' | 'rate_limits' | 'sessions') => {
  const [row] = await app.sql<{ count: number }>`select count(*)::int from ${identifier(table)}`
  return row?.count ?? 0
}

/** Joins pairs that are already encoded, so that a body can hold what no browser would send. */
const join = (pairs: string[]) => pairs.filter(Boolean).join('&')
const encode = (fields: Record<string, string>) => new URLSearchParams(fields).toString()

function byId(page: HTMLElement, id: string): HTMLElement {
  const found = page.querySelectorAll('[id]').filter((element) => element.id === id)
  const [element] = found
  assert.equal(found.length, 1, `one element with the id ${id}`)
  assert.ok(element)
  return element
}

const text = (element: HTMLElement) => element.text.trim().replace(/\s+/g, ' ')

/**
 * A form that came back as it should: a summary whose links lead to the fields, the same message at each field, and no
 * password anywhere.
 */
function assertCameBack(response: Response, { secret }: { secret?: string | undefined } = {}): HTMLElement {
  assert.equal(response.status, 422)
  assert.match(response.headers['content-type'] ?? '', /^text\/html; charset=utf-8/)
  const page = parse(response.text)
  assert.match(page.querySelector('title')?.text ?? '', /^Error: /)
  assert.equal(page.querySelectorAll('#error-summary').length, 1)
  const problems = problemsOf(response.text)
  assert.ok(problems.length > 0)
  for (const { href, message } of problems) {
    const id = href.slice(1)
    const input = byId(page, id)
    assert.equal(input.tagName, 'INPUT')
    assert.notEqual(input.getAttribute('type'), 'hidden', `${id} can be seen`)
    assert.equal(text(byId(page, `${id}-error`)), `Error: ${message}`)
    assert.equal(input.getAttribute('aria-invalid'), 'true')
    const describedBy = (input.getAttribute('aria-describedby') ?? '').split(' ')
    assert.ok(describedBy.includes(`${id}-error`))
    for (const other of describedBy) byId(page, other)
    assert.doesNotMatch(message, /invalid|expected|undefined|please|sorry|oops|^\s*$/i)
  }
  const ids = page.querySelectorAll('main form input[id]').map(({ id }) => id)
  const inOrder = problems.map(({ href }) => ids.indexOf(href.slice(1)))
  assert.deepEqual(
    inOrder,
    [...inOrder].sort((a, b) => a - b),
    'in the order of the page',
  )
  assert.equal(page.querySelectorAll('.field-error').length, problems.length)
  for (const input of page.querySelectorAll('input[type=password]')) {
    assert.equal(input.getAttribute('value'), undefined)
  }
  if (secret) assert.ok(!response.text.includes(secret))
  assertNoMarkup(response.text)
  return page
}

/** What somebody typed is shown as text and never becomes markup. */
function assertNoMarkup(html: string) {
  for (const element of parse(html).querySelectorAll('*')) {
    const { tagName, attributes } = element
    assert.ok(!['IMG', 'IFRAME', 'STYLE'].includes(tagName), tagName)
    assert.ok(!Object.keys(attributes).some((name) => name.startsWith('on')), element.outerHTML)
    if (tagName === 'SCRIPT') assert.match(attributes.src ?? '', /^\/assets\//)
  }
  assert.ok(!html.includes('<script>'))
}

let checkedUpTo = 0

/** Checks what was logged since the last check. */
function assertNothingLogged(...secrets: string[]) {
  const log = app.log().slice(checkedUpTo)
  checkedUpTo += log.length
  for (const secret of secrets) assert.ok(!log.includes(secret), secret)
  assert.ok(!/"level":(50|60)/.test(log), 'no fault of ours')
}

const ALL = ['name', 'email', 'password'] as const
type Field = (typeof ALL)[number]

/**
 * One wrong field in a form whose other fields are right. `wrong` lists the fields that must be refused like this; in
 * the others it is unusual but accepted.
 */
const DAMAGES: { name: string; wrong: readonly Field[]; pair: (field: string, good: string) => string }[] = [
  { name: 'missing', wrong: ALL, pair: () => '' },
  { name: 'empty', wrong: ALL, pair: (field) => `${field}=` },
  { name: 'without a value', wrong: ALL, pair: (field) => field },
  { name: 'sent twice', wrong: ALL, pair: (field, good) => `${field}=${good}&${field}=${good}` },
  { name: 'sent fifty times', wrong: ALL, pair: (field, good) => Array(50).fill(`${field}=${good}`).join('&') },
  { name: 'sent as a list', wrong: ALL, pair: (field, good) => `${field}[]=${good}` },
  { name: 'sent as a list with places', wrong: ALL, pair: (field, good) => `${field}[0]=${good}` },
  { name: 'sent as an object', wrong: ALL, pair: (field, good) => `${field}[a]=${good}` },
  { name: 'sent as an object with dots', wrong: ALL, pair: (field, good) => `${field}.a=${good}` },
  { name: 'sent under a name in capitals', wrong: ALL, pair: (field, good) => `${field.toUpperCase()}=${good}` },
  {
    name: 'ten kilobytes long',
    wrong: ALL,
    pair: (field, good) => `${field}=${'x'.repeat(10 * KILOBYTE - 40)}${good}`,
  },
  { name: 'ten kilobytes of spaces', wrong: ALL, pair: (field) => `${field}=${'+'.repeat(10 * KILOBYTE)}` },
  { name: 'with NUL', wrong: ['name', 'email'], pair: (field, good) => `${field}=${good}%00` },
  { name: 'with NUL first', wrong: ['name', 'email'], pair: (field, good) => `${field}=%00${good}` },
  {
    name: 'with the end of a header line',
    wrong: ['name', 'email'],
    pair: (field, good) => `${field}=${good}%0d%0aSet-Cookie:%20x=1`,
  },
  { name: 'with a line feed', wrong: ['name', 'email'], pair: (field, good) => `${field}=${good}%0a` },
  {
    name: 'with an escape of the terminal',
    wrong: ['name', 'email'],
    pair: (field, good) => `${field}=${good}%1b[31m`,
  },
  { name: 'with a lone surrogate', wrong: ALL, pair: (field, good) => `${field}=${good}%ED%A0%80` },
  { name: 'with bytes that are no UTF-8', wrong: ALL, pair: (field, good) => `${field}=${good}%FF%C0%80` },
  { name: 'with a line separator', wrong: ['name', 'email'], pair: (field, good) => `${field}=${good}%E2%80%A8` },
  {
    name: 'with text that turns around',
    wrong: ['email'],
    pair: (field, good) => `${field}=${good}%E2%80%AEgnirts`,
  },
  { name: 'with a thousand accents', wrong: ALL, pair: (field, good) => `${field}=${good}${'%CC%81'.repeat(1000)}` },
  { name: 'in markup', wrong: ['email'], pair: (field) => `${field}=%22%3E%3Cscript%3Ealert(1)%3C/script%3E` },
  {
    name: 'in markup without quotes',
    wrong: ['email'],
    pair: (field) => `${field}=%27%22%60%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E`,
  },
  { name: 'as the end of a title', wrong: ['email'], pair: (field) => `${field}=%3C/title%3E%3Cscript%3Ealert(1)` },
  {
    name: 'as a template',
    wrong: ['email'],
    pair: (field) => `${field}=%7B%7B7*7%7D%7D%3C%25%3D+7*7+%25%3E%24%7B7*7%7D`,
  },
  { name: 'as SQL', wrong: ['email'], pair: (field) => `${field}=%27+or+1%3D1--+` },
  { name: 'as more SQL', wrong: ['email'], pair: (field) => `${field}=x%27%3B+drop+table+users%3B--` },
  { name: 'as wildcards', wrong: ['email'], pair: (field) => `${field}=%25_%5C%25%25%25%25%25` },
  { name: 'as the name of a prototype', wrong: ['email'], pair: (field) => `${field}=__proto__` },
  { name: 'as JSON', wrong: ['email'], pair: (field) => `${field}=%7B%22$ne%22%3Anull%7D` },
  { name: 'with a broken escape', wrong: ['email'], pair: (field, good) => `${field}=${good}%2` },
]

/** The values of the inputs that show what was typed. */
const shownValues = (page: HTMLElement) =>
  Object.fromEntries(
    page
      .querySelectorAll('main form input')
      .filter((input) => ['text', 'email'].includes(input.getAttribute('type') ?? ''))
      .map((input) => [input.getAttribute('name'), input.getAttribute('value')]),
  )

describe('[I04, I06, P07, P12, X02, X04, X09, X11] sign-up with one field', () => {
  for (const field of ALL) {
    for (const { name, wrong, pair } of DAMAGES) {
      const refused = wrong.includes(field)
      it(`${field} ${name}: ${refused ? 'comes back' : 'is taken'}`, async () => {
        const person = { ...somebody('Ben'), password: `tidy copper ${randomBytes(6).toString('hex')}` }
        const usersBefore = await count('users')
        const pairs = ALL.map((key) =>
          key === field ? pair(key, encodeURIComponent(person[key])) : encode({ [key]: person[key] }),
        )
        const browser = openBrowser(app)
        const response = await browser.submit('/sign-up', join(pairs))
        const secret = field === 'password' ? undefined : person.password
        if (refused) {
          const page = assertCameBack(response, { secret })
          assert.deepEqual(
            problemsOf(response.text).map(({ href }) => href),
            [field === 'password' ? '#new-password' : `#${field}`],
          )
          const shown = shownValues(page)
          for (const key of ['name', 'email'] as const) if (key !== field) assert.equal(shown[key], person[key])
          assert.equal(await browser.whoAmI(), undefined)
        } else {
          assert.equal(response.status, 303)
          const dashboard = await browser.get('/dashboard')
          assert.equal(dashboard.status, 200)
          assertNoMarkup(dashboard.text)
        }
        assert.equal(await count('users'), usersBefore + (refused ? 0 : 1))
        assertNothingLogged(person.email, person.password)
      })
    }
  }

  it('[X02] what was wrong comes back as it was typed', async () => {
    const typed: [string, string][] = [
      ['name', 'x'.repeat(101)],
      ['email', '"><script>alert(1)</script>'],
      ['email', 'o\'hara & "sons" <o@example.org>'],
      ['email', '  two words  '],
      ['email', '&lt;b&gt;&amp;'],
    ]
    for (const [field, value] of typed) {
      const person = somebody('Ben')
      const response = await openBrowser(app).submit('/sign-up', encode({ ...person, [field]: value }))
      assert.equal(shownValues(assertCameBack(response, { secret: person.password }))[field], value)
    }
  })

  it('all mistakes are told at once', async () => {
    for (const body of [
      '',
      'name=&email=&password=',
      'name[]=a&email[]=b&password[]=c',
      'name=%00&email=x&password=a',
    ]) {
      const response = await openBrowser(app).submit('/sign-up', body)
      assertCameBack(response)
      assert.deepEqual(
        problemsOf(response.text).map(({ href }) => href),
        ['#name', '#email', '#new-password'],
      )
    }
  })
})

describe('[P12, X04, X09, X11] login with one field', () => {
  for (const field of ['email', 'password'] as const) {
    for (const { name, pair } of DAMAGES) {
      it(`${field} ${name}: comes back`, async () => {
        // These are many wrong tries for one account, and the limit is not tested here.
        await app.sql`delete from rate_limits`
        const pairs = (['email', 'password'] as const).map((key) =>
          key === field ? pair(key, encodeURIComponent(ada[key])) : encode({ [key]: ada[key] }),
        )
        const browser = openBrowser(app)
        const response = await browser.submit('/login', join([...pairs, 'next=/course', 'remember=yes']))
        const page = assertCameBack(response, { secret: field === 'password' ? undefined : ada.password })
        if (field !== 'email') assert.equal(shownValues(page).email, ada.email)
        assert.equal(byId(page, 'next').getAttribute('value'), '/course')
        assert.ok(byId(page, 'remember').hasAttribute('checked'))
        assert.equal(await browser.whoAmI(), undefined)
        assertNothingLogged(ada.email, ada.password)
      })
    }
  }

  const REMEMBER: { sent: string; taken: boolean; remembered: boolean }[] = [
    { sent: '', taken: true, remembered: false },
    { sent: 'remember=', taken: true, remembered: false },
    { sent: 'remember=no', taken: true, remembered: false },
    { sent: 'remember=false', taken: true, remembered: false },
    { sent: 'remember=yes', taken: true, remembered: true },
    { sent: 'remember=on', taken: true, remembered: true },
    { sent: 'remember[]=yes', taken: true, remembered: false },
    { sent: 'remember=yes&remember=yes', taken: false, remembered: false },
    { sent: 'remember=maybe', taken: false, remembered: false },
    { sent: 'remember=yes%00', taken: false, remembered: false },
    { sent: 'remember=%ED%A0%80', taken: false, remembered: false },
    { sent: 'remember=%22%3E%3Cscript%3Ealert(1)%3C/script%3E', taken: false, remembered: false },
    { sent: `remember=${'x'.repeat(10 * KILOBYTE)}`, taken: false, remembered: false },
    { sent: 'remember=__proto__', taken: false, remembered: false },
  ]
  const shortly = (sent: string) => `${sent.slice(0, 40) || 'no remember'}`
  for (const { sent, taken, remembered } of REMEMBER) {
    it(`${shortly(sent)}: ${taken ? `is taken, ${remembered ? '' : 'not '}remembered` : 'comes back'}`, async () => {
      const browser = openBrowser(app)
      const response = await browser.submit(
        '/login',
        join([encode({ email: ada.email, password: ada.password }), sent]),
      )
      if (taken) {
        assert.equal(response.status, 303)
        assert.equal((setCookieOf(response) ?? '').includes('Max-Age='), remembered)
      } else {
        assertCameBack(response, { secret: ada.password })
        assert.deepEqual(
          problemsOf(response.text).map(({ href }) => href),
          ['#remember'],
        )
      }
    })
    if (!taken) continue
    it(`${shortly(sent)}: is ${remembered ? '' : 'not '}ticked when the form comes back`, async () => {
      const response = await openBrowser(app).submit('/login', join([encode({ email: ada.email, password: '' }), sent]))
      assert.equal(byId(assertCameBack(response), 'remember').hasAttribute('checked'), remembered)
    })
  }

  it('next missing, or in any other shape, is no mistake of the person', async () => {
    for (const next of [
      '',
      'next=',
      'next[]=x',
      'next[a]=x',
      'next=a&next=b',
      'next=%00',
      'next=%ED%A0%80',
      'next=x',
    ]) {
      const browser = openBrowser(app)
      const credentials = encode({ email: ada.email, password: ada.password })
      const response = await browser.submit('/login', join([credentials, next]))
      assert.deepEqual([response.status, response.headers.location], [303, '/dashboard'], next)
    }
  })
})

describe('fields that a form does not have', () => {
  const EXTRA = encode({
    id: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    userId: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    role: 'admin',
    isAdmin: 'true',
    admin: '1',
    emailVerified: 'true',
    email_verified: 'true',
    createdAt: '2000-01-01',
    created_at: '2000-01-01',
    image: 'javascript:alert(1)',
    passwordHash: 'x',
    password_hash: 'x',
    signUpForm: 'x',
    sign_up_form: 'x',
    formId: 'x',
  })

  it('[X05] change nothing about a new account', async () => {
    const person = somebody('Ben')
    const browser = openBrowser(app)
    assert.equal((await browser.submit('/sign-up', join([encode(person), EXTRA]))).status, 303)
    const [user] = await app.sql<Record<string, unknown>>`select * from users where email = ${person.email}`
    assert.ok(user)
    assert.notEqual(user.id, 'A'.repeat(32))
    assert.deepEqual([user.emailVerified, user.image, user.name], [false, null, 'Ben'])
    assert.ok(user.createdAt instanceof Date && Date.now() - user.createdAt.getTime() < 60_000)
    assert.notEqual(user.signUpForm, 'x')
    await browser.logOut()
    assert.equal((await browser.logIn(person)).status, 303)
  })

  it('[X05] change nobody at a login', async () => {
    const before = await app.sql<{ id: string }>`select * from users order by id`
    const browser = openBrowser(app)
    const credentials = encode({ email: ada.email, password: ada.password })
    assert.equal((await browser.submit('/login', join([credentials, EXTRA]))).status, 303)
    assert.equal(await browser.whoAmI(), ada.name)
    assert.deepEqual(await app.sql<{ id: string }>`select * from users order by id`, before)
  })

  it('[X22] count only where the form is read from, not in the address', async () => {
    const person = somebody('Ben')
    const browser = openBrowser(app)
    const _csrf = await browser.token('/sign-up')
    assertCameBack(await browser.post(`/sign-up?${encode(person)}`, { _csrf }))
    assertCameBack(await browser.post(`/login?${encode({ email: ada.email, password: ada.password })}`, { _csrf }))
  })

  const POLLUTION = [
    '__proto__[isAdmin]=1',
    '__proto__.isAdmin=1',
    '__proto__=1',
    '__proto__=1&__proto__=2',
    'constructor[prototype][isAdmin]=1',
    'constructor=1',
    'hasOwnProperty=1&toString=2&valueOf=3',
    'isAdmin=1',
  ]
  for (const polluted of POLLUTION) {
    it(`[X07] ${polluted} stays a name of a field`, async () => {
      const response = await openBrowser(app).submit(
        '/login',
        join([encode({ email: ada.email, password: '' }), polluted]),
      )
      assertCameBack(response)
      const innocent: Record<string, unknown> = {}
      assert.equal(innocent.isAdmin, undefined)
      assert.equal(typeof {}.hasOwnProperty, 'function')
      assert.equal((await openBrowser(app).logIn(ada)).status, 303)
    })
  }
})

describe('what looks like code is data', () => {
  it('[X01] a name that is markup is shown as it was typed, on every page that shows it', async () => {
    const names = [
      '"><script>alert(1)</script>',
      '\'"`><img src=x onerror=alert(1)>',
      '</title><script>alert(1)</script>',
      '{{7*7}} <%= 7*7 %> #{7*7}',
      "Robert'); DROP TABLE users;--",
      'a %_\\ b',
      'null',
      '&amp;&lt;b&gt;',
    ]
    for (const name of names) {
      const browser = openBrowser(app)
      assert.equal((await browser.signUp({ ...somebody('Ben'), name })).status, 303, name)
      for (const path of ['/dashboard', '/', '/logout', '/nowhere']) {
        const { text: html } = await browser.get(path)
        assertNoMarkup(html)
        assert.equal(parse(html).querySelector('.site-nav-name')?.text, name)
      }
    }
  })

  it('[X11] invisible characters of a name are dropped, and the rest is kept', async () => {
    const browser = openBrowser(app)
    await browser.signUp({ ...somebody('Ben'), name: '  A\u202eda\u200b \u00a0 Love\u00adlace\ufeff ' })
    assert.equal(await browser.whoAmI(), 'Ada Lovelace')
  })

  it('[X04] an address that is SQL finds nobody', async () => {
    for (const email of ["'or'1'='1'--@example.org", '%@example.org', '_@example.org', `${ada.email}'--`]) {
      assertCameBack(await openBrowser(app).submit('/login', encode({ email, password: ada.password })))
    }
    assert.ok((await count('users')) > 1)
  })

  it('[X01] a browser that calls itself markup is nowhere on a page', async () => {
    const { text: html } = await exchange(app, '/login?next=%22%3E%3Cscript%3E&x=%3Cscript%3E', {
      headers: { 'User-Agent': '"><script>alert(1)</script>', Referer: '"><script>', 'X-Request-Id': '"><script>' },
    })
    assertNoMarkup(html)
  })
})

/** A complete, correct form of a visitor, with its headers. */
async function rightForm(path: '/login' | '/sign-up') {
  const browser = openBrowser(app)
  const token = await browser.token(path)
  const person = path === '/login' ? ada : somebody('Ben')
  return {
    body: encode({ ...person, _csrf: token }),
    headers: { Cookie: `matricula-form=${browser.cookie('matricula-form')}` },
    person,
  }
}

describe('[X17] a body that is no form', () => {
  const TYPES: { type: string | undefined; status: number }[] = [
    { type: FORM_TYPE, status: 303 },
    { type: `${FORM_TYPE}; charset=utf-8`, status: 303 },
    { type: `${FORM_TYPE}; charset="UTF-8"`, status: 303 },
    { type: 'Application/X-WWW-Form-URLEncoded;charset=utf8', status: 303 },
    { type: undefined, status: 415 },
    { type: '', status: 415 },
    { type: `${FORM_TYPE}; charset=iso-8859-1`, status: 415 },
    { type: `${FORM_TYPE}; charset=utf-7`, status: 415 },
    { type: `${FORM_TYPE}x`, status: 415 },
    { type: 'application/json', status: 415 },
    { type: 'application/json; charset=utf-16', status: 415 },
    { type: 'text/plain', status: 415 },
    { type: `text/plain; ${FORM_TYPE}`, status: 415 },
    { type: `text/plain, ${FORM_TYPE}`, status: 415 },
    { type: 'multipart/form-data; boundary=x', status: 415 },
    { type: 'application/xml', status: 415 },
    { type: '\u00e9', status: 415 },
  ]
  for (const { type, status } of TYPES) {
    for (const path of ['/login', '/sign-up'] as const) {
      it(`${path} with ${type === undefined ? 'no type' : `the type "${type}"`}: ${status}`, async () => {
        const { body, headers } = await rightForm(path)
        const usersBefore = await count('users')
        const answer = await exchange(app, path, {
          method: 'POST',
          headers: { ...headers, ...(type === undefined ? {} : { 'Content-Type': type }) },
          body,
        })
        assert.equal(answer.status, status)
        if (status === 303) return
        assert.equal(answer.headers['set-cookie'], undefined)
        assert.equal(await count('users'), usersBefore)
        assert.equal(parse(answer.text).querySelector('h1')?.text, 'This format cannot be read')
      })
    }
  }

  it('is answered the same at the logout page and at pages that have no form', async () => {
    const { browser } = await learner(app, 'Ben')
    const headers = { Cookie: `matricula=${browser.cookie('matricula')}`, 'Content-Type': 'application/json' }
    for (const path of ['/logout', '/', '/dashboard', '/nowhere']) {
      assert.equal((await exchange(app, path, { method: 'POST', headers, body: '{}' })).status, 415)
    }
    assert.equal(await browser.whoAmI(), 'Ben')
  })

  it('[X13] in JSON that is cut off is neither repeated nor logged', async () => {
    for (const type of ['application/json', FORM_TYPE]) {
      const { status, text: html } = await exchange(app, '/login', {
        method: 'POST',
        headers: { 'Content-Type': type },
        body: '{"password":"hunter2hunter2"',
      })
      assert.ok([403, 415].includes(status))
      assert.ok(!html.includes('hunter2'))
      assertNothingLogged('hunter2')
    }
  })

  it('no body at all is a form without a token', async () => {
    for (const headers of [{}, FORM, { 'Content-Type': 'text/plain' }]) {
      assert.equal((await exchange(app, '/login', { method: 'POST', headers })).status, 403)
    }
  })
})

describe('a compressed body', () => {
  const zeros = (megabytes: number) => Buffer.alloc(megabytes * KILOBYTE * KILOBYTE)
  const CASES: { name: string; encoding: string; body: Buffer | string; status?: number }[] = [
    { name: 'gzip', encoding: 'gzip', body: gzipSync('email=a%40b.co') },
    { name: 'gzip that unpacks to 10 MB', encoding: 'gzip', body: gzipSync(zeros(10)) },
    { name: 'gzip that unpacks to 50 MB', encoding: 'gzip', body: gzipSync(zeros(50)), status: 413 },
    { name: 'brotli that unpacks to 50 MB', encoding: 'br', body: brotliCompressSync(zeros(50)) },
    { name: 'deflate', encoding: 'deflate', body: 'x' },
    { name: 'damaged gzip', encoding: 'gzip', body: 'no gzip' },
    { name: 'zstd', encoding: 'zstd', body: 'x' },
    { name: 'an encoding nobody knows', encoding: 'x-nothing', body: 'x' },
    { name: 'two encodings', encoding: 'gzip, br', body: 'x' },
  ]
  for (const { name, encoding, body, status = 415 } of CASES) {
    it(`[X15] ${name} is not unpacked`, async () => {
      const before = process.memoryUsage().arrayBuffers
      const answer = await exchange(app, '/login', {
        method: 'POST',
        headers: { ...FORM, 'Content-Encoding': encoding },
        body,
      })
      assert.equal(answer.status, status)
      assert.ok(process.memoryUsage().arrayBuffers - before < 10 * KILOBYTE * KILOBYTE)
      assert.equal((await exchange(app, '/login')).status, 200)
    })
  }
})

describe('too much at once', () => {
  const filled = (length: number, start: string) => start.padEnd(length, 'x')

  it('[X12] a form of just the limit is read, and one byte more is not', async () => {
    const { body, headers } = await rightForm('/login')
    const send = (length: number) =>
      exchange(app, '/login', { method: 'POST', headers: { ...headers, ...FORM }, body: filled(length, `${body}&x=`) })
    assert.equal((await send(LIMIT)).status, 303)
    const { status, text: html } = await send(LIMIT + 1)
    assert.equal(status, 413)
    assert.equal(parse(html).querySelector('h1')?.text, 'That is too much at once')
    assert.ok(!html.includes(ada.email))
    assertNothingLogged(ada.email, ada.password)
  })

  it('[X12] a hundred fields are read, and one more is not', async () => {
    const { body, headers } = await rightForm('/login')
    const given = body.split('&').length
    const send = (fields: number) => {
      const more = Array.from({ length: fields - given }, (_, index) => `x${index}=1`)
      const form = join([body, ...more])
      return exchange(app, '/login', { method: 'POST', headers: { ...headers, ...FORM }, body: form })
    }
    assert.equal((await send(100)).status, 303)
    for (const fields of [101, 1001]) assert.equal((await send(fields)).status, 413)
  })

  it('[P11, R19] is refused before anything is counted or hashed', async () => {
    await app.sql`delete from rate_limits`
    await exchange(app, '/login', {
      method: 'POST',
      headers: FORM,
      body: filled(LIMIT + 1, 'email=a%40b.co&password='),
    })
    await exchange(app, '/login', { method: 'POST', headers: FORM, body: filled(LIMIT, 'email=a%40b.co&password=') })
    await exchange(app, '/login', { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: 'x' })
    await openBrowser(app).submit('/login', encode({ email: ada.email, password: 'x'.repeat(10 * KILOBYTE) }))
    await openBrowser(app).submit('/sign-up', encode({ ...somebody('Ben'), password: 'x'.repeat(10 * KILOBYTE) }))
    assert.equal(await count('rate_limits'), 0)
  })

  it('[X12] keeps the process busy for no more than a moment', async () => {
    const HARD = {
      'an address with a hole': `email=a${'+'.repeat(15_000)}a`,
      'a name with a hole': `name=a${'+'.repeat(15_000)}a`,
      'many small fields': Array.from({ length: 3_000 }, (_, index) => `${index}=`).join('&'),
      'many escapes': `password=${'%41'.repeat(5_000)}`,
      'many accents': `name=${'%CC%81'.repeat(2_400)}&password=${'x%CC%81'.repeat(100)}`,
      'marks out of order': `name=a&password=${'\u0315'.repeat(3_800)}${'\u0334'.repeat(3_800)}`,
      'dots and dashes': `email=a%40${'a-.'.repeat(5_000)}`,
    }
    const { headers } = await rightForm('/sign-up')
    const browser = openBrowser(app)
    const token = await browser.token('/sign-up')
    const cookie = { Cookie: `matricula-form=${browser.cookie('matricula-form')}` }
    const costs = new Map<string, number>()
    for (const [name, body] of Object.entries({ 'a plain form': 'name=Ada', ...HARD })) {
      const times: number[] = []
      for (let tries = 0; tries < 3; tries += 1) {
        const { user, system } = process.cpuUsage()
        const { status } = await exchange(app, '/sign-up', {
          method: 'POST',
          headers: { ...headers, ...FORM, ...cookie },
          body: `${body}&_csrf=${token}`,
        })
        assert.ok([413, 422].includes(status), name)
        const used = process.cpuUsage({ user, system })
        times.push((used.user + used.system) / 1000)
      }
      costs.set(name, Math.min(...times))
    }
    // When the cost grew with the square of the length, it was at least 25 times that of a plain form.
    const plain = Math.max(2, costs.get('a plain form') ?? 0)
    for (const [name, cost] of costs) assert.ok(cost < 10 * plain, `${name} took ${cost} ms, a plain form ${plain} ms`)
  })

  const head = (more: string) => `POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM_TYPE}\r\n${more}\r\n\r\n`
  const TEN_MEGABYTES = 10 * KILOBYTE * KILOBYTE

  it('[P11] a length that is too much is answered before any of it came', async () => {
    const answer = await sendBytes(app, head(`Content-Length: ${TEN_MEGABYTES}`))
    assert.match(answer, /^HTTP\/1\.1 413 /)
    assert.match(answer, /That is too much at once/)
  })

  it('[P11, X18] an upload in slow pieces is answered at the limit, and the connection closed', async () => {
    const { answer, sent } = await upload(head('Transfer-Encoding: chunked'), { pieces: 400, bytes: 1024, pause: 5 })
    assert.match(answer.text, /^HTTP\/1\.1 413 /)
    assert.ok(answer.after >= LIMIT, `answered after ${answer.after} bytes`)
    assert.ok(answer.after <= LIMIT + 8 * KILOBYTE, `answered after ${answer.after} bytes`)
    assert.ok(sent < 400 * KILOBYTE, `still open after ${sent} bytes`)
  })

  it('[P11] an upload without end is cut soon after its answer', async () => {
    for (const framing of [`Content-Length: ${1000 * TEN_MEGABYTES}`, 'Transfer-Encoding: chunked']) {
      const { answer, sent } = await upload(head(framing), { pieces: 2_000, bytes: 64 * KILOBYTE, pause: 0 })
      assert.match(answer.text, /^HTTP\/1\.1 413 /, framing)
      assert.match(answer.text, /That is too much at once/)
      assert.ok(sent < TEN_MEGABYTES, `cut after ${sent} bytes`)
    }
    assert.equal((await exchange(app, '/login')).status, 200)
  })
})

/**
 * Sends pieces until the server closes the connection. Returns the answer, how many bytes were sent before it, and how
 * many in all.
 */
function upload(head: string, { pieces, bytes, pause }: { pieces: number; bytes: number; pause: number }) {
  const chunked = head.includes('chunked')
  const piece = chunked ? `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n` : 'x'.repeat(bytes)
  return new Promise<{ answer: { text: string; after: number }; sent: number }>((resolve) => {
    const answer = { text: '', after: 0 }
    let sent = 0
    let closed = false
    const socket = connect(app.port, '127.0.0.1', async () => {
      socket.write(head)
      for (let index = 0; index < pieces && !closed; index += 1) {
        await new Promise<void>((done) => socket.write(piece, () => done()))
        sent += bytes
        await sleep(pause)
      }
      socket.end()
    })
    socket.on('data', (data) => {
      if (answer.text === '') answer.after = sent
      answer.text += data.toString('utf8')
    })
    // The connection is expected to be cut; `close` tells when.
    socket.on('error', () => {})
    socket.once('close', () => {
      closed = true
      resolve({ answer, sent })
    })
  })
}

describe('[X19] a head that is too long', () => {
  const CASES: { name: string; path?: string; headers?: Record<string, string>; status: number }[] = [
    { name: 'a cookie of 20 KB', headers: { Cookie: `matricula=${'x'.repeat(20 * KILOBYTE)}` }, status: 431 },
    { name: 'an address of 16 KB', path: `/login?next=/${'x'.repeat(16 * KILOBYTE)}`, status: 431 },
    { name: 'a User-Agent of 20 KB', headers: { 'User-Agent': 'x'.repeat(20 * KILOBYTE) }, status: 431 },
    {
      name: '200 headers',
      headers: Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`X-${index}`, 'x'])),
      status: 200,
    },
    { name: 'a cookie of 10 KB', headers: { Cookie: `matricula=${'x'.repeat(10 * KILOBYTE)}` }, status: 200 },
    { name: '500 cookies', headers: { Cookie: Array(500).fill('matricula=x').join('; ') }, status: 200 },
  ]
  for (const { name, path = '/login', headers = {}, status } of CASES) {
    it(`${name}: ${status}`, async () => {
      assert.equal((await exchange(app, path, { headers })).status, status)
      assert.equal((await exchange(app, '/login')).status, 200)
    })
  }
})

describe('a cookie that nobody was given', () => {
  const COOKIES = [
    'matricula=',
    'matricula=x',
    'matricula=s%3Ax.y',
    'matricula=s%3A',
    'matricula=s:.',
    'matricula=%',
    'matricula=%ED%A0%80',
    'matricula=s%3A%00.x',
    'matricula=j%3A%7B%22userId%22%3A1%7D',
    'matricula[a]=x',
    'matricula; matricula-form',
    ';;;===',
    '__proto__=x',
  ]
  for (const cookie of COOKIES) {
    it(`"${cookie}" is a visitor's`, async () => {
      const { status, text: html } = await exchange(app, '/login', { headers: { Cookie: cookie } })
      assert.equal(status, 200)
      const sent = await exchange(app, '/login', {
        method: 'POST',
        headers: { ...FORM, Cookie: cookie },
        body: `${encode({ email: ada.email, password: ada.password })}&_csrf=${tokenOf(html)}`,
      })
      assert.equal(sent.status, 403)
    })
  }
})
