/** The migration that makes `users` a view: what other roles may do there stays as it was, and no more. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import postgres from 'postgres'
import { ROOT } from '../../src/config/folders.ts'
import { migrate } from '../../src/database/migrate.ts'
import { createEmptyDatabase } from '../support/database.ts'

it('a role that could read users reads those who are there, with the same columns', async () => {
  const before = await mkdtemp(join(tmpdir(), 'matricula-migrations-'))
  after(() => rm(before, { recursive: true, force: true }))
  for (const file of await readdir(join(ROOT, 'sql'))) {
    if (Number.parseInt(file, 10) < 11) await cp(join(ROOT, 'sql', file), join(before, file))
  }
  const url = await createEmptyDatabase()
  await migrate(url, before)
  const owner = postgres(url, { max: 1, onnotice: () => {} })
  const suffix = randomBytes(6).toString('hex')
  const [columns, whole] = [`columns_${suffix}`, `whole_${suffix}`]
  after(async () => {
    await owner.unsafe(`drop owned by ${columns}, ${whole}; drop role ${columns}, ${whole}`)
    await owner.end()
  })
  await owner.unsafe(`
    create role ${columns};
    create role ${whole};
    grant select (id, name) on users to ${columns};
    grant select on profiles to ${columns}, ${whole};
    grant select, update on users to ${whole};
    insert into users (id, name, email) values ('a', 'Ada', 'ada@example.org'), ('b', 'Ben', 'ben@example.org');
    insert into profiles (user_id, began_at) values ('a', now()), ('b', now())`)
  await migrate(url)
  await owner`update all_users set delete_at = now() + interval '7 days' where id = 'b'`

  const as = (role: string, statement: string) =>
    owner.begin(async (transaction) => {
      await transaction.unsafe(`set local role ${role}`)
      return (await transaction.unsafe(statement)).map((row) => Object.values(row).join())
    })
  assert.deepEqual(await as(columns, 'select id, name from users'), ['a,Ada'])
  await assert.rejects(as(columns, 'select email from users'), { code: '42501' })
  await assert.rejects(as(columns, "update users set name = 'Eve'"), { code: '42501' })
  assert.deepEqual(await as(whole, "update users set name = 'Adah' returning name"), ['Adah'])
  await assert.rejects(as(whole, 'delete from users'), { code: '42501' })
  for (const role of [columns, whole]) {
    await assert.rejects(as(role, 'select id from all_users'), { code: '42501' })
    assert.deepEqual(await as(role, 'select user_id from profiles'), ['a'])
  }
  const [ben] = await owner`select name from all_users where id = 'b'`
  assert.equal(ben?.name, 'Ben')
})
