/** The public keys, fetched as a verifier does. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { calculateJwkThumbprint } from 'jose'
import { apiLearner } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { exchange } from '../../support/raw-http.ts'
import { assertNothingSecretLogged, decode, keysOf, MINUTE } from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const ADDRESSES = ['/api/auth/jwks', '//api/auth/jwks', '/.well-known/jwks.json']
const DISCOVERY = '/.well-known/openid-configuration'

const { api } = await apiLearner(app, 'Ada')

before(async () => {
  // Two keys, since some checks could pass with a single one only.
  await app.deps.keyRing.rotate()
  app.advance(2 * MINUTE)
})

describe('the public keys', () => {
  it('[J20, J21] have exactly the members that verifiers need, and no private one', async () => {
    const keys = await keysOf(app)
    assert.equal(keys.length, 2)
    for (const key of keys) {
      const { kid, x } = key
      assert.deepEqual(key, { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' })
      assert.match(x, /^[\w-]{43}$/)
      assert.equal(kid, await calculateJwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x }))
    }
    assert.notEqual(keys[0]?.x, keys[1]?.x)
  })

  it('hold the one that signs', async () => {
    const { kid } = decode(await api.token()).header
    assert.equal((await keysOf(app)).filter((key) => key.kid === kid).length, 1)
  })

  for (const path of [...ADDRESSES, DISCOVERY]) {
    describe(`at ${path}`, () => {
      it('[J20] come as plain JSON that any cache may keep for 5 minutes, without a cookie', async () => {
        const { status, headers, text } = await exchange(app, path)
        assert.equal(status, 200)
        assert.equal(headers['content-type'], 'application/json')
        assert.equal(headers['cache-control'], 'public, max-age=300')
        assert.match(headers.etag ?? '', /^"[\w-]+"$/)
        assert.equal(headers['set-cookie'], undefined)
        assert.equal(headers.vary, 'Origin')
        assert.equal(headers.location, undefined)
        assert.equal(headers['access-control-allow-origin'], '*')
        assert.equal(headers['access-control-allow-credentials'], undefined)
        assert.equal(headers['x-content-type-options'], 'nosniff')
        assert.equal(Number(headers['content-length']), Buffer.byteLength(text))
        assert.doesNotThrow(() => JSON.parse(text))
      })

      it('are the same for a learner, for a stranger and for a damaged cookie', async () => {
        const plain = await exchange(app, path)
        for (const headers of [
          { Cookie: 'matricula=s%3Ax.y' },
          { Cookie: 'a=%E0%A4%A; b' },
          { Authorization: 'Bearer x' },
          { Origin: 'https://elsewhere.example.org' },
          { Accept: 'text/html' },
          { Accept: 'application/jwk-set+json' },
        ] as Record<string, string>[]) {
          const answer = await exchange(app, path, { headers })
          assert.equal(answer.status, 200)
          assert.equal(answer.text, plain.text)
          assert.equal(answer.headers['set-cookie'], undefined)
        }
      })

      it('are not sent again to who has them', async () => {
        const { headers, text } = await exchange(app, path)
        const again = await exchange(app, path, { headers: { 'If-None-Match': headers.etag ?? '' } })
        assert.equal(again.status, 304)
        assert.equal(again.text, '')
        assert.equal(again.headers.etag, headers.etag)
        assert.equal(again.headers['cache-control'], 'public, max-age=300')
        const changed = await exchange(app, path, { headers: { 'If-None-Match': '"another"' } })
        assert.equal(changed.status, 200)
        assert.equal(changed.text, text)
      })

      it('[J20] can be looked for without being fetched', async () => {
        const { headers } = await exchange(app, path)
        const head = await exchange(app, path, { method: 'HEAD' })
        assert.equal(head.status, 200)
        assert.equal(head.text, '')
        for (const name of ['etag', 'content-type', 'content-length', 'cache-control'] as const) {
          assert.equal(head.headers[name], headers[name])
        }
      })

      it('can only be read', async () => {
        for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
          const { status, headers } = await exchange(app, path, { method })
          assert.ok([403, 404, 405].includes(status), `${method} ${status}`)
          assert.equal(headers['set-cookie'], undefined)
        }
        assert.equal((await exchange(app, path)).status, 200)
      })
    })
  }

  it('are the same at all their addresses', async () => {
    const answers = await Promise.all(ADDRESSES.map((path) => exchange(app, path)))
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1)
    assert.equal(new Set(answers.map(({ headers }) => headers.etag)).size, 1)
  })

  it('change their tag when they change, and only then', async () => {
    const tag = async () => (await exchange(app, '/api/auth/jwks')).headers.etag
    const first = await tag()
    app.advance(2 * MINUTE)
    assert.equal(await tag(), first)
    const waiting = (await keysOf(app)).at(-1)?.kid ?? ''
    assert.deepEqual(await app.deps.keyRing.retire(waiting), { ok: true, outcome: 'called-off' })
    app.advance(2 * MINUTE)
    assert.notEqual(await tag(), first)
  })

  it('[J23] are answered 500 times in a row to one address', async () => {
    const ask = async () => {
      const statuses: number[] = []
      for (let times = 0; times < 50; times += 1) statuses.push((await exchange(app, '/api/auth/jwks')).status)
      return statuses
    }
    const statuses = (await Promise.all(Array.from({ length: 10 }, ask))).flat()
    assert.equal(statuses.length, 500)
    assert.deepEqual([...new Set(statuses)], [200])
  })
})

describe('the discovery document', () => {
  it('names issuer, keys and algorithm as they are', async () => {
    const document = JSON.parse((await exchange(app, DISCOVERY)).text)
    const { claims, header } = decode(await api.token())
    assert.equal(document.issuer, claims.iss)
    assert.equal(document.issuer, app.url)
    assert.equal(document.jwks_uri, `${app.url}/api/auth/jwks`)
    assert.deepEqual(document.id_token_signing_alg_values_supported, [header.alg])
    assert.equal((await fetch(document.jwks_uri)).status, 200)
  })

  for (const PUBLIC_URL of ['https://learn.example.org', 'https://learn.example.org/']) {
    it(`is that of the public address ${PUBLIC_URL}, whatever the request says`, async () => {
      const public_ = await startApp({ PUBLIC_URL, TRUST_PROXY: '1' })
      const { text } = await exchange(public_, DISCOVERY, {
        headers: { Host: 'evil.example.org', 'X-Forwarded-Host': 'evil.example.org', 'X-Forwarded-Proto': 'https' },
      })
      assert.equal(JSON.parse(text).issuer, 'https://learn.example.org')
      assert.doesNotMatch(text, /evil|\/\/api/)
    })
  }
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app)
})
