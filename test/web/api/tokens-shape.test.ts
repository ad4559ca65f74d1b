/** What an access token contains: exactly what Better Auth's `jwt` plugin puts in, and three claims of our own. */
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import { calculateJwkThumbprint, createRemoteJWKSet, jwtVerify } from 'jose'
import { type ApiClient, apiLearner, apiOf, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { learner } from '../../support/people.ts'
import { assertNothingSecretLogged, decode, firstPair, keysOf, setClock, successor } from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const { person, api } = await apiLearner(app, 'Ada')

/** Every way to get a token. */
const SOURCES: { from: string; token: (api: ApiClient) => Promise<string> }[] = [
  { from: 'GET /token', token: (api) => api.token() },
  {
    from: 'the header of get-session',
    token: async (api) => (await api.get('/api/auth/get-session')).headers['set-auth-jwt'] ?? '',
  },
  { from: 'the first refresh token', token: async (api) => (await firstPair(api)).token },
  { from: 'a refresh', token: async (api) => (await successor(app, await firstPair(api))).token },
]

for (const { from, token: fetchToken } of SOURCES) {
  describe(`a token from ${from}`, () => {
    it('has exactly the header and the claims of the contract', async () => {
      // Later than a token is given again, and early in a second, so that the next one does not begin during the test.
      setClock(app, Math.ceil(app.deps.now() / 1000) * 1000 + 31_100)
      const second = Math.floor(app.deps.now() / 1000)
      const token = await fetchToken(api)
      const later = Math.floor(app.deps.now() / 1000)
      const { header, claims } = decode(token)
      const { user, session } = (await api.get('/api/auth/get-session')).body
      assert.deepEqual(Object.keys(header).toSorted(), ['alg', 'kid'])
      assert.equal(header.alg, 'EdDSA')

      const { iat, exp, jti, status, ...rest } = claims
      assert.deepEqual(rest, {
        ...user,
        sub: user.id,
        sid: session.token,
        amr: ['pwd'],
        auth_time: Math.floor(Date.parse(session.createdAt) / 1000),
        iss: app.url,
        aud: app.url,
      })
      assert.deepEqual(Object.keys(user).toSorted(), [
        'createdAt',
        'email',
        'emailVerified',
        'id',
        'image',
        'name',
        'updatedAt',
      ])
      assert.equal(rest.email, person.email)
      assert.equal(rest.emailVerified, false)
      assert.equal(rest.image, null)
      for (const date of [rest.createdAt, rest.updatedAt]) {
        assert.match(String(date), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      }
      assert.equal(exp - iat, 900)
      assert.ok(Number.isInteger(iat), 'whole seconds')
      assert.ok(iat + 5 >= second && iat + 5 <= later, `${iat} from ${second} to ${later}`)
      assert.match(String(jti), /^[A-Za-z0-9]{32}$/)
      const { idx, ...list } = (status as { status_list: { idx: number } }).status_list
      assert.deepEqual(list, { uri: `${app.url}/api/auth/status-list` })
      assert.ok(Number.isInteger(idx) && idx >= 0 && idx < 1_000_000, String(idx))
    })

    it('is signed by the published key of its name, which is the thumbprint of that key', async () => {
      const token = await fetchToken(api)
      const [head = '', claims = '', signature = ''] = token.split('.')
      assert.equal(token.split('.').length, 3)
      assert.doesNotMatch(token, /[^\w.-]/)
      const { kid } = decode(token).header
      const { x } = (await keysOf(app)).find((key) => key.kid === kid) ?? assert.fail('the key is published')
      const jwk = { kty: 'OKP', crv: 'Ed25519', x }
      assert.equal(kid, await calculateJwkThumbprint(jwk))
      const key = createPublicKey({ key: jwk, format: 'jwk' })
      const bytes = Buffer.from(signature, 'base64url')
      assert.equal(bytes.length, 64)
      assert.equal(verify(null, Buffer.from(`${head}.${claims}`), key, bytes), true)
    })

    it('satisfies a verifier that knows nothing but our address', async () => {
      const keys = createRemoteJWKSet(new URL(`${app.url}/api/auth/jwks`))
      const token = await fetchToken(api)
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ['EdDSA'],
        issuer: app.url,
        audience: app.url,
        currentDate: new Date(app.deps.now()),
        requiredClaims: ['iat', 'exp', 'sub', 'sid', 'jti'],
      })
      assert.equal(payload.email, person.email)
      assert.ok(token.length < 8 * 1024, `${token.length} bytes`)
    })

    it('opens the routes that take a token', async () => {
      const response = await openApi(app).get('/api/me', bearer(await fetchToken(api)))
      assert.equal(response.status, 200, response.text)
      assert.equal(response.body.user.email, person.email)
      assert.equal(response.headers['cache-control'], 'no-store')
    })
  })
}

