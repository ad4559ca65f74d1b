/** Numbers of the database are numbers here, however large its type is. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { createDb } from '../../src/database/database.ts'
import { apiLearner } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { answer, mark, passAll, saveAnswers } from '../support/learning.ts'
import { learner, openBrowser } from '../support/people.ts'
import { firstPair, successor } from '../support/tokens.ts'

const url = await createDatabase()

describe('a number', () => {
  const NUMBERS: Record<string, [text: string, value: number | null]> = {
    'of two bytes': ['7::int2', 7],
    'of four bytes': ['-7::int4', -7],
    'of eight bytes': ['7::int8', 7],
    'in milliseconds': ['1793491200123::int8', 1_793_491_200_123],
    'that counts rows': ['(select count(*) from users)', 0],
    'that is a sum': ['(select sum(points) from rate_limits)', null],
    'with a fraction': ['0.5::float8', 0.5],
  }
  for (const [name, [text, value]] of Object.entries(NUMBERS)) {
    it(`${name} is read as one, by either road`, async () => {
      const db = createDb({ url, poolMax: 1 })
      after(() => db.close())
      const statement = `select ${text} as value`
      assert.deepEqual([...(await db.pool.query(statement)).rows], [{ value }])
      assert.deepEqual([...(await db.sql(Object.assign([statement], { raw: [statement] })))], [{ value }])
    })
  }

  it('is written into a column of eight bytes', async () => {
    const db = createDb({ url, poolMax: 1 })
    after(() => db.close())
    const rows = await db.sql`
      insert into rate_limits (key, points, expire) values ('one', 1, ${1_793_491_200_123}) returning expire`
    assert.deepEqual([...rows], [{ expire: 1_793_491_200_123 }])
  })
})

describe('where every integer has eight bytes, as in CockroachDB', () => {
  it('people sign up, log in, learn and refresh their tokens', async () => {
    const wide = await createDatabase()
    const direct = postgres(wide, { max: 1, onnotice: () => {} })
    after(() => direct.end())
    await direct.unsafe(await widening(direct))
    const app = await startApp({}, { databaseUrl: wide })

    const { person, browser } = await learner(app, 'Ada')
    await passAll(browser)
    assert.equal((await saveAnswers(browser)).status, 303)
    assert.equal((await answer(browser, 'focus')).status, 303)
    assert.equal((await mark(browser, 'f1', 'done')).status, 303)
    assert.equal((await browser.submit('/plan', { hours: '4' })).status, 303)
    assert.match((await browser.get('/plan')).text, /value="4"[^>]* (checked|selected)/)
    const elsewhere = openBrowser(app)
    for (let tries = 0; tries < 2; tries += 1) {
      assert.equal((await elsewhere.logIn({ ...person, password: 'not the password' })).status, 422)
    }
    assert.equal((await elsewhere.logIn(person)).status, 303)
    const change = { currentPassword: person.password, newPassword: 'another tidy copper lantern' }
    assert.equal((await elsewhere.submit('/account/password-change', change)).status, 303)

    const { api } = await apiLearner(app, 'Ben')
    await successor(app, await firstPair(api))
    assert.ok(await api.token())
  })
})

/** The statements that give all columns of four bytes eight. Views stand in the way, and are made again. */
async function widening(direct: postgres.Sql): Promise<string> {
  const views = await direct<{ name: string; text: string }[]>`
    select viewname as name, definition as text from pg_views where schemaname = 'public' order by viewname = 'users' desc`
  const columns = await direct<{ table: string; name: string }[]>`
    select c.table_name as table, c.column_name as name from information_schema.columns c
    join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.data_type = 'integer'`
  assert.ok(columns.length >= 6, `${columns.length} found`)
  return [
    'drop policy of_users on profiles',
    ...views.map(({ name }) => `drop view ${name} cascade`),
    ...columns.map(({ table, name }) => `alter table ${table} alter column ${name} type bigint`),
    ...views.map(({ name, text }) => `create view ${name} as ${text}`),
  ].join(';\n')
}
