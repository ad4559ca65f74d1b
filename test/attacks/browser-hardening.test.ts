/** Section B of docs/threats.md, where no other test shows it: answers of programs, what is no request, frames, caches. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, describe, it } from 'node:test'
import { BEHIND_TLS, startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { learner, openBrowser } from '../support/people.ts'
import { exchange, sendBytes } from '../support/raw-http.ts'
import { COOKIE } from '../support/sessions.ts'

const app = await startApp({}, { atPublicUrl: true })
const secure = await startApp({ ...BEHIND_TLS, TRUSTED_ORIGINS: 'https://front.example.org' })
const inProduction = await startApp({ ...BEHIND_TLS, NODE_ENV: 'production' })
const TLS = { 'X-Forwarded-Proto': 'https', Host: 'learn.example.org' }
const JSON_TYPE = { 'Content-Type': 'application/json' }

/** What every answer has that a browser may get, behind TLS. */
const HEADERS: Record<string, RegExp> = {
  'content-security-policy': /^default-src 'none';.*base-uri 'none';object-src 'none';frame-ancestors 'none'$/,
  'strict-transport-security': /^max-age=31536000\b/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'referrer-policy': /^same-origin$/,
  'cross-origin-opener-policy': /^same-origin$/,
}

function assertHardened(headers: Record<string, unknown>, what: string) {
  for (const [name, pattern] of Object.entries(HEADERS))
    assert.match(String(headers[name]), pattern, `${what}: ${name}`)
  for (const name of ['server', 'x-powered-by', 'x-runtime']) assert.equal(headers[name], undefined, `${what}: ${name}`)
}

describe('an answer to a program', () => {
  const CALLS: [status: number, path: string, method: string, headers: Record<string, string>, body?: string][] = [
    [200, '/api/auth/ok', 'GET', {}],
    [200, '/api/auth/get-session', 'GET', {}],
    [200, '/api/auth/jwks', 'GET', {}],
    [200, '/api/auth/jwks', 'HEAD', {}],
    [200, '/.well-known/openid-configuration', 'GET', {}],
    [200, '/api/openapi.json', 'GET', {}],
    [401, '/api/me', 'GET', {}],
    [401, '/api/me', 'GET', { Authorization: 'Bearer x' }],
    [401, '/api/auth/token', 'GET', {}],
    [404, '/api/nothing', 'GET', {}],
    [405, '/api/me', 'DELETE', {}],
    [
      204,
      '/api/auth/sign-in/email',
      'OPTIONS',
      { Origin: 'https://front.example.org', 'Access-Control-Request-Method': 'POST' },
    ],
    [400, '/api/auth/sign-in/email', 'POST', JSON_TYPE, '{"password":'],
    [
      403,
      '/api/auth/sign-out',
      'POST',
      { ...JSON_TYPE, Cookie: '__Host-matricula=x', Origin: 'https://evil.example' },
      '{}',
    ],
    [413, '/api/auth/sign-in/email', 'POST', JSON_TYPE, 'x'.repeat(17 * 1024)],
    [415, '/api/auth/sign-in/email', 'POST', { 'Content-Type': 'text/plain' }, 'x'],
    [404, '/plan/calendar/x.ics', 'GET', {}],
  ]
  for (const [status, path, method, headers, body] of CALLS) {
    it(`[B01, B10] has the headers of a page: ${method} ${path}, ${status}`, async () => {
      const answer = await exchange(secure, path, {
        method,
        headers: { ...TLS, ...headers },
        ...(body === undefined ? {} : { body }),
      })
      assert.equal(answer.status, status)
      assertHardened(answer.headers, path)
    })
  }

  it('[B01] has them where nothing is sent again, on another host, and without TLS', async () => {
    const { headers } = await exchange(secure, '/api/auth/jwks', { headers: TLS })
    for (const [status, more] of [
      [304, { ...TLS, 'If-None-Match': headers.etag ?? '' }],
      [400, { Host: 'learn.example.org' }],
      [421, { ...TLS, Host: 'evil.test' }],
    ] as const) {
      const site = status === 421 ? inProduction : secure
      const answer = await exchange(site, status === 304 ? '/api/auth/jwks' : '/api/me', { headers: more })
      assert.equal(answer.status, status)
      assertHardened(answer.headers, String(status))
    }
  })
})

/** The head of the one answer in these bytes. */
function headOf(answer: string): { status: string; headers: Record<string, string>; body: string } {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  const [status = '', ...lines] = head.split('\r\n')
  const pairs = lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string])
  return { status, headers: Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value])), body }
}

