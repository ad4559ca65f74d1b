/** CORS: only the origins in TRUSTED_ORIGINS may read answers, but everybody may read the public keys. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { type Call, call, cookieOf, operationsOf } from '../../support/calls.ts'
import { somebody } from '../../support/people.ts'
import { setCookieOf } from '../../support/sessions.ts'

const FRONT_END = 'https://front.example.org'
const SECOND = 'http://localhost:5173'
const app = await startApp({ TRUSTED_ORIGINS: `${FRONT_END}, ${SECOND}` }, { atPublicUrl: true })
const { api } = await apiLearner(app, 'Ada')
const operations = await operationsOf(app)

/** The keys and the status lists, which any site may read. */
const FOR_ANYBODY = /\/jwks|\/\.well-known\/|\/status-list/
const forLearners = operations.filter(({ path }) => !FOR_ANYBODY.test(path))

const STRANGERS = [
  'https://evil.example',
  'null',
  '*',
  `${FRONT_END}.evil.example`,
  'https://sub.front.example.org',
  'http://front.example.org',
  `${FRONT_END}:443`,
  `${FRONT_END}/`,
  `${FRONT_END}, ${SECOND}`,
  FRONT_END.toUpperCase(),
  'http://localhost:5174',
  'http://localhost',
]

const preflight = (path: string, origin: string, method = 'POST') =>
  call(app, path, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': 'content-type,authorization',
    },
  })

const allowHeadersOf = (headers: Record<string, unknown>) =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-allow'))

describe('a trusted front end', () => {
  for (const origin of [FRONT_END, SECOND]) {
    it(`at ${origin} may ask and read at every endpoint, refusals too`, async () => {
      for (const { method, path } of forLearners) {
        const asked = await preflight(path, origin, method)
        assert.deepEqual([asked.status, asked.text], [204, ''], path)
        assert.equal(asked.headers['access-control-allow-origin'], origin)
        assert.equal(asked.headers['access-control-allow-credentials'], 'true')
        assert.match(String(asked.headers['access-control-allow-methods']), new RegExp(`\\b${method}\\b`))
        for (const name of ['content-type', 'authorization']) {
          assert.match(String(asked.headers['access-control-allow-headers']), new RegExp(`\\b${name}\\b`, 'i'))
        }
        assert.match(asked.headers.vary ?? '', /\bOrigin\b/)

        // No session and no body, so most calls are refused; what matters is that the page may read the answer.
        const answer = await call(app, path, { method, headers: { Origin: origin } })
        assert.equal(answer.headers['access-control-allow-origin'], origin, path)
        assert.equal(answer.headers['access-control-allow-credentials'], 'true', path)
        const exposed = String(answer.headers['access-control-expose-headers'])
        for (const name of ['set-auth-jwt', 'x-retry-after', 'retry-after']) assert.ok(exposed.includes(name), path)
        assert.match(answer.headers.vary ?? '', /\bOrigin\b/, path)
      }
    })
  }

  it('signs in, and acts with the cookie of the learner', async () => {
    const person = somebody('Ben')
    const headers = { Origin: FRONT_END, 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'cors' }
    const signUp = await call(app, '/api/auth/sign-up/email', { headers, body: person })
    assert.equal(signUp.status, 200)
    const Cookie = setCookieOf(signUp)?.split(';')[0] ?? ''
    const session = await call(app, '/api/auth/get-session', { headers: { ...headers, Cookie } })
    assert.equal(JSON.parse(session.text).user.email, person.email)
    assert.ok(session.headers['set-auth-jwt'], 'a token')
    const rename = { headers: { ...headers, Cookie }, body: { name: 'Benjamin' } }
    assert.equal((await call(app, '/api/auth/update-user', rename)).status, 200)
  })

  it('may read the public keys with the cookies that its client always sends', async () => {
    const { headers } = await call(app, '/api/auth/jwks', { headers: { Origin: FRONT_END } })
    assert.equal(headers['access-control-allow-origin'], FRONT_END)
    assert.equal(headers['access-control-allow-credentials'], 'true')
    assert.match(headers.vary ?? '', /\bOrigin\b/)
  })

  it('may read that there is nothing, and that a body is too long', async () => {
    const CASES: [path: string, status: number, more: Call][] = [
      ['/api/auth/nothing', 404, {}],
      ['/api/nothing', 404, {}],
      ['/api/auth/sign-in/email', 413, { body: 'x'.repeat(17 * 1024) }],
      ['/api/auth/sign-in/email', 415, { headers: { 'Content-Encoding': 'gzip' }, body: 'x' }],
    ]
    for (const [path, status, { headers = {}, ...more }] of CASES) {
      const answer = await call(app, path, { ...more, headers: { ...headers, Origin: FRONT_END } })
      assert.equal(answer.status, status, path)
      assert.equal(answer.headers['access-control-allow-origin'], FRONT_END, `${path} ${status}`)
    }
  })

  it('does nothing by a preflight alone, with a cookie or without', async () => {
    const headers = { Origin: FRONT_END, 'Access-Control-Request-Method': 'POST', Cookie: cookieOf(api) }
    assert.equal((await call(app, '/api/auth/sign-out', { method: 'OPTIONS', headers })).status, 204)
    assert.equal((await api.get('/api/auth/get-session')).body.user.name, 'Ada')
  })

  it('has no preflight answered that is none', async () => {
    const answer = await call(app, '/api/auth/sign-out', { method: 'OPTIONS', headers: { Origin: FRONT_END } })
    assert.equal(answer.status, 404)
  })
})

