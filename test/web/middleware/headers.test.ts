/** The headers of every answer: what a browser may do with a page, who may cache it, and what would reveal too much. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { parse } from 'node-html-parser'
import { BEHIND_TLS, startApp } from '../../support/app.ts'
import { learner, openBrowser, type Response, somebody } from '../../support/people.ts'
import { type Answer, exchange, openSecureBrowser, sendBytes } from '../../support/raw-http.ts'

const app = await startApp()
const secure = await startApp({ ...BEHIND_TLS, SECURITY_CONTACT: 'security@example.org' })
/** `faulty` has lost a column: our fault (500). `unready` has lost tables: a database not set up yet (503). */
const faulty = await startApp()
const unready = await startApp()
await faulty.sql`alter table users rename column image to renamed`
const { browser: beasBrowser } = await learner(unready, 'Bea')
const beasCookie = { Cookie: `matricula=${beasBrowser.cookie('matricula')}` }
await unready.sql`alter table rate_limits rename to rate_limits_of_before`
await unready.sql`alter table progress rename to progress_of_before`

const { person: ada, browser: adasBrowser } = await learner(app, 'Ada')
const adasCookie = { Cookie: `matricula=${adasBrowser.cookie('matricula')}` }

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }
const TLS = { 'X-Forwarded-Proto': 'https' }

type Seen = Pick<Answer | Response, 'status' | 'headers' | 'text'>

/** Every kind of answer that the app has. */
const A_FORM_BACK = 'a form that comes back from there'

