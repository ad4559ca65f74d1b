/**
 * A token after the end of its session: a backend that asks Matricula each time refuses it at once, one that reads the
 * list of ended sessions does so within seconds.
 */
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { after, describe, it } from 'node:test'
import { freePort } from '../../src/database/embedded/port.ts'
import { type ApiClient, apiLearner, openApi } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { type Backend, type Reply, relayPublic, startBackend } from '../support/backend.ts'
import { PASSWORD, type Person } from '../support/people.ts'
import { eventually } from '../support/process.ts'
import { decode, resigned } from '../support/tokens.ts'
import { createReader } from './reader.ts'

const SERVICE_KEY = 'a-service-key-of-the-tests-0123456789'

const app = await startApp({ SERVICE_KEY }, { atPublicUrl: true })
const backend = await startBackend({
  MATRICULA_URL: app.url,
  MATRICULA_SERVICE_KEY: SERVICE_KEY,
  LEARNERS_DATABASE_URL: await createReader(app.databaseUrl),
})

const moveArm = (token: string, at: Backend = backend): Promise<Reply> =>
  at.send('POST', '/lab/robot-arm', { Authorization: `Bearer ${token}` })

function isUnauthorized({ status, headers, body }: Reply) {
  assert.equal(status, 401)
  assert.match(headers.get('www-authenticate') ?? '', /^Bearer realm="Matricula", error="invalid_token", /)
  assert.deepEqual(body, { detail: 'Not signed in, or no longer' })
}

function isUnavailable({ status, headers, body }: Reply) {
  assert.equal(status, 503)
  assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  assert.deepEqual(body, { detail: 'Out of reach for the moment' })
}

type Case = { what: string; end: (learner: { person: Person; api: ApiClient }) => Promise<unknown> }

const ENDS: Case[] = [
  { what: 'signing out', end: ({ api }) => api.post('/api/auth/sign-out', {}) },
  { what: 'ending all sessions', end: ({ api }) => api.post('/api/auth/revoke-sessions', {}) },
  {
    what: 'ending this session from another device',
    async end({ person, api }) {
      const token = (await api.get('/api/auth/get-session')).body.session.token
      const other = openApi(app)
      await other.signIn(person)
      await other.post('/api/auth/revoke-session', { token })
    },
  },
  {
    what: 'a new password',
    end: ({ api }) =>
      api.post('/api/auth/change-password', {
        currentPassword: PASSWORD,
        newPassword: 'another tidy copper lantern',
        revokeOtherSessions: true,
      }),
  },
  {
    what: 'the end of the account',
    end: ({ person }) => app.sql`delete from users where email = ${person.email}`,
  },
]

describe('after', { concurrency: true }, () => {
  for (const { what, end } of ENDS) {
    it(`[J15, J16] ${what}, whoever asks refuses at once, and whoever reads the list a moment later`, async () => {
      const learner = await apiLearner(app, 'Ada')
      const token = await learner.api.token()
      const before = await moveArm(token)
      assert.deepEqual([before.status, before.body], [200, { moved_by: decode(token).claims.sub }])

      await end(learner)
      isUnauthorized(await moveArm(token))
      await eventually('the list to be read', async () => (await backend.get('/me', token)).status === 401)
    })
  }
})

describe('a backend that asks', () => {
  it('asks nothing about a token that is none', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const other = await resigned(app, await api.token(), { aud: 'https://other.example.org' })
    const asked = () => app.log().match(/\/api\/auth\/introspect/g)?.length ?? 0
    const before = asked()
    for (const token of ['garbage', other]) isUnauthorized(await moveArm(token))
    assert.equal(asked(), before)
  })

  it('lets nobody in with a service key that Matricula does not know, and says that it is not their fault', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    const wrong = await startBackend({ MATRICULA_URL: app.url, MATRICULA_SERVICE_KEY: SERVICE_KEY.slice(1) })
    isUnavailable(await moveArm(token, wrong))
    assert.equal((await wrong.get('/me', token)).status, 200)
  })

  it('lets nobody in when the answer is not a plain yes', async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const site = await startApp({ PUBLIC_URL: url, SERVICE_KEY })
    let answer: RequestListener = () => {}
    const server = createServer(async (req, res) => {
      if (!(await relayPublic(site, req, res))) answer(req, res)
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    after(() => server.close())
    const asking = await startBackend({ MATRICULA_URL: url, MATRICULA_SERVICE_KEY: SERVICE_KEY })
    const api = openApi(site, { Origin: url })
    await api.signUp({ name: 'Ada', email: 'ada@example.org', password: PASSWORD })
    const token = await api.token()

    const UNCLEAR: Record<string, [status: number, body: string]> = {
      'a page': [200, '<h1>Hello</h1>'],
      'an empty answer': [200, ''],
      'a list': [200, '[]'],
      'no word on it': [200, '{}'],
      'a fault': [500, '{"active":true}'],
      'a refusal': [403, '{"active":true}'],
      'other work': [503, '{"active":true}'],
    }
    for (const [what, [status, body]] of Object.entries(UNCLEAR)) {
      answer = (_req, res) => res.writeHead(status).end(body)
      const reply = await moveArm(token, asking)
      assert.equal(reply.status, 503, what)
      isUnavailable(reply)
    }
    answer = (req) => req.socket.destroy()
    isUnavailable(await moveArm(token, asking))
    for (const body of ['{"active":false}', '{"active":null}', '{"active":"true"}', '{"active":1}']) {
      answer = (_req, res) => res.end(body)
      isUnauthorized(await moveArm(token, asking))
    }
    answer = (_req, res) => res.end('{"active":true}')
    assert.equal((await moveArm(token, asking)).status, 200)
    assert.doesNotMatch(asking.log(), /Traceback/)
  })
})
