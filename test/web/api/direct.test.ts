/** The short road: calls that are answered before Express get the same answer and the same log line as on Express. */
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { createApp } from '../../../src/app.ts'
import { apiLearner, apiOf, bearer } from '../../support/api.ts'
import { BEHIND_TLS, startApp, type TestApp } from '../../support/app.ts'
import { learner, somebody } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'
import { startProxy } from '../../support/proxy.ts'
import { type Answer, exchange } from '../../support/raw-http.ts'
import { COOKIE, onlySessionOf, sessionCookieOf, signed } from '../../support/sessions.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/tokens.ts'

const TRUSTED = 'https://app.example.net'
const app = await startApp({ TRUSTED_ORIGINS: TRUSTED })

const PATHS = [
  '/api/auth/get-session',
  '/api/auth/token',
  '/api/me',
  '/api/auth/ok',
  '/api/auth/jwks',
  '/api/auth/status-list',
  '/api/auth/status-list/1',
  '/.well-known/jwks.json',
  '/.well-known/openid-configuration',
]

type Headers = Record<string, string>
type Request = { method?: string; headers?: Headers; body?: string }

/** The same app twice, on ports of their own: with the short road, and with Express alone. */
async function bothRoads({ deps }: Pick<TestApp, 'deps'>) {
  const { app: express, listener } = createApp(deps)
  let passed = 0
  const inner = express as unknown as { handle: (...given: unknown[]) => void }
  const handle = inner.handle.bind(express)
  inner.handle = (...given) => {
    passed += 1
    handle(...given)
  }
  return { short: await listen(listener), long: await listen(express), passedOn: () => passed }
}

async function listen(listener: RequestListener): Promise<{ port: number }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return { port: typeof address === 'object' && address !== null ? address.port : 0 }
}

const REQUEST_ID = 'the-same-for-both-roads'

/** All of an answer but the date. Which token was given does not matter: both roads may give the same one again, or not. */
function comparable({ status, headers, text }: Answer) {
  const { date: _, ...rest } = headers
  const withoutToken = (value: string) => value.replace(/eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g, 'a token')
  return { status, headers: JSON.parse(withoutToken(JSON.stringify(rest))), text: withoutToken(text) }
}

/** Asks on both roads. Returns the answer and whether the short road left the request to Express. */
async function ask(roads: Awaited<ReturnType<typeof bothRoads>>, path: string, { headers, ...request }: Request = {}) {
  const sent = { ...request, headers: { 'X-Request-Id': REQUEST_ID, ...headers } }
  const passed = roads.passedOn()
  let short = await exchange(roads.short, path, sent)
  const wasPassedOn = roads.passedOn() > passed
  const long = await exchange(roads.long, path, sent)
  // A status list is made anew each second, which may be between the two.
  if (path.includes('/status-list') && short.headers.etag !== long.headers.etag) {
    short = await exchange(roads.short, path, sent)
  }
  assert.deepEqual(comparable(short), comparable(long), `${request.method ?? 'GET'} ${path}`)
  return { ...short, wasPassedOn }
}

const cookie = (value: string): Headers => ({ Cookie: `${COOKIE}=${value}` })

