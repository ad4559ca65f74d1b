/** Password hashes: old ones are renewed, only a limited number is made at once, and nobody sees them. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { authenticate } from '../../src/accounts/login.ts'
import { createPasswords } from '../../src/accounts/passwords/password-hashing.ts'
import { findCredentials } from '../../src/accounts/users.ts'
import { describeError } from '../../src/base/log.ts'
import { SECRET, startApp, type TestApp } from '../support/app.ts'
import { watchHashing } from '../support/hashing.ts'
import { comingBack, learner, openBrowser, type Person, somebody } from '../support/people.ts'
import { eventually } from '../support/process.ts'

const app = await startApp({ BCRYPT_COST: '10' })
const PEPPERS = app.deps.config.keys('pepper')

const hashOf = async ({ sql }: TestApp, { email }: Person) => (await findCredentials(sql, email))?.passwordHash ?? ''
const costOf = (hash: string) => /\$2b\$(\d\d)\$/.exec(hash)?.[1]

/** Somebody whose password was hashed at a lower cost than today's. */
async function fromLongAgo(name: string): Promise<Person> {
  const { person } = await learner(app, name)
  const hash = await createPasswords({ cost: 5, peppers: PEPPERS, atOnce: 2 }).hash(person.password)
  await app.sql`update users set password_hash = ${hash} where email = ${person.email}`
  return person
}

const logIn = async (at: TestApp, person: Person, password = person.password) =>
  (await comingBack(() => openBrowser(at).logIn({ ...person, password }, { next: '/' }))).status

describe('a hash of a lower cost', () => {
  it('[P15] lets its owner in and is made anew, once', async () => {
    const ada = await fromLongAgo('Ada')
    assert.equal(costOf(await hashOf(app, ada)), '05')
    assert.equal(await logIn(app, ada), 303)
    const renewed = await hashOf(app, ada)
    assert.equal(costOf(renewed), '10')
    assert.equal(await logIn(app, ada), 303)
    assert.equal(await hashOf(app, ada), renewed)
    assert.equal(await logIn(app, ada, 'wrong'), 422)
  })

  it('is not made anew by a wrong password', async () => {
    const ada = await fromLongAgo('Ada')
    const before = await hashOf(app, ada)
    assert.equal(await logIn(app, ada, 'wrong'), 422)
    assert.equal(await hashOf(app, ada), before)
  })

  it('[P15] survives many logins at once, over two servers', async () => {
    const ada = await fromLongAgo('Ada')
    const other = await startApp({ BCRYPT_COST: '10' }, { databaseUrl: app.databaseUrl })
    const statuses = await Promise.all(Array.from({ length: 10 }, (_, index) => logIn(index % 2 ? app : other, ada)))
    assert.deepEqual([...new Set(statuses)], [303])
    assert.equal(costOf(await hashOf(app, ada)), '10')
    assert.equal(await logIn(app, ada), 303)
  })

  it('is not written over when the password was changed meanwhile', async () => {
    const ada = await fromLongAgo('Ada')
    const changed = await app.deps.passwords.hash('another tidy copper lantern')
    // A higher cost makes the renewal slow, so that the password changes while it runs.
    const slow = await startApp({ BCRYPT_COST: '13' }, { databaseUrl: app.databaseUrl })
    const bcrypt = watchHashing()
    const login = logIn(slow, ada)
    await eventually('the renewal to start', () => bcrypt.started === 2)
    await app.sql`update users set password_hash = ${changed} where email = ${ada.email}`
    assert.equal(bcrypt.running, 1)
    assert.equal(await login, 303)
    assert.equal(await hashOf(app, ada), changed)
  })
})

describe('the pepper', () => {
  const newer = 'the-next-secret-of-the-tests-9876543210zyxw'

  it('[P18] is rotated by logging in, and then the old secret can go', async () => {
    const { person: ada } = await learner(app, 'Ada')
    const { person: ben } = await learner(app, 'Ben')
    const before = await hashOf(app, ada)
    const { databaseUrl } = app
    const both = await startApp({ APP_SECRETS: `${newer},${SECRET}` }, { databaseUrl })
    const onlyNewer = await startApp({ APP_SECRETS: newer }, { databaseUrl })

    assert.equal(await logIn(both, ada, 'wrong'), 422)
    assert.equal(await hashOf(app, ada), before)
    assert.equal(await logIn(both, ada), 303)
    assert.notEqual((await hashOf(app, ada)).slice(0, 8), before.slice(0, 8))
    assert.equal(await logIn(onlyNewer, ada), 303)
    // Ben did not log in while both secrets were set, so his hash still needs the older pepper.
    assert.equal(await logIn(onlyNewer, ben), 422)
    assert.equal(await logIn(both, ben), 303)
    assert.equal(await logIn(onlyNewer, ben), 303)
  })

  it('counts: the same password under another pepper is not the same', async () => {
    const one = createPasswords({ cost: 4, peppers: [Buffer.from('one')], atOnce: 1 })
    const other = createPasswords({ cost: 4, peppers: [Buffer.from('other')], atOnce: 1 })
    const hash = await one.hash('plain')
    assert.deepEqual(await one.verify('plain', hash), { ok: true, outdated: false })
    assert.deepEqual(await other.verify('plain', hash), { ok: false })
    const relabelled = (await other.hash('plain')).slice(0, 8) + hash.slice(8)
    assert.deepEqual(await other.verify('plain', relabelled), { ok: false })
  })
})

