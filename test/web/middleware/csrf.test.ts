/** Forms are accepted from our own pages only: ways to send one from elsewhere, and ways that must go on working. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { type Browser, learner, openBrowser, type Response, somebody } from '../../support/people.ts'
import { exchange } from '../../support/raw-http.ts'

const SITE = 'http://auth.test'
const FORM_COOKIE = 'matricula-form'
const SESSION_COOKIE = 'matricula'

const app = await startApp({ PUBLIC_URL: SITE })
/** Without PUBLIC_URL, as in development: the right origin is the one that the request was sent to. */
const development = await startApp()
const { person: ada } = await learner(app, 'Ada')

/** Everything that a form could change. */
const everything = async () => [
  await app.sql<{ id: string }>`select * from users order by id`,
  await app.sql<{ sid: string }>`select sid, user_id, sess::text from sessions order by sid`,
]

const sessionCookies = (response: Response): string[] =>
  ([response.headers['set-cookie'] ?? []].flat() as string[]).filter((line) => line.startsWith(`${SESSION_COOKIE}=`))

function assertRefused(response: Response) {
  assert.equal(response.status, 403)
  assert.match(response.headers['content-type'] ?? '', /^text\/html/)
  assert.equal(response.headers.location, undefined)
  assert.deepEqual(sessionCookies(response), [])
  assert.match(parse(response.text).querySelector('main')?.text ?? '', /[Nn]othing was changed/)
}

function assertLoggedIn(response: Response) {
  assert.equal(response.status, 303)
  assert.equal(response.headers.location, '/dashboard')
  assert.equal(sessionCookies(response).length, 1)
}

const credentials = new URLSearchParams({ email: ada.email, password: ada.password }).toString()
const field = (value: string) => `_csrf=${encodeURIComponent(value)}`
const flipped = (token: string, at: number) =>
  token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)

describe('the right password with a wrong token logs nobody in', () => {
  const cases: { name: string; send: (token: string, browser: Browser) => { body?: string; path?: string } }[] = [
    { name: '[C01] no token', send: () => ({}) },
    { name: '[C02] an empty token', send: () => ({ body: field('') }) },
    { name: '[C02] a random token of the right length', send: (token) => ({ body: field('x'.repeat(token.length)) }) },
    { name: '[C02] the first character changed', send: (token) => ({ body: field(flipped(token, 0)) }) },
    { name: '[C02] a character in the middle changed', send: (token) => ({ body: field(flipped(token, 20)) }) },
    { name: 'the last character changed', send: (token) => ({ body: field(flipped(token, token.length - 1)) }) },
    { name: 'the last character missing', send: (token) => ({ body: field(token.slice(0, -1)) }) },
    { name: 'a character too many', send: (token) => ({ body: field(`${token}A`) }) },
    { name: 'other case', send: (token) => ({ body: field(token.toLowerCase()) }) },
    { name: 'spaces around it', send: (token) => ({ body: field(` ${token} `) }) },
    { name: 'NUL behind it', send: (token) => ({ body: `${field(token)}%00` }) },
    { name: 'non-ASCII of the right length', send: (token) => ({ body: field('é'.repeat(token.length)) }) },
    {
      name: 'non-ASCII that takes the right number of bytes',
      send: (token) => ({ body: field('é'.repeat((token.length - 1) / 2).padEnd((token.length + 1) / 2, 'x')) }),
    },
    {
      name: 'characters whose low bytes spell the token',
      send: (token) => ({
        body: field(String.fromCharCode(...[...token].map((letter) => letter.charCodeAt(0) + 256))),
      }),
    },
    { name: 'bytes that are no text', send: () => ({ body: '_csrf=%ED%A0%80%FF' }) },
    { name: 'ten kilobytes', send: (token) => ({ body: field(token.repeat(240)) }) },
    { name: 'the token twice', send: (token) => ({ body: `${field(token)}&${field(token)}` }) },
    { name: 'the token in a list', send: (token) => ({ body: `_csrf[]=${encodeURIComponent(token)}` }) },
    { name: 'the token in an object', send: (token) => ({ body: `_csrf[a]=${encodeURIComponent(token)}` }) },
    { name: 'the token in the address only', send: (token) => ({ path: `/login?${field(token)}` }) },
    { name: 'the id of the form cookie', send: (_token, browser) => ({ body: field(formCookie(browser)[0]) }) },
    { name: 'the signature of the form cookie', send: (_token, browser) => ({ body: field(formCookie(browser)[1]) }) },
    { name: 'the whole form cookie', send: (_token, browser) => ({ body: field(formCookie(browser).join('.')) }) },
  ]
  for (const { name, send } of cases) {
    it(name, async () => {
      const browser = openBrowser(app)
      const { body, path = '/login' } = send(await browser.token('/login'), browser)
      const before = await everything()
      assertRefused(await browser.post(path, body === undefined ? credentials : `${credentials}&${body}`))
      assert.deepEqual(await everything(), before)
      assert.equal(await browser.whoAmI(), undefined)
    })
  }

  it('neither does a form without any cookie, with a token or without', async () => {
    const token = await openBrowser(app).token('/login')
    assertRefused(await openBrowser(app).post('/login', credentials))
    assertRefused(await openBrowser(app).post('/login', `${credentials}&${field(token)}`))
  })

  it('and the right token does', async () => {
    const browser = openBrowser(app)
    assertLoggedIn(await browser.logIn(ada))
    assert.equal(await browser.whoAmI(), ada.name)
  })
})