describe('tokens', () => {
  it('are all different, also those of one second', async () => {
    const pairs = await Promise.all(Array.from({ length: 50 }, () => firstPair(api)))
    assert.equal(new Set(pairs.map(({ token }) => decode(token).claims.jti)).size, 50)
  })

  it('of two sessions of one person name their own session', async () => {
    const second = openApi(app)
    assert.equal((await second.signIn(person)).status, 200)
    const handles = await Promise.all([api, second].map(async (one) => decode(await one.token()).claims.sid))
    assert.notEqual(handles[0], handles[1])
    const listed = (await api.get('/api/auth/list-sessions')).body.map(({ token }: { token: string }) => token)
    assert.deepEqual(listed.toSorted(), handles.toSorted())
  })

  it('are there for somebody who logged in on the pages', async () => {
    const { person: ben, browser } = await learner(app, 'Ben')
    const { claims } = decode(await apiOf(app, browser).token())
    assert.equal(claims.email, ben.email)
  })

  it('tell of a name in any script, and of what was changed since', async () => {
    const { api: eve } = await apiLearner(app, 'Eve')
    const image = 'https://pictures.example.org/eve.png'
    const name = 'Ève 李 \u{1f916} "quoted" \\ </script>'
    assert.equal((await eve.post('/api/auth/update-user', { name, image })).status, 200)
    const token = await eve.token()
    const { claims } = decode(token)
    assert.equal(claims.name, name)
    assert.equal(claims.image, image)
    assert.equal((await openApi(app).get('/api/me', bearer(token))).body.user.name, name)
  })

  it('are not for visitors', async () => {
    const visitor = openApi(app)
    for (const response of [
      await visitor.get('/api/auth/token'),
      await visitor.post('/api/auth/refresh-token', {}),
      await visitor.get('/api/me'),
    ]) {
      assert.equal(response.status, 401)
      assert.equal(response.body.code, 'UNAUTHORIZED')
      assert.equal(response.headers['www-authenticate'], 'Bearer')
      assert.equal(response.headers['set-cookie'], undefined)
    }
    const session = await visitor.get('/api/auth/get-session')
    assert.equal(session.status, 200)
    assert.equal(session.body, null)
    assert.equal(session.headers['set-auth-jwt'], undefined)
  })

  it('make no tokens: that takes the session cookie', async () => {
    const token = await api.token()
    const stranger = openApi(app, bearer(token))
    for (const response of [
      await stranger.get('/api/auth/token'),
      await stranger.post('/api/auth/refresh-token', {}),
      await stranger.get('/api/auth/list-sessions'),
      await stranger.post('/api/auth/revoke-sessions', {}),
      await stranger.post('/api/auth/update-user', { name: 'Mallory' }),
    ]) {
      assert.equal(response.status, 401, response.text)
    }
    assert.equal((await stranger.get('/api/auth/get-session')).body, null)
  })

  it('[B04] are fetched by GET and never kept by a cache', async () => {
    const response = await api.get('/api/auth/token')
    assert.equal(response.headers['cache-control'], 'no-store')
    assert.equal(response.headers.etag, undefined)
    assert.equal(response.headers['set-cookie'], undefined)
    assert.equal((await api.post('/api/auth/token', {})).status, 404)
    assert.equal((await api.get('/api/auth/get-session')).headers['cache-control'], 'no-store')
  })
})

for (const PUBLIC_URL of ['https://learn.example.org', 'https://learn.example.org/']) {
  it(`issuer and audience of ${PUBLIC_URL} are its bare origin`, async () => {
    const { deps } = await startApp({ PUBLIC_URL, TRUST_PROXY: '1' }, { databaseUrl: app.databaseUrl })
    const [user] = await app.sql<never>`
      select id, name, email, email_verified, image, created_at, updated_at from users where email = ${person.email}`
    const { claims } = decode(
      await deps.accessTokens.sign(user ?? assert.fail('Ada is there'), {
        handle: 'a-session',
        statusIndex: 7,
        amr: ['pwd'],
        createdAt: new Date(),
      }),
    )
    assert.equal(claims.iss, 'https://learn.example.org')
    assert.equal(claims.aud, 'https://learn.example.org')
  })
}

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app, [person.email, person.password])
})