describe('what is no request', () => {
  const host = 'Host: learn.example.org'
  const NONE: Record<string, [bytes: string, status: RegExp]> = {
    'no HTTP at all': ['\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n', / 400 /],
    'no Host': ['GET /login HTTP/1.1\r\n\r\n', / 400 /],
    'no Host, to the API': ['GET /api/auth/ok HTTP/1.1\r\n\r\n', / 400 /],
    'no Host, to the keys': ['GET /api/auth/jwks HTTP/1.1\r\nX-Forwarded-Proto: https\r\n\r\n', / 400 /],
    'a head that is too long': [`GET / HTTP/1.1\r\n${host}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, / 431 /],
    'two lengths': [`POST /login HTTP/1.1\r\n${host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx`, / 400 /],
    'a word that is no method': [`FOO / HTTP/1.1\r\n${host}\r\n\r\n`, / 400 /],
  }
  for (const [name, [bytes, status]] of Object.entries(NONE)) {
    it(`[B01, B10] is answered in words, with the headers of a page: ${name}`, async () => {
      const answer = headOf(await sendBytes(secure, bytes))
      assert.match(answer.status, status)
      assertHardened(answer.headers, name)
      assert.equal(answer.headers['cache-control'], 'no-store')
      assert.equal(answer.headers.connection, 'close')
      assert.match(answer.body, /[a-z]{3}/)
    })
  }

  it('[B01] an expectation that nobody knows is no hindrance, and the answer is like any other', async () => {
    for (const path of ['/login', '/api/auth/ok']) {
      const head = `GET ${path} HTTP/1.1\r\n${host}\r\nX-Forwarded-Proto: https\r\nConnection: close\r\nExpect: nonsense`
      const answer = headOf(await sendBytes(secure, `${head}\r\n\r\n`))
      assert.match(answer.status, / 200 /)
      assertHardened(answer.headers, path)
      assert.match(answer.headers['x-request-id'] ?? '', /^[\w-]{36}$/)
    }
  })
})

describe('a page of another site', async () => {
  const frame = (path: string) => `<iframe src="${app.url}${path}" width="600" height="400"></iframe>`
  const site = createServer((req, res) => {
    const isOwn = req.url === '/own'
    res
      .setHeader('Content-Type', 'text/html')
      .end(isOwn ? '<p>its own</p>' : '<iframe src="/own"></iframe>'.concat(FRAMED.map(frame).join('')))
  })
  const FRAMED = ['/', '/login', '/dashboard', '/account/password-change', '/api', '/nowhere']
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  after(() => site.close())
  const address = site.address()
  const port = typeof address === 'object' ? address?.port : 0
  const chromium = await startBrowser()

  it('[B03] gets none of our pages into a frame, logged in or not, and its own it does', async () => {
    const { browser } = await learner(app, 'Ada')
    const context = await chromium.newContext()
    await context.addCookies([{ name: COOKIE, value: browser.cookie(COOKIE) ?? '', url: app.url, sameSite: 'Lax' }])
    const page = await context.newPage()
    await page.goto(`http://localhost:${port}/`, { waitUntil: 'load' })
    const [, own, ...ours] = page.frames()
    assert.equal(await own?.locator('p').innerText(), 'its own')
    assert.equal(ours.length, FRAMED.length)
    for (const framed of ours) {
      assert.match(framed.url(), /^chrome-error:/)
      assert.doesNotMatch(await framed.content(), /Matricula|Ada/)
    }
    await context.close()
  })
})

/** Keeps whatever an answer allows a shared cache to keep, by address alone, as a careless one does. */
describe('a shared cache in front', () => {
  it('[B06] may keep nothing that is somebody’s, and no answer with a cookie', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const cookie = { Cookie: `${COOKIE}=${browser.cookie(COOKIE)}` }
    const paths = [
      '/',
      '/login',
      '/sign-up',
      '/dashboard',
      '/account',
      '/account/sessions',
      '/plan',
      '/logout',
      '/nowhere',
    ]
    const calls = ['/api/me', '/api/auth/get-session', '/api/auth/token', '/api/profile', '/api/recommendations']
    for (const path of [...paths, ...calls]) {
      for (const headers of [cookie, {}]) {
        const answer = await exchange(app, path, { headers })
        assert.equal(answer.headers['cache-control'], 'no-store', path)
        assert.match(String(answer.headers.vary), /\bCookie\b/, path)
        assert.equal(answer.headers.etag, undefined, path)
      }
    }
    const kept = ['/api/auth/jwks', '/robots.txt', '/favicon.svg']
    for (const path of kept) {
      const [mine, theirs] = [await exchange(app, path, { headers: cookie }), await exchange(app, path)]
      assert.match(String(mine.headers['cache-control']), /^public, max-age=/, path)
      assert.equal(mine.headers['set-cookie'], undefined, path)
      assert.equal(mine.text, theirs.text, path)
      assert.equal(mine.text.includes(person.email), false)
    }
    assert.equal((await openBrowser(app).get('/login')).headers['cache-control'], 'no-store')
  })
})
