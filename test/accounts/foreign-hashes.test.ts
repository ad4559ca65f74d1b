/** Hashes that other programs have made: each lets its owner in once, and is then one of ours. */
import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { describe, it } from 'node:test'
import bcrypt from 'bcrypt'
import { hashPassword } from 'better-auth/crypto'
import { argon2 } from '../../src/accounts/passwords/argon2.ts'
import { matches } from '../../src/accounts/passwords/foreign-check.ts'
import { foreignHash } from '../../src/accounts/passwords/foreign-hashes.ts'
import { createPasswords } from '../../src/accounts/passwords/password-hashing.ts'
import { startApp } from '../support/app.ts'
import { ARGON2, FOREIGN, type ForeignVector } from '../support/foreign-hashes.ts'
import { watchHashing } from '../support/hashing.ts'
import { comingBack, learner, openBrowser, PASSWORD } from '../support/people.ts'

const PEPPERS = [Buffer.from('one pepper'), Buffer.from('another')]
const passwords = createPasswords({ cost: 4, peppers: PEPPERS, atOnce: 2 })
const stored = (hash: string): string => passwords.takeOver(hash) ?? assert.fail(`${hash} is not taken over`)

const NO_ARGON2 = argon2() === undefined && 'the optional package @node-rs/argon2 is not installed: no check of Argon2'

/** bcrypt hashes of Devise, which puts its pepper behind the password. */
const PEPPER = 'the pepper of a Rails site'
const devise = await bcrypt.hash(PASSWORD + PEPPER, 5)

const vectors: Record<string, ForeignVector> = {
  ...FOREIGN,
  'Better Auth, by its own code': { hash: await hashPassword(PASSWORD), password: PASSWORD },
  'Better Auth, which reads ﬁ as fi': { hash: await hashPassword('ﬁne tidy copper'), password: 'fine tidy copper' },
  'Devise with a pepper': {
    hash: `$bcrypt-pepper$${Buffer.from(PEPPER).toString('base64')}${devise.replace('$2b$', '$2a$')}`,
    password: PASSWORD,
  },
}

async function isChecked({ hash, password }: ForeignVector): Promise<void> {
  assert.deepEqual(await passwords.verify(password, stored(hash)), { ok: true, outdated: true })
  for (const wrong of [`${password} `, password.toUpperCase(), ''])
    assert.deepEqual(await passwords.verify(wrong, stored(hash)), { ok: false })
}

describe('a hash of another program', () => {
  for (const [name, vector] of Object.entries(vectors))
    it(`takes the password and no other: ${name}`, () => isChecked(vector))

  for (const [name, vector] of Object.entries(ARGON2))
    it(`takes the password and no other: ${name}`, { skip: NO_ARGON2 }, () => isChecked(vector))

  it('is stored encrypted, each time differently, and comes out as it went in', () => {
    for (const { hash } of Object.values(vectors)) {
      const [one, other] = [stored(hash), stored(hash)]
      assert.notEqual(one, other)
      assert.equal(one.slice(0, 9), other.slice(0, 9))
      assert.equal(one.includes(hash.slice(-20)), false)
      assert.equal(passwords.handOver(one), hash)
    }
  })

  it('can be opened with an older secret, and not without it', async () => {
    const [newer, older] = PEPPERS
    const before = createPasswords({ cost: 4, peppers: [older ?? assert.fail()], atOnce: 1 })
    const after = createPasswords({ cost: 4, peppers: [newer ?? assert.fail()], atOnce: 1 })
    const moved = before.takeOver('$2b$08$z1JtSAB2A9esTrtl9MkVP.pfjkOgsDwPgo/eKTmG9SbtgdUlPp9a6') ?? ''
    assert.equal((await passwords.verify(PASSWORD, moved)).ok, true)
    assert.equal((await after.verify(PASSWORD, moved)).ok, false)
    assert.equal(after.canMatch(moved), false)
  })

  it('that was damaged matches nothing', async () => {
    const good = stored('$2b$08$z1JtSAB2A9esTrtl9MkVP.pfjkOgsDwPgo/eKTmG9SbtgdUlPp9a6')
    const other = good.at(-3) === 'A' ? 'B' : 'A'
    for (const damaged of [
      good.slice(0, -1),
      good.slice(0, -3) + other + good.slice(-2),
      good.slice(1),
      `${good}A`,
      good.slice(0, 9),
    ]) {
      assert.equal(passwords.canMatch(damaged), false)
      assert.deepEqual(await passwords.verify(PASSWORD, damaged), { ok: false })
    }
  })

  it('costs no more for a longer key, of which the first part is enough', async () => {
    const salt = Buffer.from('salt of sixteen.')
    const key = pbkdf2Sync(PASSWORD, salt, 1_000, 128, 'sha1')
    const hash = `$pbkdf2$1000$${salt.toString('base64')}$${key.toString('base64')}`
    await isChecked({ hash, password: PASSWORD })
    const { derived } = foreignHash(hash) ?? assert.fail()
    assert.equal(derived?.scheme === 'pbkdf2' && derived.key.length, 20)
  })

  it('that the library refuses after all matches nothing, and is no fault of ours', () => {
    const salt = Buffer.from('salt')
    const key = Buffer.alloc(32)
    const refused = { scheme: 'scrypt', cost: 2 ** 17, blockSize: 1, parallelization: 1, salt, key } as const
    assert.equal(matches(PASSWORD, refused), false)
    assert.equal(matches(PASSWORD, { scheme: 'argon2id', hash: 'nonsense' }), false)
  })

  it('of ours is taken over as it is, where its secret is', async () => {
    const ours = await passwords.hash(PASSWORD)
    assert.equal(passwords.takeOver(ours), ours)
    assert.equal(passwords.handOver(ours), ours)
    const elsewhere = createPasswords({ cost: 4, peppers: [Buffer.from('a third')], atOnce: 1 })
    assert.equal(elsewhere.takeOver(ours), undefined)
  })
})

