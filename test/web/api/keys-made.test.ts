/** The first signing key, where it is kept, and what a change of APP_SECRETS does to it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createKeyRing } from '../../../src/tokens/key-ring.ts'
import { apiLearner, bearer, openApi } from '../../support/api.ts'
import { SECRET, startApp, type TestApp } from '../../support/app.ts'
import { createDatabase } from '../../support/database.ts'
import { startServer } from '../../support/process.ts'
import { assertNothingSecretLogged, decode, kidsOf, MINUTE, SECOND, signingKid } from '../../support/tokens.ts'

const NEWER = 'a-newer-secret-of-the-tests-9876543210zyx'
const app = await startApp({}, { atPublicUrl: true })

type Row = { kid: string; generation: number; sealed: string }
const rowsOf = ({ sql }: Pick<TestApp, 'sql'>) => sql<Row>`select * from signing_keys order by generation`

async function onlyRowOf(app: Pick<TestApp, 'sql'>): Promise<Row> {
  const [row, ...others] = await rowsOf(app)
  assert.ok(row, 'there is a key')
  assert.deepEqual(others, [])
  return row
}

/** The private half of the key that this app signs with. */
async function privateHalf({ deps }: TestApp): Promise<Buffer> {
  const { d = '' } = (await deps.keyRing.current()).privateKey.export({ format: 'jwk' })
  assert.equal(Buffer.from(d, 'base64url').length, 32)
  return Buffer.from(d, 'base64url')
}

describe('fresh instances on an empty table', () => {
  it('[J24] agree on one key, however often two of them start at once', async () => {
    for (let times = 0; times < 8; times += 1) {
      const databaseUrl = await createDatabase()
      const pair = await Promise.all([startApp({}, { databaseUrl }), startApp({}, { databaseUrl })])
      const published = await Promise.all(pair.map(kidsOf))
      const { kid } = await onlyRowOf(pair[0])
      assert.deepEqual(published, [[kid], [kid]])
      assert.deepEqual(await Promise.all(pair.map(signingKid)), [kid, kid])
    }
  })

  it('agree on one key when eight of them ask for it at once', async () => {
    const { deps, databaseUrl } = await startApp()
    const apps = await Promise.all(Array.from({ length: 4 }, () => startApp({}, { databaseUrl })))
    for (let times = 0; times < 15; times += 1) {
      await deps.sql`delete from signing_keys`
      const rings = Array.from({ length: 8 }, (_, index) => {
        const { sql, log, now, config } = (apps[index % 4] ?? app).deps
        return createKeyRing({ sql, log, now, secrets: config.keys('signing-keys'), rotationDays: 30 })
      })
      const signing = await Promise.all(rings.map(async (ring) => (await ring.current()).kid))
      const { kid } = await onlyRowOf(deps)
      assert.deepEqual([...new Set(signing)], [kid])
      for (const ring of rings) assert.equal((await ring.jwks()).keys.length, 1)
    }
  })

  it('agree on one key although their clocks do not', async () => {
    for (const behind of [2 * SECOND, 10 * MINUTE]) {
      const ahead = await startApp()
      const kid = await signingKid(ahead)
      const late = await startApp({}, { databaseUrl: ahead.databaseUrl })
      late.advance(-behind)
      assert.equal(await signingKid(late), kid)
      late.advance(2 * MINUTE)
      assert.equal(await signingKid(late), kid)
      await onlyRowOf(ahead)
    }
  })

  it('[J24] agree on one key as two processes', async () => {
    const DATABASE_URL = await createDatabase()
    const servers = await Promise.all([startServer({ DATABASE_URL }), startServer({ DATABASE_URL })])
    const [first, second] = await Promise.all(servers.map(kidsOf))
    assert.equal(first?.length, 1)
    assert.deepEqual(first, second)
  })
})

describe('the private half', () => {
  it('[J34] is in no column of the table, in no spelling', async () => {
    const secret = await privateHalf(app)
    const everything = JSON.stringify(await rowsOf(app))
    assert.ok(everything.includes(await signingKid(app)), 'the row is there')
    for (const encoding of ['base64url', 'base64', 'hex'] as const) {
      assert.equal(everything.includes(secret.toString(encoding).slice(0, 12)), false)
    }
    const { sealed } = await onlyRowOf(app)
    assert.equal(Buffer.from(sealed, 'base64url').includes(secret.subarray(0, 8)), false)
  })

  it('that was changed in the table is not used: a new key signs at once and the old one stays published', async () => {
    for (const position of [0, 14, 40]) {
      const { databaseUrl } = await startApp()
      const before = await startApp({}, { databaseUrl })
      const kid = await signingKid(before)
      const bytes = Buffer.from((await onlyRowOf(before)).sealed, 'base64url')
      bytes[position] = (bytes[position] ?? 0) ^ 1
      await before.sql`update signing_keys set sealed = ${bytes.toString('base64url')}`
      const after = await startApp({}, { databaseUrl })
      assert.notEqual(await signingKid(after), kid)
      assert.deepEqual((await kidsOf(after)).toSorted(), [kid, await signingKid(after)].toSorted())
    }
  })

  it('of one key does not pass for that of another', async () => {
    const { databaseUrl, deps, sql } = await startApp()
    await deps.keyRing.load()
    await deps.keyRing.rotate()
    const [first, second] = await rowsOf({ sql })
    assert.ok(first && second, 'there are two')
    await sql`update signing_keys set sealed = ${second.sealed} where kid = ${first.kid}`
    await sql`update signing_keys set sealed = ${first.sealed} where kid = ${second.kid}`
    const after = await startApp({}, { databaseUrl })
    assert.equal([first.kid, second.kid].includes(await signingKid(after)), false)
    assert.equal((await kidsOf(after)).length, 3)
  })
})

