/** The health checks: everybody hears whether, and whoever runs the site hears what. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bearer } from '../../support/api.ts'
import { BEHIND_TLS, startApp, type TestApp } from '../../support/app.ts'
import { METRICS_TOKEN } from '../../support/metrics.ts'
import { eventually } from '../../support/process.ts'
import { startProxy } from '../../support/proxy.ts'
import { exchange } from '../../support/raw-http.ts'

const WELL = {
  status: 'ok',
  checks: { database: 'ok', writable: 'ok', schema: 'ok', signingKey: 'ok', accepting: 'ok' },
  mail: 'off',
}
const operator = bearer(METRICS_TOKEN)

async function ready(app: TestApp, headers: Record<string, string> = {}) {
  const { status, text } = await exchange(app, '/health/ready', { headers })
  return { status, body: JSON.parse(text) }
}

describe('in production', async () => {
  const site = await startApp({ ...BEHIND_TLS, NODE_ENV: 'production', METRICS_TOKEN })

  it('a stranger hears that all is well, and no more', async () => {
    assert.deepEqual(await ready(site), { status: 200, body: { status: 'ok' } })
    assert.deepEqual(await ready(site, bearer('x'.repeat(40))), { status: 200, body: { status: 'ok' } })
  })

  it('an operator hears what was looked at', async () => {
    assert.deepEqual(await ready(site, operator), { status: 200, body: WELL })
  })

  it('a stranger hears that something is wrong, an operator what, and the log has one line for each turn', async () => {
    const proxy = await startProxy(site.databaseUrl)
    const cut = await startApp({ ...BEHIND_TLS, NODE_ENV: 'production', METRICS_TOKEN }, { databaseUrl: proxy.url })
    assert.equal((await ready(cut)).status, 200)
    proxy.cut()
    await eventually('the server not to be ready', async () => (await ready(cut)).status === 503)
    assert.deepEqual((await ready(cut)).body, { status: 'failing' })
    const { database, accepting } = (await ready(cut, operator)).body.checks
    assert.deepEqual([database, accepting], ['failing', 'ok'])
    await proxy.heal()
    await eventually('the server to be ready', async () => (await ready(cut)).status === 200)
    const lines = cut
      .log()
      .split('\n')
      .filter((line) => /ready/.test(line))
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ msg, checks }) => [msg, checks.database]),
      [
        ['not ready', 'failing'],
        ['ready again', 'ok'],
      ],
    )
  })

  it('without a token nobody is an operator', async () => {
    const closed = await startApp({ ...BEHIND_TLS, NODE_ENV: 'production' })
    for (const headers of [{}, bearer(''), bearer('undefined')]) {
      assert.deepEqual(await ready(closed, headers), { status: 200, body: { status: 'ok' } })
    }
  })
})

describe('in development', async () => {
  it('whoever asks is the developer', async () => {
    assert.deepEqual(await ready(await startApp()), { status: 200, body: WELL })
  })
})