const REST = 'z1JtSAB2A9esTrtl9MkVP.pfjkOgsDwPgo/eKTmG9SbtgdUlPp9a6'
const KEY = '3uDxFcw/Sv+H1anDYYevAl06dlivwuAYU+X3nLvRiUM'

/** Whoever moves in brings the numbers along. */
const REFUSED: Record<string, string> = {
  'the password in clear': PASSWORD,
  'an empty text': '',
  'MD5, as of old': '5f4dcc3b5aa765d61d8327deb882cf99',
  'SHA-1 with a salt': 'sha1$salt$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8',
  'an unusable password of Django': '!Xk3vR8bNq',
  'bcrypt that takes hours': `$2b$31$${REST}`,
  'bcrypt that takes seconds': `$2b$15$${REST}`,
  'bcrypt of a cost that there is not': `$2b$03$${REST}`,
  'the damaged bcrypt of PHP': `$2x$08$${REST}`,
  'scrypt of a gigabyte': `$scrypt$ln=20,r=8,p=1$mrP2HoNQKqVUai1lzLl3zg$${KEY}`,
  'scrypt of large blocks': `$scrypt$ln=10,r=100000,p=1$mrP2HoNQKqVUai1lzLl3zg$${KEY}`,
  'scrypt many times over': `$scrypt$ln=14,r=8,p=99$mrP2HoNQKqVUai1lzLl3zg$${KEY}`,
  'scrypt of nothing': `$scrypt$ln=14,r=0,p=1$mrP2HoNQKqVUai1lzLl3zg$${KEY}`,
  'scrypt of no power of two': `scrypt:30000:8:1$salt$${'ab'.repeat(32)}`,
  'scrypt with a short key': '$scrypt$ln=14,r=8,p=1$mrP2HoNQKqVUai1lzLl3zg$3uDx',
  'PBKDF2 without end': `$pbkdf2-sha256$i=4000000000$XYvR2rsXopTyntNaKyWE0A$${KEY}`,
  'PBKDF2 of no rounds': `$pbkdf2-sha256$i=0$XYvR2rsXopTyntNaKyWE0A$${KEY}`,
  'PBKDF2 of a digest that is not known': `$pbkdf2-md5$i=1000$XYvR2rsXopTyntNaKyWE0A$${KEY}`,
  'PBKDF2 with an endless salt': `$pbkdf2-sha256$i=1000$${'A'.repeat(2_000)}$${KEY}`,
  'Argon2 of a gigabyte': `$argon2id$v=19$m=1048576,t=2,p=1$AcDYOyfEmNMao/T+PwegtA$${KEY}`,
  'Argon2 of many passes': `$argon2id$v=19$m=65536,t=1000,p=1$AcDYOyfEmNMao/T+PwegtA$${KEY}`,
  'Argon2 of a thousand threads': `$argon2id$v=19$m=65536,t=1,p=1000$AcDYOyfEmNMao/T+PwegtA$${KEY}`,
  'scrypt that starts and ends with the work of seconds': `$scrypt$ln=1,r=1,p=1048576$mrP2HoNQKqVUai1lzLl3zg$${KEY}`,
  'scrypt of blocks too small for its cost': `$scrypt$ln=16,r=1,p=1$mrP2HoNQKqVUai1lzLl3zg$${KEY}`,
  'Argon2 with a salt that is too short': `$argon2id$v=19$m=65536,t=3,p=4$c2E$${KEY}`,
  'Argon2 with half a byte behind its salt': `$argon2id$v=19$m=65536,t=3,p=4$AcDYOyfEmNMao/T+Pwegt/$${KEY}`,
  'Argon2 with half a byte behind its key': `$argon2id$v=19$m=65536,t=3,p=4$AcDYOyfEmNMao/T+PwegtA$${KEY}AA`,
  'Argon2 with a number that nobody writes so': `$argon2id$v=19$m=065536,t=3,p=4$AcDYOyfEmNMao/T+PwegtA$${KEY}`,
  'Argon2d, which side channels read': `$argon2d$v=19$m=19456,t=2,p=1$AcDYOyfEmNMao/T+PwegtA$${KEY}`,
}

