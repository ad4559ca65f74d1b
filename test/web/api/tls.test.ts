/** The API as in production: behind a proxy that terminates TLS, and only under its public address. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BEHIND_TLS, startApp } from '../../support/app.ts'
import { assertPlainRefusal, call, refusalOf } from '../../support/calls.ts'
import { somebody } from '../../support/people.ts'
import { setCookieOf } from '../../support/sessions.ts'

const app = await startApp(BEHIND_TLS)
const PUBLIC = BEHIND_TLS.PUBLIC_URL
const TLS = { 'X-Forwarded-Proto': 'https' }
const COOKIE = '__Host-matricula'
const GET_SESSION = '/api/auth/get-session'

async function signedUp(more: object = {}) {
  const headers = { ...TLS, Origin: PUBLIC }
  const answer = await call(app, '/api/auth/sign-up/email', { headers, body: { ...somebody('Ada'), ...more } })
  assert.equal(answer.status, 200)
  const line = setCookieOf(answer, COOKIE) ?? ''
  return { line, cookie: line.split(';')[0] ?? '' }
}

describe('the session cookie', () => {
  it('is for this host and for TLS alone', async () => {
    const { line } = await signedUp()
    assert.match(
      line,
      /^__Host-matricula=[^;]+; Max-Age=2592000; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/,
    )
    const brief = await signedUp({ rememberMe: false })
    assert.match(brief.line, /^__Host-matricula=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  })

  it('is taken under its own name only', async () => {
    const { cookie } = await signedUp()
    const seen = async (Cookie: string) => (await call(app, GET_SESSION, { headers: { ...TLS, Cookie } })).text
    assert.notEqual(await seen(cookie), 'null')
    for (const name of ['matricula', '__Secure-matricula', 'better-auth.session_token']) {
      assert.equal(await seen(cookie.replace(COOKIE, name)), 'null')
    }
  })

  it('is taken away under that name', async () => {
    const { cookie } = await signedUp()
    const headers = { ...TLS, Origin: PUBLIC, Cookie: cookie }
    const answer = await call(app, '/api/auth/sign-out', { headers, body: {} })
    assert.match(setCookieOf(answer, COOKIE) ?? '', /^__Host-matricula=; Path=\/; Expires=Thu, 01 Jan 1970 .*; Secure;/)
  })
})

describe('a call', () => {
  it('without TLS is refused in JSON, and led nowhere', async () => {
    const { cookie } = await signedUp()
    const { text } = await call(app, '/api/openapi.json', { headers: TLS })
    const paths = Object.entries<object>(JSON.parse(text).paths)
    const operations = paths.flatMap(([path, methods]) => Object.keys(methods).map((method) => ({ method, path })))
    assert.ok(operations.length > 25, `${operations.length} found`)
    for (const { method, path } of operations) {
      const answer = await call(app, path, {
        method: method.toUpperCase(),
        headers: { Cookie: cookie, Origin: PUBLIC },
      })
      assertPlainRefusal(answer, path)
      assert.deepEqual([answer.status, refusalOf(answer).code], [400, 'BAD_REQUEST'], path)
      assert.equal(answer.headers['set-auth-jwt'], undefined)
    }
  })

  it('without TLS says what the proxy in front must send', async () => {
    const { text } = await call(app, '/api/auth/jwks', {})
    assert.match(JSON.parse(text).detail, /must send "X-Forwarded-Proto: https", and TRUST_PROXY must count that proxy/)
  })

  it('of this host under another name than the public one is of another site', async () => {
    const { cookie } = await signedUp()
    for (const Origin of [
      `http://127.0.0.1:${app.port}`,
      `https://127.0.0.1:${app.port}`,
      'http://learn.example.org',
    ]) {
      const headers = { ...TLS, Cookie: cookie, Origin, Host: new URL(Origin).host }
      const answer = await call(app, '/api/auth/update-user', { headers, body: { name: 'Eve' } })
      assert.deepEqual(refusalOf(answer), { status: 403, code: 'INVALID_ORIGIN', message: 'Invalid origin' })
    }
    const headers = { ...TLS, Cookie: cookie, Origin: PUBLIC }
    assert.equal((await call(app, '/api/auth/update-user', { headers, body: { name: 'Ada' } })).status, 200)
  })
})

describe('in development, without a public address', () => {
  it('the address that the browser asked for is the own one', async () => {
    const here = await startApp({}, { databaseUrl: app.databaseUrl })
    const judged = async (Host: string, Origin: string) => {
      const answer = await call(here, '/api/auth/sign-out', { headers: { Host, Origin, Cookie: 'a=b' }, body: {} })
      return answer.status
    }
    assert.equal(await judged('localhost:3000', 'http://localhost:3000'), 200)
    assert.equal(await judged(`127.0.0.1:${here.port}`, here.url), 200)
    assert.equal(await judged('localhost:3000', 'http://127.0.0.1:3000'), 403)
    assert.equal(await judged('localhost:3000', 'https://localhost:3000'), 403)
    assert.equal(await judged('localhost:3000', 'http://localhost:3001'), 403)
  })
})
