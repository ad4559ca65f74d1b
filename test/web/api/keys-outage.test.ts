/** The public keys come from memory: they are served while the database is down and while the server stops. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { apiLearner, bearer } from '../../support/api.ts'
import { startApp, type TestApp } from '../../support/app.ts'
import { createDatabase } from '../../support/database.ts'
import { eventually, startServer } from '../../support/process.ts'
import { type DatabaseProxy, startProxy } from '../../support/proxy.ts'
import { exchange } from '../../support/raw-http.ts'
import { DAY, HOUR, keysOf, kidsOf, MINUTE, SECOND, signingKid } from '../../support/tokens.ts'

const ADDRESSES = ['/api/auth/jwks', '//api/auth/jwks', '/.well-known/jwks.json']
const OUTAGES: Record<string, (proxy: DatabaseProxy) => void> = {
  'is down': (proxy) => proxy.cut(),
  'takes connections and ends them at once': (proxy) => proxy.slam(),
  'takes everything and answers nothing': (proxy) => proxy.swallow(),
}

async function startBehindProxy(environment: Record<string, string> = {}) {
  const proxy = await startProxy(await createDatabase())
  return { proxy, app: await startApp(environment, { databaseUrl: proxy.url, atPublicUrl: true }) }
}

const ask = (app: TestApp, path = '/api/auth/jwks') => exchange(app, path)

// In parallel, because a request without an answer from the database waits for its deadline.
describe('while the database', { concurrency: true }, () => {
  for (const [name, breakIt] of Object.entries(OUTAGES)) {
    it(`[J22, F02] ${name}, the keys are answered from memory, however old they are`, async () => {
      const { proxy, app } = await startBehindProxy()
      const before = await ask(app)
      assert.equal(before.status, 200)
      breakIt(proxy)
      for (const advance of [SECOND, 61 * SECOND, HOUR, 29 * DAY]) {
        app.advance(advance)
        const answers = await Promise.all(Array.from({ length: 20 }, () => ask(app)))
        for (const answer of answers) {
          assert.equal(answer.status, 200)
          assert.equal(answer.text, before.text)
          assert.equal(answer.headers.etag, before.headers.etag)
          assert.equal(answer.headers['cache-control'], 'public, max-age=300')
        }
        assert.equal((await exchange(app, '/.well-known/openid-configuration')).status, 200)
      }
      await proxy.heal()
      app.advance(61 * SECOND)
      await eventually('the keys to be read again', async () => {
        app.advance(61 * SECOND)
        // The first key is past its rotation period now.
        app.advance(2 * DAY)
        return (await kidsOf(app)).length === 2
      })
    })

    it(`${name} from the start, the keys are unavailable in JSON, and there as soon as it is back`, async () => {
      const { proxy, app } = await startBehindProxy()
      breakIt(proxy)
      const answers = await Promise.all(ADDRESSES.map((path) => ask(app, path)))
      for (const [index, { status, headers, text }] of answers.entries()) {
        assert.equal(status, 503)
        assert.equal(headers['content-type'], 'application/json', ADDRESSES[index])
        assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/)
        assert.equal(headers['cache-control'], 'no-store')
        assert.equal(headers.etag, undefined)
        assert.equal(JSON.parse(text).code, 'SERVICE_UNAVAILABLE')
        assert.doesNotMatch(text, /postgres|ECONN|deadline/)
      }
      await proxy.heal()
      await eventually('the keys to be there', async () => (await ask(app)).status === 200)
      assert.equal((await keysOf(app)).length, 1)
    })
  }

  it('answers nothing, nobody waits for its deadline to get keys that are a minute old', async () => {
    const { proxy, app } = await startBehindProxy()
    const before = await ask(app)
    proxy.swallow()
    app.advance(61 * SECOND)
    const answer = await ask(app)
    assert.equal(answer.text, before.text)
    const notRead = () => app.log().includes('signing keys not read again')
    assert.equal(notRead(), false)
    await eventually('the reading to be given up', notRead)
    assert.equal((await ask(app)).text, before.text)
  })

  it('is down, a token of a session is refused with 503 and not with 401', async () => {
    const { proxy, app } = await startBehindProxy()
    const { api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    proxy.cut()
    app.advance(61 * SECOND)
    for (const response of [await api.get('/api/me', bearer(token)), await api.get('/api/auth/token')]) {
      assert.equal(response.status, 503)
      assert.equal(response.body.code, 'SERVICE_UNAVAILABLE')
      assert.match(response.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    }
    await proxy.heal()
    await eventually('the token to count again', async () => (await api.get('/api/me', bearer(token))).status === 200)
  })
})

describe('a request for the keys', () => {
  it('costs nothing at the database, and one reading a minute for all of them', async () => {
    const { proxy, app } = await startBehindProxy({ DB_POOL_MAX: '1' })
    await ask(app)
    app.advance(61 * SECOND)
    await ask(app)
    assert.notEqual(proxy.roundTrips(), 0)
    const before = proxy.roundTrips()
    for (let times = 0; times < 100; times += 1) {
      assert.equal((await ask(app, ADDRESSES[times % ADDRESSES.length])).status, 200)
    }
    assert.equal(proxy.roundTrips(), before)
    app.advance(61 * SECOND)
    await Promise.all(Array.from({ length: 50 }, () => ask(app)))
    assert.equal(proxy.roundTrips(), before + 1)
  })

  it('and nothing else reads them: an app that is not asked does not wake the database', async () => {
    const { proxy, app } = await startBehindProxy({ DB_POOL_MAX: '1' })
    await signingKid(app)
    const before = proxy.roundTrips()
    app.advance(10 * MINUTE)
    assert.equal((await exchange(app, '/health/live')).status, 200)
    assert.equal((await exchange(app, '/.well-known/openid-configuration')).status, 200)
    assert.equal((await exchange(app, '/login')).status, 200)
    assert.equal(proxy.roundTrips(), before)
  })
})

describe('a server that stops', () => {
  it('[J22] still answers for the keys on a connection that had begun to ask', async () => {
    const server = await startServer({ DATABASE_URL: await createDatabase() })
    const [kid = ''] = await kidsOf(server)
    const socket = connect(server.port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk
    })
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write('GET /api/auth/jwks HTTP/1.1\r\nHost: localhost\r\n')
    // Another connection gets an answer, so the server has read what was sent before.
    assert.equal((await exchange(server, '/health/live')).status, 200)
    const idle = connect(server.port, '127.0.0.1')
    idle.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(idle, 'data')
    server.kill('SIGTERM')
    // Idle connections are closed first.
    idle.resume()
    await once(idle, 'close')
    socket.write('\r\n')
    await closed
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(answer, /\r\nConnection: close\r\n/i)
    assert.ok(answer.includes(kid), answer)
    assert.deepEqual(await server.ended(), { code: 0, signal: null })
  })
})