describe('what is not taken over', () => {
  for (const [name, hash] of Object.entries(REFUSED)) {
    it(name, () => {
      assert.equal(foreignHash(hash), undefined)
      assert.equal(passwords.takeOver(hash), undefined)
    })
  }
})

describe('somebody who was moved in', async () => {
  const app = await startApp({ BCRYPT_COST: '10' })
  const seen = watchHashing()

  async function movedIn(hash: string) {
    const { person } = await learner(app, 'Ada')
    await app.sql`update users set password_hash = ${app.deps.passwords.takeOver(hash) ?? ''} where email = ${person.email}`
    return person
  }
  const hashOf = async (email: string): Promise<string> => {
    const [row] = await app.sql<{ passwordHash: string }>`select password_hash from users where email = ${email}`
    return row?.passwordHash ?? ''
  }
  const logIn = async (email: string, password: string) =>
    (await comingBack(() => openBrowser(app).logIn({ email, password }))).status

  for (const name of ['Better Auth, by its own code', 'Django, PBKDF2', 'Firebase', 'passlib, bcrypt']) {
    it(`logs in with the old password, and has a hash of ours then: ${name}`, async () => {
      const { hash, password } = vectors[name] ?? assert.fail()
      const ada = await movedIn(hash)
      const before = await hashOf(ada.email)
      assert.equal(await logIn(ada.email, `${password}!`), 422)
      assert.equal(await hashOf(ada.email), before)
      assert.equal(await logIn(ada.email, password), 303)
      assert.match(await hashOf(ada.email), /^[\w-]{8}\$2b\$10\$/)
      assert.equal(await logIn(ada.email, password), 303)
      assert.equal(await logIn(ada.email, `${password}!`), 422)
      assert.doesNotMatch(app.log(), /no password can match/)
    })
  }

  it('is refused for the work of anybody else, where the old hash was quicker to check', async () => {
    const ada = await movedIn('$2b$08$z1JtSAB2A9esTrtl9MkVP.pfjkOgsDwPgo/eKTmG9SbtgdUlPp9a6')
    const worked = seen.work
    assert.equal(await logIn(ada.email, 'not the password'), 422)
    assert.equal(seen.work - worked, 2 ** 10)
    // Of other schemes the time counts: whatever is left of it is filled up.
    const ben = await movedIn(`$pbkdf2-sha256$1$XYvR2rsXopTyntNaKyWE0A$${KEY}`)
    // A thread that was held up in one check has nothing to fill up, so there are several.
    let most = 0
    for (let tries = 0; tries < 5 && most < 2; tries += 1) {
      const started = seen.started
      assert.equal(await logIn(ben.email, 'not the password'), 422)
      most = Math.max(most, seen.started - started)
    }
    assert.ok(most > 1, 'the check is followed by others')
  })

  it('keeps the place in the line, and leaves the log alone', async () => {
    const ada = await movedIn(vectors['Django, scrypt']?.hash ?? '')
    const statuses = await Promise.all(Array.from({ length: 6 }, () => logIn(ada.email, PASSWORD)))
    assert.deepEqual([...new Set(statuses)], [303])
    assert.ok(seen.most <= app.deps.config.hashesAtOnce, `${seen.most} at once`)
  })
})
