/** The database or Matricula itself is down. A backend says so, lets nobody in by mistake, and recovers. */
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { after, describe, it } from 'node:test'
import { freePort } from '../../src/database/embedded/port.ts'
import { apiLearner, openApi } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { type Reply, relayPublic, startBackend } from '../support/backend.ts'
import { createDatabase } from '../support/database.ts'
import { PASSWORD } from '../support/people.ts'
import { eventually } from '../support/process.ts'
import { startProxy } from '../support/proxy.ts'
import { createReader } from './reader.ts'

function isUnavailable({ status, headers, body }: Reply) {
  assert.equal(status, 503, JSON.stringify(body))
  assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  assert.deepEqual(body, { detail: 'Out of reach for the moment' })
}

describe('while the database is away', () => {
  it('tokens are checked as ever, also by a backend that only starts then, and rows come back with it', async () => {
    const databaseUrl = await createDatabase()
    const proxy = await startProxy(databaseUrl)
    const app = await startApp({}, { databaseUrl: proxy.url, atPublicUrl: true })
    const reader = new URL(await createReader(databaseUrl))
    reader.host = new URL(proxy.url).host
    const settings = { MATRICULA_URL: app.url, LEARNERS_DATABASE_URL: reader.href }
    const running = await startBackend(settings)
    const { api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    assert.equal((await running.get('/learners/me', token)).status, 200)

    proxy.cut()
    const started = await startBackend(settings)
    for (const backend of [running, started]) {
      const me = await backend.get('/me', token)
      assert.deepEqual([me.status, me.body.name], [200, 'Ada'])
      assert.equal((await backend.get('/me', `${token}x`)).status, 401)
      isUnavailable(await backend.get('/learners/me', token))
    }
    // The server's keys are older than a minute now, so it tries to read them again, and cannot.
    app.advance(120_000)
    const late = await startBackend(settings)
    assert.equal((await late.get('/me', token)).status, 200)

    await proxy.heal()
    for (const backend of [running, started, late]) {
      await eventually('the rows to be back', async () => (await backend.get('/learners/me', token)).status === 200)
    }
    // Idle connections are cut, as by a restart of the database: the next learner must not notice.
    proxy.cut()
    await proxy.heal()
    for (const backend of [running, started, late]) {
      assert.equal((await backend.get('/learners/me', token)).status, 200)
      assert.doesNotMatch(backend.log(), /Traceback|" 500/)
    }
  })
})

describe('while the keys cannot be fetched', () => {
  /** What may answer at Matricula's address. */
  const ANSWERS: Record<string, RequestListener> = {
    'the server is at fault': (_req, res) => res.writeHead(500).end('{}'),
    'the server is busy': (_req, res) => res.writeHead(503, { 'Retry-After': '1' }).end('{}'),
    'the address is wrong': (_req, res) => res.writeHead(404).end(),
    'the address leads elsewhere': (_req, res) => res.writeHead(302, { Location: 'https://other.example.org/' }).end(),
    'a page is in their place': (_req, res) => res.end('<h1>Hello</h1>'),
    'the answer is empty': (_req, res) => res.end(),
    'the answer is not text': (_req, res) => res.end(Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0xff])),
    'there is no key among them': (_req, res) => res.end('{"keys":[]}'),
    'the connection breaks': (req) => req.socket.destroy(),
    'the connection is reset': (req) => req.socket.resetAndDestroy(),
    'the answer breaks off': (_req, res) => {
      res.writeHead(200, { 'Content-Length': '1000' }).write('{"keys":[')
      res.socket?.end()
    },
    'the answer never comes': () => {},
  }

  it('a backend says that it cannot know, and lets a learner in as soon as it can', async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const site = await startApp({ PUBLIC_URL: url })
    const api = openApi(site, { Origin: url })
    await api.signUp({ name: 'Ada', email: 'ada@example.org', password: PASSWORD })
    const token = await api.token()
    const backend = await startBackend({ MATRICULA_URL: url }, 'moved_clock:app')
    let second = Math.ceil(Date.now() / 1000)
    /** After a try that failed, Matricula is left in peace for a second. */
    async function ask(): Promise<Reply> {
      second += 1
      await backend.send('PUT', `/clock/${second}`)
      return backend.get('/me', token)
    }

    // Nothing listens at that address yet.
    isUnavailable(await ask())
    assert.equal((await backend.get('/me', 'garbage')).status, 401)

    let answer: RequestListener = () => {}
    const server = createServer((req, res) => answer(req, res))
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    after(() => {
      server.close()
      server.closeAllConnections()
    })
    for (const [what, listener] of Object.entries(ANSWERS)) {
      let asked = false
      answer = (req, res) => {
        asked = true
        listener(req, res)
      }
      const reply = await ask()
      assert.ok(asked, what)
      assert.equal(reply.status, 503, what)
      isUnavailable(reply)
    }

    answer = (req, res) => relayPublic(site, req, res)
    assert.equal((await ask()).status, 200)
    assert.doesNotMatch(backend.log(), /Traceback/)
  })
})
