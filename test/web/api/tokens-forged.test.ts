/** Tokens that others have made or changed, checked by our own GET /api/me. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { after, describe, it } from 'node:test'
import { calculateJwkThumbprint } from 'jose'
import { apiLearner, bearer, openApi } from '../../support/api.ts'
import { SECRET, startApp } from '../../support/app.ts'
import {
  assertNothingSecretLogged,
  decode,
  ed25519,
  forge,
  hmac,
  isUnauthorized,
  type Json,
  keysOf,
  resigned,
  unsigned,
} from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const { person, api } = await apiLearner(app, 'Ada')
const { api: benApi } = await apiLearner(app, 'Ben')

const me = (token: string) => openApi(app).get('/api/me', bearer(token))
const isGood = async (token: string): Promise<void> => {
  const response = await me(token)
  assert.equal(response.status, 200, response.text)
  assert.equal(response.body.user.email, person.email)
}

const real = await api.token()
const { header, claims } = decode(real)
const { privateKey, kid } = await app.deps.keyRing.current()
const byRealKey = ed25519(privateKey)
const [key = { x: '', kid: '' }] = await keysOf(app)

const attacker = generateKeyPairSync('ed25519')
const attackerJwk = attacker.publicKey.export({ format: 'jwk' })
const byAttacker = ed25519(attacker.privateKey)

/** Forged headers point to this server. Nobody may ever ask it. */
let asked = 0
const lure = createServer((_req, res) => {
  asked += 1
  res.end(JSON.stringify({ keys: [{ ...attackerJwk, kid: 'attacker', alg: 'EdDSA', use: 'sig' }] }))
})
await new Promise<void>((resolve) => lure.listen(0, '127.0.0.1', resolve))
after(() => lure.close())
const lurePort = (lure.address() as { port: number }).port
const lureUrl = `http://127.0.0.1:${lurePort}/jwks`

it('the token that all of these are made from is good', async () => {
  await isGood(real)
  await isGood(forge(header, claims, byRealKey))
  await isGood(await resigned(app, real, {}))
})

describe('[J01, J02] a signature that proves nothing', () => {
  const x = Buffer.from(key.x, 'base64url')
  const pem = app.deps.keyRing.find(kid).then((found) => String(found?.export({ format: 'pem', type: 'spki' })))
  const ssh = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 32]), x])
  const SECRETS: Record<string, string | Buffer | Promise<string>> = {
    'the bytes of the public key': x,
    'the text of the public key': key.x,
    'the public key as PEM': pem,
    'the public key as PEM in one line': pem.then((text) => text.replaceAll('\n', '')),
    'the public key as JWK': JSON.stringify(key),
    'the key set': JSON.stringify({ keys: [key] }),
    'the public key of ssh': `ssh-ed25519 ${ssh.toString('base64')}`,
    'the name of the key': kid,
    'the secret of the app': SECRET,
    nothing: '',
  }
  for (const [name, secret] of Object.entries(SECRETS)) {
    for (const alg of ['HS256', 'EdDSA']) {
      it(`a symmetric one with ${name}, as ${alg}`, async () => {
        isUnauthorized(await me(forge({ ...header, alg }, claims, hmac(await secret))))
      })
    }
  }

  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, undefined, 0, ['EdDSA'], { alg: 'EdDSA' }]) {
    it(`none, as ${JSON.stringify(alg)}`, async () => {
      isUnauthorized(await me(forge({ ...header, alg }, claims, unsigned)))
      isUnauthorized(await me(forge({ ...header, alg }, claims, unsigned).slice(0, -1)))
    })
  }

  for (const alg of ['Ed25519', 'eddsa', 'EDDSA', 'Ed448', 'ES256', 'RS256', 'HS256', 'none']) {
    it(`the right one under the name of another algorithm: ${alg}`, async () => {
      isUnauthorized(await me(forge({ ...header, alg }, claims, byRealKey)))
    })
  }

  it('an empty one, a short one, a long one, and one of zeros', async () => {
    const [head, body, signature = ''] = real.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    for (const other of [
      bytes.subarray(0, 0),
      bytes.subarray(0, 63),
      Buffer.concat([bytes, bytes]),
      Buffer.alloc(64),
    ]) {
      isUnauthorized(await me(`${head}.${body}.${other.toString('base64url')}`))
    }
  })

  it('[J14] that of another key, under every name', async () => {
    const thumbprint = await calculateJwkThumbprint(attackerJwk)
    for (const name of [kid, thumbprint, 'attacker']) {
      isUnauthorized(await me(forge({ alg: 'EdDSA', kid: name }, claims, byAttacker)))
    }
  })
})

describe('[J04] a header that brings its own key', () => {
  const certificate = attacker.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  const HEADERS: Json[] = [
    { jwk: attackerJwk },
    { jwk: { ...attackerJwk, kid } },
    { jku: lureUrl, kid: 'attacker' },
    { jku: lureUrl },
    { x5u: lureUrl },
    { x5c: [certificate] },
    { jku: lureUrl, jwk: attackerJwk, x5u: lureUrl, x5c: [certificate], kid: 'attacker' },
  ]
  for (const more of HEADERS) {
    it(`${Object.keys(more).join(', ')}: is not looked at, and nobody is asked`, async () => {
      isUnauthorized(await me(forge({ ...header, ...more }, claims, byAttacker)))
      assert.equal(asked, 0)
    })
  }

  it('would have been answered, had anybody asked', async () => {
    assert.equal((await fetch(lureUrl)).status, 200)
    assert.equal(asked, 1)
    asked = 0
  })
})

describe('[J11] a header that is not ours', () => {
  for (const other of [
    { kid: undefined },
    { kid: '' },
    { kid: 'unknown' },
    { kid: null },
    { kid: 7 },
    { kid: [kid] },
    { kid: { kid } },
    { kid: `${kid} ` },
    { kid: '__proto__' },
    { kid: "' or '1'='1" },
    { kid: '../../etc/passwd' },
    { crit: ['x'] },
    { crit: ['x'], x: 1 },
    { crit: ['exp'], exp: claims.exp },
    { crit: [] },
    { crit: 'x' },
    { b64: false, crit: ['b64'] },
  ]) {
    it(JSON.stringify(other), async () => {
      isUnauthorized(await me(forge({ ...header, ...other }, claims, byRealKey)))
    })
  }
})

describe('[J09] a token that was changed on the way', () => {
  const parts = real.split('.')
  for (const [index, name] of ['header', 'claims', 'signature'].entries()) {
    it(`has one bit flipped in its ${name}`, async () => {
      const bytes = Buffer.from(parts[index] ?? '', 'base64url')
      const step = Math.max(1, Math.floor(bytes.length / 24))
      for (let at = 0; at < bytes.length; at += step) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
        isUnauthorized(await me(parts.with(index, changed.toString('base64url')).join('.')))
      }
    })
  }

  it('has its parts swapped, doubled, missing or taken from another', async () => {
    const [head = '', body = '', signature = ''] = parts
    const others = (await benApi.token()).split('.')
    for (const token of [
      [body, head, signature],
      [signature, body, head],
      [head, signature, body],
      [head, body],
      [head, body, ''],
      [head, '', signature],
      ['', body, signature],
      ['', '', ''],
      [head, body, signature, signature],
      [head, body, signature, '', ''],
      [head, others[1], signature],
      [head, body, others[2]],
      [head, others[1], others[2], signature],
    ]) {
      isUnauthorized(await me(token.join('.')))
    }
  })
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app, [claims.sid, person.email, SECRET])
})