const ANSWERS: { name: string; status: number; tls?: true; notAPage?: true; ask: () => Promise<Seen> }[] = [
  { name: 'the home page', status: 200, ask: () => exchange(app, '/') },
  { name: 'the login page', status: 200, ask: () => exchange(app, '/login') },
  { name: 'the sign-up page', status: 200, ask: () => exchange(app, '/sign-up') },
  { name: 'the privacy page', status: 200, ask: () => exchange(app, '/privacy') },
  { name: 'the dashboard', status: 200, ask: () => exchange(app, '/dashboard', { headers: adasCookie }) },
  { name: 'only the head of a page', status: 200, ask: () => exchange(app, '/login', { method: 'HEAD' }) },
  { name: 'the way to the login page', status: 303, ask: () => exchange(app, '/dashboard') },
  { name: 'the answer to a login', status: 303, ask: () => openBrowser(app).logIn(ada) },
  { name: 'the answer to a logout', status: 303, ask: async () => (await learner(app, 'Ben')).browser.logOut() },
  { name: 'the page after a logout', status: 200, ask: () => exchange(app, '/logout') },
  {
    name: 'a form with mistakes',
    status: 422,
    ask: () => openBrowser(app).submit('/login', { email: '', password: '' }),
  },
  { name: 'a form without token', status: 403, ask: () => openBrowser(app).post('/login', { email: 'a@b.co' }) },
  {
    name: 'a form of another site',
    status: 403,
    ask: () => openBrowser(app).post('/login', {}, { Origin: 'https://evil.test' }),
  },
  { name: 'an unknown address', status: 404, ask: () => exchange(app, '/nowhere') },
  { name: 'an unknown file', status: 404, ask: () => exchange(app, '/assets/style.0000000000.css') },
  { name: 'a method that a page does not have', status: 405, ask: () => exchange(app, '/login', { method: 'PUT' }) },
  { name: 'a preflight', status: 405, ask: () => exchange(app, '/login', { method: 'OPTIONS' }) },
  {
    name: 'a body that is too long',
    status: 413,
    ask: () => exchange(app, '/login', { method: 'POST', headers: FORM, body: 'x'.repeat(17 * 1024) }),
  },
  {
    name: 'a body of another type',
    status: 415,
    ask: () => exchange(app, '/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }),
  },
  {
    name: 'too many tries',
    status: 429,
    ask: async () => {
      const browser = openBrowser(app)
      const person = { ...somebody('Carl'), password: 'not the right one' }
      for (let tries = 0; tries < 10; tries += 1) await browser.logIn(person)
      return browser.logIn(person)
    },
  },
  { name: 'a fault of ours', status: 500, ask: () => openBrowser(faulty).logIn(ada) },
  {
    name: 'a database that is not there',
    status: 503,
    ask: () => exchange(unready, '/dashboard', { headers: beasCookie }),
  },
  { name: A_FORM_BACK, status: 503, ask: () => openBrowser(unready).logIn(ada) },
  { name: 'the probe of a running process', status: 200, notAPage: true, ask: () => exchange(app, '/health/live') },
  { name: 'the probe of a ready process', status: 200, notAPage: true, ask: () => exchange(app, '/health/ready') },
  {
    name: 'the stylesheet',
    status: 200,
    notAPage: true,
    ask: async () => exchange(app, (await assetsOf('/')).find((path) => path.endsWith('.css')) ?? ''),
  },
  { name: 'the file for robots', status: 200, notAPage: true, ask: () => exchange(app, '/robots.txt') },
  {
    name: 'whom to tell of a fault',
    status: 200,
    tls: true,
    notAPage: true,
    ask: () => exchange(secure, '/.well-known/security.txt', { headers: TLS }),
  },
  { name: 'the icon', status: 200, notAPage: true, ask: () => exchange(app, '/favicon.svg') },
  { name: 'a page behind TLS', status: 200, tls: true, ask: () => exchange(secure, '/login', { headers: TLS }) },
  {
    name: 'an unknown address behind TLS',
    status: 404,
    tls: true,
    ask: () => exchange(secure, '/nowhere', { headers: TLS }),
  },
  {
    name: 'a file behind TLS',
    status: 200,
    tls: true,
    notAPage: true,
    ask: () => exchange(secure, '/robots.txt', { headers: TLS }),
  },
  { name: 'the way to TLS', status: 308, tls: true, notAPage: true, ask: () => exchange(secure, '/login') },
  {
    name: 'a form without TLS',
    status: 400,
    tls: true,
    notAPage: true,
    ask: () => exchange(secure, '/login', { method: 'POST', headers: FORM }),
  },
]

/** The files that a page of this app loads. */
async function assetsOf(path: string, headers: Record<string, string> = {}): Promise<string[]> {
  const page = parse((await exchange(app, path, { headers })).text)
  return page
    .querySelectorAll('link[href], script[src], img[src]')
    .map((element) => element.getAttribute('href') ?? element.getAttribute('src') ?? '')
}

/** The content security policy, by name of the directive. */
function policyOf({ headers }: Seen): Record<string, string> {
  const directives = String(headers['content-security-policy'] ?? '').split(';')
  return Object.fromEntries(directives.map((directive) => directive.trim().split(/ (.*)/s).slice(0, 2)))
}

describe('[B01, B02, B08, B10] every answer', () => {
  for (const { name, status, tls, ask } of ANSWERS) {
    it(`${name}, ${status}`, async () => {
      const answer = await ask()
      assert.equal(answer.status, status)
      assert.deepEqual(policyOf(answer), {
        'default-src': "'none'",
        'script-src': "'self'",
        'style-src': "'self'",
        'img-src': "'self'",
        'connect-src': "'self'",
        'form-action': "'self'",
        'base-uri': "'none'",
        'object-src': "'none'",
        'frame-ancestors': "'none'",
      })
      const { headers } = answer
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['x-frame-options'], 'DENY')
      assert.equal(headers['referrer-policy'], 'same-origin')
      assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
      assert.match(String(headers['permissions-policy']), /camera=\(\)/)
      assert.match(String(headers['x-request-id']), /^[\w-]{36}$/)
      for (const telling of ['x-powered-by', 'server', 'etag', 'x-runtime']) {
        assert.equal(headers[telling], undefined, telling)
      }
      if (tls) assert.match(String(headers['strict-transport-security']), /^max-age=31536000; ?includeSubDomains$/i)
      else assert.equal(headers['strict-transport-security'], undefined)
    })
  }

  it('with 429 or 503 says when to come again', async () => {
    for (const { ask } of ANSWERS.filter(({ status }) => status === 429 || status === 503)) {
      assert.match(String((await ask()).headers['retry-after']), /^[1-9]\d*$/)
    }
  })

  it('[X25] with a fault tells a reference and nothing of the fault', async () => {
    for (const { name, ask } of ANSWERS.filter(({ status }) => status === 500 || status === 503)) {
      const { headers, text } = await ask()
      const shown = parse(text).querySelector('main')?.text ?? ''
      // A form that comes back can be sent again, so there is nothing to tell anybody.
      assert.equal(shown.includes(String(headers['x-request-id'])), name !== A_FORM_BACK)
      assert.doesNotMatch(shown, /image|rate_limits|column|relation|select|postgres|express|modules|\bat .*:\d+/i)
    }
    assert.match(faulty.log(), /"code":"42703"/)
    for (const secret of [ada.email, ada.password]) assert.ok(!(faulty.log() + unready.log()).includes(secret))
  })
})

