/** Tokens that the Python backend must refuse: each differs from a valid one only in what its name says. */
import assert from 'node:assert/strict'
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { createServer } from 'node:http'
import { after, describe, it } from 'node:test'
import { apiLearner } from '../support/api.ts'
import { SECRET, startApp } from '../support/app.ts'
import { startBackend } from '../support/backend.ts'
import { openBrowser } from '../support/people.ts'
import { decode, ed25519, firstPair, forge, hmac, type Json, keysOf, resigned, unsigned } from '../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const backend = await startBackend({ MATRICULA_URL: app.url })
const { api } = await apiLearner(app, 'Ada')

const good = await api.token()
const { header, claims } = decode(good)
const [headerPart = '', claimsPart = '', signaturePart = ''] = good.split('.')
const { privateKey: serverKey } = await app.deps.keyRing.current()
const bySite = ed25519(serverKey)
const [jwk = assert.fail('no key')] = await keysOf(app)
const publicKey = createPublicKey(serverKey)

const stranger = generateKeyPairSync('ed25519')
const strangerJwk = { ...stranger.publicKey.export({ format: 'jwk' }), kid: 'stranger', alg: 'EdDSA', use: 'sig' }
const onCurve = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const es256 = (key: KeyObject) => (text: string) =>
  sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })

/** Counts requests to the address that some tokens name. */
let followed = 0
const trap = createServer((_req, res) => {
  followed += 1
  res.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys: [strangerJwk] }))
})
await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
after(() => trap.close())
const trapAddress = trap.address()
const trapUrl = `http://127.0.0.1:${typeof trapAddress === 'object' ? trapAddress?.port : ''}/jwks`

/** A token signed with the server's own key, with other claims; `undefined` removes one. */
const claiming = (changes: Json) => forge(header, { ...claims, ...changes }, bySite)
/** The same, with claims as text, since JavaScript cannot produce some values. */
const saying = (text: string) => forge(header, text, bySite)
const claimsText = JSON.stringify(claims)
const without = (name: string) => claiming({ [name]: undefined })
const heading = (changes: Json, signer = bySite) => forge({ ...header, ...changes }, claims, signer)
const byStranger = (changes: Json) => heading(changes, ed25519(stranger.privateKey))

/** Under the name that RFC 9864 gives the algorithm. */
const newer = heading({ alg: 'Ed25519' })

/** Flips the lowest bit of one byte. */
function flipped(part: string): string {
  const bytes = Buffer.from(part, 'base64url')
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes.toString('base64url')
}

/** A public key in any form (text, PEM, DER, JWK, ssh line) must not be usable as an HMAC secret. */
const spki = publicKey.export({ type: 'spki', format: 'der' })
const sshBody = Buffer.concat(['ssh-ed25519', Buffer.from(jwk.x, 'base64url')].map(withLength))
const NOT_SECRETS: Record<string, string | Buffer> = {
  'the bytes of x': Buffer.from(jwk.x, 'base64url'),
  'the text of x': jwk.x,
  'the PEM': publicKey.export({ type: 'spki', format: 'pem' }),
  'the DER': spki,
  'the JWK': JSON.stringify(jwk),
  'the ssh line': `ssh-ed25519 ${sshBody.toString('base64')}`,
  'an empty secret': '',
  'the kid': jwk.kid,
}

function withLength(part: string | Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(part.length)
  return Buffer.concat([length, Buffer.from(part)])
}

/** Tokens that were made for another purpose, such as a refresh token or a form's CSRF token. */
const [pair, csrfToken] = [await firstPair(api), await openBrowser(app).token('/login')]
const { iat, exp, sub, sid } = claims
const userId = String(sub)

