/** Where a login leads: to the page asked for, and never to another site, whatever the address or a header says. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'node-html-parser'
import { loginPathFor, safeReturnTo } from '../../../src/web/session/return-to.ts'
import { startApp } from '../../support/app.ts'
import { learner, openBrowser, tokenOf } from '../../support/people.ts'
import { exchange, sendBytes } from '../../support/raw-http.ts'

const app = await startApp()
const { person: ada } = await learner(app, 'Ada')
const EVIL = 'evil.test'

/** Addresses that lead to another site or to a broken header, or might do so in some browser or proxy. */
const HOSTILE = [
  '//evil.test',
  '///evil.test',
  '////evil.test',
  '//evil.test/%2e%2e',
  '/\\evil.test',
  '\\\\evil.test',
  '\\/evil.test',
  '/\\/evil.test',
  '/\t/evil.test',
  '\t//evil.test',
  '/\n/evil.test',
  '/\r/evil.test',
  '/\u0000/evil.test',
  '/\u007f/evil.test',
  '/\u0085/evil.test',
  '/%09/evil.test',
  '/%0a/evil.test',
  '/%00/evil.test',
  ' //evil.test',
  ' /dashboard',
  'https://evil.test',
  'https:evil.test',
  'https:/evil.test',
  'http:///evil.test',
  'HTTPS://evil.test',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  '\u0001javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'mailto:a@evil.test',
  'https://127.0.0.1@evil.test',
  'https://127.0.0.1.evil.test',
  'https://auth.test@evil.test/',
  '@evil.test',
  'evil.test',
  '.evil.test',
  '／／evil.test',
  '/..//evil.test',
  '/.//evil.test',
  '/x/..//evil.test',
  '/%2e%2e//evil.test',
  '/%2e//evil.test',
  '/x/%2E./%2e%2e//evil.test',
  '/%2f%2fevil.test',
  '/%2F/evil.test',
  '/x/%2fevil.test',
  '/%5cevil.test',
  '/%5C%5Cevil.test',
  '/x%5cevil.test',
  '/ok\r\nSet-Cookie: x=1',
  '/ok%0d%0aSet-Cookie:x=1',
  '/ok\nLocation: https://evil.test',
  '/\ud800//evil.test\\',
  '//[::1]',
  '//[',
  `/${'x'.repeat(2000)}`,
  '#',
  '?next=//evil.test',
  '',
]

/** Addresses of ours that would send the learner in a circle, log them out again, or show no page. */
const NO_DESTINATION = [
  '/login',
  '/LOGIN',
  '/login/',
  '/login?next=/login?next=/login',
  '/./login',
  '/x/../login',
  '/login#x',
  '/logout',
  '/logout?x=1',
  '/sign-up',
  '/Sign-Up/',
  '/api',
  '/api/auth/get-session',
  '/health/live',
  '/assets/style.css',
]

/** Pages that a login may lead to; the second address is how the first is rewritten. */
const FINE: [next: string, location?: string][] = [
  ['/'],
  ['/dashboard'],
  ['/course?x=1#y'],
  ['/course?x=1&y=2'],
  ['/course?next=//evil.test'],
  ['/course?next=https://evil.test/%2f%2f%0d%0a'],
  ['/course#//evil.test'],
  ['/course//evil.test'],
  ['/@evil.test'],
  ['/:evil.test'],
  ['/https://evil.test'],
  ['/login-help'],
  ['/loginx'],
  ['/logouts'],
  ['/course/login'],
  ['/apiary'],
  ['/%252f%252fevil.test'],
  ['/course/../course', '/course'],
  ['/./course', '/course'],
  ['/lesson one', '/lesson%20one'],
  ['/"><script>alert(1)</script>', '/%22%3E%3Cscript%3Ealert(1)%3C/script%3E'],
  ['/درس', '/%D8%AF%D8%B1%D8%B3'],
  ['/／／evil.test', '/%EF%BC%8F%EF%BC%8Fevil.test'],
  [`/${'x'.repeat(1999)}`],
]

