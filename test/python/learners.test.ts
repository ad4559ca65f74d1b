/**
 * A FastAPI backend that identifies a learner by their token, and reads their row with a database role that can read
 * nothing else.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { type Reply, startBackend } from '../support/backend.ts'
import { runPython } from '../support/python.ts'
import { decode } from '../support/tokens.ts'
import { createReader } from './reader.ts'

const app = await startApp({}, { atPublicUrl: true })
const readerUrl = await createReader(app.databaseUrl)
const backend = await startBackend({ MATRICULA_URL: app.url, LEARNERS_DATABASE_URL: readerUrl })

function isUnauthorized({ status, headers, body }: Reply) {
  assert.equal(status, 401)
  assert.match(headers.get('www-authenticate') ?? '', /^Bearer realm="Matricula"/)
  assert.deepEqual(body, { detail: 'Not signed in, or no longer' })
}

describe('a learner who signed up', () => {
  it('is known by their token alone', async () => {
    const { person, api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    const { claims } = decode(token)
    const { status, body } = await backend.get('/me', token)
    assert.equal(status, 200)
    const { sub, sid, iat, exp, amr, auth_time } = claims
    const login = { amr, auth_time, scopes: [] }
    assert.deepEqual(body, { sub, sid, iat, exp, name: 'Ada', email: person.email, email_verified: false, ...login })
  })

  it('is found in the table, with what was changed since the token was made', async () => {
    const { person, api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    const first = await backend.get('/learners/me', token)
    assert.equal(first.status, 200)
    const { id, created_at, updated_at, ...rest } = first.body
    assert.deepEqual(rest, { name: 'Ada', email: person.email, email_verified: false, image: null })
    assert.equal(id, decode(token).claims.sub)
    for (const moment of [created_at, updated_at]) assert.ok(Date.parse(String(moment)) > 0, String(moment))

    assert.equal((await api.post('/api/auth/update-user', { name: 'Augusta Ada King' })).status, 200)
    assert.equal((await backend.get('/learners/me', token)).body.name, 'Augusta Ada King')
    assert.equal((await backend.get('/me', token)).body.name, 'Ada')
  })

  it('is nobody any more once their account is gone', async () => {
    const { person, api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    await app.sql`delete from users where email = ${person.email}`
    isUnauthorized(await backend.get('/learners/me', token))
  })
})

describe('without a token', () => {
  const HEADERS: Record<string, Record<string, string>> = {
    'no header': {},
    'an empty header': { Authorization: '' },
    'the word Bearer alone': { Authorization: 'Bearer' },
    'another scheme': { Authorization: 'Basic YWRhOmFkYQ==' },
    'a cookie of the site': { Cookie: 'matricula=s%3Aabc.def' },
  }
  for (const [name, headers] of Object.entries(HEADERS)) {
    it(`nobody is let in: ${name}`, async () => {
      for (const path of ['/me', '/learners/me']) isUnauthorized(await backend.send('GET', path, headers))
      isUnauthorized(await backend.send('POST', '/lab/robot-arm', headers))
    })
  }

  it('a good one is taken from the header and from nowhere else', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    isUnauthorized(await backend.send('GET', `/me?token=${token}&access_token=${token}`))
    isUnauthorized(await backend.send('GET', '/me', { Cookie: `token=${token}; session=${token}` }))
    assert.equal((await backend.send('GET', '/me', { Authorization: `bearer ${token}` })).status, 200)
  })
})

describe('the address of Matricula', () => {
  it('may be typed with a slash at its end, as verifiers written for Better Auth are given it', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    const script = `
import sys, jwt
base, token = sys.argv[1:]
keys = jwt.PyJWKClient(f"{base}/api/auth/jwks")
print(keys.uri, jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=["EdDSA"], audience=base[:-1])["name"])`
    assert.equal(await runPython(script, `${app.url}/`, token), `${app.url}//api/auth/jwks Ada`)

    const slashed = await startBackend({ MATRICULA_URL: `${app.url}/` })
    assert.equal((await slashed.get('/me', token)).status, 200)
  })
})
