/** Section J of docs/threats.md, where no other test shows it: tokens while many log in, and where the private key is not. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner, bearer, openApi } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { cookieOf, operationsOf } from '../support/calls.ts'
import { watchHashing } from '../support/hashing.ts'
import { openBrowser, somebody } from '../support/people.ts'
import { eventually } from '../support/process.ts'
import { exchange } from '../support/raw-http.ts'
import { assertNothingSecretLogged, firstPair, keysOf, successor } from '../support/tokens.ts'

const METRICS_TOKEN = 'a-token-for-the-metrics-of-the-tests-0123'
const app = await startApp(
  { METRICS_TOKEN, SERVICE_KEY: 'a-service-key-of-the-tests-0123456789' },
  { atPublicUrl: true },
)

/** So many logins at once, each of which takes the threads for half a second and more. */
const STORM = 8

describe('while many log in', async () => {
  const slow = await startApp({ BCRYPT_COST: '13' }, { atPublicUrl: true, databaseUrl: app.databaseUrl })
  const { api, person } = await apiLearner(app, 'Ada')
  const here = openApi(slow)
  await here.signIn(person)
  const { token } = await firstPair(here)
  const hashing = watchHashing()

  it('[J22, J33] keys, tokens, refreshes and calls are answered before a single login of them', async () => {
    const calls: Record<string, () => PromiseLike<{ status: number }>> = {
      'the keys': () => exchange(slow, '/api/auth/jwks'),
      'a token': () => here.get('/api/auth/token'),
      'a call with a token': () => openApi(slow, bearer(token)).get('/api/me'),
      'a call with a cookie': () => here.get('/api/me'),
      'a first refresh token': () => here.post('/api/auth/refresh-token', {}),
    }
    const doors = await Promise.all(
      Array.from({ length: STORM }, async () => {
        const browser = openBrowser(slow)
        return { browser, _csrf: await browser.token('/login') }
      }),
    )
    const pair = await firstPair(here)
    let ended = 0
    const storm = doors.map(async ({ browser, _csrf }) => {
      const { status } = await browser.post('/login', { ...somebody('Nobody'), _csrf })
      if (status !== 503) ended += 1
      return status
    })
    await eventually('the first hash to begin', () => hashing.running > 0)
    const before = ended
    for (const [what, ask] of Object.entries(calls)) assert.equal((await ask()).status, 200, what)
    await successor(slow, pair)
    assert.ok(hashing.running > 0, 'the storm goes on')
    assert.equal(ended, before, 'no login of it was answered meanwhile')
    const statuses = new Set(await Promise.all(storm))
    for (const status of statuses) assert.ok([422, 503].includes(status), String(status))
    assert.ok(ended > 0, 'logins were looked at')
    assert.equal((await api.get('/api/me')).status, 200)
  })
})

describe('the private half of the key', () => {
  it('[J34] is in no answer: not of the API, not in the metrics, not in health, not in the description', async () => {
    const { api } = await apiLearner(app, 'Ben')
    await api.token()
    const { privateKey } = await app.deps.keyRing.current()
    const { d = assert.fail('no private half') } = privateKey.export({ format: 'jwk' })
    const [{ sealed } = assert.fail('no row')] = await app.sql<{ sealed: string }>`select sealed from signing_keys`
    const secrets = [d, Buffer.from(d, 'base64url').toString('base64').slice(0, 40), sealed]
    const paths = (await operationsOf(app, { lessonId: 'f1' })).filter(({ method }) => method === 'GET')
    const open = [
      '/metrics',
      '/health/ready',
      '/health/live',
      '/api',
      '/api/openapi.json',
      '/.well-known/openid-configuration',
    ]
    const operator = bearer(METRICS_TOKEN)
    for (const path of [...paths.map((operation) => operation.path), ...open]) {
      for (const headers of [operator, { Cookie: cookieOf(api) }]) {
        const { text } = await exchange(app, path, { headers })
        for (const secret of secrets) assert.equal(text.includes(secret), false, path)
      }
    }
    assert.equal((await exchange(app, '/metrics', { headers: operator })).status, 200)
  })

  it('[J34] is in no answer and no log of a fault either, and the key that signs is the published one', async () => {
    const faulty = await startApp({}, { atPublicUrl: true })
    const { api } = await apiLearner(faulty, 'Ada')
    await api.token()
    const [{ sealed } = assert.fail('no row')] = await faulty.sql<{ sealed: string }>`select sealed from signing_keys`
    await faulty.sql`alter table signing_keys rename column sealed to renamed`
    faulty.advance(2 * 60_000)
    const { d = assert.fail() } = (await faulty.deps.keyRing.current()).privateKey.export({ format: 'jwk' })
    for (const path of ['/api/auth/token', '/api/auth/jwks', '/api/auth/get-session']) {
      const { text } = await api.get(path)
      for (const secret of [d, sealed]) assert.equal(text.includes(secret), false, path)
    }
    await faulty.sql`alter table signing_keys rename column renamed to sealed`
    await assertNothingSecretLogged(faulty, [sealed])
    assert.equal((await keysOf(faulty)).length, 1)
  })
})
