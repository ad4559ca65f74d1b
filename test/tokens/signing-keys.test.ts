/** The states of signing keys, as tables. Memory and database must agree on which keys are over. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { calculateJwkThumbprint } from 'jose'
import { createDb } from '../../src/database/database.ts'
import { prune } from '../../src/database/pruning.ts'
import {
  createSigningKey,
  currentOf,
  listSigningKeys,
  OLD_SIGNING_KEYS,
  PUBLISHED_AFTER_MS,
  PUBLISHED_BEFORE_MS,
  publishedUntil,
  type SigningKey,
  signerOf,
  stateOf,
} from '../../src/tokens/signing-keys.ts'
import { createDatabase } from '../support/database.ts'

const NOON = Date.UTC(2026, 0, 15, 12)
const MINUTE = 60_000

/** In minutes from noon: when it starts to sign, and when it was retired. */
type Times = [signsFrom: number, retiredAt?: number]

const keysWith = (...times: Times[]): SigningKey[] =>
  times.map(([signsFrom, retiredAt], index) => ({
    kid: `key ${index + 1}`,
    generation: index + 1,
    x: '',
    sealed: '',
    signsFrom: new Date(NOON + signsFrom * MINUTE),
    retiredAt: retiredAt === undefined ? null : new Date(NOON + retiredAt * MINUTE),
  }))

/**
 * What is true at noon. `until` is minutes from noon, or null while no key is to follow. `signer` is the number of the
 * key that signs when none is current.
 */
const CASES: { what: string; keys: Times[]; states: string[]; until: (number | null)[]; signer?: number }[] = [
  { what: 'there is none', keys: [], states: [], until: [] },
  { what: 'one signs', keys: [[-60]], states: ['current'], until: [null] },
  { what: 'one signs from this very moment', keys: [[0]], states: ['current'], until: [null] },
  { what: 'the first one does not sign yet', keys: [[1]], states: ['next'], until: [null], signer: 1 },
  { what: 'two do not sign yet', keys: [[1], [2]], states: ['next', 'next'], until: [32, null], signer: 1 },
  {
    what: 'the retired one leaves one that waits',
    keys: [[-9, -1], [6]],
    states: ['retired', 'next'],
    until: [29, null],
    signer: 2,
  },
  { what: 'the next one is published', keys: [[-60], [15]], states: ['current', 'next'], until: [45, null] },
  { what: 'the next one takes over now', keys: [[-60], [0]], states: ['retired', 'current'], until: [30, null] },
  { what: 'the next one has taken over', keys: [[-60], [-10]], states: ['retired', 'current'], until: [20, null] },
  { what: 'the old one is over', keys: [[-60], [-31]], states: ['retired', 'current'], until: [-1, null] },
  {
    what: 'two follow each other',
    keys: [[-90], [-40], [-5]],
    states: ['retired', 'retired', 'current'],
    until: [-10, 25, null],
  },
  {
    what: 'the new one was called back',
    keys: [[-60], [-10, -5]],
    states: ['current', 'retired'],
    until: [null, 25],
  },
  {
    what: 'the new one was called back and another follows',
    keys: [[-60], [-10, -5], [10]],
    states: ['current', 'retired', 'next'],
    until: [40, 25, null],
  },
  {
    what: 'the new one was called back and another has followed',
    keys: [[-60], [-10, -5], [-1]],
    states: ['retired', 'retired', 'current'],
    until: [29, 25, null],
  },
  {
    what: 'one that waits was retired',
    keys: [[-60], [15, -1]],
    states: ['current', 'retired'],
    until: [null, 29],
  },
  { what: 'the only one was retired', keys: [[-60, -5]], states: ['retired'], until: [25] },
  {
    what: 'the old one was retired too, later',
    keys: [[-60, -5], [-20]],
    states: ['retired', 'current'],
    until: [25, null],
  },
  {
    what: 'the older key signs from later on than the newer one',
    keys: [[-5], [-10]],
    states: ['retired', 'current'],
    until: [20, null],
  },
]

