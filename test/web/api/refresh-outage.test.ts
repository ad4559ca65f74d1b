/** A lost answer, or a database that is down: nobody loses their session, and no token can be used twice. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { createDatabase } from '../../support/database.ts'
import { eventually } from '../../support/process.ts'
import { type DatabaseProxy, startProxy } from '../../support/proxy.ts'
import {
  assertNothingSecretLogged,
  decode,
  firstPair,
  isRefused,
  type Pair,
  refresh,
  SECOND,
  successor,
} from '../../support/tokens.ts'

const OUTAGES: Record<string, (proxy: DatabaseProxy) => void> = {
  'is down': (proxy) => proxy.cut(),
  'takes connections and ends them at once': (proxy) => proxy.slam(),
  'takes everything and answers nothing': (proxy) => proxy.swallow(),
}

async function start() {
  const databaseUrl = await createDatabase()
  const proxy = await startProxy(databaseUrl)
  const app = await startApp({}, { databaseUrl: proxy.url, atPublicUrl: true })
  const { api } = await apiLearner(app, 'Ada')
  const first = await firstPair(api)
  const direct = postgres(databaseUrl, { max: 1 })
  after(() => direct.end({ timeout: 1 }))
  const rows = () => direct<{ hash: string; used: boolean }[]>`
    select token_hash as hash, used_at is not null as used from refresh_tokens order by used_at nulls last`
  return { proxy, app, api, first, direct, rows }
}

const isUsed = (rows: readonly { hash: string; used: boolean }[], { refreshToken }: Pair): boolean => {
  const hash = createHash('sha256').update(refreshToken).digest('base64url')
  return rows.some((row) => row.hash === hash && row.used)
}

// In parallel, because a request without an answer from the database waits for its deadline.
describe('while the database', { concurrency: true }, () => {
  for (const [name, breakIt] of Object.entries(OUTAGES)) {
    it(`[J32] ${name}, a refresh token is not used up, and nobody is told that it is wrong`, async () => {
      const { proxy, app, api, first, rows } = await start()
      breakIt(proxy)
      const program = openApi(app)
      for (const response of await Promise.all([
        refresh(app, first.refreshToken),
        refresh(app, first.refreshToken),
        api.post('/api/auth/refresh-token', {}),
        program.post('/api/auth/revoke', { refreshToken: first.refreshToken }),
        program.post('/api/auth/introspect', { token: first.token }, bearer(first.token)),
      ])) {
        assert.equal(response.status, 503, response.text)
        assert.equal(response.body.code, 'SERVICE_UNAVAILABLE')
        assert.match(response.headers['retry-after'] ?? '', /^[1-9]\d*$/)
        assert.doesNotMatch(response.text, /postgres|ECONN|deadline/)
      }
      // Something that is not a token is refused without asking the database.
      isRefused(await refresh(app, 'nonsense'))
      assert.equal(isUsed(await rows(), first), false)
      assert.equal((await rows()).length, 1)

      await proxy.heal()
      await eventually('the database to answer', async () => (await api.get('/api/me')).status === 200)
      const second = await successor(app, first)
      assert.equal((await rows()).length, 2)
      await successor(app, second)
      await assertNothingSecretLogged(app)
    })
  }

  it('[J31, F13] is lost between the refresh and its answer, the token is used up, and a retry gets its successor', async () => {
    const { proxy, app, api, first, direct, rows } = await start()
    const { sid } = decode(first.token).claims
    await direct`begin`
    await direct`select 1 from sessions where handle = ${sid} for update`
    const lost = refresh(app, first.refreshToken)
    await eventually('the refresh to wait', async () => {
      const waiting = await direct`
        select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      return waiting.length === 1
    })
    // The database still carries out the statement, but its answer is lost.
    proxy.cut()
    assert.equal((await lost).status, 503)
    await direct`rollback`
    await eventually('the database to finish', async () => isUsed(await rows(), first))

    await proxy.heal()
    await eventually('the database to answer', async () => (await api.get('/api/me')).status === 200)
    const second = await successor(app, first)
    assert.equal((await rows()).length, 2)
    const third = await successor(app, second)
    assert.equal((await openApi(app).get('/api/me', bearer(third.token))).status, 200)
  })
})

describe('a client that hangs up before its answer', () => {
  it('[J31] gets the same successor when it asks again, and loses nothing', async () => {
    const { app, first, rows, direct } = await start()
    const { sid } = decode(first.token).claims
    const body = JSON.stringify({ refreshToken: first.refreshToken })
    await direct`begin`
    await direct`select 1 from sessions where handle = ${sid} for update`
    const socket = connect(app.port, '127.0.0.1')
    socket.write(
      `POST /api/auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await eventually('the refresh to wait', async () => {
      const waiting = await direct`
        select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      return waiting.length === 1
    })
    socket.destroy()
    await direct`rollback`
    await eventually('the token to be used up', async () => isUsed(await rows(), first))

    app.advance(15 * SECOND)
    const second = await successor(app, first)
    assert.equal((await successor(app, first)).refreshToken, second.refreshToken)
    assert.equal((await rows()).length, 2)
    await successor(app, second)
    await assertNothingSecretLogged(app)
  })
})