const CASES: { next: string; location: string }[] = [
  ...[...HOSTILE, ...NO_DESTINATION].map((next) => ({ next, location: '/dashboard' })),
  ...FINE.map(([next, location = next]) => ({ next, location })),
]

function brief(text: string): string {
  const escaped = JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
  return escaped.replace(/[\u007f-\u009f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`)
}

/** Browsers and proxies read an address in different ways. None of these readings may lead to another site. */
function assertStaysHere(location: string) {
  const base = 'https://here.test'
  assert.match(location, /^\/(?!\/)[!-~]*$/)
  for (const reading of [
    location,
    decodeURIComponent(location.split(/[?#]/)[0] ?? ''),
    location.replaceAll('\\', '/'),
  ]) {
    assert.equal(new URL(reading, base).origin, base, reading)
  }
}

describe('a way back, by the function', () => {
  for (const { next, location } of CASES) {
    it(`${brief(next)} leads to ${brief(location)}`, () => {
      assert.equal(safeReturnTo(next), location)
      assertStaysHere(safeReturnTo(next))
      // Checking a safe address again must not change it: it is checked for the form and again when the form is sent.
      assert.equal(safeReturnTo(safeReturnTo(next)), location)
    })
  }

  const notText = [
    undefined,
    null,
    1,
    true,
    {},
    [],
    ['/course'],
    ['/course', '//evil.test'],
    new URL('http://a/course'),
  ]
  for (const next of notText) {
    it(`${Array.isArray(next) ? `the list ${JSON.stringify(next)}` : String(next)} leads to the dashboard`, () => {
      assert.equal(safeReturnTo(next), '/dashboard')
    })
  }

  it('the login page keeps it in one piece', () => {
    for (const { next, location } of CASES) {
      const url = new URL(loginPathFor(next), 'https://here.test')
      assert.deepEqual([url.pathname, url.searchParams.get('next')], ['/login', location])
    }
  })
})

describe('a way back, through the front door', () => {
  for (const { next, location } of CASES) {
    it(`[H01, H03, H04, H05] ${brief(next)} leads to ${brief(location)}, also after a failed try`, async () => {
      const browser = openBrowser(app)
      // A lone surrogate cannot be sent: it becomes U+FFFD on the way, which is a different address.
      const sent = new URLSearchParams({ next }).toString()
      const page = await browser.get(`/login?${sent}`)
      assert.equal(page.status, 200)
      assert.equal(hiddenNext(page.text), location)

      const failed = await browser.post('/login', `email=&password=&${sent}&_csrf=${tokenOf(page.text)}`)
      assert.equal(failed.status, 422)
      assert.equal(hiddenNext(failed.text), location)
      assert.ok(!failed.text.includes('<script>alert'))

      const credentials = new URLSearchParams({ email: ada.email, password: ada.password })
      const response = await browser.post('/login', `${credentials}&${sent}&_csrf=${tokenOf(page.text)}`)
      assert.equal(response.status, 303)
      assert.equal(response.headers.location, location)
      assertStaysHere(location)
      const cookies = ([response.headers['set-cookie']].flat() as string[]).filter(
        (line) => !line.startsWith('matricula-device='),
      )
      assert.deepEqual(
        cookies.map((cookie) => cookie.split('=')[0]),
        ['matricula'],
      )
      assert.equal(await browser.whoAmI(), ada.name)
    })
  }

  for (const body of ['next=/course&next=//evil.test', 'next[]=/course', 'next[a]=/course', '']) {
    it(`${body || 'none at all'} leads to the dashboard`, async () => {
      const browser = openBrowser(app)
      const page = await browser.get(`/login?${body}`)
      assert.equal(hiddenNext(page.text), '/dashboard')
      const credentials = new URLSearchParams({ email: ada.email, password: ada.password })
      const response = await browser.submit('/login', `${credentials}&${body}`)
      assert.deepEqual([response.status, response.headers.location], [303, '/dashboard'])
    })
  }

  it('the form says where to, not the address it is sent to', async () => {
    const browser = openBrowser(app)
    const fields = { email: ada.email, password: ada.password, next: '/course', _csrf: await browser.token('/login') }
    const response = await browser.post('/login?next=/elsewhere', fields)
    assert.equal(response.headers.location, '/course')
  })
})

const hiddenNext = (html: string) => parse(html).querySelector('input[name=next]')?.getAttribute('value')

describe('a visitor at a closed page', () => {
  const cases: [path: string, location: string][] = [
    ['/dashboard', '/login?next=%2Fdashboard'],
    ['/dashboard?x=1&y=2', '/login?next=%2Fdashboard%3Fx%3D1%26y%3D2'],
    ['/dashboard?x=%0d%0aSet-Cookie:%20a=b', '/login?next=%2Fdashboard%3Fx%3D%250d%250aSet-Cookie%3A%2520a%3Db'],
    ['/dashboard//evil.test', '/login?next=%2Fdashboard%2F%2Fevil.test'],
    ['/dashboard/..//evil.test', '/login?next=%2Fdashboard'],
    ['/dashboard/%2f%2fevil.test', '/login?next=%2Fdashboard'],
    ['http://evil.test/dashboard', '/login?next=%2Fdashboard'],
    ['/DASHBOARD', '/login?next=%2FDASHBOARD'],
  ]
  for (const [path, location] of cases) {
    for (const method of ['GET', 'HEAD']) {
      it(`${method} ${path} is led to ${location}`, async () => {
        const answer = await sendBytes(app, `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
        assert.match(answer, /^HTTP\/1\.1 303 /)
        assert.equal(/^Location: (.*)\r$/im.exec(answer)?.[1], location)
        assert.doesNotMatch(answer, /^Set-Cookie:/im)
      })
    }
  }
})