describe('a change of APP_SECRETS', () => {
  const BOTH = { APP_SECRETS: `${NEWER},${SECRET}` }

  it('keeps the key until one under the new secret takes over, and then the new secret alone will do', async () => {
    const before = await startApp({ APP_SECRETS: SECRET })
    const kid = await signingKid(before)
    const { databaseUrl } = before

    const between = await startApp(BOTH, { databaseUrl })
    assert.equal(await signingKid(between), kid)
    const [old, next = ''] = await kidsOf(between)
    assert.equal(old, kid)
    assert.match(next, /^[\w-]{43}$/)
    assert.deepEqual(await privateHalf(between), await privateHalf(before))
    between.advance(14 * MINUTE)
    assert.equal(await signingKid(between), kid)
    between.advance(2 * MINUTE)
    assert.equal(await signingKid(between), next)
    assert.deepEqual(await kidsOf(between), [kid, next])

    const afterwards = await startApp({ APP_SECRETS: NEWER }, { databaseUrl })
    afterwards.advance(50 * MINUTE)
    assert.equal(await signingKid(afterwards), next)
    assert.deepEqual(await kidsOf(afterwards), [next])
    assert.equal(afterwards.log().includes('no secret of APP_SECRETS'), false)
  })

  it('makes one new key when several instances see it at once', async () => {
    const before = await startApp({ APP_SECRETS: SECRET })
    const kid = await signingKid(before)
    const { databaseUrl } = before
    const instances = await Promise.all(Array.from({ length: 4 }, () => startApp(BOTH, { databaseUrl })))
    assert.deepEqual([...new Set(await Promise.all(instances.map(signingKid)))], [kid])
    assert.equal((await rowsOf(before)).length, 2)
    for (const instance of instances) instance.advance(16 * MINUTE)
    assert.equal(new Set(await Promise.all(instances.map(signingKid))).size, 1)
    assert.equal((await rowsOf(before)).length, 2)
  })

  it('without the old secret leaves its key published, says so, and signs with a new one at once', async () => {
    const before = await startApp({}, { atPublicUrl: true })
    const { api } = await apiLearner(before, 'Ada')
    const token = await api.token()
    const kid = await signingKid(before)
    const { databaseUrl, url: PUBLIC_URL } = before

    const after = await startApp({ APP_SECRETS: NEWER, PUBLIC_URL }, { databaseUrl })
    const newKid = await signingKid(after)
    assert.notEqual(newKid, kid)
    assert.deepEqual(await kidsOf(after), [kid, newKid])
    assert.match(after.log(), /"kid":"[\w-]{43}","msg":"no secret of APP_SECRETS opens this signing key/)
    assert.equal((await openApi(after).get('/api/me', bearer(token))).status, 200)
    await assertNothingSecretLogged(after, [token, NEWER, SECRET])
    // The old key is dropped once its last token has expired.
    after.advance(31 * MINUTE)
    assert.deepEqual(await kidsOf(after), [newKid])
  })

  it('that reaches one of two instances first takes the key from neither', async () => {
    const behind = await startApp({ APP_SECRETS: SECRET }, { atPublicUrl: true })
    const { api } = await apiLearner(behind, 'Ada')
    const kid = await signingKid(behind)
    const { databaseUrl, url: PUBLIC_URL } = behind
    const ahead = await startApp({ ...BOTH, PUBLIC_URL }, { databaseUrl })
    for (let minutes = 0; minutes < 40; minutes += 1) {
      for (const instance of [behind, ahead]) {
        instance.advance(MINUTE + SECOND)
        await instance.deps.keyRing.current()
      }
      const token = await api.token()
      for (const instance of [behind, ahead]) {
        const { status } = await openApi(instance).get('/api/me', bearer(token))
        assert.equal(status, 200, `refused in minute ${minutes}`)
      }
    }
    // Each instance's key replaces the other's in the end, and the other then makes a new one in time: at most one key
    // in 15 minutes.
    assert.notEqual(await signingKid(ahead), kid)
    const made = (await rowsOf(behind)).length
    assert.ok(made >= 2 && made <= 5, `${made} keys`)
  })
})

describe('the log', () => {
  it('[J34] holds nothing secret', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    assert.equal(decode(token).header.kid, await signingKid(app))
    await assertNothingSecretLogged(app, [token, SECRET])
  })
})
