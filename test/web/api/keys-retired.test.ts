/** What an operator can do with signing keys, and what signers and verifiers see of it. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { beforeEach, describe, it } from 'node:test'
import { calculateJwkThumbprint, exportJWK } from 'jose'
import { apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp, type TestApp } from '../../support/app.ts'
import {
  decode,
  ed25519,
  forge,
  isUnauthorized,
  kidsOf,
  MINUTE,
  resigned,
  SECOND,
  setClock,
  signingKid,
} from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const other = await startApp({ PUBLIC_URL: app.url }, { databaseUrl: app.databaseUrl })
const both = [app, other]
const { keyRing } = app.deps
const { api } = await apiLearner(app, 'Ada')

const advance = (milliseconds: number) => {
  const to = app.deps.now() + milliseconds
  for (const instance of both) setClock(instance, to)
}
/** Moves the clocks on until every instance has to read the keys again. */
const reread = () => advance(61 * SECOND)

const statusAt = async (instance: TestApp, token: string): Promise<number> =>
  (await openApi(instance).get('/api/me', bearer(token))).status

async function isGoodEverywhere(token: string): Promise<void> {
  for (const instance of both) assert.equal(await statusAt(instance, token), 200)
}
async function isRefusedEverywhere(token: string): Promise<void> {
  for (const instance of both) isUnauthorized(await openApi(instance).get('/api/me', bearer(token)))
}
async function everywhere(expected: { signing: string; published: string[] }): Promise<void> {
  for (const instance of both) {
    assert.equal(await signingKid(instance), expected.signing)
    assert.deepEqual(await kidsOf(instance), expected.published)
  }
}

/** Makes a second key and moves the clocks on until every instance signs with it. */
async function rotated(): Promise<[first: string, second: string]> {
  const first = await signingKid(app)
  await keyRing.rotate()
  reread()
  const second = (await kidsOf(app)).at(-1) ?? ''
  advance(15 * MINUTE)
  assert.equal(await signingKid(app), second)
  assert.equal(await signingKid(other), second)
  return [first, second]
}

beforeEach(async () => {
  await app.sql`delete from signing_keys`
  reread()
  assert.equal((await kidsOf(app)).length, 1)
  reread()
})

describe('a key that is asked for', () => {
  it('is published at once and signs 15 minutes later, and a second one is not made meanwhile', async () => {
    const first = await signingKid(app)
    const before = app.deps.now()
    const { signsFrom } = (await keyRing.rotate()) ?? assert.fail('there is a new key')
    assert.equal(Number(signsFrom) >= before + 15 * MINUTE, true)
    assert.equal(await keyRing.rotate(), undefined)
    reread()
    const [, second = ''] = await kidsOf(app)
    await everywhere({ signing: first, published: [first, second] })
    setClock(app, Number(signsFrom) + SECOND)
    setClock(other, Number(signsFrom) + SECOND)
    await everywhere({ signing: second, published: [first, second] })
    assert.deepEqual(
      (await keyRing.list()).map(({ key, state }) => [key.kid, state]),
      [
        [first, 'retired'],
        [second, 'current'],
      ],
    )
  })
})

