/** What a request by a signed-in user costs at the database: one round trip. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { createDatabase } from '../../support/database.ts'
import type { Response } from '../../support/people.ts'
import { startProxy } from '../../support/proxy.ts'

const proxy = await startProxy(await createDatabase())
// One connection, so that after the first request every statement is already prepared.
const app = await startApp({ DB_POOL_MAX: '1' }, { databaseUrl: proxy.url, atPublicUrl: true })
const { api } = await apiLearner(app, 'Ada')
const token = await api.token()
const visitor = openApi(app)

const REQUESTS: { what: string; ask: () => Promise<Response>; cost: number; status?: number }[] = [
  { what: 'get-session by cookie', ask: () => api.get('/api/auth/get-session'), cost: 1 },
  { what: 'a token by cookie', ask: () => api.get('/api/auth/token'), cost: 1 },
  { what: 'who am I by cookie', ask: () => api.get('/api/me'), cost: 1 },
  { what: 'who am I by token', ask: () => api.get('/api/me', bearer(token)), cost: 1 },
  {
    what: 'who am I by a token that is wrong',
    ask: () => api.get('/api/me', bearer(`${token}A`)),
    cost: 0,
    status: 401,
  },
  { what: 'get-session of a visitor', ask: () => visitor.get('/api/auth/get-session'), cost: 0 },
  { what: 'a token for a visitor', ask: () => visitor.get('/api/auth/token'), cost: 0, status: 401 },
]

describe('round trips to the database', () => {
  for (const { what, ask, cost, status = 200 } of REQUESTS) {
    it(`${what}: ${cost}`, async () => {
      // The first request also prepares the statement, so do not count it.
      for (let times = 0; times < 2; times += 1) assert.equal((await ask()).status, status)
      for (let times = 0; times < 5; times += 1) {
        const before = proxy.roundTrips()
        assert.equal((await ask()).status, status)
        assert.equal(proxy.roundTrips() - before, cost)
      }
    })
  }

  it('of many at once are as many, so nothing asks behind them', async () => {
    const before = proxy.roundTrips()
    await Promise.all(Array.from({ length: 40 }, () => api.get('/api/me', bearer(token))))
    assert.equal(proxy.roundTrips() - before, 40)
  })
})
