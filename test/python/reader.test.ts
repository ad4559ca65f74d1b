/** The role of reader.sql: what a backend can do to the database of Matricula, and what it cannot. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { createDatabase } from '../support/database.ts'
import { createReader } from './reader.ts'

const READABLE = ['created_at', 'email', 'email_verified', 'id', 'image', 'name', 'updated_at']

const databaseUrl = await createDatabase()
const owner = postgres(databaseUrl, { max: 1 })
const reader = postgres(await createReader(databaseUrl), { max: 1 })
after(() => Promise.all([owner.end(), reader.end()]))

const columns = await owner<{ table: string; column: string }[]>`
  select table_name as table, column_name as column
  from information_schema.columns where table_schema = 'public' order by 1, 2`
const tables = [...new Set(columns.map(({ table }) => table))]

/** @throws unless PostgreSQL refuses the statement for want of a right. */
const isRefused = (statement: string) =>
  assert.rejects(reader.unsafe(statement), { code: '42501' }, `PostgreSQL carries out: ${statement}`)

describe('the role of a backend', () => {
  it('reads seven columns of the users and no other column of any table', async () => {
    for (const name of ['users', 'sessions', 'signing_keys', 'refresh_tokens', 'refresh_families', 'rate_limits']) {
      assert.ok(tables.includes(name), name)
    }
    const refused = columns.filter(({ table, column }) => table !== 'users' || !READABLE.includes(column))
    assert.equal(columns.length - refused.length, READABLE.length)
    await reader.unsafe(`select ${READABLE.join(', ')} from users`)
    for (const { table, column } of refused) await isRefused(`select "${column}" from "${table}"`)
    for (const table of tables) await isRefused(`select * from "${table}"`)
    await isRefused('select id from users where password_hash is not null')
    await isRefused('select users from users')
  })

  it('writes nothing, even after it has asked to be let', async () => {
    await assert.rejects(reader.unsafe('create temporary table mine (id integer)'), { code: '25006' })
    await reader.unsafe('set default_transaction_read_only = off')
    for (const table of tables) {
      await isRefused(`insert into "${table}" default values`)
      await isRefused(`delete from "${table}"`)
      await isRefused(`truncate "${table}"`)
      await isRefused(`drop table "${table}"`)
    }
    for (const { table, column } of columns) await isRefused(`update "${table}" set "${column}" = default`)
    for (const statement of ['select id from users for update', 'create table mine (id integer)', 'create role mine']) {
      await isRefused(statement)
    }
  })
})
