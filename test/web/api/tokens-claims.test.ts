/** Tokens with our signature but claims that we would never make, checked by our own GET /api/me. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner, bearer, openApi } from '../../support/api.ts'
import { SECRET, startApp } from '../../support/app.ts'
import { openBrowser } from '../../support/people.ts'
import { sessionCookieOf } from '../../support/sessions.ts'
import {
  assertNothingSecretLogged,
  decode,
  ed25519,
  firstPair,
  forge,
  hmac,
  isUnauthorized,
  type Json,
  resigned,
  setClock,
} from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const { person, api } = await apiLearner(app, 'Ada')
const { api: benApi } = await apiLearner(app, 'Ben')

const me = (token: string) => openApi(app).get('/api/me', bearer(token))
const isGood = async (token: string): Promise<void> => {
  const response = await me(token)
  assert.equal(response.status, 200, response.text)
  assert.equal(response.body.user.email, person.email)
}

const real = await api.token()
const { header, claims } = decode(real)
const ben = decode(await benApi.token()).claims
const { privateKey, kid } = await app.deps.keyRing.current()
const byRealKey = ed25519(privateKey)

it('the token that all of these are made from is good', async () => {
  await isGood(await resigned(app, real, {}))
})

describe('[J07, J08, J13] a token', () => {
  const now = claims.iat
  const REFUSED: Record<string, Json[]> = {
    'of another audience': [
      { aud: undefined },
      { aud: '' },
      { aud: null },
      { aud: 'https://learn.example.org' },
      { aud: `${app.url}/` },
      { aud: `${app.url}/api` },
      { aud: app.url.slice(0, -1) },
      { aud: app.url.toUpperCase() },
      { aud: [] },
      { aud: [app.url] },
      { aud: [app.url, 'https://other.example.org'] },
      { aud: { 0: app.url } },
    ],
    'of another issuer': [
      { iss: undefined },
      { iss: '' },
      { iss: null },
      { iss: 'https://learn.example.org' },
      { iss: `${app.url}/` },
      { iss: `${app.url}/api/auth` },
      { iss: app.url.slice(0, -1) },
      { iss: app.url.replace('127.0.0.1', 'localhost') },
      { iss: [app.url] },
      { iss: [app.url, 'https://other.example.org'] },
    ],
    'without an end, or with one that is no time of ours': [
      { exp: undefined },
      { exp: null },
      { exp: String(claims.exp) },
      { exp: claims.exp + 0.5 },
      { exp: claims.exp + 1 },
      { exp: claims.exp + 86_400 },
      { exp: Number.MAX_SAFE_INTEGER },
      { exp: 1e300 },
      { exp: [claims.exp] },
      { exp: true },
      { exp: 0 },
      { exp: -1 },
      { exp: now - 60 },
    ],
    'without a beginning, or with one that is no time of ours': [
      { iat: undefined },
      { iat: null },
      { iat: String(now) },
      { iat: now + 0.5 },
      { iat: now + 125, exp: now + 125 + 900 },
      { iat: now + 86_400, exp: now + 86_400 + 900 },
      { iat: now - 1 },
      { iat: now - 86_400 },
      { iat: 0 },
      { nbf: now + 125 },
      { nbf: now + 86_400 },
      { nbf: 'tomorrow' },
    ],
    'of nobody, or of no session': [
      { sub: undefined },
      { sub: '' },
      { sub: 1 },
      { sub: null },
      { sub: [claims.sub] },
      { sub: `${claims.sub} ` },
      { sub: ben.sub },
      { sid: undefined },
      { sid: '' },
      { sid: 1 },
      { sid: null },
      { sid: [claims.sid] },
      { sid: 'unknown' },
      { sid: '%' },
      { sid: "' or '1'='1" },
      { sid: ben.sid },
      { jti: undefined },
      { jti: '' },
      { jti: 1 },
    ],
  }
  for (const [name, cases] of Object.entries(REFUSED)) {
    for (const changed of cases) {
      it(`${name}: ${JSON.stringify(changed, (_, value) => (value === undefined ? 'missing' : value))}`, async () => {
        isUnauthorized(await me(await resigned(app, real, changed)))
      })
    }
  }

  it('said twice count as they were said last', async () => {
    const said = (first: Json, last: Json) =>
      forge(
        header,
        `${JSON.stringify({ ...claims, ...first }).slice(0, -1)},${JSON.stringify(last).slice(1)}`,
        byRealKey,
      )
    isUnauthorized(await me(said({}, { sub: ben.sub })))
    isUnauthorized(await me(said({}, { exp: now - 60 })))
    isUnauthorized(await me(said({}, { aud: 'https://other.example.org' })))
    isUnauthorized(await me(said({ sub: ben.sub, sid: ben.sid }, { sub: claims.sub })))
    await isGood(said({ sub: ben.sub }, { sub: claims.sub }))
  })

  for (const text of ['', 'x', 'null', '[]', '1', '"text"', '{', '{}', '{"sub":"\\ud800"}', '\u0000', '[{}]']) {
    it(`are no claims at all: ${JSON.stringify(text)}`, async () => {
      isUnauthorized(await me(forge(header, text, byRealKey)))
      isUnauthorized(await me(forge(text, claims, byRealKey)))
    })
  }
})

describe('something else that is secret', () => {
  it('[J12] is no access token: refresh token, cookie, form token, handle, service key, a JWT of the app’s secret', async () => {
    const browser = openBrowser(app)
    assert.equal((await browser.logIn(person)).status, 303)
    const cookie = sessionCookieOf(browser)
    const { refreshToken } = await firstPair(api)
    const verification = { email: person.email, userId: claims.sub, iat: claims.iat, exp: claims.exp }
    const session = { session: { token: claims.sid, userId: claims.sub }, user: { id: claims.sub }, exp: claims.exp }
    for (const text of [
      refreshToken,
      cookie,
      decodeURIComponent(cookie),
      await browser.token('/dashboard'),
      claims.sid,
      String(claims.sub),
      String(claims.jti),
      SECRET,
      forge({ alg: 'HS256' }, verification, hmac(SECRET)),
      forge({ alg: 'HS256', kid }, session, hmac(SECRET)),
      // Even signed with the right key, they are not access tokens.
      forge(header, verification, byRealKey),
      forge(header, session, byRealKey),
    ]) {
      isUnauthorized(await me(text))
    }
  })
})

describe('the leeway for clocks that differ', () => {
  it('[J05] is just under half a minute after the end', async () => {
    const token = await api.token()
    const { exp } = decode(token).claims
    for (const [seconds, status] of [
      [-1, 200],
      [1, 200],
      [28, 200],
      [29, 200],
      [31, 401],
      [600, 401],
    ] as const) {
      setClock(app, (exp + seconds) * 1000)
      assert.equal((await me(token)).status, status, `${seconds} s after its end`)
    }
  })

  it('[J06] is half a minute before the beginning', async () => {
    const token = await api.token()
    const now = Math.floor(app.deps.now() / 1000)
    for (const [seconds, status] of [
      [5, 200],
      [29, 200],
      [33, 401],
      [120, 401],
    ] as const) {
      const iat = now + seconds
      const early = await resigned(app, token, { iat, exp: iat + 900 })
      assert.equal((await me(early)).status, status, `iat ${seconds} s ahead`)
      const notYet = await resigned(app, token, { nbf: iat })
      assert.equal((await me(notYet)).status, status, `nbf ${seconds} s ahead`)
    }
  })
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app, [claims.sid, person.email, SECRET])
})