describe('[C22] everybody else', () => {
  for (const origin of STRANGERS) {
    it(`as “${origin}” is told nothing`, async () => {
      for (const { method, path } of forLearners) {
        const asked = await preflight(path, origin, method)
        assert.deepEqual([asked.status, asked.text], [404, ''], path)
        assert.deepEqual(allowHeadersOf(asked.headers), [], path)
        assert.match(asked.headers.vary ?? '', /\bOrigin\b/, path)

        const answer = await call(app, path, { method, headers: { Origin: origin, Cookie: cookieOf(api) } })
        assert.deepEqual(allowHeadersOf(answer.headers), [], path)
        assert.match(answer.headers.vary ?? '', /\bOrigin\b/, path)
      }
    })
  }

  it('this site itself among them, which needs no permission', async () => {
    const answer = await call(app, '/api/auth/get-session', { headers: { Origin: app.url, Cookie: cookieOf(api) } })
    assert.equal(answer.status, 200)
    assert.deepEqual(allowHeadersOf(answer.headers), [])
  })

  it('may read the public keys and status lists, without cookies', async () => {
    for (const { path } of operations.filter(({ path }) => FOR_ANYBODY.test(path) && !path.endsWith('/anything'))) {
      for (const Origin of ['https://evil.example', 'null']) {
        const { status, headers } = await call(app, path, { headers: { Origin } })
        assert.equal(status, 200)
        assert.equal(headers['access-control-allow-origin'], '*')
        assert.equal(headers['access-control-allow-credentials'], undefined)
        assert.equal(headers['set-cookie'], undefined)
      }
    }
  })

  it('may read no page, trusted or not', async () => {
    for (const path of ['/', '/login', '/dashboard', '/api']) {
      for (const Origin of ['https://evil.example', FRONT_END]) {
        const { headers } = await call(app, path, { headers: { Origin, Cookie: cookieOf(api) } })
        assert.deepEqual(allowHeadersOf(headers), [], path)
      }
    }
  })
})

describe('without TRUSTED_ORIGINS', () => {
  it('nobody else is told anything', async () => {
    const closed = await startApp({}, { atPublicUrl: true, databaseUrl: app.databaseUrl })
    for (const origin of [FRONT_END, 'null', '']) {
      const headers = { Origin: origin, 'Access-Control-Request-Method': 'POST' }
      const answer = await call(closed, '/api/auth/sign-in/email', { method: 'OPTIONS', headers })
      assert.equal(answer.status, 404)
      assert.deepEqual(allowHeadersOf(answer.headers), [])
    }
  })
})