const ROWS: [row: string, what: string, token: string][] = [
  ...['none', 'None', 'NONE', 'nOnE'].map((alg): [string, string, string] => [
    'J01',
    `alg ${alg} without a signature`,
    heading({ alg }, unsigned),
  ]),
  ['J01', 'alg none with the good signature', `${forge({ alg: 'none' }, claims, unsigned)}${signaturePart}`],
  ['J01', 'alg EdDSA without a signature', heading({}, unsigned)],
  ['J01', 'no alg', heading({ alg: undefined })],
  ['J01', 'an alg that is a number', heading({ alg: 1 })],
  ['J01', 'an alg that is a list', heading({ alg: ['EdDSA'] })],
  ...Object.entries(NOT_SECRETS).flatMap(([name, secret]): [string, string, string][] => [
    ['J02', `HS256 keyed with ${name}`, heading({ alg: 'HS256' }, hmac(secret))],
    ['J02', `alg EdDSA, but an HMAC keyed with ${name}`, heading({}, hmac(secret))],
  ]),
  ['J02', 'HS512 keyed with x', heading({ alg: 'HS512' }, (text) => createHmac('sha512', jwk.x).update(text).digest())],
  ['J02', 'ES256 of a stranger', heading({ alg: 'ES256' }, es256(onCurve.privateKey))],
  ['J02', 'alg Ed448, of the same family', heading({ alg: 'Ed448' })],
  ['J04', 'a key in jwk', byStranger({ jwk: strangerJwk })],
  ['J04', 'a key in jwk and its kid', byStranger({ jwk: strangerJwk, kid: 'stranger' })],
  ['J04', 'jku', byStranger({ jku: trapUrl })],
  ['J04', 'jku and the kid that is found there', byStranger({ jku: trapUrl, kid: 'stranger' })],
  ['J04', 'x5u', byStranger({ x5u: trapUrl, kid: 'stranger' })],
  ['J04', 'x5c', byStranger({ x5c: [strangerJwk.x], kid: undefined })],
  ['J04', 'an address as kid', byStranger({ kid: trapUrl })],
  ['J04', 'a path as kid', byStranger({ kid: '../../../../dev/null' })],
  ['J07', 'another audience', claiming({ aud: 'https://other.example.org' })],
  ['J07', 'no audience', without('aud')],
  ['J07', 'an empty audience', claiming({ aud: '' })],
  ['J07', 'null as audience', claiming({ aud: null })],
  ['J07', 'a list with the audience', claiming({ aud: [app.url] })],
  ['J07', 'a list of audiences', claiming({ aud: [app.url, 'https://other.example.org'] })],
  ['J07', 'an audience that starts alike', claiming({ aud: `${app.url}.example.org` })],
  ['J08', 'another issuer', claiming({ iss: 'https://other.example.org' })],
  ['J08', 'an issuer that starts alike', claiming({ iss: `${app.url}.example.org` })],
  ['J08', 'the start of the issuer', claiming({ iss: app.url.slice(0, -1) })],
  ['J08', 'an issuer with a slash at its end', claiming({ iss: `${app.url}/` })],
  ['J08', 'a list with the issuer', claiming({ iss: [app.url] })],
  ['J08', 'no issuer', without('iss')],
  ['J09', 'one bit of the header', `${flipped(headerPart)}.${claimsPart}.${signaturePart}`],
  ['J09', 'one bit of the claims', `${headerPart}.${flipped(claimsPart)}.${signaturePart}`],
  ['J09', 'one bit of the signature', `${headerPart}.${claimsPart}.${flipped(signaturePart)}`],
  ['J09', 'header and claims swapped', `${claimsPart}.${headerPart}.${signaturePart}`],
  ['J09', 'claims and signature swapped', `${headerPart}.${signaturePart}.${claimsPart}`],
  [
    'J09',
    'another user under the old signature',
    [headerPart, encode({ ...claims, sub: 'eve' }), signaturePart].join('.'),
  ],
  ['J09', 'two parts', `${headerPart}.${claimsPart}`],
  ['J09', 'four parts', `${good}.${signaturePart}`],
  ['J09', 'five parts, as when encrypted', `${good}.e30.e30`],
  ['J09', 'JSON in place of the compact form', JSON.stringify({ payload: claimsPart, signature: signaturePart })],
  ['J09', 'a space within', `${headerPart} .${claimsPart}.${signaturePart}`],
  ['J11', 'crit names x', heading({ crit: ['x'], x: 1 })],
  ['J11', 'crit is empty', heading({ crit: [] })],
  ['J11', 'crit is no list', heading({ crit: 'exp' })],
  ['J11', 'the payload is not encoded', heading({ crit: ['b64'], b64: false })],
  [
    'J12',
    'a link to verify an address',
    forge({ alg: 'HS256' }, { email: claims.email, userId, iat, exp }, hmac(SECRET)),
  ],
  ['J12', 'a cookie cache', forge({ alg: 'HS256' }, { session: { userId }, user: { id: userId }, exp }, hmac(SECRET))],
  ['J12', 'the token of a form', csrfToken],
  ['J12', 'a refresh token', pair.refreshToken],
  ['J12', 'the handle of the session', sid],
  ['J12', 'an id token for somebody else', claiming({ aud: 'client-7', sid: undefined, nonce: 'n' })],
  ['J13', 'no end', without('exp')],
  ['J13', 'null as end', claiming({ exp: null })],
  ['J13', 'an end as text', claiming({ exp: String(exp) })],
  ['J13', 'an end with a fraction', claiming({ exp: exp + 0.5 })],
  ['J13', 'an end that is true', claiming({ exp: true })],
  ['J13', 'an end beyond all numbers', saying(claimsText.replace(`"exp":${exp}`, '"exp":1e999'))],
  ['J13', 'an end in a million years', claiming({ exp: 1e14 })],
  ['J13', 'an end of five thousand digits', saying(claimsText.replace(`"exp":${exp}`, `"exp":${'9'.repeat(5000)}`))],
  ['J13', 'an end that is not a number', saying(claimsText.replace(`"exp":${exp}`, '"exp":NaN'))],
  ['J13', 'a life of a second too long', claiming({ exp: iat + 901 })],
  ['J13', 'no start', without('iat')],
  ['J13', 'a start as text', claiming({ iat: String(iat) })],
  ['J13', 'a user that is a number', claiming({ sub: 7 })],
  ['J13', 'a user that is empty', claiming({ sub: '' })],
  ['J13', 'no user', without('sub')],
  ['J13', 'no session', without('sid')],
  ['J13', 'a session that is a list', claiming({ sid: [sid] })],
  ['J13', 'two ends, of which the last is over', saying(claimsText.replace(/}$/, `,"exp":${iat - 60}}`))],
  [
    'J13',
    'two audiences, of which the last is another',
    saying(claimsText.replace(/}$/, ',"aud":"https://o.example"}')),
  ],
  ['J13', 'claims that are a list', saying(JSON.stringify([claims]))],
  ['J13', 'claims that are a word', saying('true')],
  ['J13', 'claims that are not JSON', saying('name=Ada')],
  ['J13', 'claims of ten thousand brackets', saying('['.repeat(10_000))],
  ['J14', 'a key that was never published', byStranger({ kid: 'stranger' })],
  ['J14', 'a key that was never published, under the name of the good one', byStranger({})],
  ['J14', 'no kid', heading({ kid: undefined })],
  ['J14', 'an empty kid', heading({ kid: '' })],
  ['J14', 'a kid that is a number', heading({ kid: 7 })],
  ['J14', 'a kid that is a list', heading({ kid: [jwk.kid] })],
  ['J37', 'a header of ten thousand brackets', `${encode('['.repeat(10_000))}.${claimsPart}.${signaturePart}`],
  ['J37', 'a header that is a list', `${encode('[]')}.${claimsPart}.${signaturePart}`],
  ['J37', 'a header that is null', `${encode('null')}.${claimsPart}.${signaturePart}`],
  [
    'J37',
    'a header that is not UTF-8',
    `${Buffer.from([255, 254, 0]).toString('base64url')}.${claimsPart}.${signaturePart}`,
  ],
  ['J37', 'a kid of 40 KB', byStranger({ kid: 'k'.repeat(40_000) })],
  ['J37', '60 KB of letters', 'a'.repeat(60_000)],
  ['J37', '60 KB of dots', '.'.repeat(60_000)],
  ['J37', 'letters that are not ASCII', 'é.ü.ÿ'],
  ['J37', 'percent signs', '%00%0d%0a.%ff.%'],
]

