/** The role of `db reader`: what a backend can and cannot do in Matricula's database. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { createDatabase } from '../support/database.ts'
import { createReader } from './reader.ts'

const READABLE: Record<string, readonly string[]> = {
  users: ['created_at', 'email', 'email_verified', 'id', 'image', 'name', 'updated_at'],
  profiles: [
    ...['user_id', 'software_experience', 'programming_languages', 'skill_level', 'hardware_access', 'primary_focus'],
    ...['project_goals', 'project_goals_text', 'saved_at'],
  ],
}
const isReadable = ({ table, column }: { table: string; column: string }) => READABLE[table]?.includes(column) ?? false

const databaseUrl = await createDatabase()
const owner = postgres(databaseUrl, { max: 1 })
const reader = postgres(await createReader(databaseUrl), { max: 1 })
after(() => Promise.all([owner.end(), reader.end()]))

const columns = await owner<{ table: string; column: string }[]>`
  select table_name as table, column_name as column
  from information_schema.columns where table_schema = 'public' order by 1, 2`
const tables = [...new Set(columns.map(({ table }) => table))]
/** Views are left out where writing is tested, since nobody can write to them. */
const views = (await owner<{ name: string }[]>`select viewname as name from pg_views where schemaname = 'public'`).map(
  ({ name }) => name,
)
const isTable = (name: string) => !views.includes(name)

/** @throws unless PostgreSQL refuses the statement because a privilege is missing. */
const isRefused = (statement: string) =>
  assert.rejects(reader.unsafe(statement), { code: '42501' }, `PostgreSQL carries out: ${statement}`)

describe('the role of a backend', () => {
  it('reads seven columns of the users, nine of the profiles, and no other column of any table', async () => {
    const secret = [
      'current_links',
      'email_tokens',
      'outbox',
      'activity',
      'sessions',
      'signing_keys',
      'refresh_tokens',
      'refresh_families',
      'rate_limits',
      'progress',
      'token_status',
      'service_keys',
      'deleted_users',
    ]
    for (const name of [...Object.keys(READABLE), ...secret]) assert.ok(tables.includes(name), name)
    const refused = columns.filter((column) => !isReadable(column))
    assert.equal(columns.length - refused.length, Object.values(READABLE).flat().length)
    for (const [table, names] of Object.entries(READABLE))
      await reader.unsafe(`select ${names.join(', ')} from ${table}`)
    for (const { table, column } of refused) await isRefused(`select "${column}" from "${table}"`)
    for (const table of tables) await isRefused(`select * from "${table}"`)
    await isRefused('select id from users where password_hash is not null')
    await isRefused('select user_id from profiles where draft is not null')
    await isRefused('select user_id from profiles order by began_at')
    await isRefused('select users from users')
    await isRefused('select profiles from profiles')
  })

  it('writes nothing, even after it has asked to be let', async () => {
    await assert.rejects(reader.unsafe('create temporary table mine (id integer)'), { code: '25006' })
    await reader.unsafe('set default_transaction_read_only = off')
    for (const table of tables.filter(isTable)) {
      await isRefused(`insert into "${table}" default values`)
      await isRefused(`delete from "${table}"`)
      await isRefused(`truncate "${table}"`)
      await isRefused(`drop table "${table}"`)
    }
    for (const { table, column } of columns.filter(({ table }) => isTable(table)))
      await isRefused(`update "${table}" set "${column}" = default`)
    for (const statement of ['select id from users for update', 'create table mine (id integer)', 'create role mine']) {
      await isRefused(statement)
    }
  })
})