describe('[B04] nobody keeps a page', () => {
  for (const { name, ask } of ANSWERS.filter(({ notAPage }) => !notAPage)) {
    it(name, async () => {
      const { headers } = await ask()
      assert.equal(headers['cache-control'], 'no-store')
      assert.match(String(headers.vary), /\bCookie\b/)
      assert.equal(headers['last-modified'], undefined)
    })
  }

  it('a page is sent anew, whatever the browser says it has', async () => {
    for (const path of ['/', '/login', '/sign-up', '/dashboard']) {
      const headers = {
        ...adasCookie,
        'If-None-Match': '"1", W/"1"',
        'If-Modified-Since': 'Fri, 01 Jan 2100 00:00:00 GMT',
      }
      assert.notEqual((await exchange(app, path, { headers })).status, 304)
    }
  })

  it('[B06] no answer that sets a cookie may be kept, and some do set one', async () => {
    const answers = await Promise.all(ANSWERS.map(({ ask }) => ask()))
    const setting = answers.filter(({ headers }) => headers['set-cookie'] !== undefined)
    assert.ok(setting.length >= 5)
    for (const { headers } of setting) assert.equal(headers['cache-control'], 'no-store')
  })
})

describe('[B09] a page is made of its own site alone', () => {
  for (const path of ['/', '/login', '/sign-up', '/dashboard', '/logout', '/help', '/password-reset', '/nowhere']) {
    it(path, async () => {
      const page = parse((await exchange(app, path, { headers: path === '/login' ? {} : adasCookie })).text)
      for (const element of page.querySelectorAll(
        '[src], [href], [action], [formaction], [srcset], [data], [poster]',
      )) {
        for (const [name, value] of Object.entries(element.attributes)) {
          if (['src', 'href', 'action', 'formaction', 'srcset', 'data', 'poster'].includes(name)) {
            assert.match(value, /^(\/(?!\/)|#)/, `${element.tagName} ${name}`)
          }
        }
      }
      assert.equal(page.querySelectorAll('style, [style], base, iframe, object, embed').length, 0)
      for (const script of page.querySelectorAll('script')) assert.equal(script.text.trim(), '')
      for (const element of page.querySelectorAll('*')) {
        const handlers = Object.keys(element.attributes).filter((name) => name.startsWith('on'))
        assert.deepEqual(handlers, [], element.tagName)
      }
    })
  }

  it('the stylesheet and the script ask nobody else either', async () => {
    for (const path of (await assetsOf('/')).filter((name) => /\.(css|js)$/.test(name))) {
      const { text } = await exchange(app, path)
      assert.doesNotMatch(text, /@import|@font-face|\/\/[a-z0-9-]+\.[a-z]|url\(\s*['"]?(https?:|\/\/)/i)
    }
  })
})

describe('[X21] a method that a page does not have', () => {
  const pages = [
    { path: '/', allow: 'GET, HEAD' },
    { path: '/help', allow: 'GET, HEAD' },
    { path: '/login', allow: 'GET, HEAD, POST' },
    { path: '/sign-up', allow: 'GET, HEAD, POST' },
    { path: '/logout', allow: 'GET, HEAD, POST' },
    { path: '/health/live', allow: 'GET, HEAD' },
    { path: '/health/ready', allow: 'GET, HEAD' },
  ]
  const sorted = (list: string) => list.split(', ').sort().join(', ')
  for (const method of ['TRACE', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'SEARCH']) {
    for (const { path, allow } of pages) {
      it(`${method} ${path}`, async () => {
        const { status, headers, text } = await exchange(app, path, { method, headers: { 'X-Secret': 'reflected' } })
        assert.equal(status, 405)
        assert.equal(sorted(String(headers.allow)), sorted(allow))
        assert.ok(!text.includes('reflected'))
      })
    }
    it(`${method} /dashboard, by a learner`, async () => {
      const { status, headers } = await exchange(app, '/dashboard', { method, headers: adasCookie })
      assert.deepEqual([status, sorted(String(headers.allow))], [405, 'GET, HEAD'])
    })
  }

  it('POST to a page without a form', async () => {
    const browser = openBrowser(app)
    const response = await browser.submitTo('/login', '/help')
    assert.deepEqual([response.status, sorted(String(response.headers.allow))], [405, 'GET, HEAD'])
  })

  it('a word that is no method at all', async () => {
    assert.match(await sendBytes(app, 'FOO /login HTTP/1.1\r\nHost: a\r\n\r\n'), /^HTTP\/1\.1 400 /)
    assert.equal((await exchange(app, '/login')).status, 200)
  })
})

describe('cookies', () => {
  /** Name, value and attributes, in lower case and sorted. */
  function readSetCookie(line: string) {
    const [pair = '', ...attributes] = line.split('; ')
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/.exec(pair) ?? []
    return { name, value, attributes: attributes.map((attribute) => attribute.toLowerCase()).sort() }
  }

  it('[S13] behind TLS have the strictest names and attributes, and say nothing', async () => {
    const browser = openSecureBrowser(secure)
    const ben = somebody('Benjamin')
    assert.equal((await browser.submit('/sign-up', '/sign-up', ben)).status, 303)
    assert.equal(await browser.whoAmI(), ben.name)
    const cookies = browser.setCookies.map(readSetCookie)
    assert.deepEqual(cookies.map(({ name }) => name).sort(), [
      '__Host-matricula',
      '__Host-matricula-device',
      '__Host-matricula-form',
    ])
    const [user] = await secure.sql<{ id: string }>`select id from users where email = ${ben.email}`
    for (const { value, attributes } of cookies) {
      const lasting = attributes.filter((attribute) => !/^(max-age|expires)=/.test(attribute))
      assert.deepEqual(lasting, ['httponly', 'path=/', 'samesite=lax', 'secure'])
      const decoded = decodeURIComponent(value)
      const unpacked = decoded + decoded.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
      for (const telling of [ben.name, ben.email, user?.id ?? 'no user', 'userId', 'email']) {
        assert.ok(!unpacked.includes(telling), telling)
      }
    }
    for (const line of browser.setCookies) assert.ok(Buffer.byteLength(line) < 4096)
  })

  it('on plain http have plain names, since browsers refuse the others there', async () => {
    const response = await openBrowser(app).logIn(ada)
    const lines = [response.headers['set-cookie'] ?? []].flat() as string[]
    const cookies = lines.map(readSetCookie)
    assert.deepEqual(cookies.map(({ name }) => name).sort(), ['matricula', 'matricula-device'])
    for (const { attributes } of cookies) {
      const lasting = attributes.filter((attribute) => !/^(max-age|expires)=/.test(attribute))
      assert.deepEqual(lasting, ['httponly', 'path=/', 'samesite=lax'])
    }
  })

  it('[B11] are cleared at a logout with the attributes they were set with, and so is what the browser kept', async () => {
    const browser = openSecureBrowser(secure)
    await browser.submit('/sign-up', '/sign-up', somebody('Ben'))
    browser.setCookies = []
    const { status, headers } = await browser.submit('/dashboard', '/logout')
    assert.equal(status, 303)
    assert.equal(headers['clear-site-data'], '"cache"')
    const [cleared] = browser.setCookies.map(readSetCookie)
    assert.equal(cleared?.name, '__Host-matricula')
    assert.equal(cleared?.value, '')
    assert.deepEqual(cleared?.attributes, [
      'expires=thu, 01 jan 1970 00:00:00 gmt',
      'httponly',
      'path=/',
      'samesite=lax',
      'secure',
    ])
    assert.equal(await browser.whoAmI(), undefined)
  })
})

describe('behind TLS, a plain request', () => {
  it('[S36] with a session does nothing with it, and is sent to TLS', async () => {
    const browser = openSecureBrowser(secure)
    await browser.submit('/sign-up', '/sign-up', somebody('Ben'))
    const cookie = browser.cookieHeader()
    for (const forwarded of [undefined, 'http', 'httpsx']) {
      const headers = { Cookie: cookie, ...(forwarded === undefined ? {} : { 'X-Forwarded-Proto': forwarded }) }
      const { status, headers: answered, text } = await exchange(secure, '/dashboard?x=1', { headers })
      assert.equal(status, 308, forwarded)
      assert.equal(answered.location, `${BEHIND_TLS.PUBLIC_URL}/dashboard?x=1`)
      assert.equal(answered['set-cookie'], undefined)
      assert.ok(!text.includes('Ben'))

      const sent = await exchange(secure, '/logout', { method: 'POST', headers: { ...headers, ...FORM }, body: 'a=b' })
      assert.equal(sent.status, 400, forwarded)
      assert.equal(sent.headers['set-cookie'], undefined)
    }
    assert.equal(await browser.whoAmI(), 'Ben')
  })

  const targets = [
    { target: '/login?next=/x', location: '/login?next=/x' },
    { target: 'http://evil.test/login', location: '/login' },
    { target: '//evil.test/login', location: undefined },
    { target: '/\\evil.test/login', location: undefined },
    { target: '/a/..//evil.test', location: undefined },
    { target: '/%0d%0aSet-Cookie:x=1', location: '/%0d%0aSet-Cookie:x=1' },
  ]
  for (const { target, location } of targets) {
    it(`for ${target} is sent to our own host`, async () => {
      const answer = await sendBytes(
        secure,
        `GET ${target} HTTP/1.1\r\nHost: evil.test\r\nX-Forwarded-Host: evil.test\r\nConnection: close\r\n\r\n`,
      )
      assert.match(answer, /^HTTP\/1\.1 308 /)
      const [, sentTo = ''] = /^Location: (.*)\r$/im.exec(answer) ?? []
      assert.equal(new URL(sentTo).origin, BEHIND_TLS.PUBLIC_URL)
      if (location !== undefined) assert.equal(sentTo, BEHIND_TLS.PUBLIC_URL + location)
      assert.doesNotMatch(answer, /^set-cookie:/im)
    })
  }
})

describe('the id of a request', () => {
  const cases: { name: string; given: string; kept: boolean }[] = [
    { name: 'of the router in front', given: '4d1f0c5e-11aa-4c1b-9d5e-0a1b2c3d4e5f', kept: true },
    { name: 'of eight letters', given: 'abcdefgh', kept: true },
    { name: 'of 64 letters', given: 'a'.repeat(64), kept: true },
    { name: 'of seven letters', given: 'abcdefg', kept: false },
    { name: 'of 65 letters', given: 'a'.repeat(65), kept: false },
    { name: 'of ten thousand letters', given: 'a'.repeat(10_000), kept: false },
    { name: 'with a space', given: 'abcdefgh ijkl', kept: false },
    { name: 'with markup', given: '<script>alert(1)</script>', kept: false },
    { name: 'with the end of a JSON text', given: 'abcdefgh","level":"fatal', kept: false },
    { name: 'with a colour of the terminal', given: 'abcdefgh\\u001b[31m', kept: false },
    { name: 'with letters beyond ASCII', given: 'abcdefgh\u00e9', kept: false },
    { name: 'that is empty', given: '', kept: false },
  ]
  for (const { name, given, kept } of cases) {
    it(`${name} is ${kept ? 'kept' : 'replaced'}, in the answer and in the log`, async () => {
      const { headers } = await exchange(app, '/nowhere', { headers: { 'X-Request-Id': given } })
      const id = String(headers['x-request-id'])
      if (kept) assert.equal(id, given)
      else assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      assert.match(app.log(), new RegExp(`"requestId":"${id}"`))
      if (!kept) assert.ok(!app.log().includes(`"requestId":"${given}"`))
    })
  }

  it('is another one for every request', async () => {
    const ids = await Promise.all([1, 2, 3].map(async () => (await exchange(app, '/login')).headers['x-request-id']))
    assert.equal(new Set(ids).size, 3)
  })
})

it('[X27] whatever a request says, it is one short line of JSON in the log', async () => {
  const nasty = 'x\\n{"level":"fatal"}\u0085\u009b31m'
  await exchange(app, `/nowhere?${encodeURIComponent('\n{"level":"fatal"}')}`, {
    headers: { 'User-Agent': nasty + 'x'.repeat(8_000), Referer: nasty, 'X-Forwarded-For': nasty, Cookie: 'a=\u0085' },
  })
  await exchange(app, '/%0a%1b%5b31m/%22%7d')
  await sendBytes(app, `GET /login HTTP/1.1\r\nHost: a\r\nUser-Agent: ${'x'.repeat(20_000)}\r\n\r\n`)
  const lines = app.log().split('\n').filter(Boolean)
  assert.ok(lines.length > 100)
  for (const line of lines) {
    assert.ok(line.length < 2_000)
    assert.doesNotMatch(line, /[^\x20-\x7e]/)
    const entry: unknown = JSON.parse(line)
    assert.ok(typeof entry === 'object' && entry !== null && 'level' in entry && entry.level !== 'fatal')
  }
  assert.ok(!app.log().includes(ada.email))
  assert.doesNotMatch(app.log(), /matricula=|s%3A|_csrf/)
})

describe('files', () => {
  it('have names that change with their content, and are kept for ever', async () => {
    const paths = (await assetsOf('/')).filter((path) => path.startsWith('/assets/'))
    assert.deepEqual(paths.map((path) => path.replace(/\.[\w-]{10}\./, '.')).sort(), [
      '/assets/course-map.css',
      '/assets/forms.js',
      '/assets/style.css',
    ])
    for (const path of paths) {
      const { status, headers } = await exchange(app, path)
      assert.equal(status, 200)
      assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
      const hash = /\.([\w-]{10})\./.exec(path)?.[1] ?? ''
      const stale = path.replace(
        hash,
        hash.replace(/./, (first) => (first === 'A' ? 'B' : 'A')),
      )
      const missing = await exchange(app, stale)
      assert.deepEqual([missing.status, missing.headers['cache-control']], [404, 'no-store'])
      for (const bare of [path.replace(`.${hash}`, ''), path.replace('/assets', '')]) {
        assert.equal((await exchange(app, bare)).status, 404)
      }
    }
  })

  it('with names that cannot change are kept for a day', async () => {
    for (const path of ['/robots.txt', '/favicon.svg']) {
      const { headers } = await exchange(app, path)
      assert.equal(headers['cache-control'], 'public, max-age=86400')
    }
  })

  const UNPACK = { identity: (body: Buffer) => body, gzip: gunzipSync, br: brotliDecompressSync }
  const encodings: { accepted: string | undefined; encoding: 'gzip' | 'br' | undefined }[] = [
    { accepted: undefined, encoding: undefined },
    { accepted: '', encoding: undefined },
    { accepted: 'identity', encoding: undefined },
    { accepted: 'gzip', encoding: 'gzip' },
    { accepted: 'br', encoding: 'br' },
    { accepted: 'gzip, deflate, br, zstd', encoding: 'br' },
    { accepted: 'gzip;q=0, br;q=0', encoding: undefined },
    { accepted: 'zstd', encoding: undefined },
    { accepted: '__proto__, constructor', encoding: undefined },
  ]
  for (const { accepted, encoding } of encodings) {
    it(`for "${accepted ?? 'a browser that says nothing'}" come as ${encoding ?? 'they are'}`, async () => {
      const path = (await assetsOf('/')).find((name) => name.endsWith('.css')) ?? ''
      const plain = await exchange(app, path)
      const { headers, bytes } = await exchange(app, path, {
        headers: accepted === undefined ? {} : { 'Accept-Encoding': accepted },
      })
      assert.equal(headers['content-encoding'], encoding)
      assert.equal(headers.vary, 'Accept-Encoding')
      assert.equal(Number(headers['content-length']), bytes.length)
      assert.equal(UNPACK[encoding ?? 'identity'](bytes).toString('utf8'), plain.text)
      assert.match(plain.text, /body \{/)

      const head = await exchange(app, path, {
        method: 'HEAD',
        headers: accepted === undefined ? {} : { 'Accept-Encoding': accepted },
      })
      assert.equal(head.headers['content-length'], headers['content-length'])
      assert.equal(head.bytes.length, 0)
    })
  }
})
