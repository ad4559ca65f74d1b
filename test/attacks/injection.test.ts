/** Section X of docs/threats.md, where no other test shows it: every form and every address that takes something. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { addServiceKey } from '../../src/tokens/service-keys.ts'
import { apiLearner, bearer } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { asOwnPage, call, cookieOf, refusalOf, stateOf } from '../support/calls.ts'
import { learner, openBrowser, tokenOf } from '../support/people.ts'
import { exchange, sendBytes } from '../support/raw-http.ts'
import { COOKIE } from '../support/sessions.ts'

const app = await startApp({}, { atPublicUrl: true })
const { person, browser } = await learner(app, 'Ada')
const cookie = { Cookie: `${COOKIE}=${browser.cookie(COOKIE)}` }
const PAGES_MAX = 120

type FormOnPage = { action: string; fields: string[] }

/** Every form of a learner, found as a person finds it: by the links of the pages. */
async function formsOf(): Promise<FormOnPage[]> {
  const forms = new Map<string, FormOnPage>()
  const seen = new Set(['/dashboard', '/account', '/profile', '/plan', '/logout'])
  for (const path of seen) {
    if (seen.size > PAGES_MAX) break
    const page = parse((await browser.get(path)).text)
    for (const link of page.querySelectorAll('a[href^="/"]')) {
      const next = link.getAttribute('href')?.split(/[?#]/)[0] ?? ''
      if (!/^\/(lessons\/[a-eg-z]|assets|api)/.test(next)) seen.add(next)
    }
    for (const form of page.querySelectorAll('form[method=post]')) {
      const action = form.getAttribute('action') ?? path
      const fields = form.querySelectorAll('[name]').map((field) => field.getAttribute('name') ?? '')
      forms.set(action.split('?')[0] ?? '', { action, fields: [...new Set(fields)].filter((name) => name !== '_csrf') })
    }
  }
  return [...forms.values()]
}
const forms = await formsOf()

it('there are as many forms as a learner has', () => {
  assert.ok(forms.length > 15, forms.map(({ action }) => action).join(' '))
})

describe('every form of a learner', () => {
  it('[X17] is not read in another format, nor in none', async () => {
    const before = await stateOf(app)
    const token = tokenOf((await browser.get('/account')).text)
    for (const { action } of forms) {
      for (const [type, body] of [
        ['application/json', JSON.stringify({ _csrf: token, name: 'Eve', password: person.password })],
        ['text/plain', `_csrf=${token}&name=Eve`],
        [
          'multipart/form-data; boundary=x',
          `--x\r\nContent-Disposition: form-data; name="_csrf"\r\n\r\n${token}\r\n--x--`,
        ],
        [undefined, `_csrf=${token}&name=Eve`],
      ] as const) {
        const headers = { ...cookie, ...(type === undefined ? {} : { 'Content-Type': type }) }
        const { status } = await exchange(app, action, { method: 'POST', headers, body })
        assert.equal(status, 415, `${action} as ${type}`)
      }
      assert.equal((await exchange(app, action, { method: 'POST', headers: cookie })).status, 403, `${action}: no body`)
    }
    assert.equal(await stateOf(app), before)
  })

  const SHAPES: Record<string, (name: string) => string> = {
    'every field twice': (name) => `${name}=1&${name}=1`,
    'every field as a list': (name) => `${name}[]=1`,
    'every field as an object': (name) => `${name}[a]=1`,
    'every field as half a character': (name) => `${name}=%ED%A0%80`,
    'every field as NUL': (name) => `${name}=%00`,
    'every field as SQL': (name) => `${name}=%27%3B+drop+table+users%3B--`,
    'every field as what objects have': (name) => `${name}=__proto__&__proto__[${name}]=1&constructor=1`,
  }
  for (const [what, shape] of Object.entries(SHAPES)) {
    it(`[X04, X07, X09, X11] is no fault of ours with ${what}`, async () => {
      const { browser: bens } = await learner(app, 'Ben')
      const logged = app.log().length
      for (const { action, fields } of forms.filter((form) => !/^\/(logout|account\/sessions)/.test(form.action))) {
        const token = encodeURIComponent(await bens.token('/account'))
        const { status } = await bens.post(action, [`_csrf=${token}`, ...fields.map(shape)].join('&'))
        assert.ok(status < 500, `${action} answers ${status}`)
        assert.notEqual(status, 403, `${action} was looked at`)
      }
      assert.doesNotMatch(app.log().slice(logged), /"level":(50|60)/)
      assert.deepEqual(Object.keys(Object.prototype), [])
      assert.notEqual(await bens.whoAmI(), undefined)
    })
  }
})

describe('JSON', () => {
  it('[X12] that is nested ten thousand deep is refused, and as deep as it may be it is read', async () => {
    const { api } = await apiLearner(app, 'Ben')
    const headers = asOwnPage(app, cookieOf(api))
    const lists = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    for (const [body, status] of [
      [lists(8_000), 400],
      [lists(10_000), 413],
      [objects(2_700), 400],
      [objects(10_000), 413],
    ] as const) {
      assert.equal((await call(app, '/api/auth/update-user', { headers, body })).status, status, body.slice(0, 10))
    }
    const deepest = `{"name":"Benjamin","x":${'['.repeat(8_000)}${']'.repeat(8_000)}}`
    assert.equal((await call(app, '/api/auth/update-user', { headers, body: deepest })).status, 200)
  })
})

describe('a time that a service asks for', () => {
  for (const since of [
    '2025-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2025-13-01T00:00:00Z',
    '2025-01-01T24:00:00Z',
    '2025-01-01T00:00:60Z',
    '2025-01-01T00:00:00%2B99:00',
    '2025-01-01',
    '-000001-01-01T00:00:00Z',
    '1e309',
    '-0',
    'NaN',
    '9007199254740993',
    '',
    '%00',
    "'%20or%201=1--",
    '2025-01-01T00:00:00Z&since=2026-01-01T00:00:00Z',
  ]) {
    it(`[X04, X23] is none as ${since || 'nothing'}`, async () => {
      const name = `for ${since}`
      const key =
        (await addServiceKey(app.sql, { name, rights: ['deleted'], now: app.deps.now() })) ?? assert.fail(name)
      const answer = await exchange(app, `/api/users/deleted?since=${since}`, { headers: bearer(key) })
      assert.deepEqual([answer.status, refusalOf(answer).code], [400, 'VALIDATION_ERROR'])
    })
  }
})

describe('a name that stands in the address and in the body', () => {
  it('[X22] counts from where it is declared: in a form, and in a call', async () => {
    const { api, person: ben } = await apiLearner(app, 'Ben')
    const headers = asOwnPage(app, cookieOf(api))
    const named = await call(app, '/api/auth/update-user?name=Eve', { headers, body: { name: 'Benedict' } })
    assert.equal(named.status, 200)
    assert.equal((await api.get('/api/me')).body.user.name, 'Benedict')
    assert.equal((await call(app, '/api/auth/update-user?name=Eve', { headers, body: {} })).status, 400)
    const wrong = { headers: { Origin: app.url }, body: { email: ben.email, password: 'not the password' } }
    assert.equal(
      (await call(app, `/api/auth/sign-in/email?password=${encodeURIComponent(ben.password)}`, wrong)).status,
      401,
    )
    const door = openBrowser(app)
    assert.equal(
      (await door.submit(`/login?password=${encodeURIComponent(ben.password)}`, { email: ben.email })).status,
      422,
    )
  })
})

it('[X21] no word but a method of the page or the endpoint does anything, also in small letters', async () => {
  const before = await stateOf(app)
  for (const path of ['/logout', '/account', '/api/auth/sign-out', '/api/me', '/api/auth/jwks']) {
    for (const method of ['FOO', 'post', 'Get', 'POSTX', 'TRACE', 'PROPFIND', 'PATCH', 'CONNECT']) {
      const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Secret: reflected\r\nCookie: ${cookie.Cookie}`
      const answer = await sendBytes(app, `${head}\r\nOrigin: ${app.url}\r\nContent-Length: 0\r\n\r\n`)
      if (method !== 'CONNECT') assert.match(answer, /^HTTP\/1\.1 40[0345] /, `${method} ${path}`)
      assert.doesNotMatch(answer, /reflected/)
    }
  }
  assert.equal(await stateOf(app), before)
})

it('[X27] a User-Agent of 100 KB, and one that moves a cursor, leave one bounded line of JSON each', async () => {
  const logged = app.log().length
  await sendBytes(app, `GET /login HTTP/1.1\r\nHost: a\r\nUser-Agent: ${'x'.repeat(100_000)}\r\n\r\n`)
  await exchange(app, '/login', { headers: { 'User-Agent': `Firefox \u009b31m${'y'.repeat(9_000)}` } })
  const lines = app.log().slice(logged).split('\n').filter(Boolean)
  assert.ok(lines.length > 0)
  for (const line of lines) {
    assert.equal(typeof JSON.parse(line).level, 'number')
    assert.ok(line.length < 2_000)
    assert.doesNotMatch(line, /[^\x20-\x7e]/)
  }
})