function encode(part: Json | string): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

describe('[J01, J02, J04, J07, J08, J09, J11, J12, J13, J14, J37] the Python backend', () => {
  it('lets in who has a good token, made by the server or by the hand that makes those below', async () => {
    for (const token of [good, claiming({}), heading({}), saying(claimsText), heading({ typ: 'JWT' }), newer]) {
      const { status, body } = await backend.get('/me', token)
      assert.equal(status, 200, token)
      assert.equal(body.sub, sub)
    }
  })

  for (const [row, what, token] of ROWS) {
    it(`refuses (${row}): ${what}`, async () => {
      const { status, headers, body } = await backend.get('/me', token)
      assert.equal(status, 401)
      assert.match(headers.get('www-authenticate') ?? '', /^Bearer realm="Matricula", error="invalid_token", /)
      assert.deepEqual(body, { detail: 'Not signed in, or no longer' })
    })
  }

  it('refuses (J37): 100 KB, which its server does not even read', async () => {
    const { status } = await backend.get('/me', `${headerPart}.${'a'.repeat(100_000)}.${signaturePart}`)
    assert.ok([400, 401, 431].includes(status), String(status))
  })

  it('takes the last of a claim that stands there twice (J13), as Matricula itself does', async () => {
    const twice = saying(claimsText.replace(/^{/, '{"sub":"eve","exp":1,"iss":"https://other.example.org",'))
    const { status, body } = await backend.get('/me', twice)
    assert.deepEqual([status, body.sub], [200, sub])
    const own = await api.post('/api/auth/introspect', { token: twice })
    assert.deepEqual(own.body, { active: true, sub, sid, exp })
  })

  it('refuses a thousand damaged tokens, each with something else wrong', async () => {
    const refusals = new Map<number, number>()
    for (let batch = 0; batch < 50; batch += 1) {
      const replies = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => backend.get('/me', damaged(batch * 20 + index))),
      )
      for (const { status } of replies) refusals.set(status, (refusals.get(status) ?? 0) + 1)
    }
    assert.deepEqual([...refusals], [[401, 1000]])
  })

  it('has followed no address, kept quiet about every token, and still lets in who has a good one', async () => {
    assert.equal(followed, 0)
    assert.equal((await backend.get('/me', good)).status, 200)
    assert.doesNotMatch(backend.log(), /Traceback|" 500/)
    assert.equal(backend.log().includes(signaturePart), false)
    assert.equal((await backend.get('/me', await resigned(app, good, {}))).status, 200)
  })
})

/** The valid token with one piece replaced, removed or added; `seed` decides how and where. */
function damaged(seed: number): string {
  const at = (seed * 7919) % good.length
  const width = 1 + (seed % 5)
  const kind = seed % 4
  if (kind === 0) return good.slice(0, at) + good.slice(at + width)
  if (kind === 1) return good.slice(0, at) + randomBytes(width).toString('base64url') + good.slice(at)
  if (kind === 2) return good.slice(0, Math.max(1, at))
  const other = good[at] === 'A' ? 'B' : 'A'
  return good.slice(0, at) + other.repeat(width) + good.slice(at + width)
}
