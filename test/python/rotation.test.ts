/**
 * Signing keys change while a Python backend runs: it keeps keys for 5 minutes, and for an unknown key it asks again, but
 * not often. The clocks of both sides are moved together.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, describe, it } from 'node:test'
import { freePort } from '../../src/database/embedded/port.ts'
import { type ApiClient, openApi } from '../support/api.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type Backend, startBackend } from '../support/backend.ts'
import { somebody } from '../support/people.ts'
import { exchange } from '../support/raw-http.ts'
import { decode, ed25519, forge, MINUTE, SECOND, setClock } from '../support/tokens.ts'

const STEP = 20 * SECOND

/** Two instances (an operator's commands run on the second), a backend, and the front server between them. */
async function startSite({ cached }: { cached: boolean }) {
  const front = { url: `http://127.0.0.1:${await freePort()}` }
  const app = await startApp({ PUBLIC_URL: front.url })
  const operator = await startApp({ PUBLIC_URL: front.url }, { databaseUrl: app.databaseUrl })
  let now = Date.now()
  const keyRequests = await startFront(front.url, app, cached, () => now)
  const backend = await startBackend({ MATRICULA_URL: front.url }, 'moved_clock:app')
  const api = openApi(app, { Origin: front.url })
  const signUp = await api.signUp(somebody('Ada'))
  assert.equal(signUp.status, 200, signUp.text)
  // In the future, since no clock may be set back.
  const start = Math.ceil(Date.now() / SECOND) * SECOND

  /** Sets every clock. `moment` is in milliseconds since the start. */
  async function goTo(moment: number): Promise<void> {
    now = start + moment
    setClock(app, now)
    setClock(operator, now)
    await backend.send('PUT', `/clock/${now / SECOND}`)
  }
  await goTo(0)
  return { app, operator: operator.deps.keyRing, backend, api, goTo, keyRequests }
}

/**
 * Serves the public address. With `cached` it is a shared cache such as a CDN, which keeps an answer for as long as
 * `max-age` allows. Returns a function that tells how often the backend has asked for keys.
 */
async function startFront(url: string, app: TestApp, cached: boolean, now: () => number): Promise<() => number> {
  let asked = 0
  let kept: { bytes: Buffer; until: number } = { bytes: Buffer.alloc(0), until: 0 }
  const front = createServer(async (req, res) => {
    if (req.url !== '/api/auth/jwks') {
      const { status, bytes } = await exchange(app, req.url ?? '')
      res.writeHead(status).end(bytes)
      return
    }
    asked += 1
    if (!cached || kept.until <= now()) {
      const { bytes, headers } = await exchange(app, req.url)
      const [, seconds = assert.fail('no max-age')] = /max-age=(\d+)/.exec(headers['cache-control'] ?? '') ?? []
      kept = { bytes, until: now() + Number(seconds) * SECOND }
    }
    res.setHeader('Content-Type', 'application/json').end(kept.bytes)
  })
  await new Promise<void>((resolve) => front.listen(Number(new URL(url).port), '127.0.0.1', resolve))
  after(() => front.close())
  return () => asked
}

type Issued = { token: string; kid: string; exp: number }

async function issue(api: ApiClient): Promise<Issued> {
  const response = await api.get('/api/auth/token')
  assert.equal(response.status, 200, response.text)
  const { token } = response.body
  const { header, claims } = decode(token)
  return { token, kid: String(header.kid), exp: claims.exp * SECOND }
}

const statusOf = async (backend: Backend, { token }: Issued): Promise<number> =>
  (await backend.get('/me', token)).status