function formCookie(browser: Browser): [id: string, signature: string] {
  const [id = '', signature = ''] = (browser.cookie(FORM_COOKIE) ?? '').split('.')
  return [id, signature]
}

describe('the form cookie cannot be made up', () => {
  const cases: { name: string; cookie: (id: string, signature: string) => string }[] = [
    { name: 'another id under the old signature', cookie: (_id, signature) => `undefined.${signature}` },
    { name: 'no signature', cookie: (id) => id },
    { name: 'an empty id and signature', cookie: () => '.' },
    { name: 'another one before the right one', cookie: (id, signature) => `x.y; ${FORM_COOKIE}=${id}.${signature}` },
  ]
  for (const { name, cookie } of cases) {
    it(name, async () => {
      const browser = openBrowser(app)
      const token = await browser.token('/login')
      const { status } = await exchange(app, '/login', {
        method: 'POST',
        headers: {
          'Content-Type': 'application/x-www-form-urlencoded',
          Cookie: `${FORM_COOKIE}=${cookie(...formCookie(browser))}`,
        },
        body: `${credentials}&${field(token)}`,
      })
      assert.equal(status, 403)
    })
  }
})

describe('a token belongs to one browser and one login', () => {
  it("a visitor's token is worth nothing in another visitor's browser", async () => {
    const [mine, theirs] = [openBrowser(app), openBrowser(app)]
    const token = await mine.token('/login')
    await theirs.token('/login')
    assertRefused(await theirs.post('/login', `${credentials}&${field(token)}`))
  })

  it("[C03] a learner's token is worth nothing in another learner's browser", async () => {
    const { browser: ben } = await learner(app, 'Ben')
    const { browser: carl } = await learner(app, 'Carl')
    const response = await carl.post('/logout', { _csrf: await ben.token('/dashboard') })
    assertRefused(response)
    assert.equal(await carl.whoAmI(), 'Carl')
  })

  it('is worth nothing in another session of the same learner', async () => {
    const { browser: desk, person } = await learner(app, 'Ben')
    const phone = openBrowser(app)
    await phone.logIn(person)
    assertRefused(await phone.post('/logout', { _csrf: await desk.token('/dashboard') }))
    assert.equal(await phone.whoAmI(), 'Ben')
  })

  it('[C04] one from before the login is refused after it, with a way on, and a fresh one is taken', async () => {
    const browser = openBrowser(app)
    const old = await browser.token('/login')
    await browser.logIn(ada)
    const response = await browser.post('/login', `${credentials}&${field(old)}`)
    assertRefused(response)
    const links = parse(response.text).querySelectorAll('main a')
    assert.ok(links.some((link) => link.getAttribute('href') === '/dashboard'))
    assert.equal(await browser.whoAmI(), ada.name)

    assert.equal((await browser.logOut()).status, 303)
    assert.equal(await browser.whoAmI(), undefined)
  })

  it('one from before the logout is refused after it, by a page that says the session ended', async () => {
    const { browser } = await learner(app, 'Ben')
    const old = await browser.token('/dashboard')
    const cookie = browser.cookie(SESSION_COOKIE) ?? ''
    await browser.logOut()
    const { status, text } = await exchange(app, '/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Cookie: `${SESSION_COOKIE}=${cookie}` },
      body: `${credentials}&${field(old)}`,
    })
    assert.equal(status, 403)
    assert.equal(parse(text).querySelector('h1')?.text, 'Your session ended')
  })

  it('[C20] the older of two tabs still works', async () => {
    const browser = openBrowser(app)
    const older = await browser.token('/login')
    await browser.token('/sign-up')
    await browser.token('/login')
    assertLoggedIn(await browser.post('/login', `${credentials}&${field(older)}`))
  })

  it('[C20] both tabs of a learner work', async () => {
    const { browser } = await learner(app, 'Ben')
    const older = await browser.token('/dashboard')
    await browser.token('/')
    assert.equal((await browser.post('/logout', { _csrf: older })).status, 303)
    assert.equal(await browser.whoAmI(), undefined)
  })
})