describe('a learner whose session ended', () => {
  it('[H08] is not led to where the Referer says, and what was sent is not sent again', async () => {
    const { browser } = await learner(app, 'Ben')
    const token = await browser.token('/dashboard')
    const cookie = `matricula=${browser.cookie('matricula')}`
    await browser.logOut()
    for (const path of ['/dashboard', '/logout', '/login']) {
      const { status, headers, text } = await exchange(app, path, {
        method: 'POST',
        headers: {
          Cookie: cookie,
          Referer: 'https://evil.test/',
          'Content-Type': 'application/x-www-form-urlencoded',
        },
        body: `secret=kept&_csrf=${token}`,
      })
      assert.equal(status, path === '/logout' ? 303 : 403)
      if (headers.location !== undefined) assert.equal(headers.location, '/logout')
      assert.ok(!text.includes(EVIL))
      assert.ok(!text.includes('kept'))
    }
  })

  it('[H09] is led by GET, never made to send a password again', async () => {
    const { person, browser } = await learner(app, 'Ben')
    await browser.logOut()
    for (const response of [
      await openBrowser(app).logIn(person),
      await browser.get('/dashboard'),
      await openBrowser(app).signUp({ ...person, email: `other-${person.email}` }),
    ]) {
      assert.equal(response.status, 303)
    }
  })
})

