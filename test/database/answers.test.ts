/** Whatever happens to a connection or a query, the next answer is the right one. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { Unavailable } from '../../src/base/failures.ts'
import { createDb } from '../../src/database/database.ts'
import { apiOf, openApi } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { learner, somebody } from '../support/people.ts'
import { startProxy } from '../support/proxy.ts'

async function openDb(url?: string) {
  const db = createDb({ url: url ?? (await createDatabase()), poolMax: 1, deadlineMs: 2_000 })
  after(() => db.close())
  return db
}

describe('a query that fails behind its first row', () => {
  const failures: Record<string, string> = {
    'a division by zero': 'select 10 / (3 - x) from generate_series(1, 5) x',
    'a time limit': "select pg_sleep(x), repeat('x', 8000) from (values (0), (0), (0.4)) as given (x)",
    'a number out of range': 'select (x * 1000000000)::int from generate_series(1, 5) x',
  }
  for (const [name, text] of Object.entries(failures)) {
    it(`by ${name} leaves nothing in the answer to the next, by either road`, async () => {
      const db = await openDb()
      await db.pool.query("set statement_timeout = '300ms'")
      await assert.rejects(db.pool.query(text))
      assert.deepEqual([...(await db.sql`select 1 as one`)], [{ one: 1 }])
      await assert.rejects(db.pool.query(text))
      assert.deepEqual([...(await db.pool.query('select $1::int as two', [2])).rows], [{ two: 2 }])
      assert.equal((await db.sql`select 1 as one where false`).length, 0)
    })
  }
})

describe('an error that is cut off behind its first word', () => {
  it('is not told to the next query', async () => {
    const proxy = await startProxy(await createDatabase())
    const db = await openDb(proxy.url)
    const insert = () => db.sql`insert into rate_limits (key, points, expire) values ('one', 1, 1) returning key`
    await insert()
    // The answer to an insert that is already prepared: BindComplete, then the error. Cut right after these two.
    proxy.cutWithin('insert into rate_limits', 2)
    await assert.rejects(insert(), Unavailable)
    assert.equal(proxy.isStillToCut(), false)
    assert.deepEqual([...(await db.sql`select points from rate_limits`)], [{ points: 1 }])
    await assert.rejects(insert(), { code: '23505' })
  })

  it('makes nobody carry out again what its caller was told had failed', async () => {
    const url = await createDatabase()
    const proxy = await startProxy(url)
    const db = await openDb(proxy.url)
    const other = postgres(url, { max: 1 })
    after(() => other.end())
    await other`create table sketches (id int, note text)`
    const write = () => db.sql`insert into sketches (id) values (1) returning *`
    await write()
    // PostgreSQL refuses a prepared plan whose result type has changed. The driver would then prepare and run it again.
    await other`alter table sketches drop column note`
    proxy.cutWithin('insert into sketches', 1)
    await assert.rejects(write(), Unavailable)
    assert.deepEqual([...(await db.sql`select count(*)::int as count from sketches`)], [{ count: 1 }])
    assert.deepEqual([...(await db.sql`select 1 as one`)], [{ one: 1 }])
  })
})

const proxy = await startProxy(await createDatabase())
// One connection, so that the next request would meet the one that was cut.
const app = await startApp({ DB_POOL_MAX: '1' }, { databaseUrl: proxy.url })
const { person, browser } = await learner(app, 'Ada')
const api = apiOf(app, browser)
let { refreshToken } = (await api.post('/api/auth/refresh-token', {})).body

async function signUp(): Promise<number> {
  return (await openApi(app).signUp(somebody('Ben'))).status
}

async function logIn(password = person.password): Promise<number> {
  return (await openApi(app).signIn({ ...person, password })).status
}

async function refresh(): Promise<number> {
  const { status, body } = await openApi(app).post('/api/auth/refresh', { refreshToken })
  if (status === 200) refreshToken = body.refreshToken
  return status
}

async function readSession(): Promise<number> {
  const { status, body } = await api.get('/api/auth/get-session')
  if (status === 200) assert.equal(body.user.email, person.email)
  return status
}

/** The statements that nearly every visit runs, each with a request that runs it. */
const HOT: { statement: string; text: string; visit: () => Promise<number> }[] = [
  { statement: 'the look-up of a login', text: 'password_hash, u.password_version', visit: () => logIn() },
  { statement: 'the reading of a session', text: 'from sessions s join users u', visit: readSession },
  { statement: 'the count of a rate limit', text: 'INTO "rate_limits"', visit: () => logIn() },
  { statement: 'the refresh of a token', text: 'insert into refresh_tokens', visit: refresh },
  { statement: 'the making of an account', text: 'insert into users', visit: signUp },
]

describe('a connection that is cut', () => {
  for (const { statement, text, visit } of HOT) {
    it(`behind any message of ${statement} spoils none of the next 20 answers`, async () => {
      let cuts = 0
      // On a new connection the statement is prepared first. On a connection that has run it, it is already prepared.
      for (const isKnown of [false, true]) {
        for (let messages = 0; ; messages += 1) {
          if (isKnown) assert.equal(await visit(), 200)
          proxy.cutWithin(text, messages)
          const status = await visit()
          const wasCut = !proxy.isStillToCut()
          await proxy.heal()
          assert.ok([200, ...(wasCut ? [503] : [])].includes(status), `${status} behind ${messages} messages`)
          if (!wasCut) break
          cuts += 1
          const answers = [await logIn('a wrong password'), await logIn(), await refresh()]
          while (answers.length < 20) answers.push(await readSession())
          assert.deepEqual(answers, [401, ...Array(19).fill(200)], `behind ${messages} messages`)
        }
      }
      assert.ok(cuts >= 8, `${cuts} cuts`)
    })
  }
})
