/** Where in a request a token may be, and what happens when it is somewhere else. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { exchange, sendBytes } from '../../support/raw-http.ts'
import { COOKIE } from '../../support/sessions.ts'
import { assertNothingSecretLogged, isUnauthorized } from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const { person: ada, api } = await apiLearner(app, 'Ada')
const { person: ben, api: benApi } = await apiLearner(app, 'Ben')
const token = await api.token()

const stranger = openApi(app)
/** Well-formed, but with a wrong end of the signature. */
const wrong = `${token.slice(0, -4)}AAAA`

describe('a token is taken', () => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR']) {
    it(`after the word ${scheme}`, async () => {
      const response = await stranger.get('/api/me', { Authorization: `${scheme} ${token}` })
      assert.equal(response.status, 200, response.text)
      assert.equal(response.body.user.email, ada.email)
      assert.equal(response.headers['set-cookie'], undefined)
    })
  }

  it('after more than one space', async () => {
    assert.equal((await stranger.get('/api/me', { Authorization: `Bearer    ${token}` })).status, 200)
  })

  it('from scripts of any origin, as it comes with no cookie', async () => {
    const headers = { ...bearer(token), Origin: 'https://elsewhere.example.org' }
    assert.equal((await stranger.get('/api/me', headers)).status, 200)
    assert.equal((await stranger.post('/api/auth/introspect', { token }, headers)).status, 200)
  })

  it('before a cookie: it tells who calls', async () => {
    const response = await benApi.get('/api/me', bearer(token))
    assert.equal(response.body.user.email, ada.email)
    assert.equal((await benApi.get('/api/me')).body.user.email, ben.email)
  })
})

describe('a wrong token is not rescued by a good cookie', () => {
  for (const value of [
    `Bearer ${wrong}`,
    `bearer ${wrong}`,
    'Bearer',
    'Bearer ',
    'bearer',
    'Bearer x',
    'Bearer null',
    'Bearer undefined',
    `Bearer ${token} ${token}`,
    `Bearer ${token}, Bearer ${token}`,
    `Bearer "${token}"`,
    `Bearer token="${token}"`,
    `Bearer Bearer ${token}`,
    `Bearer\t${token}`,
  ]) {
    it(JSON.stringify(value.replaceAll(token, 'good').replaceAll(wrong, 'wrong')), async () => {
      isUnauthorized(await api.get('/api/me', { Authorization: value }))
      isUnauthorized(await api.post('/api/auth/introspect', { token }, { Authorization: value }))
    })
  }
})

describe('another kind of Authorization', () => {
  for (const value of ['Basic YWRhOnB3', 'Digest username="ada"', 'Negotiate x', `Token ${token}`, token, '']) {
    it(`${JSON.stringify(value.replaceAll(token, 'good'))} is not looked at: the cookie counts`, async () => {
      const response = await api.get('/api/me', { Authorization: value })
      assert.equal(response.status, 200, response.text)
      assert.equal(response.body.user.email, ada.email)
      isUnauthorized(await stranger.get('/api/me', { Authorization: value }))
    })
  }
})

describe('[J35] a token is not taken', () => {
  const QUERIES = ['access_token', 'token', 'bearer', 'authorization', 'Authorization', 'jwt']
  for (const name of QUERIES) {
    it(`from the query, as ${name}`, async () => {
      isUnauthorized(await stranger.get(`/api/me?${name}=${token}`))
      isUnauthorized(await stranger.get(`/api/me?${name}=Bearer%20${token}`))
    })
  }

  for (const name of [
    'token',
    'access_token',
    'jwt',
    'Authorization',
    COOKIE,
    `__Host-${COOKIE}`,
    'better-auth.session_token',
  ]) {
    it(`from a cookie, as ${name}`, async () => {
      for (const value of [token, `Bearer%20${token}`, `s%3A${token}`]) {
        isUnauthorized(await stranger.get('/api/me', { Cookie: `${name}=${value}` }))
      }
    })
  }

  for (const name of ['X-Access-Token', 'Proxy-Authorization', 'X-Authorization', 'X-Auth-Token', 'set-auth-jwt']) {
    it(`from the header ${name}`, async () => {
      isUnauthorized(await stranger.get('/api/me', { [name]: `Bearer ${token}` }))
      isUnauthorized(await stranger.get('/api/me', { [name]: token }))
    })
  }

  it('from a body', async () => {
    isUnauthorized(await stranger.post('/api/auth/introspect', { token, access_token: token }))
  })
})

describe('a token that is too long', () => {
  it('is refused like any other up to what a header may hold', async () => {
    for (const length of [1_000, 8_000, 14_000]) {
      isUnauthorized(await stranger.get('/api/me', { Authorization: `Bearer ${'a'.repeat(length)}` }))
      isUnauthorized(await stranger.get('/api/me', { Authorization: `Bearer ${token}${'A'.repeat(length)}` }))
      isUnauthorized(await stranger.get('/api/me', { Authorization: `Bearer ${'.'.repeat(length)}` }))
    }
  })

  it('[J37] of 100 KB ends the request, and not the server', async () => {
    const answer = await sendBytes(
      app,
      `GET /api/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${'a'.repeat(100 * 1024)}\r\n\r\n`,
    )
    assert.match(answer, /^HTTP\/1\.1 431 /)
    assert.equal((await stranger.get('/api/me', bearer(token))).status, 200)
  })
})

it('two headers are not taken for one good one', async () => {
  const head = (first: string, second: string) =>
    `GET /api/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: ${first}\r\nAuthorization: ${second}\r\n\r\n`
  assert.match(await sendBytes(app, head(`Bearer ${wrong}`, `Bearer ${token}`)), /^HTTP\/1\.1 40[01] /)
  const { status } = await exchange(app, '/api/me', { headers: bearer(token) })
  assert.equal(status, 200)
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app, [token, wrong.slice(-40), ada.email])
})
