/** `Authorization` headers with anything but a token of ours: always 401 in JSON, and nothing else happens. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { apiLearner } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { asOwnPage, assertPlainRefusal, call, cookieOf, operationsOf, refusalOf } from '../../support/calls.ts'

const app = await startApp({}, { atPublicUrl: true })
const { api } = await apiLearner(app, 'Ada')
const good = await api.token()
const [head = '', payload = '', signature = ''] = good.split('.')
const claims: Record<string, unknown> = JSON.parse(Buffer.from(payload, 'base64url').toString())
const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString())

const MARKER = 'hunter2'
const stranger = generateKeyPairSync('ed25519').privateKey
const encoded = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A well-formed token, signed with a stranger's key. */
function forged(header: unknown, body: unknown = claims): string {
  const text = `${encoded(header)}.${encoded(body)}`
  return `${text}.${sign(null, Buffer.from(text), stranger).toString('base64url')}`
}

const HEADERS: Record<string, string> = {
  'nothing at all': '',
  'the scheme alone': 'Bearer',
  'the scheme and spaces': 'Bearer    ',
  'a word': `Bearer ${MARKER}`,
  'two dots': 'Bearer ..',
  'empty parts': `Bearer ${head}..`,
  'four parts': `Bearer ${good}.x`,
  'five parts': 'Bearer a.b.c.d.e',
  'two tokens': `Bearer ${good} ${good}`,
  'two tokens with a comma': `Bearer ${good}, Bearer ${good}`,
  'a token in quotes': `Bearer "${good}"`,
  'a tab for a space': `Bearer\t${good}`,
  'no space': `Bearer${good}`,
  'the scheme twice': `Bearer Bearer ${good}`,
  'the token alone': good,
  'another scheme': `Token ${good}`,
  'a proof of possession': `DPoP ${good}`,
  'a name and a password': `Basic ${Buffer.from(`ada:${MARKER}`).toString('base64')}`,
  'something beyond ASCII': `Bearer ${good.slice(0, -1)}\u00e9`,
  'a percent sign': 'Bearer %00%ff',
  'half a token': `Bearer ${good.slice(0, good.length / 2)}`,
  'no signature': `Bearer ${head}.${payload}.`,
  'no algorithm': `Bearer ${encoded({ alg: 'none', kid })}.${payload}.`,
  'no algorithm, in capitals': `Bearer ${encoded({ alg: 'NONE', kid })}.${payload}.${signature}`,
  'a header that is a list': `Bearer ${forged([])}`,
  'a header that is null': `Bearer ${forged(null)}`,
  'a header that is no JSON': `Bearer ${forged(MARKER)}`,
  'a payload that is no JSON': `Bearer ${forged({ alg: 'EdDSA', kid }, MARKER)}`,
  'a payload that is a list': `Bearer ${forged({ alg: 'EdDSA', kid }, [])}`,
  'a payload 5,000 lists deep': `Bearer ${encoded({ alg: 'EdDSA', kid })}.${encoded('['.repeat(5_000))}.${signature}`,
  'a key of somebody else under our name': `Bearer ${forged({ alg: 'EdDSA', kid })}`,
  'a key that brings itself': `Bearer ${forged({ alg: 'EdDSA', jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' } })}`,
  'a key from elsewhere': `Bearer ${forged({ alg: 'EdDSA', kid, jku: 'http://127.0.0.1:9/jwks' })}`,
  'no name of a key': `Bearer ${forged({ alg: 'EdDSA' })}`,
  'an unknown key': `Bearer ${forged({ alg: 'EdDSA', kid: MARKER })}`,
  'NUL for a key': `Bearer ${forged({ alg: 'EdDSA', kid: '\u0000' })}`,
  'SQL for a key': `Bearer ${forged({ alg: 'EdDSA', kid: `' or '1'='1` })}`,
  'a key that is null': `Bearer ${forged({ alg: 'EdDSA', kid: null })}`,
  'a key that is a number': `Bearer ${forged({ alg: 'EdDSA', kid: 1e308 })}`,
  'a key that is a list': `Bearer ${forged({ alg: 'EdDSA', kid: [kid] })}`,
  'a key that is an object': `Bearer ${forged({ alg: 'EdDSA', kid: { toString: kid } })}`,
  'a key named by the language': `Bearer ${forged({ alg: 'EdDSA', kid: '__proto__' })}`,
  'a claim of importance': `Bearer ${forged({ alg: 'EdDSA', kid, crit: ['exp'] })}`,
  'a token of ten kilobytes': `Bearer ${'x'.repeat(10 * 1024)}`,
  'ten kilobytes of dots': `Bearer ${'.'.repeat(10 * 1024)}`,
}

