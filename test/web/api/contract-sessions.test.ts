/** get-session, list-sessions and the three ways to end sessions, row by row of the contract. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { call, cookieOf, refusalOf, stateOf } from '../../support/calls.ts'
import { COOKIE, setCookieOf, signed } from '../../support/sessions.ts'

const app = await startApp({}, { atPublicUrl: true })

const ID = /^[A-Za-z0-9]{32}$/
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/
const GET_SESSION = '/api/auth/get-session'
const UNAUTHORIZED = { status: 401, code: 'UNAUTHORIZED', message: 'Unauthorized' }

const keysOf = (value: object) => Object.keys(value)
const SESSION_KEYS = ['expiresAt', 'token', 'createdAt', 'updatedAt', 'ipAddress', 'userAgent', 'userId', 'id']
const USER_KEYS = ['name', 'email', 'emailVerified', 'image', 'createdAt', 'updatedAt', 'id']

describe('get-session', () => {
  it('answers with session and user, in the order of the contract', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const response = await api.get(GET_SESSION, { 'User-Agent': 'another one than at the sign-up' })
    assert.equal(response.status, 200)
    const answer = JSON.parse(response.text)
    assert.deepEqual(keysOf(answer), ['session', 'user'])
    assert.deepEqual(keysOf(answer.session), SESSION_KEYS)
    assert.deepEqual(keysOf(answer.user), USER_KEYS)
    const { session, user } = answer
    for (const id of [session.id, session.token, session.userId, user.id]) assert.match(id, ID)
    for (const moment of [session.expiresAt, session.createdAt, session.updatedAt, user.createdAt, user.updatedAt]) {
      assert.match(moment, ISO)
    }
    assert.equal(session.userId, user.id)
    assert.deepEqual([session.ipAddress, session.userAgent], ['127.0.0.1', ''])
  })

  it('keeps what a device called itself when it signed in, and no more than 300 characters of it', async () => {
    const api = openApi(app, { 'User-Agent': `Firefox ${'x'.repeat(2000)}` })
    const { person } = await apiLearner(app, 'Ada')
    await api.signIn(person)
    const { userAgent } = (await api.get(GET_SESSION)).body.session
    assert.equal(userAgent, `Firefox ${'x'.repeat(292)}`)
  })

  it('[B04] brings a token and the headers of the contract', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const { headers } = await api.get(GET_SESSION)
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers.pragma, 'no-cache')
    assert.match(headers['set-auth-jwt'] ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/)
    assert.match(headers['access-control-expose-headers'] ?? '', /^set-auth-jwt(,|$)/)
    assert.equal(headers.etag, undefined)
    assert.equal(headers['set-cookie'], undefined)
  })

  const NOBODY: Record<string, Record<string, string>> = {
    'without a cookie': {},
    'with a cookie that was made up': { Cookie: `${COOKIE}=s%3Ax.y` },
    'with a well-signed cookie of no session': {
      Cookie: `${COOKIE}=${signed('a'.repeat(32), app.deps.config.keys('cookie')[0]?.toString('base64url') ?? '')}`,
    },
  }
  for (const [name, headers] of Object.entries(NOBODY)) {
    it(`answers null ${name}, without a token and without an error`, async () => {
      const response = await openApi(app, headers).get(GET_SESSION)
      assert.deepEqual([response.status, response.text], [200, 'null'])
      assert.equal(response.headers['content-type'], 'application/json')
      assert.equal(response.headers['cache-control'], 'no-store')
      assert.equal(response.headers.pragma, 'no-cache')
      assert.equal(response.headers['set-auth-jwt'], undefined)
    })
  }

  it('takes the switches of the contract, from any site', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const path = `${GET_SESSION}?disableCookieCache=true&disableRefresh=true`
    assert.equal((await api.get(path, { Origin: 'https://evil.example' })).body.user.name, 'Ada')
    // The way a backend asks, which has only the cookie.
    const headers = { Cookie: cookieOf(api), Accept: 'application/json' }
    assert.equal(JSON.parse((await call(app, path, { headers })).text).user.name, 'Ada')
  })

  it('does not look at a bearer token', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const headers = bearer(await api.token())
    assert.equal((await openApi(app).get(GET_SESSION, headers)).text, 'null')
    assert.equal((await openApi(app).get('/api/me', headers)).body.user.name, 'Ada')
  })

  it('is not asked for by POST', async () => {
    const { api } = await apiLearner(app, 'Ada')
    for (const body of [undefined, {}]) {
      assert.deepEqual(refusalOf(await api.post(GET_SESSION, body)), {
        status: 405,
        code: 'METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED',
        message: 'POST method requires deferSessionRefresh to be enabled in session config',
      })
    }
  })
})

it('the name of a session opens nothing', async () => {
  const { api } = await apiLearner(app, 'Ada')
  const { token } = (await api.get(GET_SESSION)).body.session
  const key = app.deps.config.keys('cookie')[0]?.toString('base64url') ?? ''
  for (const value of [
    token,
    encodeURIComponent(`s:${token}`),
    encodeURIComponent(`s:${token}.`),
    signed(token, key),
  ]) {
    const thief = openApi(app, { Cookie: `${COOKIE}=${value}` })
    assert.equal((await thief.get(GET_SESSION)).text, 'null')
    for (const path of ['/api/auth/token', '/api/auth/list-sessions', '/api/me']) {
      assert.equal((await thief.get(path)).status, 401, path)
    }
  }
  const thief = openApi(app, bearer(token))
  assert.equal((await thief.get(GET_SESSION)).text, 'null')
  for (const path of ['/api/me', '/api/auth/token', '/api/auth/list-sessions']) {
    assert.deepEqual(refusalOf(await thief.get(path)), UNAUTHORIZED, path)
  }
  assert.equal((await thief.post('/api/auth/refresh', { refreshToken: token })).status, 401)
  assert.equal((await thief.post('/api/auth/introspect', { token })).status, 401)
})

/** Somebody with three sessions. */
async function onThreeDevices() {
  const { api: laptop, person } = await apiLearner(app, 'Ada')
  const [phone, tablet] = [openApi(app), openApi(app)]
  await phone.signIn(person)
  await tablet.signIn(person)
  const open = async () =>
    Promise.all([laptop, phone, tablet].map(async (api) => (await api.get(GET_SESSION)).body !== null))
  return { person, laptop, phone, tablet, open }
}