/** What browsers say about where a form comes from. `taken`: whether a form with the right token is accepted. */
const PLACES: { name: string; headers: Record<string, string>; taken: boolean }[] = [
  { name: 'a browser that says nothing', headers: {}, taken: true },
  { name: 'our own origin', headers: { Origin: SITE }, taken: true },
  {
    name: 'our own origin, said twice',
    headers: { Origin: SITE, 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'navigate' },
    taken: true,
  },
  {
    name: '[C08] our own page under no-referrer, which sends a null origin',
    headers: { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' },
    taken: true,
  },
  { name: 'a reload by the person', headers: { 'Sec-Fetch-Site': 'none' }, taken: true },
  { name: '[C05] another site', headers: { Origin: 'https://evil.test' }, taken: false },
  {
    name: 'another site that lies about Sec-Fetch-Site',
    headers: { Origin: 'https://evil.test', 'Sec-Fetch-Site': 'same-origin' },
    taken: false,
  },
  { name: '[C06] another site without an origin', headers: { 'Sec-Fetch-Site': 'cross-site' }, taken: false },
  {
    name: 'another site that lies about its origin',
    headers: { Origin: SITE, 'Sec-Fetch-Site': 'cross-site' },
    taken: false,
  },
  { name: '[C07] a sibling host', headers: { 'Sec-Fetch-Site': 'same-site' }, taken: false },
  { name: 'a sibling host by origin', headers: { Origin: 'http://other.auth.test' }, taken: false },
  { name: 'a word that no browser says', headers: { 'Sec-Fetch-Site': 'same-origin, cross-site' }, taken: false },
  { name: '[C09] a sandboxed frame', headers: { Origin: 'null' }, taken: false },
  {
    name: 'a sandboxed frame of another site',
    headers: { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' },
    taken: false,
  },
  {
    name: 'a null origin that the person opened',
    headers: { Origin: 'null', 'Sec-Fetch-Site': 'none' },
    taken: false,
  },
  { name: 'an empty origin', headers: { Origin: '' }, taken: false },
  { name: '[C10] our host as the start of another', headers: { Origin: 'http://auth.test.evil.com' }, taken: false },
  { name: 'our host as the end of another', headers: { Origin: 'http://evilauth.test' }, taken: false },
  { name: 'our host as the user of another', headers: { Origin: 'http://auth.test@evil.com' }, taken: false },
  { name: '[C10] our host under another scheme', headers: { Origin: 'https://auth.test' }, taken: false },
  { name: '[C10] our host on another port', headers: { Origin: 'http://auth.test:444' }, taken: false },
  { name: '[C10] our origin with a slash', headers: { Origin: 'http://auth.test/' }, taken: false },
  { name: '[C10] our origin with its dot as any character', headers: { Origin: 'http://authXtest' }, taken: false },
  { name: 'two origins', headers: { Origin: `${SITE}, https://evil.test` }, taken: false },
  {
    name: 'another site, asking through the forwarded host',
    headers: { Origin: 'https://evil.test', 'X-Forwarded-Host': 'evil.test', Host: 'evil.test' },
    taken: false,
  },
]

describe('where a form with the right token comes from', () => {
  for (const { name, headers, taken } of PLACES) {
    it(`${name}: ${taken ? 'taken' : 'refused'}`, async () => {
      const browser = openBrowser(app)
      const token = await browser.token('/login')
      const response = await browser.post('/login', `${credentials}&${field(token)}`, headers)
      if (taken) assertLoggedIn(response)
      else assertRefused(response)
      assert.equal(await browser.whoAmI(), taken ? ada.name : undefined)
    })

    if (taken) continue
    it(`${name}: ends nobody's session`, async () => {
      const browser = openBrowser(app)
      await browser.logIn(ada)
      assertRefused(await browser.post('/logout', { _csrf: await browser.token('/dashboard') }, headers))
      assert.equal(await browser.whoAmI(), ada.name)
    })
  }

  it('[C09] a null origin without token is refused, whatever the browser says besides', async () => {
    const headers = { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' }
    assertRefused(await openBrowser(app).post('/login', credentials, headers))
    assertRefused(await openBrowser(app).post('/login', credentials, { Origin: 'null' }))
  })

  it('in development it is the origin that was asked for', async () => {
    const { person, browser } = await learner(development, 'Ben')
    await browser.logOut()
    const attempt = async (origin: string) => {
      const visitor = openBrowser(development)
      const fields = { email: person.email, password: person.password }
      return (await visitor.submit('/login', fields, { Origin: origin })).status
    }
    assert.equal(await attempt(development.url), 303)
    assert.equal(await attempt(SITE), 403)
    assert.equal(await attempt(`http://127.0.0.1:${development.port + 1}`), 403)
    assert.equal(await attempt(`http://localhost:${development.port}`), 403)
  })
})

describe('[C17] opening an address changes nothing', () => {
  const newcomer = somebody('Eve')
  const asQuery = (fields: Record<string, string>) => new URLSearchParams(fields).toString()
  const cases: { path: string; ofVisitor: number; ofLearner: number }[] = [
    { path: '/logout', ofVisitor: 200, ofLearner: 200 },
    { path: '/logout?_method=POST', ofVisitor: 200, ofLearner: 200 },
    { path: `/login?${credentials}`, ofVisitor: 200, ofLearner: 303 },
    { path: `/sign-up?${asQuery(newcomer)}`, ofVisitor: 200, ofLearner: 303 },
    { path: '/password-reset?token=x', ofVisitor: 200, ofLearner: 200 },
    { path: '/sessions/1/revoke', ofVisitor: 404, ofLearner: 404 },
    { path: '/verify?token=x', ofVisitor: 404, ofLearner: 404 },
  ]
  for (const { path, ofVisitor, ofLearner } of cases) {
    for (const method of ['GET', 'HEAD'] as const) {
      it(`${method} ${path.split('?')[0]}${path.includes('?') ? ' with a query' : ''}`, async () => {
        const { browser } = await learner(app, 'Ben')
        const cookie = `${SESSION_COOKIE}=${browser.cookie(SESSION_COOKIE)}`
        const before = await everything()
        const headers = { 'X-HTTP-Method-Override': 'POST', 'X-Method-Override': 'POST', 'X-HTTP-Method': 'POST' }
        const visited = await exchange(app, path, { method, headers })
        const opened = await exchange(app, path, { method, headers: { ...headers, Cookie: cookie } })
        assert.deepEqual([visited.status, opened.status], [ofVisitor, ofLearner])
        assert.deepEqual(await everything(), before)
        assert.equal(await browser.whoAmI(), 'Ben')
      })
    }
  }

  it('[C18] a method in a header or a field is ignored', async () => {
    for (const method of ['DELETE', 'PUT', 'GET']) {
      const browser = openBrowser(app)
      const body = `${credentials}&_method=${method}&${field(await browser.token('/login'))}`
      assertLoggedIn(await browser.post(`/login?_method=${method}`, body, { 'X-HTTP-Method-Override': method }))
    }
  })
})

describe('[C22] no other site may read an answer', () => {
  const paths = ['/', '/login', '/sign-up', '/logout', '/dashboard', '/nowhere', '/robots.txt', '/health/ready']
  for (const path of paths) {
    for (const method of ['OPTIONS', 'GET']) {
      it(`${method} ${path}`, async () => {
        const { headers, text } = await exchange(app, path, {
          method,
          headers: {
            Origin: 'https://evil.test',
            'Access-Control-Request-Method': 'POST',
            'Access-Control-Request-Headers': 'content-type',
          },
        })
        assert.deepEqual(
          Object.keys(headers).filter((name) => name.startsWith('access-control-')),
          [],
        )
        assert.ok(!JSON.stringify(headers).includes('evil.test'))
        assert.ok(!text.includes('evil.test'))
      })
    }
  }
})
