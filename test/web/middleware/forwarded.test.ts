/** What proxies say of a request counts only as far as TRUST_PROXY counts them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BEHIND_TLS, startApp } from '../../support/app.ts'
import { exchange } from '../../support/raw-http.ts'

const apps = {
  1: await startApp(BEHIND_TLS),
  2: await startApp({ ...BEHIND_TLS, TRUST_PROXY: '2' }),
} as const
const open = await startApp()

describe('the scheme of a request', () => {
  for (const [proxies, given, scheme] of [
    [1, 'https', 'https'],
    [1, 'HTTPS', 'https'],
    [1, ' https ', 'https'],
    [1, 'http', 'http'],
    // The client made up the first, and the proxy appended the second.
    [1, 'https, http', 'http'],
    [1, 'https,http', 'http'],
    [1, 'https, https, http', 'http'],
    [1, 'http, https', 'https'],
    [1, 'https,', 'http'],
    [1, ', https', 'https'],
    [1, '', 'http'],
    [1, 'httpsx', 'http'],
    [1, 'https;http', 'http'],
    [1, '"https"', 'http'],
    // Two proxies: the outer one ends TLS and the inner one appends how it was reached.
    [2, 'https, http', 'https'],
    [2, 'http, http', 'http'],
    [2, 'https, http, http', 'http'],
    [2, 'http, https, http', 'https'],
    // The inner one passes on what the outer one wrote, or replaces it.
    [2, 'https', 'https'],
    [2, 'http', 'http'],
  ] as const) {
    it(`behind ${proxies === 1 ? 'one proxy' : 'two proxies'} is ${scheme} with "${given}"`, async () => {
      const { status } = await exchange(apps[proxies], '/login', { headers: { 'X-Forwarded-Proto': given } })
      assert.equal(status, scheme === 'https' ? 200 : 308)
      const call = await exchange(apps[proxies], '/api/auth/ok', { headers: { 'X-Forwarded-Proto': given } })
      assert.equal(call.status, scheme === 'https' ? 200 : 400)
    })
  }

  it('is the last of several headers too', async () => {
    const headers = { 'X-Forwarded-Proto': ['https', 'http'] } as never
    assert.equal((await exchange(apps[1], '/login', { headers })).status, 308)
  })

  it('sets no cookie for TLS on a plain request that claims to be none', async () => {
    const { headers } = await exchange(apps[1], '/login', { headers: { 'X-Forwarded-Proto': 'https, http' } })
    assert.equal(headers['set-cookie'], undefined)
  })
})

describe('headers of a proxy that nobody counts', () => {
  const linesOf = (app: typeof open) =>
    app
      .log()
      .split('\n')
      .filter((line) => line.includes('TRUST_PROXY is 0'))

  it('are told to the operator, once an hour, without what they say', async () => {
    await exchange(open, '/login')
    assert.deepEqual(linesOf(open), [])
    for (const headers of [
      { 'X-Forwarded-For': '198.51.100.7' },
      { 'X-Forwarded-Proto': 'https', Forwarded: 'for=198.51.100.7' },
    ]) {
      await exchange(open, '/login', { headers })
      assert.equal(linesOf(open).length, 1)
    }
    assert.deepEqual(JSON.parse(linesOf(open)[0] ?? '').headers, ['x-forwarded-for'])
    open.advance(60 * 60_000)
    await exchange(open, '/health/live', { headers: { Forwarded: 'for=198.51.100.7' } })
    assert.equal(linesOf(open).length, 2)
    assert.ok(!open.log().includes('198.51.100.7'))
  })

  it('are nothing to tell where the proxy is counted', async () => {
    await exchange(apps[1], '/login', { headers: { 'X-Forwarded-For': '198.51.100.7', 'X-Forwarded-Proto': 'https' } })
    assert.deepEqual(linesOf(apps[1]), [])
  })
})
