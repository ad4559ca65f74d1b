/** The operator's commands for other backends: their keys, and the role by which they read the database. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { bearer, openApi } from '../support/api.ts'
import { startWithCommands } from '../support/keys-cli.ts'

const { app, cli, done } = await startWithCommands()

describe('service-keys', () => {
  it('are added, listed, used and revoked', async () => {
    assert.deepEqual(await done('service-keys', 'list'), ['There is no key yet. See service-keys add.'])
    const [key = '', ...rest] = await done('service-keys', 'add', 'nightly-job', 'deleted', 'profiles')
    assert.deepEqual(rest, [])
    assert.match(key, /^msk_[\w-]{43}$/)
    const [unused = '', ...others] = await done('service-keys', 'list')
    assert.deepEqual(others, [])
    assert.match(unused, /^nightly-job {2}profiles,deleted {2}made \S+Z {2}never used$/)
    assert.ok(!unused.includes(key))

    const ask = async () => (await openApi(app, bearer(key)).get('/api/profiles')).status
    assert.equal(await ask(), 200)
    assert.match((await done('service-keys', 'list'))[0] ?? '', / {2}last used about \S+Z$/)
    assert.deepEqual(await done('service-keys', 'revoke', 'nightly-job'), ['The key is revoked and counts no more.'])
    assert.equal(await ask(), 401)
  })

  const REFUSED: [args: string[], code: number, says: RegExp][] = [
    [['add'], 64, /^A name has small letters/],
    [['add', 'Two Words', 'profiles'], 64, /^A name has small letters/],
    [['add', 'job'], 64, /^What may it do\?/],
    [['add', 'job', 'everything'], 64, /^There is no right everything\./],
    [['add', 'job', 'profiles', 'everything'], 64, /^There is no right everything\./],
    [['list', 'job'], 64, /^Not understood: job/],
    [['revoke'], 64, /^Which key\?/],
    [['revoke', 'job', '--now'], 64, /^Not understood: --now/],
    [['revoke', 'nobody'], 66, /^There is no key of this name\./],
    [['add', 'taken', 'deleted'], 65, /^There is a key of this name\./],
  ]
  for (const [args, code, says] of REFUSED) {
    it(`ends with ${code} and says why: ${args.join(' ')}`, async () => {
      if (args.includes('taken')) await done('service-keys', 'add', 'taken', 'profiles')
      const told = await cli(['service-keys', ...args])
      assert.equal(told.code, code)
      assert.match(told.err, says)
      assert.deepEqual(told.out, [])
    })
  }
})

describe('db reader', () => {
  const role = `reader_${randomBytes(6).toString('hex')}`
  const owner = postgres(app.databaseUrl, { max: 1, onnotice: () => {} })
  after(async () => {
    await owner.unsafe(`drop owned by ${role}; drop role ${role}`)
    await owner.end()
  })

  it('makes the role, and prints its address, which reads learners and nothing else', async () => {
    const [url = '', ...rest] = await done('db', 'reader', role)
    assert.deepEqual(rest, [])
    const reader = postgres(url, { max: 1 })
    after(() => reader.end())
    assert.ok(Array.isArray(await reader.unsafe('select id, email from users')))
    await assert.rejects(reader.unsafe('select password_hash from users'), { code: '42501' })
    await assert.rejects(reader.unsafe('select * from service_keys'), { code: '42501' })

    // As after an update that has brought a column.
    await owner.unsafe(`revoke select on profiles from ${role}`)
    await assert.rejects(reader.unsafe('select user_id from profiles'), { code: '42501' })
    assert.deepEqual(await done('db', 'reader', role), [
      `The role ${role} is there and reads what it should. Its password is as it was.`,
    ])
    assert.ok(Array.isArray(await reader.unsafe('select user_id from profiles')))
    const again = postgres(url, { max: 1 })
    after(() => again.end())
    assert.ok(Array.isArray(await again.unsafe('select id from users')))
  })

  it('changes no settings of a role that is somebody else’s, and takes no name that is none', async () => {
    const [before] = await owner`select current_user as name, current_setting('default_transaction_read_only') as only`
    await done('db', 'reader', before?.name)
    const fresh = postgres(app.databaseUrl, { max: 1 })
    after(() => fresh.end())
    const [row] = await fresh`select current_setting('default_transaction_read_only') as only`
    assert.equal(row?.only, before?.only)
    for (const name of ['Reader', 'a"b', '', 'x y', 'r'.repeat(64)]) {
      const told = await cli(['db', 'reader', name])
      assert.equal(told.code, 64)
      assert.match(told.err, /^A role has small letters/)
    }
  })
})
