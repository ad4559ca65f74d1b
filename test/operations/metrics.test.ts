/** The metrics of the server as a process: a port of their own, and several workers as one. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { freePort } from '../../src/database/embedded/port.ts'
import { bearer } from '../support/api.ts'
import { createDatabase } from '../support/database.ts'
import { figure, METRICS_TOKEN, scrape } from '../support/metrics.ts'
import { learner } from '../support/people.ts'
import { eventually, startServer } from '../support/process.ts'
import { exchange } from '../support/raw-http.ts'
import { KNOWS_CONNECTIONS, linesToAll, workersOf } from '../support/workers.ts'

async function startMeasured(environment: Record<string, string> = {}) {
  const metrics = { port: await freePort() }
  const server = await startServer({
    DATABASE_URL: await createDatabase(),
    METRICS_PORT: String(metrics.port),
    ...environment,
  })
  return { server, metrics }
}

describe('a port of their own', () => {
  it('shows this machine the metrics and what is well, and the site shows nobody', async () => {
    const { server, metrics } = await startMeasured()
    await learner(server, 'Ada')
    const text = await scrape(metrics, undefined)
    assert.equal(figure(text, 'matricula_sign_ups_total', { outcome: 'ok' }), 1)
    const { checks } = JSON.parse((await exchange(metrics, '/health/ready')).text)
    assert.equal(checks.database, 'ok')
    assert.equal((await exchange(server, '/metrics')).status, 404)
    for (const path of ['/', '/login', '/api/auth/jwks', '/metrics/']) {
      const { status } = await exchange(metrics, path)
      assert.equal(status, path === '/metrics/' ? 200 : 404, path)
    }
    assert.equal((await exchange(metrics, '/metrics', { method: 'POST' })).status, 405)
    server.kill('SIGTERM')
    assert.deepEqual(await server.ended(), { code: 0, signal: null })
  })

  it('asks for the token where there is one', async () => {
    const { metrics } = await startMeasured({ METRICS_TOKEN, NODE_ENV: 'test' })
    assert.equal((await exchange(metrics, '/metrics')).status, 401)
    assert.deepEqual(JSON.parse((await exchange(metrics, '/health/ready')).text), { status: 'ok' })
    await scrape(metrics)
    const { text } = await exchange(metrics, '/health/ready', { headers: bearer(METRICS_TOKEN) })
    assert.equal(JSON.parse(text).checks.database, 'ok')
  })

  it('that another program has ends the start, and says which variable', async () => {
    const { metrics } = await startMeasured()
    await assert.rejects(
      startMeasured({ METRICS_PORT: String(metrics.port) }),
      new RegExp(`METRICS_PORT ${metrics.port}: EADDRINUSE`),
    )
  })
})

describe('several workers', { skip: !KNOWS_CONNECTIONS && 'only Linux tells which process has a connection' }, () => {
  it('are added up, whichever of them is asked', async () => {
    const { server, metrics } = await startMeasured({ WEB_CONCURRENCY: '3', METRICS_TOKEN })
    const lines = await linesToAll(server)
    assert.equal(lines.length, 3)
    for (const [index, line] of lines.entries()) {
      for (let asked = 0; asked <= index; asked += 1) await line.ask('/api/auth/ok')
    }
    const requests = async () =>
      figure(await scrape(metrics), 'http_request_duration_seconds_count', { route: '/api/auth/ok' })
    await eventually('all requests to be counted', async () => (await requests()) === 6)
    // Each goes to another worker.
    for (let asked = 0; asked < 6; asked += 1) assert.equal(await requests(), 6)
    const text = await scrape(metrics)
    assert.equal(figure(text, 'matricula_hash_threads'), 3)
    assert.equal(figure(text, 'matricula_database_connections_max'), 6)
    assert.equal(figure(text, 'matricula_learners', { step: 'signed_up' }), 0, 'everybody is counted once')
    assert.equal(figure(text, 'matricula_database_up'), 1)
  })

  it('go on being added up when one has died and another has taken its place', async () => {
    const { server, metrics } = await startMeasured({ WEB_CONCURRENCY: '2' })
    const [first = 0] = workersOf(server)
    process.kill(first, 'SIGKILL')
    await eventually('another worker', () => workersOf(server).length === 2 && !workersOf(server).includes(first))
    await eventually('its threads to be among the sum', async () => {
      return figure(await scrape(metrics, undefined), 'matricula_database_connections_max') === 4
    })
  })
})