describe('answered before Express', async () => {
  const roads = await bothRoads(app)
  const [key = ''] = app.deps.config.keys('cookie').map((bytes) => bytes.toString('base64url'))

  /** Callers whose call is plain, each made anew, since some lose their session by being seen. */
  const CALLERS: Record<string, () => Promise<Headers>> = {
    nobody: async () => ({}),
    'a learner with a cookie': async () => cookie(sessionCookieOf((await learner(app, 'Ada')).browser)),
    'a learner with several cookies': async () => ({
      Cookie: `theme=dark; ${COOKIE}-device=abc; ${COOKIE}-form=abc; ${COOKIE}=${sessionCookieOf((await learner(app, 'Ada')).browser)}; other=1`,
    }),
    'a page of the site itself': async () => {
      const { browser } = await learner(app, 'Ada')
      return { ...cookie(sessionCookieOf(browser)), Origin: app.url, 'Sec-Fetch-Site': 'same-origin' }
    },
    'a page of some other site': async () => ({ Origin: 'https://evil.example' }),
    'a cookie that nobody signed': async () => cookie('s%3Aabcdefghijklmnopqrstuvwxyz012345.c2lnbmF0dXJl'),
    'a cookie of a session that somebody else has signed': async () => {
      const [id = ''] = decodeURIComponent(sessionCookieOf((await learner(app, 'Ada')).browser))
        .slice(2)
        .split('.')
      return cookie(signed(id, 'a key of somebody else'))
    },
    'a cookie of a session that never was': async () => cookie(signed('abcdefghijklmnopqrstuvwxyz012345', key)),
    'somebody who has logged out': async () => {
      const { browser } = await learner(app, 'Ada')
      const value = sessionCookieOf(browser)
      await apiOf(app, browser).post('/api/auth/sign-out', {})
      return cookie(value)
    },
    'somebody whose row is damaged': async () => {
      const { person, browser } = await learner(app, 'Ada')
      const { sid } = await onlySessionOf(app, person)
      await app.sql`update sessions set sess = (sess::jsonb - 'loggedInAt')::json where sid = ${sid}`
      return cookie(sessionCookieOf(browser))
    },
    'a program with a token': async () => bearer(await (await apiLearner(app, 'Ada')).api.token()),
    'a program with a forged token': async () => bearer('eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.'),
    'a program with an empty token': async () => ({ Authorization: 'Bearer' }),
    'a program with a password': async () => ({ Authorization: 'Basic YTpi' }),
    'a program whose learner has logged out': async () => {
      const { api } = await apiLearner(app, 'Ada')
      const token = await api.token()
      await api.post('/api/auth/sign-out', {})
      return bearer(token)
    },
    'a client that would rather have a page': async () => ({ Accept: 'text/html', 'Accept-Encoding': 'gzip, br' }),
  }

  for (const path of PATHS) {
    for (const [who, headersOf] of Object.entries(CALLERS)) {
      it(`${path} for ${who} as on Express`, async () => {
        const { wasPassedOn } = await ask(roads, path, { headers: await headersOf() })
        assert.equal(wasPassedOn, false, 'it took the short road')
      })
    }
  }

  it('logs the same line', async () => {
    const { browser } = await learner(app, 'Ada')
    for (const path of PATHS) {
      const from = app.log().length
      await ask(roads, path, { headers: cookie(sessionCookieOf(browser)) })
      const lines = await logged(from)
      assert.equal(lines.length, 2, path)
      assert.deepEqual(lines[0], lines[1])
    }
  })

  /** The two lines of a call, without times. The last one is written when its connection closes. */
  async function logged(from: number): Promise<object[]> {
    const find = () =>
      app
        .log()
        .slice(from)
        .match(/^.*"requestId".*$/gm) ?? []
    while (find().length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    return find().map((line) => {
      const { time: _time, ms: _ms, ...rest } = JSON.parse(line)
      return rest
    })
  }
})

describe('left to Express', async () => {
  const roads = await bothRoads(app)
  const { browser } = await learner(app, 'Ada')
  const value = sessionCookieOf(browser)
  const OTHER: Record<string, Request> = {
    'a trusted origin': { headers: { ...cookie(value), Origin: TRUSTED } },
    'a preflight of a trusted origin': {
      method: 'OPTIONS',
      headers: { Origin: TRUSTED, 'Access-Control-Request-Method': 'GET' },
    },
    'a cookie that is there twice, once with a space': { headers: { Cookie: `${COOKIE} =other; ${COOKIE}=${value}` } },
    'a cookie that is there twice': { headers: { Cookie: `${COOKIE}=other; ${COOKIE}=${value}` } },
    'a cookie in quotes': { headers: { Cookie: `${COOKIE}="${value}"` } },
    'a cookie with an encoding in lower case': { headers: { Cookie: `${COOKIE}=${value.replace('%3A', '%3a')}` } },
    'a cookie that is encoded no more than it must': { headers: { Cookie: `${COOKIE}=${decodeURIComponent(value)}` } },
    'a cookie that is encoded more than it must': { headers: { Cookie: `${COOKIE}=${value.replace('.', '%2E')}` } },
    'a cookie behind a space': { headers: { Cookie: `${COOKIE}= ${value}` } },
    'a cookie that is no text of ours': { headers: { Cookie: `${COOKIE}=%E0%A4%A` } },
    'an empty cookie': { headers: { Cookie: `${COOKIE}=` } },
    'an ETag': { headers: { 'If-None-Match': '"something"' } },
    HEAD: { method: 'HEAD', headers: cookie(value) },
    POST: {
      method: 'POST',
      headers: { ...cookie(value), Origin: app.url, 'Content-Type': 'application/json' },
      body: '{}',
    },
    PUT: { method: 'PUT', headers: cookie(value), body: 'text' },
    'a body': { headers: { ...cookie(value), 'Content-Length': '7' }, body: '{"a":1}' },
    'a body without a length': { headers: { ...cookie(value), 'Transfer-Encoding': 'chunked' }, body: '{"a":1}' },
  }
  for (const path of PATHS) {
    for (const [what, request] of Object.entries(OTHER)) {
      it(`${what} at ${path}`, async () => {
        assert.equal((await ask(roads, path, request)).wasPassedOn, true)
      })
    }
    for (const other of [
      `${path}?`,
      `${path}?a=1`,
      `${path}/`,
      path.toUpperCase(),
      `/${path}`,
      path.replace(/[ae]/, (letter) => (letter === 'a' ? '%61' : '%65')),
    ]) {
      it(other, async () => {
        const { wasPassedOn } = await ask(roads, other, { headers: cookie(value) })
        assert.equal(wasPassedOn, true)
      })
    }
  }
})

describe('behind a proxy that ends TLS', async () => {
  const behind = await startApp(BEHIND_TLS)
  const roads = await bothRoads(behind)
  const signedUp = await exchange(behind, '/api/auth/sign-up/email', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Forwarded-Proto': 'https', Origin: BEHIND_TLS.PUBLIC_URL },
    body: JSON.stringify(somebody('Ada')),
  })
  const cookies = signedUp.headers['set-cookie'] ?? []
  const headers = { Cookie: cookies.map((line) => line.split(';')[0]).join('; ') }

  for (const [proto, isPlain] of Object.entries({
    https: true,
    http: false,
    'https, http': false,
    'http, https': false,
    '': false,
  })) {
    for (const path of PATHS) {
      it(`X-Forwarded-Proto "${proto}" at ${path}`, async () => {
        const { wasPassedOn } = await ask(roads, path, { headers: { ...headers, 'X-Forwarded-Proto': proto } })
        assert.equal(wasPassedOn, !isPlain)
      })
    }
  }
  it('lets the learner in', async () => {
    const { text } = await ask(roads, '/api/auth/get-session', {
      headers: { ...headers, 'X-Forwarded-Proto': 'https' },
    })
    assert.equal(JSON.parse(text).user.name, 'Ada')
  })
})

