/** Two statements in each other's way: the one that is sent back begins again, once. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { Unavailable } from '../../src/base/failures.ts'
import { createDb } from '../../src/database/database.ts'
import { codeOf } from '../../src/database/outages.ts'
import { startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { learner } from '../support/people.ts'
import { eventually } from '../support/process.ts'

const url = await createDatabase()
const name = new URL(url).pathname.slice(1)
const watcher = postgres(url, { max: 1, onnotice: () => {} })
after(() => watcher.end())
await watcher.unsafe(`alter database ${name} set default_transaction_isolation = 'serializable'`)

/** Somebody with a transaction of their own, which stays open as long as the test wants. */
function stranger(): postgres.Sql {
  const client = postgres(url, { max: 1, onnotice: () => {} })
  after(() => client.end())
  return client
}

const waiting = (count: number) =>
  eventually(`${count} to wait for a lock`, async () => {
    const rows = await watcher`
      select from pg_stat_activity where datname = ${name} and wait_event_type = 'Lock'`
    return rows.length === count
  })

/** Refuses each update of such a row with this code. Returns how often one was tried since: a sequence counts what is undone, too. */
async function refusing(table: string, condition: string, code: string): Promise<() => Promise<number>> {
  const id = `refused_${randomBytes(4).toString('hex')}`
  await watcher.unsafe(`
    create sequence ${id};
    create function ${id}() returns trigger language plpgsql as $$
      begin
        perform nextval('${id}');
        raise exception 'refused' using errcode = '${code}';
      end $$;
    create trigger ${id} before update on ${table} for each row when (${condition}) execute function ${id}()`)
  return async () => Number((await watcher`select nextval(${id}::text::regclass) - 1 as tries`)[0]?.tries)
}

/** One connection, so that what is set on it holds for the next statement. */
function openDb() {
  const db = createDb({ url, poolMax: 1, deadlineMs: 30_000 })
  after(() => db.close())
  return db
}

const put = (...keys: string[]) =>
  watcher`insert into rate_limits ${watcher(keys.map((key) => ({ key, points: 0, expire: 1 })))}`
const pointsOf = async (key: string): Promise<number> =>
  (await watcher`select points from rate_limits where key = ${key}`)[0]?.points

const raise = (key: string) => `update rate_limits set points = points + 1 where key = '${key}'`

describe('a statement that cannot be put in order with another (40001)', () => {
  it('is carried out again, and once', async () => {
    const [db, other] = [openDb(), stranger()]
    await put('order')
    await other.unsafe(`begin; ${raise('order')}`)
    const ours = db.sql<{ points: number }>`
      update rate_limits set points = points + 10 where key = 'order' returning points`
    await waiting(1)
    await other.unsafe('commit')
    assert.deepEqual([...(await ours)], [{ points: 11 }])
    assert.equal(await pointsOf('order'), 11)
  })

  it('is carried out again by the road of the libraries, too', async () => {
    const [db, other] = [openDb(), stranger()]
    await put('library')
    await other.unsafe(`begin; ${raise('library')}`)
    const ours = db.pool.query('update rate_limits set points = points + $1 where key = $2 returning points', [
      10,
      'library',
    ])
    await waiting(1)
    await other.unsafe('commit')
    assert.deepEqual([...(await ours).rows], [{ points: 11 }])
  })

  it('is an outage when it meets another one again, and leaves nothing behind', async () => {
    const db = openDb()
    await put('again')
    const tries = await refusing('rate_limits', "new.key = 'again'", '40001')
    await assert.rejects(
      db.sql`update rate_limits set points = points + 10 where key = 'again'`,
      (error) => error instanceof Unavailable && codeOf(error.cause) === '40001',
    )
    assert.equal(await tries(), 2)
    assert.equal(await pointsOf('again'), 0)
    assert.deepEqual([...(await db.sql`select 1 as one`)], [{ one: 1 }])
  })

  for (const code of ['40003', '40000', '57014', '53300', '23505']) {
    it(`unlike one that ends with ${code}, which is tried once`, async () => {
      const db = openDb()
      await put(code)
      const tries = await refusing('rate_limits', `new.key = '${code}'`, code)
      await assert.rejects(db.sql`update rate_limits set points = points + 10 where key = ${code}`)
      assert.equal(await tries(), 1)
    })
  }

  it('is carried out again when it is refused at its very end, after its rows were sent', async () => {
    const [db, other] = [openDb(), stranger()]
    await put('left', 'right')
    await other.unsafe(`begin; select points from rate_limits where key = 'right'; ${raise('left')}`)
    const gate = stranger()
    await gate.unsafe(`begin; select pg_advisory_xact_lock(7)`)
    // Each reads what the other one writes. Ours has done both when it waits at the gate, and learns at its end that it lost.
    const ours = db.sql<{ seen: number }>`
      with seen as (
        select points from rate_limits where key = 'left'
      ), written as (
        update rate_limits set points = points + 10 where key = 'right' returning 1 as written
      )
      select seen.points as seen, pg_advisory_xact_lock(7)::text as passed from seen, written`
    await waiting(1)
    await other.unsafe('commit')
    await gate.unsafe('commit')
    assert.deepEqual([...(await ours)], [{ seen: 1, passed: '' }])
    assert.equal(await pointsOf('right'), 10)
  })
})

