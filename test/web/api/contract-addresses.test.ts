/** Unknown paths: under /api/auth only a 404 status, elsewhere under /api a refusal in JSON. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { asOwnPage, assertPlainRefusal, call, cookieOf, operationsOf, refusalOf, stateOf } from '../../support/calls.ts'

const app = await startApp({}, { atPublicUrl: true })
const { api } = await apiLearner(app, 'Ada')
const headers = asOwnPage(app, cookieOf(api))
const operations = await operationsOf(app)
const methodsOf = (path: string) => operations.filter((one) => one.path === path).map(({ method }) => method)
const paths = [...new Set(operations.map(({ path }) => path))]
const underAuth = paths.filter((path) => path.startsWith('/api/auth/'))
/** Also answer HEAD, which verifiers and monitors send. */
const DOCUMENTS: Record<string, string> = {
  '/api/auth/jwks': 'application/json',
  '/api/auth/status-list': 'application/statuslist+jwt',
}

async function assertNothing(method: string, path: string, body?: object) {
  const what = `${method} ${path}`
  const { status, headers: got, text } = await call(app, path, { method, headers, body })
  assert.equal(status, 404, what)
  assert.equal(text, '', what)
  assert.equal(got['content-type'], undefined, what)
  assert.equal(got.allow, undefined, what)
  assert.equal(got['set-cookie'], undefined, what)
}

describe('404 without body and type, as Better Auth answers', () => {
  const UNKNOWN = [
    '/api/auth',
    '/api/auth/',
    '/api/auth/nothing',
    '/api/auth/sign-in',
    '/api/auth/sign-in/email/more',
    '/api/auth//sign-out',
    '/api/auth/Sign-Out',
    '/api/auth/sign-out;x',
    '/api/auth/%73ign-out/x',
    '/api/auth/%E0%A4%A',
    '/api/auth/constructor',
    '/api/auth/__proto__',
    '/api/auth/set-password',
    '/api/auth/forget-password',
    '/api/auth/callback/github',
    '/api/auth/delete-user/callback',
    '/api/auth/.well-known/openid-configuration',
  ]
  for (const path of UNKNOWN) {
    it(`to anything at ${path}`, async () => {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']) {
        await assertNothing(method, path, method === 'POST' ? {} : undefined)
      }
    })
  }

  it('to a method that an endpoint does not have, and nothing changes', async () => {
    const before = await stateOf(app)
    for (const path of underAuth) {
      const wrong = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) => !methodsOf(path).includes(method))
      for (const method of wrong) await assertNothing(method, path, method === 'GET' ? undefined : {})
    }
    assert.equal(await stateOf(app), before)
  })

  it('to a slash at the end', async () => {
    for (const path of underAuth) for (const method of methodsOf(path)) await assertNothing(method, `${path}/`)
  })

  it('to HEAD, but of the keys and the status lists', async () => {
    for (const path of underAuth.filter((path) => !(path in DOCUMENTS))) await assertNothing('HEAD', path)
    for (const [path, type] of Object.entries(DOCUMENTS)) {
      const { status, text, headers: got } = await call(app, path, { method: 'HEAD' })
      assert.deepEqual([status, text, got['content-type']], [200, '', type])
    }
  })

  it('to OPTIONS', async () => {
    for (const path of underAuth) await assertNothing('OPTIONS', path)
  })
})

describe('elsewhere under /api', () => {
  it('an unknown address is 404 in JSON', async () => {
    for (const path of ['/api/nothing', '/api/me/', '/api/Me', '/api//me', '/api/%E0%A4%A']) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
        const answer = await call(app, path, { method, headers, body: method === 'GET' ? undefined : {} })
        assertPlainRefusal(answer, `${method} ${path}`)
        assert.equal(answer.status, 404, `${method} ${path}`)
        assert.equal(refusalOf(answer).code, 'NOT_FOUND')
      }
    }
  })

  it('[X21] a method that is not there is 405 in JSON, and the answer names those that are', async () => {
    for (const path of ['/api/me', '/api/openapi.json']) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await call(app, path, { method, headers, body: {} })
        assertPlainRefusal(answer, `${method} ${path}`)
        assert.deepEqual([answer.status, answer.headers.allow], [405, 'GET'], `${method} ${path}`)
        assert.equal(refusalOf(answer).code, 'METHOD_NOT_ALLOWED')
      }
    }
  })

  it('is no page, in whatever case it is spelled, nor is what stands beside it', async () => {
    const form = { ...headers, 'Content-Type': 'application/x-www-form-urlencoded' }
    const WAYS = [{ headers }, { headers, body: {} }, { headers, method: 'POST' }, { headers: form, body: 'a=b' }]
    for (const path of ['/API/auth/sign-out', '/Api/me', '/.WELL-KNOWN/nothing', '/.well-known/nothing']) {
      for (const way of WAYS) {
        const { status, headers: got, text } = await call(app, path, way)
        const what = `${path} ${JSON.stringify(way)}: ${status} ${text.slice(0, 100)}`
        assert.ok(status >= 400 && status < 500, what)
        assert.equal(got['content-type'], 'application/json', what)
      }
    }
  })
})

it('the page about the API can be asked for by HEAD, like every page', async () => {
  const { status, text } = await call(app, '/api', { method: 'HEAD' })
  assert.deepEqual([status, text], [200, ''])
})

it('every answer is of its one type, JSON but for the status list, whatever the caller likes best', async () => {
  const accept = { Accept: 'text/html', 'Accept-Language': 'de', 'Accept-Charset': 'latin1' }
  for (const { path } of operations.filter(({ method }) => method === 'GET')) {
    const { status, headers: got } = await call(app, path, { headers: { ...headers, ...accept } })
    assert.ok(status < 500, `${path} answers ${status}`)
    assert.equal(got['content-type'], DOCUMENTS[path] ?? 'application/json', path)
    assert.equal(got.location, undefined, path)
  }
})