describe('[H12] no header says where a link leads', () => {
  const headers = {
    Host: EVIL,
    'X-Forwarded-Host': EVIL,
    'X-Forwarded-Prefix': '/evil.test',
    'X-Original-URL': '/evil.test',
    'X-Rewrite-URL': '/evil.test',
    'X-Forwarded-Server': EVIL,
    Forwarded: 'host=evil.test',
    Referer: 'https://evil.test/',
  }
  for (const path of ['/', '/login', '/sign-up', '/dashboard', '/logout', '/nowhere', '/password-reset']) {
    it(path, async () => {
      const plain = await exchange(app, path)
      const answer = await exchange(app, path, { headers })
      assert.equal(answer.status, plain.status)
      assert.equal(answer.headers.location, plain.headers.location)
      assert.ok(!answer.text.includes(EVIL))
      assert.equal(parse(answer.text).querySelector('h1')?.text, parse(plain.text).querySelector('h1')?.text)
    })
  }

  it('[H11] two at once for different hosts are not mixed', async () => {
    const hosts = Array.from({ length: 20 }, (_, index) => `host-${index}.test`)
    const answers = await Promise.all(
      hosts.map((host) => exchange(app, `/dashboard?of=${host}`, { headers: { Host: host } })),
    )
    for (const [index, { headers }] of answers.entries()) {
      assert.equal(headers.location, `/login?next=${encodeURIComponent(`/dashboard?of=${hosts[index]}`)}`)
    }
  })

  for (const target of [
    '//evil.test/login',
    '///evil.test',
    '/\\evil.test',
    '/x//evil.test',
    'http://evil.test/login',
  ]) {
    it(`the page that refuses a form sent to ${target} has no link to there`, async () => {
      const answer = await sendBytes(
        app,
        `POST ${target} HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      )
      assert.match(answer, /^HTTP\/1\.1 403 /)
      for (const link of parse(answer.slice(answer.indexOf('<!doctype'))).querySelectorAll('a, form')) {
        const href = link.getAttribute('href') ?? link.getAttribute('action') ?? ''
        if (href !== '#main') assertStaysHere(href)
        assert.ok(!href.includes(EVIL))
      }
    })
  }
})

describe('[H13] a request that two servers may read differently is refused, and the connection closed', () => {
  const form = 'email=a%40b.co&password=x'
  const head = 'POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n'
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const cases: { name: string; bytes: string }[] = [
    { name: 'no Host', bytes: 'GET /login HTTP/1.1\r\n\r\n' },
    { name: 'two lengths', bytes: `${head}Content-Length: 3\r\nContent-Length: 25\r\n\r\n${form}${smuggled}` },
    { name: 'a length that is no number', bytes: `${head}Content-Length: +25\r\n\r\n${form}${smuggled}` },
    {
      name: 'a length and chunks',
      bytes: `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    },
    {
      name: 'chunks and a length',
      bytes: `${head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`,
    },
    {
      name: 'chunks that are not the last encoding',
      bytes: `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
    },
    { name: 'a space before the colon', bytes: `${head}Content-Length : 5\r\n\r\n${form}${smuggled}` },
    { name: 'a header over two lines', bytes: `${head}X-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n` },
    { name: 'NUL in a header', bytes: `${head}X-Nul: a\u0000b\r\nContent-Length: 0\r\n\r\n` },
    { name: 'a chunk whose size is no number', bytes: `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n${form}\r\n` },
    {
      name: 'a chunk that is longer than it says',
      bytes: `${head}Transfer-Encoding: chunked\r\n\r\n1\r\n${form}\r\n0\r\n\r\n`,
    },
    { name: 'a space in the address', bytes: 'GET /login x HTTP/1.1\r\nHost: a\r\n\r\n' },
    { name: 'no HTTP at all', bytes: '\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n' },
  ]
  for (const { name, bytes } of cases) {
    it(name, async () => {
      const answer = await sendBytes(app, bytes)
      assert.match(answer, /^HTTP\/1\.1 400 /)
      assert.equal(answer.split('HTTP/1.1 ').length, 2, 'one answer')
      assert.ok(!app.log().includes('"level":50'))
      assert.equal((await exchange(app, '/login')).status, 200)
    })
  }

  it('a form that breaks off is nobody’s mistake but the line’s', async () => {
    const linesBefore = app.log().length
    const socket = connect(app.port, '127.0.0.1', () => {
      socket.write(`${head}Content-Length: 25\r\n\r\nemail=`, () => socket.end())
    })
    const line = await logged(/"route":null.*"finished":false/, linesBefore)
    assert.doesNotMatch(line, /"status":5/)
    assert.ok(!app.log().includes('"level":50'))
    socket.destroy()
  })
})

/** The first log line after `start` that matches. It is written when the connection has ended, a moment later. */
async function logged(pattern: RegExp, start: number): Promise<string> {
  for (let tries = 0; tries < 200; tries += 1) {
    const line = app
      .log()
      .slice(start)
      .split('\n')
      .find((text) => pattern.test(text))
    if (line !== undefined) return line
    await sleep(25)
  }
  throw new Error(`nothing like ${pattern} in the log`)
}