const cheap = createPasswords({ cost: 4, peppers: PEPPERS, atOnce: 2 })
const good = await cheap.hash('plain')

describe('a hash that is none', () => {
  const table: Record<string, string | null | undefined> = {
    'no account': undefined,
    'no password': null,
    'an empty text': '',
    'the password itself': 'plain',
    'a cut hash': good.slice(0, -1),
    'a longer hash': `${good}a`,
    'another scheme': good.replace('$2b$', '$2y$'),
    'no pepper id': good.slice(8),
    'a cost that would take hours': good.replace('$04$', '$31$'),
    'a cost that is no number': good.replace('$04$', '$xx$'),
  }
  for (const [name, stored] of Object.entries(table)) {
    it(`matches no password: ${name}`, async () => {
      for (const password of ['plain', '', stored ?? '']) {
        assert.deepEqual(await cheap.verify(password, stored), { ok: false })
      }
    })
  }
})

describe('a password is never kept in clear', () => {
  const secret = 'Very-Secret-9f3a7c-Passphrase'

  it('[P19] not in the database, not in the log, and its hash in neither page nor log', async () => {
    const own = await startApp({ BCRYPT_COST: '10' })
    const ada = { ...somebody('Ada'), password: secret }
    const browser = openBrowser(own)
    const pages = [
      await browser.signUp(ada),
      await browser.get('/dashboard'),
      await openBrowser(own).signUp(ada),
      await openBrowser(own).signUp({ ...ada, email: 'no address' }),
      await openBrowser(own).logIn(ada, { next: '/' }),
      await openBrowser(own).logIn({ ...ada, password: `${secret} wrong` }, { next: '/' }),
      await openBrowser(own).submit('/login', `email=%00nobody&password=${secret}&password=${secret}`),
      await openBrowser(own).post('/login', `{"password":"${secret}"`, { 'Content-Type': 'application/json' }),
      await openBrowser(own).get(`/login?password=${secret}`),
      await openBrowser(own).get(`/${secret}`),
    ]
    // Also when the database fails in the middle of a request.
    await own.deps.pool.query('alter table users rename column name to renamed')
    pages.push(await openBrowser(own).signUp({ ...somebody('Ben'), password: secret }))
    assert.equal(pages.at(-1)?.status, 500)
    await own.deps.pool.query('alter table users rename column renamed to name')

    const tables = await own.sql<{ name: string }>`
      select table_name as name from information_schema.tables where table_schema = 'public'`
    assert.equal(tables.length >= 4, true)
    const rows = await Promise.all(
      tables.map(({ name }) => own.deps.pool.query(`select t::text as row from "${name}" t`)),
    )
    const database = JSON.stringify(rows)
    assert.equal(database.includes(ada.email), true)
    const log = own.log()
    const answers = JSON.stringify(pages.map(({ headers, text }) => ({ headers, text })))
    assert.equal(log.split('\n').length > pages.length, true)
    const hash = await hashOf(own, ada)
    for (const [place, text] of Object.entries({ database, log, answers })) {
      assert.ok(!text.includes(secret), `the password is in the ${place}`)
      assert.ok(!text.includes(Buffer.from(secret).toString('base64').slice(0, 20)), `encoded, in the ${place}`)
      if (place !== 'database') {
        assert.ok(!text.includes(hash.slice(8)), `the hash is in the ${place}`)
        assert.doesNotMatch(text, /\$2b\$/)
      }
    }
  })

  it('[P19] and a user that is printed shows neither password nor hash', async () => {
    const ada = { ...somebody('Ada'), password: secret }
    const login = { email: ada.email, password: secret, device: { ipAddress: '203.0.113.1', userAgent: '' } }
    assert.equal((await openBrowser(app).signUp(ada)).status, 303)
    const authenticated = await authenticate(app.deps, login)
    const found = await findCredentials(app.sql, ada.email)
    assert.ok(authenticated.ok && found, 'the account is found')
    for (const user of [authenticated.user, found.user]) {
      assert.equal(user.email, ada.email)
      const printed = inspect(user, { depth: 9, showHidden: true }) + JSON.stringify(user)
      assert.doesNotMatch(printed, /\$2b\$|password|hash/i)
      assert.equal(printed.includes(secret), false)
    }
  })

  it('[X26] and an error of the database is described without the row it carries', async () => {
    const { person } = await learner(app, 'Ada')
    const hash = await hashOf(app, person)
    const error = await app.sql`
      insert into users (id, name, email, password_hash) values ('one', ${person.name}, ${person.email}, ${hash})`.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    assert.ok(inspect(error).includes(person.email), 'the error itself carries the address')
    const described = JSON.stringify(describeError(error))
    assert.match(described, /23505/)
    assert.equal(described.includes(person.email), false)
    assert.doesNotMatch(described, /\$2b\$/)
  })
})