const UNAUTHORIZED = { status: 401, code: 'UNAUTHORIZED', message: 'Unauthorized' }

describe('at /api/me there is nobody for', () => {
  for (const [name, Authorization] of Object.entries(HEADERS)) {
    it(name, async () => {
      const logged = app.log().length
      const answer = await call(app, '/api/me', { headers: { Authorization } })
      assertPlainRefusal(answer, name)
      assert.deepEqual(refusalOf(answer), UNAUTHORIZED)
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
      const log = app.log().slice(logged)
      for (const secret of [MARKER, signature]) {
        assert.ok(!answer.text.includes(secret), 'nothing of it is in the answer')
        assert.ok(!log.includes(secret), 'nothing of it is logged')
      }
      assert.ok(!/"level":(50|60)/.test(log), 'it is no fault of ours')
    })
  }

  it('[J37] 100 KB, which ends before anybody reads it', async () => {
    const { status } = await call(app, '/api/me', { headers: { Authorization: `Bearer ${'x'.repeat(100 * 1024)}` } })
    assert.equal(status, 431)
  })

  it('[J35] a token in the address, in another header or in a cookie', async () => {
    const elsewhere = [
      { path: `/api/me?access_token=${good}&token=${good}`, headers: {} },
      { path: '/api/me', headers: { 'X-Access-Token': good, 'Proxy-Authorization': `Bearer ${good}` } },
      { path: '/api/me', headers: { Cookie: `matricula=${good}; token=${good}; Authorization=Bearer ${good}` } },
    ]
    for (const { path, headers } of elsewhere) {
      assert.deepEqual(refusalOf(await call(app, path, { headers })), UNAUTHORIZED)
    }
    assert.ok(!app.log().includes(signature), 'nothing of it is logged')
  })
})

describe('at /api/me', () => {
  it('the token itself is good, however its scheme is spelled', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  ']) {
      const answer = await call(app, '/api/me', { headers: { Authorization: `${scheme} ${good}` } })
      assert.equal(JSON.parse(answer.text).user.name, 'Ada')
    }
  })

  it('a bad token is not made good by a session beside it', async () => {
    const headers = { ...asOwnPage(app, cookieOf(api)), Authorization: 'Bearer x' }
    assert.deepEqual(refusalOf(await call(app, '/api/me', { headers })), UNAUTHORIZED)
  })
})

it('a good token is nobody where the session itself is needed: it ends nothing and makes no further one', async () => {
  const headers = { Authorization: `Bearer ${good}`, Origin: app.url }
  const all = {
    token: 'x',
    name: 'Eve',
    password: 'x',
    currentPassword: 'x',
    newPassword: 'quiet amber harbour window',
    id: 'x',
    response: {},
  }
  const asked = (await operationsOf(app)).filter(({ needsSession, takesToken }) => needsSession && !takesToken)
  assert.ok(asked.length > 10, `${asked.length} found`)
  for (const { method, path } of asked) {
    const body = method === 'GET' ? undefined : { ...all, newEmail: 'eve@example.org' }
    assert.deepEqual(refusalOf(await call(app, path, { method, headers, body })), UNAUTHORIZED, path)
  }
  assert.equal((await call(app, '/api/auth/get-session', { headers })).text, 'null')
  assert.equal((await api.get('/api/me')).body.user.name, 'Ada')
})
