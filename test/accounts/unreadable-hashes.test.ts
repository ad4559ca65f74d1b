/**
 * A stored password hash that cannot be parsed (restored from elsewhere, or cut): nobody can log in with it, and the
 * log tells the operator.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPasswords } from '../../src/accounts/passwords/password-hashing.ts'
import { createHourly, pseudonym } from '../../src/base/log.ts'
import { startApp } from '../support/app.ts'
import { watchHashing } from '../support/hashing.ts'
import { learner, openBrowser, PASSWORD, type Person, somebody } from '../support/people.ts'

const HOUR = 60 * 60_000
const app = await startApp({ BCRYPT_COST: '10' })
const seen = watchHashing()
const GOOD = await createPasswords({ cost: 10, peppers: app.deps.config.keys('pepper'), atOnce: 2 }).hash(PASSWORD)
const OLD = await createPasswords({ cost: 5, peppers: app.deps.config.keys('pepper'), atOnce: 2 }).hash(PASSWORD)

/** A learner with this text in place of the password hash. */
async function withHash(hash: string | null) {
  const { person, browser } = await learner(app, 'Ada')
  const [user] = await app.sql<{ id: string }>`
    update users set password_hash = ${hash} where email = ${person.email} returning id`
  const logged = app.log().length
  return {
    person,
    browser,
    name: pseudonym(user?.id ?? ''),
    lines: () =>
      (app
        .log()
        .slice(logged)
        .match(/.*no password can match the hash.*/g) ?? []) as string[],
  }
}

/** Logs in as a visitor. Returns how many hash comparisons that took. */
async function tryToLogIn({ email, password }: Pick<Person, 'email' | 'password'>): Promise<number> {
  const before = seen.started
  assert.equal((await openBrowser(app).logIn({ email, password })).status, 422)
  return seen.started - before
}

const UNREADABLE: Record<string, string> = {
  'a text that is none': 'not a hash',
  'an empty text': '',
  'one that was cut at its end': GOOD.slice(0, -1),
  'one that was cut at its start': GOOD.slice(1),
  'one of bcrypt alone': GOOD.slice(8),
  'one with a sign that bcrypt does not know': `${GOOD.slice(0, -1)}!`,
  'one with a line break behind it': `${GOOD}\n`,
  'one of a cost that nobody may set': GOOD.replace('$10$', '$31$'),
  'one of a cost that there is not': GOOD.replace('$10$', '$03$'),
  'one from a server with other secrets': `AAAAAAAA${GOOD.slice(8)}`,
}

describe('a hash that cannot be read', () => {
  for (const [what, hash] of Object.entries(UNREADABLE)) {
    it(`${what}: the login is refused for the work of any other, with one line an hour`, async () => {
      const { person, name, lines } = await withHash(hash)
      assert.equal(await tryToLogIn(person), 1)
      await tryToLogIn({ ...person, password: 'certainly not this one' })
      const [line = '', ...more] = lines()
      assert.equal(more.length, 0)
      assert.equal(JSON.parse(line).user, name)
      for (const secret of [hash.slice(0, 20), hash.slice(-20), person.email].filter(Boolean)) {
        assert.equal(line.includes(secret), false)
      }
      app.advance(HOUR - 60_000)
      await tryToLogIn(person)
      assert.equal(lines().length, 1)
      app.advance(60_000)
      await tryToLogIn(person)
      await tryToLogIn(person)
      assert.equal(lines().length, 2)
    })
  }

  it('leaves its line where somebody confirms it is them, too', async () => {
    const { browser, person, lines } = await withHash('not a hash')
    await browser.submit('/account/password-change', {
      currentPassword: person.password,
      newPassword: `${person.password} 2`,
    })
    assert.equal(lines().length, 1)
  })
})

describe('no line is left', () => {
  it('of a wrong password', async () => {
    const { person, lines } = await withHash(GOOD)
    await tryToLogIn({ ...person, password: 'certainly not this one' })
    assert.deepEqual(lines(), [])
  })

  it('of a hash of an older, lower cost', async () => {
    const { person, lines } = await withHash(OLD)
    await tryToLogIn({ ...person, password: 'certainly not this one' })
    assert.equal((await openBrowser(app).logIn(person)).status, 303)
    assert.deepEqual(lines(), [])
  })

  it('of an account without a password', async () => {
    const { person, lines } = await withHash(null)
    await tryToLogIn(person)
    assert.deepEqual(lines(), [])
  })

  it('of an address without an account', async () => {
    const logged = app.log().length
    await tryToLogIn(somebody('Carl'))
    assert.doesNotMatch(app.log().slice(logged), /no password can match/)
  })
})

it('only so many accounts are remembered: those told longest ago are told again', () => {
  const firstThisHour = createHourly(() => 0)
  const told = (count: number) =>
    Array.from({ length: count }, (_, id) => firstThisHour(`account ${id}`)).filter(Boolean)
  assert.equal(told(1000).length, 1000)
  assert.equal(told(1000).length, 0)
  assert.equal(told(1001).length, 1)
  assert.equal(told(1).length, 1)
})