describe('the line in front of bcrypt', () => {
  it('keeps the order', async () => {
    const passwords = createPasswords({ cost: 4, peppers: PEPPERS, atOnce: 1 })
    const finished: number[] = []
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => passwords.hash('plain').then(() => finished.push(index))),
    )
    assert.deepEqual(
      finished,
      finished.toSorted((a, b) => a - b),
    )
  })

  for (const atOnce of [1, 2, 3]) {
    it(`runs no more than ${atOnce} at once, and as many as that`, async () => {
      const bcrypt = watchHashing()
      const passwords = createPasswords({ cost: 4, peppers: PEPPERS, atOnce })
      const hash = await passwords.hash('plain')
      await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          index % 2 ? passwords.hash('plain') : passwords.verify(index % 4 ? 'plain' : 'wrong', hash),
        ),
      )
      assert.equal(bcrypt.started, 21)
      assert.equal(bcrypt.most, atOnce)
    })
  }

  it('gives a place back when the hash in it fails', async () => {
    const passwords = createPasswords({ cost: 'no cost' as never, peppers: PEPPERS, atOnce: 1 })
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => passwords.hash('plain')))
    assert.deepEqual([...new Set(results.map(({ status }) => status))], ['rejected'])
    assert.deepEqual(await passwords.verify('plain', good), { ok: true, outdated: true })
  })

  it('outlives a thread that ends while it has nothing to do', async () => {
    const threads: Worker[] = []
    const note = (thread: Worker) => threads.push(thread)
    process.on('worker', note)
    const passwords = createPasswords({ cost: 4, peppers: PEPPERS, atOnce: 8 })
    // More at once than there are idle threads already.
    await Promise.all(Array.from({ length: 8 }, () => passwords.hash('plain')))
    process.off('worker', note)
    assert.ok(threads.length > 0)
    for (const thread of threads) await thread.terminate()
    assert.match(await passwords.hash('plain'), /\$2b\$04\$/)
  })

  it('leads to threads that let everything else go first', { skip: process.platform !== 'linux' }, async () => {
    await createPasswords({ cost: 4, peppers: PEPPERS, atOnce: 1 }).hash('plain')
    const niceOf = (thread: string) =>
      Number(
        readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ')[16],
      )
    const nice = readdirSync('/proc/self/task').map(niceOf)
    assert.equal(niceOf(String(process.pid)), 0)
    assert.ok(nice.includes(10), nice.join(' '))
  })

  it('is left by those who hang up before their hash is begun', async () => {
    const slow = await startApp({ BCRYPT_COST: '12' })
    const hashing = watchHashing()
    const hangUp = new AbortController()
    const calls = Array.from({ length: 6 }, (_, index) =>
      fetch(`${slow.url}/api/auth/sign-in/email`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Origin: slow.url },
        body: JSON.stringify({ email: somebody(`Ada${index}`).email, password: 'plain' }),
        signal: hangUp.signal,
      }),
    )
    await eventually('the first hashes to begin', () => hashing.started > 0)
    hangUp.abort()
    await Promise.allSettled(calls)
    await eventually('the first hashes to end', () => hashing.running === 0)
    assert.ok(hashing.started <= slow.deps.config.hashesAtOnce, `${hashing.started} of 6 were begun`)
    const [row] = await slow.sql<{ points: number }>`select coalesce(max(points), 0)::int as points from rate_limits`
    assert.ok((row?.points ?? 0) <= slow.deps.config.hashesAtOnce, 'what was not begun is no try')
    assert.doesNotMatch(slow.log(), /"level":(50|60)/)
  })
})