describe('list-sessions', () => {
  it('names every open session, the one seen last first, and marks the one that asks', async () => {
    const { laptop, phone } = await onThreeDevices()
    const response = await phone.get('/api/auth/list-sessions')
    assert.equal(response.status, 200)
    const sessions: { createdAt: string; updatedAt: string; token: string; id: string; current: boolean }[] =
      response.body
    assert.equal(sessions.length, 3)
    for (const session of sessions) {
      assert.deepEqual(keysOf(session), [...SESSION_KEYS, 'current'])
      assert.equal(session.id, session.token)
      assert.match(session.token, ID)
    }
    const seen = sessions.map(({ updatedAt }) => updatedAt)
    assert.deepEqual(seen, [...seen].sort().reverse())
    const { token } = (await phone.get(GET_SESSION)).body.session
    const marked = sessions.filter(({ current }) => current)
    assert.deepEqual(
      marked.map((session) => session.token),
      [token],
    )
    assert.notEqual((await laptop.get(GET_SESSION)).body.session.token, token)
  })

  it('names nobody else’s, whatever the question says', async () => {
    const { laptop } = await onThreeDevices()
    const { api: ben } = await apiLearner(app, 'Ben')
    const { userId } = (await laptop.get(GET_SESSION)).body.session
    const { body } = await ben.get(`/api/auth/list-sessions?userId=${userId}`)
    assert.equal(body.length, 1)
    assert.notEqual(body[0].userId, userId)
  })
})