describe('in production', async () => {
  const behind = await startApp({ ...BEHIND_TLS, NODE_ENV: 'production', ALLOWED_HOSTS: 'www.example.org' })
  const roads = await bothRoads(behind)
  const https = { 'X-Forwarded-Proto': 'https' }
  for (const [host, isPlain] of Object.entries({
    'learn.example.org': true,
    'learn.example.org:8443': true,
    'LEARN.example.org': true,
    'www.example.org': true,
    'evil.example': false,
    'learn.example.org.evil.example': false,
    'learn.example.org:99999': false,
    '127.0.0.1': false,
  })) {
    it(`the host ${host} is answered as on Express`, async () => {
      for (const path of PATHS) {
        const { wasPassedOn, status } = await ask(roads, path, { headers: { ...https, Host: host } })
        assert.equal(wasPassedOn, !isPlain, `${path} answers ${status}`)
        if (host.startsWith('evil')) assert.equal(status, 421)
      }
    })
  }
})

describe('a proxy that nobody counts', async () => {
  const roads = await bothRoads(app)
  for (const name of ['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Proto']) {
    it(`is left to Express, which tells the operator: ${name}`, async () => {
      assert.equal((await ask(roads, '/api/auth/ok', { headers: { [name]: 'https' } })).wasPassedOn, true)
    })
  }
})

describe('both limits of a session', () => {
  for (const [what, times, ends] of [
    ['the idle one', [2 * HOUR + SECOND], true],
    ['the idle one, moved by use', [HOUR, HOUR + 30 * MINUTE, HOUR + 30 * MINUTE], false],
    ['the absolute one, whatever is used', Array(17).fill(90 * MINUTE), true],
    ['the absolute one, not yet', Array(15).fill(90 * MINUTE), false],
  ] as const) {
    it(`hold: ${what}`, async () => {
      const mine = await startApp()
      const roads = await bothRoads(mine)
      const { browser } = await learner(mine, 'Ada')
      const headers = cookie(sessionCookieOf(browser))
      let text = ''
      for (const time of times) {
        mine.advance(time)
        text = (await exchange(roads.short, '/api/auth/get-session', { headers })).text
      }
      assert.equal(text === 'null', ends)
      assert.equal(roads.passedOn(), 0)
    })
  }

  it('seen_at is written once a minute', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const roads = await bothRoads(app)
    const seen = async () => (await onlySessionOf(app, person)).seenAt.getTime()
    const before = await seen()
    const look = () => exchange(roads.short, '/api/me', { headers: cookie(sessionCookieOf(browser)) })
    app.advance(59 * SECOND - 5 * SECOND)
    await look()
    assert.equal(await seen(), before)
    app.advance(10 * SECOND)
    await look()
    assert.ok((await seen()) > before)
    assert.equal(roads.passedOn(), 0)
  })
})