describe('a rotation, a rollback and a retirement', () => {
  it('[J14, J17, J18] refuse no token for an hour and three quarters, although a cache keeps old keys for as long as it may', async () => {
    const { app, operator, backend, api, goTo, keyRequests } = await startSite({ cached: true })
    const alive: Issued[] = []
    const signers: string[] = []
    const refused: string[] = []
    let asked = 0

    const firstKey = await app.deps.keyRing.current()
    const [first] = await operator.list()
    assert.equal(first?.key.kid, firstKey.kid)
    const events = new Map<number, () => Promise<void>>([
      [2 * MINUTE, async () => assert.ok(await operator.rotate(), 'the second key is published')],
      [
        30 * MINUTE,
        async () => {
          const current = (await operator.list()).find(({ state }) => state === 'current')
          assert.notEqual(current?.key.kid, firstKey.kid)
          const rollback = await operator.retire(current?.key.kid ?? '')
          assert.deepEqual(rollback, { ok: true, outcome: 'stopped' })
        },
      ],
      [45 * MINUTE, async () => assert.ok(await operator.rotate(), 'the third key is published')],
    ])

    for (let moment = STEP; moment <= 105 * MINUTE; moment += STEP) {
      await goTo(moment)
      await events.get(moment)?.()
      const newest = await issue(api)
      if (signers.at(-1) !== newest.kid) signers.push(newest.kid)
      alive.push(newest)
      while ((alive[0]?.exp ?? Number.POSITIVE_INFINITY) <= app.deps.now()) alive.shift()
      for (const issued of new Set([newest, alive[0] ?? newest, alive[alive.length >> 1] ?? newest])) {
        asked += 1
        const status = await statusOf(backend, issued)
        if (status !== 200) refused.push(`${status} at ${moment / MINUTE} min for ${issued.kid}`)
      }
    }

    assert.deepEqual(refused, [])
    assert.ok(asked > 900, `${asked} calls`)
    const [one, two, three, four, ...more] = signers
    assert.equal(one, firstKey.kid)
    assert.equal(three, one, 'the rollback brings the first key back')
    assert.equal(new Set([one, two, four]).size, 3, 'the second and the third key have signed')
    assert.deepEqual(more, [])
    // About once in 5 minutes, as the keys are kept.
    assert.ok(keyRequests() >= 20 && keyRequests() <= 30, `asked for keys ${keyRequests()} times`)

    // The first key is withdrawn by now, so what it signs is refused (J14).
    const { header, claims } = decode((await issue(api)).token)
    const late = forge({ ...header, kid: firstKey.kid }, claims, ed25519(firstKey.privateKey))
    assert.equal((await backend.get('/me', late)).status, 401)
  })
})

describe('a switch to the next key', () => {
  it('costs a backend that holds the keys no request for new ones', async () => {
    const { operator, backend, api, goTo, keyRequests } = await startSite({ cached: false })
    const before = await issue(api)
    assert.equal(await statusOf(backend, before), 200)
    await operator.rotate()
    await goTo(14 * MINUTE)
    assert.equal(await statusOf(backend, await issue(api)), 200)
    const requests = keyRequests()

    for (let moment = 14 * MINUTE + STEP; moment < 18 * MINUTE; moment += STEP) {
      await goTo(moment)
      assert.equal(await statusOf(backend, await issue(api)), 200)
    }
    assert.notEqual((await issue(api)).kid, before.kid)
    assert.equal(keyRequests(), requests)
  })
})

describe('a key that was stolen', () => {
  it('[J19] is worthless to a backend once its own copy of the keys is five minutes old', async () => {
    const { app, operator, backend, api, goTo } = await startSite({ cached: false })
    const stolen = await issue(api)
    assert.equal(await statusOf(backend, stolen), 200)
    assert.deepEqual(await operator.retire(stolen.kid, { immediately: true }), { ok: true, outcome: 'withdrawn' })

    // This instance reads the keys again, since its copy is older than a minute.
    await goTo(2 * MINUTE)
    const next = await issue(api)
    assert.notEqual(next.kid, stolen.kid)
    // The key is unknown to the backend, so it asks again, and learns of the withdrawal too.
    assert.equal(await statusOf(backend, next), 200)
    assert.equal(await statusOf(backend, stolen), 401)
    assert.equal((await api.post('/api/auth/introspect', { token: stolen.token })).body.active, false)
    assert.ok(stolen.exp > app.deps.now(), 'it would be good for long yet')
  })

  it('[J19] is worthless too where nobody comes with a newer token', async () => {
    const { app, operator, backend, api, goTo } = await startSite({ cached: false })
    const stolen = await issue(api)
    assert.equal(await statusOf(backend, stolen), 200)
    await operator.retire(stolen.kid, { immediately: true })
    const accepted: number[] = []
    for (let moment = STEP; moment <= 10 * MINUTE; moment += STEP) {
      await goTo(moment)
      if ((await statusOf(backend, stolen)) === 200) accepted.push(moment)
    }
    assert.ok(accepted.length > 0, 'the copy of the keys is used while it is young')
    assert.ok(Math.max(...accepted) <= 5 * MINUTE, `accepted until ${Math.max(...accepted) / MINUTE} min`)
    assert.ok(stolen.exp > app.deps.now(), 'it would be good for long yet')
  })
})
