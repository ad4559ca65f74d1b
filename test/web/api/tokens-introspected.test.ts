/** A backend asks whether a token is still valid, before its 15 minutes are over. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { type ApiClient, apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import {
  assertNothingSecretLogged,
  decode,
  ed25519,
  firstPair,
  forge,
  hmac,
  isUnauthorized,
  MINUTE,
  resigned,
  setClock,
  successor,
  unsigned,
} from '../../support/tokens.ts'

const SERVICE_KEY = 'the-service-key-of-a-backend-0123456789'
const app = await startApp({ SERVICE_KEY }, { atPublicUrl: true })
const other = await startApp({ SERVICE_KEY, PUBLIC_URL: app.url }, { databaseUrl: app.databaseUrl })

const backend = openApi(app, bearer(SERVICE_KEY))
const elsewhere = openApi(other, bearer(SERVICE_KEY))
const { api } = await apiLearner(app, 'Ada')

const introspect = (who: ApiClient, token: unknown) => who.post('/api/auth/introspect', { token })

async function isActive(who: ApiClient, token: string): Promise<void> {
  const response = await introspect(who, token)
  assert.equal(response.status, 200, response.text)
  const { sub, sid, exp } = decode(token).claims
  assert.deepEqual(response.body, { active: true, sub, sid, exp })
  assert.equal(response.headers['cache-control'], 'no-store')
}

async function isInactive(who: ApiClient, token: string): Promise<void> {
  const response = await introspect(who, token)
  assert.equal(response.status, 200, response.text)
  assert.deepEqual(response.body, { active: false })
}

describe('a good token is active', () => {
  it('for a backend with the service key, for its owner by cookie or token, and for other learners', async () => {
    const token = await api.token()
    const { api: ben } = await apiLearner(app, 'Ben')
    for (const who of [
      backend,
      elsewhere,
      api,
      ben,
      openApi(app, bearer(token)),
      openApi(app, bearer(await ben.token())),
      openApi(app, { Authorization: `bearer ${SERVICE_KEY}` }),
    ]) {
      await isActive(who, token)
    }
  })

  it('wherever it came from', async () => {
    const pair = await firstPair(api)
    const session = await api.get('/api/auth/get-session')
    for (const token of [pair.token, (await successor(app, pair)).token, session.headers['set-auth-jwt'] ?? '']) {
      await isActive(backend, token)
    }
  })
})

describe('a token is inactive at once after', () => {
  const NEW_PASSWORD = 'another tidy copper lantern'
  const ENDS: { name: string; end: (it: Awaited<ReturnType<typeof apiLearner>>) => Promise<unknown> }[] = [
    { name: 'a sign-out', end: ({ api }) => api.post('/api/auth/sign-out', {}) },
    { name: 'an end of all sessions', end: ({ api }) => api.post('/api/auth/revoke-sessions', {}) },
    {
      name: 'an end of the session',
      end: async ({ api }) =>
        api.post('/api/auth/revoke-session', { token: (await api.get('/api/auth/get-session')).body.session.token }),
    },
    {
      name: 'a new password that ends the sessions',
      end: ({ api, person }) =>
        api.post('/api/auth/change-password', {
          currentPassword: person.password,
          newPassword: NEW_PASSWORD,
          revokeOtherSessions: true,
        }),
    },
    { name: 'the end of the user', end: ({ person }) => app.sql`delete from users where email = ${person.email}` },
  ]
  for (const { name, end } of ENDS) {
    it(name, async () => {
      const carl = await apiLearner(app, 'Carl')
      const token = await carl.api.token()
      await isActive(backend, token)
      await end(carl)
      await isInactive(backend, token)
      await isInactive(elsewhere, token)
    })
  }
})

describe('what is no good token is inactive', () => {
  it('whoever made it up', async () => {
    const token = await api.token()
    const { header, claims } = decode(token)
    const stranger = generateKeyPairSync('ed25519').privateKey
    const { refreshToken } = await firstPair(api)
    for (const text of [
      '',
      'x',
      '..',
      'null',
      '\u0000',
      '\ud800',
      'a'.repeat(10_000),
      ` ${token}`,
      `Bearer ${token}`,
      refreshToken,
      SERVICE_KEY,
      claims.sid,
      forge({ ...header, alg: 'none' }, claims, unsigned),
      forge({ ...header, alg: 'HS256' }, claims, hmac(SERVICE_KEY)),
      forge(header, claims, ed25519(stranger)),
      await resigned(app, token, { aud: 'https://other.example.org' }),
      await resigned(app, token, { sid: 'unknown' }),
      await resigned(app, token, { exp: undefined }),
    ]) {
      await isInactive(backend, text)
    }
  })

  it('once its time is over, and not before', async () => {
    const token = await api.token()
    const end = decode(token).claims.exp * 1000
    setClock(app, end - MINUTE)
    await isActive(backend, token)
    setClock(app, end + MINUTE)
    await isInactive(backend, token)
  })

  for (const body of [{}, { token: 1 }, { token: null }, { token: ['a'] }, { token: { a: 1 } }, [], 'token', 7, null]) {
    it(`and what is no text is an error: ${JSON.stringify(body)}`, async () => {
      const response = await backend.post('/api/auth/introspect', body)
      assert.equal(response.status, 400, response.text)
      assert.equal(response.body.code, 'VALIDATION_ERROR')
    })
  }
})

describe('who may not ask', () => {
  const KEYS = [
    '',
    'x',
    SERVICE_KEY.slice(0, -1),
    `${SERVICE_KEY}x`,
    // A wrong key of the same length.
    `${SERVICE_KEY.slice(0, -1)}8`,
    `x${SERVICE_KEY.slice(1)}`,
    'x'.repeat(SERVICE_KEY.length),
    SERVICE_KEY.toUpperCase(),
    // As many bytes, but fewer characters.
    'é'.repeat(SERVICE_KEY.length / 2),
  ]
  for (const key of KEYS) {
    it(`learns nothing: the key ${JSON.stringify(key)}`, async () => {
      const token = await api.token()
      isUnauthorized(await introspect(openApi(app, { Authorization: `Bearer ${key}` }), token))
      // A valid session cookie does not help either.
      isUnauthorized(await api.post('/api/auth/introspect', { token }, { Authorization: `Bearer ${key}` }))
    })
  }

  it('learns nothing: a visitor, and somebody who has signed out', async () => {
    const { api: dora } = await apiLearner(app, 'Dora')
    const token = await dora.token()
    isUnauthorized(await introspect(openApi(app), token))
    await dora.post('/api/auth/sign-out', {})
    isUnauthorized(await introspect(dora, await api.token()))
    isUnauthorized(await introspect(openApi(app, bearer(token)), await api.token()))
  })

  it('learns nothing where no service key is set, with an empty one or with any', async () => {
    const keyless = await startApp({ PUBLIC_URL: app.url }, { databaseUrl: app.databaseUrl })
    const token = await api.token()
    for (const Authorization of ['Bearer', 'Bearer ', 'Bearer undefined', `Bearer ${SERVICE_KEY}`]) {
      isUnauthorized(await introspect(openApi(keyless, { Authorization }), token))
    }
  })

  it('and the service key opens nothing else', async () => {
    for (const path of ['/api/me', '/api/auth/token', '/api/auth/list-sessions']) {
      isUnauthorized(await backend.get(path))
    }
    assert.equal((await backend.get('/api/auth/get-session')).body, null)
    isUnauthorized(await backend.post('/api/auth/refresh-token', {}))
  })

  it('and nobody asks by GET', async () => {
    assert.equal((await backend.get(`/api/auth/introspect?token=${await api.token()}`)).status, 404)
  })
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app, [SERVICE_KEY])
})

describe('introspection as RFC 7662 has it', () => {
  const basic = (secret: string, id = 'a-backend') => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  async function ask(fields: Record<string, string>, authorization: string) {
    const response = await fetch(`${app.url}/api/auth/introspect`, {
      method: 'POST',
      headers: { Authorization: authorization, Accept: 'application/json' },
      body: new URLSearchParams(fields),
    })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }

  it('takes a form and HTTP Basic, whatever the name of the client', async () => {
    const token = await api.token()
    const { sub, sid, exp } = decode(token).claims
    for (const authorization of [
      basic(SERVICE_KEY),
      basic(SERVICE_KEY, ''),
      basic(encodeURIComponent(SERVICE_KEY), 'an%20id'),
      basic(SERVICE_KEY).replace('Basic', 'basic'),
      `Bearer ${SERVICE_KEY}`,
    ]) {
      for (const more of [{}, { token_type_hint: 'access_token' }, { token_type_hint: 'anything', client_id: 'x' }]) {
        const { status, headers, body } = await ask({ token, ...more }, authorization)
        assert.deepEqual([status, body], [200, { active: true, sub, sid, exp }])
        assert.equal(headers.get('cache-control'), 'no-store')
      }
    }
    assert.deepEqual((await ask({ token: 'x' }, basic(SERVICE_KEY))).body, { active: false })
    assert.equal((await backend.post('/api/auth/introspect', { token })).body.active, true)
  })

  it('refuses another secret in the scheme that was tried, and a form without a token', async () => {
    const token = await api.token()
    for (const authorization of [
      basic('wrong'),
      basic(''),
      basic(`${SERVICE_KEY} `),
      'Basic',
      'Basic §',
      'Basic Og==',
    ]) {
      const { status, headers, body } = await ask({ token }, authorization.replace('§', '%'))
      assert.deepEqual([status, body.code], [401, 'UNAUTHORIZED'], authorization)
      assert.match(headers.get('www-authenticate') ?? '', /^Basic realm="Matricula"/)
    }
    assert.equal((await ask({ token }, 'Bearer wrong')).headers.get('www-authenticate'), 'Bearer')
    assert.equal((await ask({}, basic(SERVICE_KEY))).status, 400)
  })

  it('is no way in by a secret that nobody has set', async () => {
    const keyless = await startApp({}, { databaseUrl: app.databaseUrl })
    for (const secret of ['', 'undefined', 'null']) {
      const response = await fetch(`${keyless.url}/api/auth/introspect`, {
        method: 'POST',
        headers: { Authorization: basic(secret) },
        body: new URLSearchParams({ token: 'x' }),
      })
      assert.equal(response.status, 401)
    }
  })
})