describe('a token that is given again', async () => {
  const roads = await bothRoads(app)
  const tokenFor = async (headers: Headers) =>
    (await exchange(roads.short, '/api/auth/get-session', { headers })).headers['set-auth-jwt']

  it('is the same for 30 seconds, then a new one', async () => {
    const { browser } = await learner(app, 'Ada')
    const headers = cookie(sessionCookieOf(browser))
    const first = await tokenFor(headers)
    assert.equal(await tokenFor(headers), first)
    app.advance(29 * SECOND)
    assert.equal(await tokenFor(headers), first)
    app.advance(2 * SECOND)
    assert.notEqual(await tokenFor(headers), first)
  })

  it('is a new one as soon as the learner has another name', async () => {
    const { browser } = await learner(app, 'Ada')
    const headers = cookie(sessionCookieOf(browser))
    const first = await tokenFor(headers)
    await apiOf(app, browser).post('/api/auth/update-user', { name: 'Ada Lovelace' })
    const second = (await tokenFor(headers)) ?? ''
    assert.notEqual(second, first)
    assert.match(Buffer.from(String(second).split('.')[1] ?? '', 'base64url').toString(), /Ada Lovelace/)
  })

  it('is a new one when the clock is turned back', async () => {
    const { browser } = await learner(app, 'Ada')
    const headers = cookie(sessionCookieOf(browser))
    app.advance(MINUTE)
    const first = await tokenFor(headers)
    app.advance(-MINUTE)
    assert.notEqual(await tokenFor(headers), first)
  })

  it('belongs to one session', async () => {
    const [ada, ben] = [await learner(app, 'Ada'), await learner(app, 'Ben')]
    const tokens = [ada, ben].map(({ browser }) => tokenFor(cookie(sessionCookieOf(browser))))
    const [first, second] = await Promise.all(tokens)
    assert.notEqual(first, second)
  })

  it('is not given to a session that has ended', async () => {
    const { browser } = await learner(app, 'Ada')
    const headers = cookie(sessionCookieOf(browser))
    assert.ok(await tokenFor(headers))
    await apiOf(app, browser).post('/api/auth/sign-out', {})
    assert.equal(await tokenFor(headers), undefined)
  })

  it('is signed with the new key after a rotation', async () => {
    const mine = await startApp()
    const own = await bothRoads(mine)
    const { browser } = await learner(mine, 'Ada')
    const headers = cookie(sessionCookieOf(browser))
    const kid = async () => {
      const { headers: answered } = await exchange(own.short, '/api/auth/get-session', { headers })
      return JSON.parse(Buffer.from(String(answered['set-auth-jwt']).split('.')[0] ?? '', 'base64url').toString()).kid
    }
    const first = await kid()
    for (let day = 0; day < 200 && (await kid().catch(() => first)) === first; day += 1) {
      mine.advance(DAY)
      await mine.sql`update sessions set expire = ${new Date(mine.deps.now() + DAY)}, seen_at = ${new Date(mine.deps.now())}`
    }
    assert.notEqual(await kid(), first)
  })
})

describe('while the database only reads', async () => {
  const mine = await startApp()
  const roads = await bothRoads(mine)
  const { browser } = await learner(mine, 'Ada')
  const headers = cookie(sessionCookieOf(browser))

  it('whoever is logged in stays so, though the visit cannot be noted', async () => {
    await exchange(roads.short, '/api/auth/token', { headers })
    mine.advance(2 * MINUTE)
    const name = new URL(mine.databaseUrl).pathname.slice(1)
    const direct = postgres(mine.databaseUrl, { max: 1, onnotice: () => {} })
    await direct.unsafe(`alter database "${name}" set default_transaction_read_only = on`)
    await direct`
      select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name} and pid <> pg_backend_pid()`
    await direct.end()
    for (const path of ['/api/auth/get-session', '/api/auth/token', '/api/me']) {
      // The connections from before are cut, and the first calls may still find one of them.
      const isAnswered = async () => (await exchange(roads.short, path, { headers })).status === 200
      await eventually(`${path} to be answered`, isAnswered)
    }
    assert.equal(roads.passedOn(), 0)
    assert.match(mine.log(), /a visit was not noted/)
  })
})

describe('while the database is away', async () => {
  const proxy = await startProxy(app.databaseUrl)
  const cut = await startApp({}, { databaseUrl: proxy.url })
  const { browser } = await learner(cut, 'Ada')
  const roads = await bothRoads(cut)
  const headers = cookie(sessionCookieOf(browser))

  it('both roads answer 503 with Retry-After, and well again afterwards', async () => {
    await ask(roads, '/api/auth/jwks')
    proxy.cut()
    for (const path of ['/api/auth/get-session', '/api/auth/token', '/api/me']) {
      const { status, headers: answered, text, wasPassedOn } = await ask(roads, path, { headers })
      assert.deepEqual([status, JSON.parse(text).code], [503, 'SERVICE_UNAVAILABLE'])
      assert.ok(answered['retry-after'])
      assert.equal(wasPassedOn, false)
    }
    assert.equal((await ask(roads, '/api/auth/jwks')).status, 200, 'the keys are in memory')
  })
})