describe('ending sessions', () => {
  it('revoke-session ends the one that is named', async () => {
    const { laptop, phone, open } = await onThreeDevices()
    const { token } = (await phone.get(GET_SESSION)).body.session
    const response = await laptop.post('/api/auth/revoke-session', { token })
    assert.equal(response.text, '{"status":true}')
    assert.equal(setCookieOf(response), undefined)
    assert.deepEqual(await open(), [true, false, true])
  })

  it('revoke-session of the one that asks takes its cookie too', async () => {
    const { laptop, open } = await onThreeDevices()
    const { token } = (await laptop.get(GET_SESSION)).body.session
    const response = await laptop.post('/api/auth/revoke-session', { token })
    assert.equal(response.text, '{"status":true}')
    assert.match(setCookieOf(response) ?? '', /^matricula=; .*Expires=Thu, 01 Jan 1970/)
    assert.deepEqual(await open(), [false, true, true])
  })

  it('revoke-session of somebody else’s, of an unknown and of no possible name changes nothing and answers the same', async () => {
    const { laptop, open } = await onThreeDevices()
    const { api: ben } = await apiLearner(app, 'Ben')
    const { token } = (await laptop.get(GET_SESSION)).body.session
    const before = await stateOf(app)
    const names = [token, 'a'.repeat(32), '', "' or '1'='1", '%', '\u0000', '\ud800', 'x'.repeat(10_000)]
    for (const name of names) {
      const response = await ben.post('/api/auth/revoke-session', { token: name })
      assert.deepEqual([response.status, response.text], [200, '{"status":true}'], JSON.stringify(name).slice(0, 50))
      assert.equal(setCookieOf(response), undefined)
    }
    assert.equal(await stateOf(app), before)
    assert.deepEqual(await open(), [true, true, true])
  })

  it('revoke-session needs a name', async () => {
    const { api } = await apiLearner(app, 'Ada')
    assert.deepEqual(refusalOf(await api.post('/api/auth/revoke-session', {})), {
      status: 400,
      code: 'VALIDATION_ERROR',
      message: '[body.token] Invalid input: expected string, received undefined',
    })
  })

  for (const body of [undefined, {}]) {
    const sent = body === undefined ? 'no body' : 'an empty object'
    it(`revoke-other-sessions with ${sent} ends all but the one that asks`, async () => {
      const { phone, open } = await onThreeDevices()
      const response = await phone.post('/api/auth/revoke-other-sessions', body)
      assert.equal(response.text, '{"status":true}')
      assert.equal(setCookieOf(response), undefined)
      assert.deepEqual(await open(), [false, true, false])
    })

    it(`revoke-sessions with ${sent} ends all, and takes the cookie`, async () => {
      const { phone, open } = await onThreeDevices()
      const { api: ben } = await apiLearner(app, 'Ben')
      const response = await phone.post('/api/auth/revoke-sessions', body)
      assert.equal(response.text, '{"status":true}')
      assert.match(setCookieOf(response) ?? '', /^matricula=; .*Expires=Thu, 01 Jan 1970/)
      assert.deepEqual(await open(), [false, false, false])
      assert.equal((await ben.get(GET_SESSION)).body.user.name, 'Ben')
    })
  }

  it('[X06] ends those of the one who asks, whoever is named', async () => {
    const { laptop, open } = await onThreeDevices()
    const { api: ben } = await apiLearner(app, 'Ben')
    const { userId } = (await laptop.get(GET_SESSION)).body.session
    for (const path of ['/api/auth/revoke-other-sessions', '/api/auth/revoke-sessions']) {
      assert.equal((await ben.post(`${path}?userId=${userId}`, { userId })).status, 200)
    }
    assert.deepEqual(await open(), [true, true, true])
  })
})