describe('the keys, when', () => {
  for (const { what, keys: times, states, until, signer } of CASES) {
    it(`${what}`, () => {
      const keys = keysWith(...times)
      assert.deepEqual(
        keys.map((key) => stateOf(key, keys, NOON)),
        states,
      )
      const current = keys[states.indexOf('current')]
      assert.equal(currentOf(keys, NOON), current)
      assert.equal(currentOf(keys.toReversed(), NOON), current)
      assert.equal(signerOf(keys, NOON), signer === undefined ? current : keys[signer - 1])
      assert.deepEqual(
        keys.map((key) => publishedUntil(key, keys)),
        until.map((minutes) => (minutes === null ? undefined : NOON + minutes * MINUTE)),
      )
    })
  }

  it('are published long enough before and after for verifiers that keep them', () => {
    // Before: a verifier may keep keys for 5 minutes (PyJWT), a cache for 5, an instance for 1. After: the last token
    // lives for 15, plus the leeway.
    assert.ok(PUBLISHED_BEFORE_MS >= 11 * MINUTE, 'before')
    assert.ok(PUBLISHED_AFTER_MS >= 16 * MINUTE, 'after')
  })
})

const db = createDb({ url: await createDatabase(), poolMax: 2 })
after(() => db.close())
const { sql } = db
const sealing = () => 'sealed'

async function store(keys: readonly SigningKey[]): Promise<void> {
  await sql`delete from signing_keys`
  for (const { kid, generation, signsFrom, retiredAt } of keys) {
    await sql`insert into signing_keys (kid, generation, x, sealed, signs_from, retired_at)
      values (${kid}, ${generation}, '', '', ${signsFrom}, ${retiredAt})`
  }
}

const kidsInTable = async (): Promise<string[]> =>
  (await sql<{ kid: string }>`select kid from signing_keys order by generation`).map(({ kid }) => kid)

describe('what is over', () => {
  for (const { what, keys: times, until } of CASES) {
    it(`is neither listed nor left in the table, and the rest is: ${what}`, async () => {
      const keys = keysWith(...times)
      await store(keys)
      const expected = keys.filter((_, index) => (until[index] ?? 1) > 0).map(({ kid }) => kid)
      const listed = await listSigningKeys(sql, NOON)
      assert.deepEqual(
        listed.map(({ kid }) => kid),
        expected,
      )
      assert.equal(await prune(sql, OLD_SIGNING_KEYS, NOON, 10), keys.length - expected.length)
      assert.deepEqual(await kidsInTable(), expected)
    })
  }

  it('is deleted no more than so many at a time', async () => {
    await store(keysWith([-900], [-800], [-700], [-600], [-500]))
    assert.equal(await prune(sql, OLD_SIGNING_KEYS, NOON, 3), 3)
    assert.equal(await prune(sql, OLD_SIGNING_KEYS, NOON, 3), 1)
    assert.equal(await prune(sql, OLD_SIGNING_KEYS, NOON, 3), 0)
    assert.deepEqual(await kidsInTable(), ['key 5'])
  })
})

describe('a new key', () => {
  it('has its RFC 7638 thumbprint for a name and another pair each time', async () => {
    await store([])
    for (let generation = 1; generation <= 5; generation += 1) {
      await createSigningKey(sql, { generation, signsFrom: NOON }, sealing)
    }
    const keys = await sql<SigningKey>`select * from signing_keys`
    assert.equal(keys.length, 5)
    assert.equal(new Set(keys.map(({ x }) => x)).size, 5)
    for (const { kid, x } of keys) {
      assert.equal(kid, await calculateJwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x }))
      assert.equal(Buffer.from(x, 'base64url').length, 32)
    }
  })

  it('hands its private half to be sealed, with its name, and keeps nothing of it in the open', async () => {
    await store([])
    const handed: { secret: Buffer; name: string }[] = []
    const marker = randomBytes(8).toString('hex')
    await createSigningKey(sql, { generation: 1, signsFrom: NOON }, (secret, name) => {
      handed.push({ secret: Buffer.from(secret), name })
      return marker
    })
    const [row] = await sql<SigningKey>`select * from signing_keys`
    assert.equal(handed.length, 1)
    assert.equal(handed[0]?.name, row?.kid)
    assert.equal(handed[0]?.secret.length, 32)
    assert.equal(row?.sealed, marker)
    for (const encoding of ['base64url', 'base64', 'hex'] as const) {
      assert.equal(JSON.stringify(row).includes(handed[0]?.secret.toString(encoding).slice(0, 12) ?? ''), false)
    }
  })

  it('of a generation that is there already is forgotten', async () => {
    await store([])
    await Promise.all(
      Array.from({ length: 8 }, () => createSigningKey(sql, { generation: 1, signsFrom: NOON }, sealing)),
    )
    assert.equal((await kidsInTable()).length, 1)
  })
})
