/** The database or Matricula is down while a backend needs a learner's answers or suggestions. */
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
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

const SERVICE_KEY = 'a-service-key-of-the-tests-0123456789'
const [WELCOME, SUGGESTION] = ['/learners/me/welcome', '/learners/me/suggestion']

function isUnavailable({ status, headers, body }: Reply, what = '') {
  assert.equal(status, 503, `${what} ${JSON.stringify(body)}`)
  assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  assert.deepEqual(body, { detail: 'Out of reach for the moment' })
}

async function listen(listener: RequestListener, port = 0): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('while the database is away', () => {
  it('a backend says so, for the table and for the API, and answers as before once it is back', async () => {
    const databaseUrl = await createDatabase()
    const proxy = await startProxy(databaseUrl)
    const app = await startApp({}, { databaseUrl: proxy.url, atPublicUrl: true })
    const reader = new URL(await createReader(databaseUrl))
    reader.host = new URL(proxy.url).host
    const backend = await startBackend({ MATRICULA_URL: app.url, LEARNERS_DATABASE_URL: reader.href })
    const { api } = await apiLearner(app, 'Ada')
    await api.put('/api/profile', { primaryFocus: 'edge', hardwareAccess: ['jetson_orin'] })
    const token = await api.token()
    const paths = [WELCOME, SUGGESTION]
    const before = await Promise.all(paths.map((path) => backend.get(path, token)))
    for (const { status } of before) assert.equal(status, 200)

    proxy.cut()
    for (const path of paths) isUnavailable(await backend.get(path, token), path)

    await proxy.heal()
    for (const [index, path] of paths.entries()) {
      await eventually(`${path} to be back`, async () => (await backend.get(path, token)).status === 200)
      assert.deepEqual((await backend.get(path, token)).body, before[index]?.body)
    }
    assert.doesNotMatch(backend.log(), /Traceback|" 500/)
  })
})

describe('while Matricula suggests nothing that can be understood', async () => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const site = await startApp({ PUBLIC_URL: url, SERVICE_KEY })
  let answer: RequestListener = () => {}
  await listen(async (req, res) => {
    if (!(await relayPublic(site, req, res))) answer(req, res)
  }, port)
  const backend = await startBackend({ MATRICULA_URL: url, MATRICULA_SERVICE_KEY: SERVICE_KEY })
  const api = openApi(site, { Origin: url })
  await api.signUp({ name: 'Ada', email: 'ada@example.org', password: PASSWORD })
  const token = await api.token()

  const LESSON = { id: 'f1', title: 'A lesson', module: 'foundations', reasons: [], cautions: [] }
  const UNCLEAR: Record<string, [status: number, body: string]> = {
    'a page': [200, '<h1>Hello</h1>'],
    'an empty answer': [200, ''],
    'a list': [200, '[]'],
    'no list in it': [200, '{}'],
    'null for a list': [200, '{"startNow":null}'],
    'a text for a list': [200, '{"startNow":"f1"}'],
    'a lesson without reasons': [200, JSON.stringify({ startNow: [{ ...LESSON, reasons: undefined }] })],
    'bytes that are no text': [200, '{"startNow":["\ud800'],
    'a fault': [500, JSON.stringify({ startNow: [LESSON] })],
    'a refusal that is not about the session': [403, JSON.stringify({ startNow: [LESSON] })],
    'other work': [503, JSON.stringify({ startNow: [LESSON] })],
  }
  for (const [what, [status, body]] of Object.entries(UNCLEAR)) {
    it(`a backend passes nothing on: ${what}`, async () => {
      answer = (_req, res) => res.writeHead(status).end(body)
      isUnavailable(await backend.get(SUGGESTION, token), what)
    })
  }

  it('a backend passes nothing on when the connection breaks, and goes on when it holds', async () => {
    answer = (req) => req.socket.destroy()
    isUnavailable(await backend.get(SUGGESTION, token))
    answer = (_req, res) => {
      res.writeHead(200, { 'Content-Length': '1000' }).write('{"startNow":[')
      res.socket?.end()
    }
    isUnavailable(await backend.get(SUGGESTION, token))
    answer = (_req, res) => res.end(JSON.stringify({ startNow: [{ ...LESSON, more: 'than is known' }] }))
    const { status, body } = await backend.get(SUGGESTION, token)
    assert.deepEqual([status, body], [200, LESSON])
    assert.doesNotMatch(backend.log(), /Traceback/)
  })

  it('neither a token nor the service key follows a redirect to another place', async () => {
    const arrived: (string | undefined)[] = []
    const elsewhere = await listen((req, res) => {
      arrived.push(req.headers.authorization)
      res.writeHead(401).end('{}')
    })
    answer = (_req, res) => res.writeHead(302, { Location: `${elsewhere}/api` }).end()
    await backend.get(SUGGESTION, token)
    await backend.send('POST', '/lab/robot-arm', { Authorization: `Bearer ${token}` })
    // The suggestion alone was asked for there, by nobody. The service key's question went nowhere.
    assert.deepEqual(arrived, [undefined])
  })
})