describe('a statement that waits for one that waits for it (40P01)', () => {
  it('is carried out again, and once', async () => {
    const [db, other, gate] = [openDb(), stranger(), stranger()]
    await put('a', 'b', 'gate of both')
    // Only ours looks for a deadlock: so it is the one that is sent back.
    await db.pool.query("set deadlock_timeout = '20ms'")
    await db.pool.query("set default_transaction_isolation = 'read committed'")
    await other.unsafe("set deadlock_timeout = '10min'")
    await other.unsafe(`begin; ${raise('b')}`)
    await gate.unsafe(`begin; ${raise('gate of both')}`)
    const ours = db.sql<{ points: number }>`
      with a as (
        update rate_limits set points = points + 10 where key = 'a' returning points
      ), gate as (
        update rate_limits set points = points + 10 where key = 'gate of both' and (select count(*) from a) = 1 returning points
      )
      update rate_limits set points = points + 10 where key = 'b' and (select count(*) from gate) = 1 returning points`
    await waiting(1)
    const theirs = other.unsafe(raise('a')).execute()
    await waiting(2)
    await gate.unsafe('commit')
    await theirs
    await other.unsafe('commit')
    assert.deepEqual([...(await ours)], [{ points: 11 }])
    assert.deepEqual([await pointsOf('a'), await pointsOf('b'), await pointsOf('gate of both')], [11, 11, 11])
  })
})

describe('a learner whose form meets something else that is written at that moment', () => {
  it('does not hear of it, and is told to come back when it happens twice', async () => {
    const app = await startApp({}, { databaseUrl: url })
    const { person, browser } = await learner(app, 'Ada')
    assert.equal((await browser.submit('/plan', { hours: '2' })).status, 303)
    const other = stranger()
    const touch = `update plans set weekly_hours = 10
      where user_id = (select id from users where email = '${person.email}')`
    const hours = async () =>
      (await watcher`select weekly_hours from plans join users on id = user_id where email = ${person.email}`)[0]
        ?.weekly_hours

    await other.unsafe(`begin; ${touch}`)
    const once = browser.submit('/plan', { hours: '4' }).then((answer) => answer)
    await waiting(1)
    await other.unsafe('commit')
    assert.equal((await once).status, 303)
    assert.equal(await hours(), 4)

    const tries = await refusing('plans', 'new.weekly_hours = 6', '40001')
    const { status, headers } = await browser.submit('/plan', { hours: '6' })
    assert.equal(status, 503)
    assert.match(headers['retry-after'] ?? '', /^\d+$/)
    assert.equal(await tries(), 2)
    assert.equal(await hours(), 4)
  })
})