describe('a key that is taken back', () => {
  it('[J18] hands over to the one before it, and no token is refused meanwhile', async () => {
    const [first, second] = await rotated()
    const ofSecond = await api.token()
    assert.equal(decode(ofSecond).header.kid, second)
    const stolenLook = await app.deps.keyRing.current()

    assert.deepEqual(await keyRing.retire(second), { ok: true, outcome: 'stopped' })
    // The other instance has not read the change yet. Its tokens stay valid.
    assert.equal(await signingKid(other), second)
    await isGoodEverywhere(ofSecond)
    reread()
    await everywhere({ signing: first, published: [first, second] })
    const ofFirst = await api.token()
    assert.equal(decode(ofFirst).header.kid, first)
    for (let minutes = 0; minutes < 13; minutes += 4) {
      advance(4 * MINUTE - MINUTE)
      await isGoodEverywhere(ofSecond)
    }
    await isGoodEverywhere(ofFirst)

    advance(32 * MINUTE)
    await everywhere({ signing: first, published: [first] })
    const { claims } = decode(await api.token())
    await isRefusedEverywhere(forge({ alg: 'EdDSA', kid: second }, claims, ed25519(stolenLook.privateKey)))
    // Had it been replaced, the first key would be gone by now.
    advance(24 * 60 * MINUTE)
    await everywhere({ signing: first, published: [first] })
  })

  it('makes room for another one', async () => {
    const [first, second] = await rotated()
    await keyRing.retire(second)
    await keyRing.rotate()
    reread()
    const third = (await kidsOf(app)).at(-1) ?? ''
    await everywhere({ signing: first, published: [first, second, third] })
    advance(15 * MINUTE)
    await everywhere({ signing: third, published: [first, second, third] })
  })

  it('may be taken back twice', async () => {
    const [first, second] = await rotated()
    assert.deepEqual(await keyRing.retire(second), { ok: true, outcome: 'stopped' })
    const [before] = await app.sql<{ at: Date }>`select retired_at as at from signing_keys where kid = ${second}`
    advance(MINUTE)
    assert.deepEqual(await keyRing.retire(second), { ok: true, outcome: 'stopped' })
    const [after] = await app.sql<{ at: Date }>`select retired_at as at from signing_keys where kid = ${second}`
    assert.deepEqual(after, before)
    assert.equal(await signingKid(app), first)
  })

  it('while it still waits is gone at once, and has signed nothing', async () => {
    const first = await signingKid(app)
    await keyRing.rotate()
    reread()
    const second = (await kidsOf(app)).at(-1) ?? ''
    assert.deepEqual(await keyRing.retire(second), { ok: true, outcome: 'called-off' })
    reread()
    await everywhere({ signing: first, published: [first] })
    advance(15 * MINUTE)
    await everywhere({ signing: first, published: [first] })
    assert.ok(await keyRing.rotate(), 'another one can be made')
  })

  it('stays when no other could sign in its place', async () => {
    const only = await signingKid(app)
    assert.deepEqual(await keyRing.retire(only), { ok: false, reason: 'no-other-key' })
    await keyRing.rotate()
    assert.deepEqual(await keyRing.retire(only), { ok: false, reason: 'no-other-key' })
    reread()
    await everywhere({ signing: only, published: await kidsOf(app) })
    const rows = await app.sql`select 1 from signing_keys where retired_at is not null`
    assert.equal(rows.length, 0)
  })

  it('stays when the only other one is a key that no secret opens', async () => {
    const [first, second] = await rotated()
    const [broken] = await app.sql<{ sealed: string }>`select sealed from signing_keys where kid = ${second}`
    await app.sql`update signing_keys set sealed = ${broken?.sealed ?? ''} where kid = ${first}`
    reread()
    assert.deepEqual(await keyRing.retire(second), { ok: false, reason: 'no-other-key' })
  })

  for (const kid of ['', 'nobody', "' or '1'='1", '\u0000', '-']) {
    it(`is not there under the name ${JSON.stringify(kid)}`, async () => {
      const before = await kidsOf(app)
      for (const immediately of [false, true]) {
        assert.deepEqual(await keyRing.retire(kid, { immediately }), { ok: false, reason: 'unknown' })
      }
      reread()
      assert.deepEqual(await kidsOf(app), before)
    })
  }
})

describe('a stolen key', () => {
  it('[J14, J19] is withdrawn: its tokens end, and the one that waits signs at once', async () => {
    const stolen = await signingKid(app)
    const token = await api.token()
    await keyRing.rotate()
    reread()
    const next = (await kidsOf(app)).at(-1) ?? ''
    await isGoodEverywhere(token)
    assert.deepEqual(await keyRing.retire(stolen, { immediately: true }), { ok: true, outcome: 'withdrawn' })
    reread()
    await everywhere({ signing: next, published: [next] })
    await isRefusedEverywhere(token)
    await isGoodEverywhere(await api.token())
  })

  it('is withdrawn: the one before it signs again, as long as it is published', async () => {
    const [first, stolen] = await rotated()
    assert.deepEqual(await keyRing.retire(stolen, { immediately: true }), { ok: true, outcome: 'withdrawn' })
    reread()
    await everywhere({ signing: first, published: [first] })
  })

  it('is withdrawn: a new one is made where there is no other', async () => {
    const stolen = await signingKid(app)
    const token = await api.token()
    assert.deepEqual(await keyRing.retire(stolen, { immediately: true }), { ok: true, outcome: 'withdrawn' })
    const rows = await app.sql<{ kid: string }>`select kid from signing_keys`
    assert.equal(rows.length, 1)
    assert.notEqual(rows[0]?.kid, stolen)
    reread()
    await everywhere({ signing: rows[0]?.kid ?? '', published: [rows[0]?.kid ?? ''] })
    await isRefusedEverywhere(token)
  })

  it('is withdrawn although it signs no more', async () => {
    const [stolen, second] = await rotated()
    assert.deepEqual(await keyRing.retire(stolen, { immediately: true }), { ok: true, outcome: 'withdrawn' })
    reread()
    await everywhere({ signing: second, published: [second] })
  })
})

describe('a key that was never published', () => {
  it('[J14] signs nothing that counts, under its own name or that of a good key', async () => {
    const token = await api.token()
    const { claims } = decode(token)
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const own = await calculateJwkThumbprint(await exportJWK(publicKey))
    for (const kid of [own, await signingKid(app)]) {
      await isRefusedEverywhere(forge({ alg: 'EdDSA', kid }, claims, ed25519(privateKey)))
    }
    // The same claims are accepted when the right key signs them.
    await isGoodEverywhere(await resigned(app, token, {}))
  })
})
