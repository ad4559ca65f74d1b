/** What is not accepted as a refresh token, and how to end one. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { apiLearner, apiOf, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { learner } from '../../support/people.ts'
import { exchange } from '../../support/raw-http.ts'
import { COOKIE, sessionCookieOf } from '../../support/sessions.ts'
import {
  assertNothingSecretLogged,
  decode,
  firstPair,
  isRefused,
  isUnauthorized,
  refresh,
  successor,
} from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const { person: ada, browser } = await learner(app, 'Ada')
const api = apiOf(app, browser)
const stranger = openApi(app)

describe('[J30] a text that is no refresh token is refused', () => {
  const genuine = async () => (await firstPair(api)).refreshToken
  const TEXTS: Record<string, string | (() => Promise<string>)> = {
    'an access token': async () => (await firstPair(api)).token,
    'the value of the session cookie': async () => sessionCookieOf(browser),
    'the handle of the session': async () => decode(await api.token()).claims.sid,
    'one that nobody was given': randomBytes(32).toString('base64url'),
    'one without its last character': async () => (await genuine()).slice(0, -1),
    'one with a character more': async () => `${await genuine()}A`,
    'one with a space behind it': async () => `${await genuine()} `,
    'one with a line feed behind it': async () => `${await genuine()}\n`,
    'one with NUL behind it': async () => `${await genuine()}\u0000`,
    'one with a letter changed': async () => (await genuine()).replace(/^./, (letter) => (letter === 'A' ? 'B' : 'A')),
    'an empty one': '',
    'a percent sign': '%',
    'a text with NUL in it': '\u0000'.repeat(43),
    'half a character': '\ud800',
    SQL: "' or '1'='1",
    '10 KB': 'a'.repeat(10 * 1024),
    '15 KB of rubbish': '\u00e9'.repeat(7_500),
  }
  for (const [name, text] of Object.entries(TEXTS)) {
    it(name, async () => {
      const token = typeof text === 'string' ? text : await text()
      isRefused(await refresh(app, token))
      // A session cookie or an access token does not change the answer.
      isRefused(await api.post('/api/auth/refresh', { refreshToken: token }))
      isRefused(await stranger.post('/api/auth/refresh', { refreshToken: token }, bearer(await api.token())))
      assert.equal((await api.get('/api/me')).status, 200)
    })
  }
})

describe('[J30] a body that is none is refused', () => {
  const good = firstPair(api)
  const BODIES: Record<string, (token: string) => unknown> = {
    'nothing in it': () => ({}),
    'no token': () => ({ refreshToken: null }),
    'a list': (token) => ({ refreshToken: [token] }),
    'a number': () => ({ refreshToken: 7 }),
    'an object': (token) => ({ refreshToken: { token } }),
    true: () => ({ refreshToken: true }),
    'another name': (token) => ({ refresh_token: token }),
    'the token alone': (token) => token,
    'a list of it': (token) => [token],
    null: () => null,
  }
  for (const [name, bodyOf] of Object.entries(BODIES)) {
    for (const path of ['/api/auth/refresh', '/api/auth/revoke']) {
      it(`${name}, at ${path}`, async () => {
        const response = await stranger.post(path, bodyOf((await good).refreshToken))
        assert.equal(response.status, 400, response.text)
        assert.equal(response.body.code, 'VALIDATION_ERROR')
      })
    }
  }

  it('a form, a query, a GET, and more than 16 KB', async () => {
    const { refreshToken } = await good
    const form = await exchange(app, '/api/auth/refresh', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: `refreshToken=${refreshToken}`,
    })
    assert.equal(form.status, 415)
    assert.equal((await stranger.post(`/api/auth/refresh?refreshToken=${refreshToken}`, {})).status, 400)
    assert.equal((await stranger.get(`/api/auth/refresh?refreshToken=${refreshToken}`)).status, 404)
    assert.equal((await stranger.post('/api/auth/refresh', { refreshToken: 'a'.repeat(17 * 1024) })).status, 413)
  })

  it('and the token itself is as good as before', async () => {
    await successor(app, await good)
  })
})

describe('the refresh token of somebody else', () => {
  it('[J30] says whose it is: the session that calls gains nothing by it', async () => {
    const { api: ben, person } = await apiLearner(app, 'Ben')
    const pair = await firstPair(api)
    const response = await ben.post('/api/auth/refresh', { refreshToken: pair.refreshToken })
    assert.equal(decode(response.body.token).claims.email, ada.email)
    assert.equal(response.headers['set-cookie'], undefined)
    assert.equal((await ben.get('/api/me')).body.user.email, person.email)
  })
})

describe('a first refresh token', () => {
  it('is for who has a session cookie, and for nobody else', async () => {
    const { api: carl } = await apiLearner(app, 'Carl')
    const pair = await firstPair(carl)
    isUnauthorized(await stranger.post('/api/auth/refresh-token', {}))
    isUnauthorized(await stranger.post('/api/auth/refresh-token', {}, bearer(pair.token)))
    isUnauthorized(await stranger.post('/api/auth/refresh-token', {}, bearer(pair.refreshToken)))
    isUnauthorized(await stranger.post('/api/auth/refresh-token', {}, { Cookie: `${COOKIE}=${pair.refreshToken}` }))
    assert.equal((await carl.post('/api/auth/refresh-token')).status, 200)
    assert.equal((await carl.get('/api/auth/refresh-token')).status, 404)
  })

  it('is made by no other site', async () => {
    for (const Origin of ['https://evil.example.org', 'null']) {
      assert.equal((await api.post('/api/auth/refresh-token', {}, { Origin })).status, 403)
    }
  })
})

describe('ending a family', () => {
  const revoke = (refreshToken: string) => stranger.post('/api/auth/revoke', { refreshToken })

  it('takes any of its tokens, ends them all, and leaves the session alone', async () => {
    for (const which of [0, 1, 2]) {
      const first = await firstPair(api)
      const second = await successor(app, first)
      const third = await successor(app, second)
      const family = [first, second, third]
      const response = await revoke(family[which]?.refreshToken ?? '')
      assert.equal(response.status, 200)
      assert.deepEqual(response.body, { status: true })
      for (const { refreshToken } of family) isRefused(await refresh(app, refreshToken))
      assert.equal((await api.get('/api/me')).status, 200)
      assert.equal((await stranger.get('/api/me', bearer(third.token))).status, 200)
    }
  })

  it('answers the same for a token that is unknown, over, or none', async () => {
    const pair = await firstPair(api)
    for (const text of [
      randomBytes(32).toString('base64url'),
      pair.token,
      '',
      '%',
      '\u0000',
      '\ud800',
      "' or '1'='1",
      'a'.repeat(10_000),
    ]) {
      const response = await revoke(text)
      assert.equal(response.status, 200, response.text)
      assert.deepEqual(response.body, { status: true })
    }
    assert.equal((await revoke(pair.refreshToken)).status, 200)
    assert.deepEqual((await revoke(pair.refreshToken)).body, { status: true })
  })

  it('ends nobody else’s', async () => {
    const [one, two] = [await firstPair(api), await firstPair(api)]
    await revoke(one.refreshToken)
    isRefused(await refresh(app, one.refreshToken))
    await successor(app, two)
  })
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app, [ada.email])
})
