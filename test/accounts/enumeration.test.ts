/** A failed login does not tell a stranger whether there is an account, or what kind of account it is. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPasswords } from '../../src/accounts/passwords/password-hashing.ts'
import { startApp } from '../support/app.ts'
import { watchHashing } from '../support/hashing.ts'
import { openBrowser, PASSWORD, somebody } from '../support/people.ts'

// One proxy in front, so that every try can come from its own network and meets no limit.
const app = await startApp({ TRUST_PROXY: '1', BCRYPT_COST: '10' })

let networks = 0
const newNetwork = () => {
  networks += 1
  return { 'X-Forwarded-For': `198.51.${networks >> 8}.${networks & 255}` }
}

const hashAt = (cost: number) =>
  createPasswords({ cost, peppers: app.deps.config.keys('pepper'), atOnce: 2 }).hash(PASSWORD)
const HASHES = { current: await hashAt(10), old: await hashAt(4) }

async function accountWith(hash: string | null): Promise<string> {
  const { name, email } = somebody('Ada')
  await app.sql`insert into users (id, name, email, password_hash) values (${email}, ${name}, ${email}, ${hash})`
  return email
}

/** Each returns an address that nobody has tried yet. */
const REFUSED: Record<string, () => Promise<string>> = {
  'a wrong password': () => accountWith(HASHES.current),
  'an unknown address': async () => somebody('Carl').email,
  'an account without a password': () => accountWith(null),
  'an account whose hash is of an older, lower cost': () => accountWith(HASHES.old),
  'an account whose hash is damaged': () => accountWith('not a hash'),
  'an account whose hash has an unknown pepper': () => accountWith(`AAAAAAAA${HASHES.current.slice(8)}`),
}

/** One login with a wrong password, timed from sending the form to the end of the answer. */
async function tryToLogIn(email: string) {
  const browser = openBrowser(app, newNetwork())
  const body = { email, password: 'certainly not this one', next: '/', _csrf: await browser.token('/login') }
  const start = performance.now()
  const response = await browser.post('/login', body)
  return { response, milliseconds: performance.now() - start }
}

/** What a stranger can see, without what differs between any two tries. */
function seen({ response }: Awaited<ReturnType<typeof tryToLogIn>>, email: string) {
  const { date, 'x-request-id': id, 'retry-after': wait, ...headers } = response.headers as Record<string, string>
  assert.ok(date && id, 'every answer has a date and an id')
  return {
    status: response.status,
    headers: { ...headers, hasRetryAfter: wait !== undefined, 'content-length': '' },
    body: response.text.replaceAll(email, 'EMAIL').replace(/(name="_csrf" value=")[^"]+/, '$1TOKEN'),
  }
}

describe('a refused login answers alike to', () => {
  for (const [name, newAddress] of Object.entries(REFUSED)) {
    it(`[E01, E03, E10] a wrong password and ${name}`, async () => {
      const [known, other] = [await accountWith(HASHES.current), await newAddress()]
      const expected = seen(await tryToLogIn(known), known)
      assert.equal(expected.status, 422)
      assert.match(expected.body, /Email or password is incorrect/)
      assert.deepEqual(seen(await tryToLogIn(other), other), expected)
    })

    it(`[E08] a wrong password and ${name}, try after try, into the pause`, async () => {
      const [known, other] = [await accountWith(HASHES.current), await newAddress()]
      for (const email of [known, other]) {
        for (let tries = 0; tries < 7; tries += 1) await app.deps.rateLimits.count('loginByAddress', email)
      }
      const statuses = []
      for (let tries = 0; tries < 5; tries += 1) {
        const expected = seen(await tryToLogIn(known), known)
        statuses.push(expected.status)
        assert.deepEqual(seen(await tryToLogIn(other), other), expected)
      }
      assert.deepEqual(statuses, [422, 422, 422, 429, 429])
    })
  }
})

// In work and not in time: hashing lets everything else go first, so its time says how busy the machine is.
describe('a refused login costs the same for any address, whether there is an account or not', () => {
  it('[E02, E03] counted in the work of bcrypt', async () => {
    const hashing = watchHashing()
    for (const [name, newAddress] of Object.entries(REFUSED)) {
      const email = await newAddress()
      const before = hashing.work
      await tryToLogIn(email)
      assert.equal(hashing.work - before, 2 ** 10, name)
    }
  })
})
