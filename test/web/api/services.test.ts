/** Other backends that call without a learner, with keys of their own: what each may do, and what they are told. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import postgres from 'postgres'
import { listDeletedUsers, OLD_DELETIONS } from '../../../src/accounts/deleted-users.ts'
import { prune } from '../../../src/database/pruning.ts'
import { NO_ANSWERS } from '../../../src/learning/answers.ts'
import { addServiceKey, listServiceKeys, type Right, revokeServiceKey } from '../../../src/tokens/service-keys.ts'
import { type ApiClient, apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { createDatabase } from '../../support/database.ts'
import { PROFILE } from '../../support/learning.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { PASSWORD } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'
import { startProxy } from '../../support/proxy.ts'
import { assertNothingSecretLogged, DAY, HOUR, isUnauthorized, MINUTE } from '../../support/tokens.ts'

const SERVICE_KEY = 'a-service-key-of-the-settings-0123456789'
const mailbox = await openMailbox()
const app = await startApp({ SERVICE_KEY }, { atPublicUrl: true, mailbox })
const keys: string[] = []

async function keyFor(...rights: Right[]): Promise<{ key: string; name: string }> {
  const name = `key-${keys.length}`
  const key = (await addServiceKey(app.sql, { name, rights, now: app.deps.now() })) ?? assert.fail('a new name')
  keys.push(key)
  return { key, name }
}
const serviceWith = async (...rights: Right[]): Promise<ApiClient> =>
  openApi(app, bearer((await keyFor(...rights)).key))

const CALLS: Record<Right, (client: ApiClient) => ReturnType<ApiClient['get']>> = {
  introspect: (client) => client.post('/api/auth/introspect', { token: 'x' }),
  profiles: (client) => client.get('/api/profiles'),
  deleted: (client) => client.get('/api/users/deleted'),
}

describe('a service key', () => {
  for (const right of Object.keys(CALLS) as Right[]) {
    it(`may ${right} if it was given that right, and nothing else`, async () => {
      const client = await serviceWith(right)
      for (const [other, call] of Object.entries(CALLS)) {
        const { status, body } = await call(client)
        if (other === right) assert.equal(status, 200)
        else
          assert.deepEqual(
            [status, body.code, body.detail],
            [403, 'SERVICE_KEY_LACKS_RIGHT', `It needs the right ${other}`],
          )
      }
    })
  }

  it('of the settings may do what it could before: ask about tokens', async () => {
    const client = openApi(app, bearer(SERVICE_KEY))
    assert.equal((await CALLS.introspect(client)).status, 200)
    for (const right of ['profiles', 'deleted'] as const) assert.equal((await CALLS[right](client)).status, 403)
  })

  it('is also taken as the password of HTTP Basic', async () => {
    const { key } = await keyFor('profiles', 'introspect')
    const Authorization = `Basic ${Buffer.from(`anything:${key}`).toString('base64')}`
    for (const right of ['profiles', 'introspect'] as const) {
      assert.equal((await CALLS[right](openApi(app, { Authorization }))).status, 200)
    }
  })

  it('that is revoked is refused by the next call', async () => {
    const { key, name } = await keyFor('introspect', 'profiles', 'deleted')
    const client = openApi(app, bearer(key))
    for (const call of Object.values(CALLS)) assert.equal((await call(client)).status, 200)
    assert.equal(await revokeServiceKey(app.sql, name), true)
    for (const call of Object.values(CALLS)) isUnauthorized(await call(client))
    assert.equal(await revokeServiceKey(app.sql, name), false)
  })

  it('opens nothing of a learner, and is in no table', async () => {
    const { key } = await keyFor('introspect', 'profiles', 'deleted')
    const client = openApi(app, bearer(key))
    for (const path of ['/api/me', '/api/profile', '/api/auth/list-sessions']) isUnauthorized(await client.get(path))
    const [row] = await app.sql<{ text: string }>`select json_agg(service_keys)::text as text from service_keys`
    assert.ok(row && !row.text.includes(key) && !row.text.includes(key.slice(4)))
  })

  it('has a name that no other has', async () => {
    const { name, key } = await keyFor('profiles')
    assert.equal(await addServiceKey(app.sql, { name, rights: ['deleted'], now: app.deps.now() }), undefined)
    assert.equal((await CALLS.profiles(openApi(app, bearer(key)))).status, 200)
  })

  it('is noted as used once an hour', async () => {
    const { name, key } = await keyFor('deleted')
    const usedAt = async () => (await listServiceKeys(app.sql)).find((one) => one.name === name)?.usedAt?.getTime()
    assert.equal(await usedAt(), undefined)
    const use = () => CALLS.deleted(openApi(app, bearer(key)))
    await use()
    const first = (await usedAt()) ?? assert.fail('it was used')
    app.advance(HOUR - MINUTE)
    await use()
    assert.equal(await usedAt(), first)
    app.advance(2 * MINUTE)
    await use()
    assert.ok(((await usedAt()) ?? 0) > first)
  })

  for (const who of ['a visitor', 'a learner', 'a token', 'a made-up key', 'a key with a letter more'] as const) {
    it(`is needed: ${who} is told nothing`, async () => {
      const { api } = await apiLearner(app, 'Ada')
      const { key } = await keyFor('profiles', 'deleted')
      const client = {
        'a visitor': openApi(app),
        'a learner': api,
        'a token': openApi(app, bearer(await api.token())),
        'a made-up key': openApi(app, bearer(`msk_${'a'.repeat(43)}`)),
        'a key with a letter more': openApi(app, bearer(`${key}a`)),
      }[who]
      for (const right of ['profiles', 'deleted'] as const) isUnauthorized(await CALLS[right](client))
    })
  }

  it('is answered with 503 while the database is away, and counts again afterwards', async () => {
    const { key } = await keyFor('profiles')
    const proxy = await startProxy(app.databaseUrl)
    const shaky = await startApp({}, { databaseUrl: proxy.url })
    const client = openApi(shaky, bearer(key))
    assert.equal((await CALLS.profiles(client)).status, 200)
    proxy.cut()
    assert.equal((await CALLS.profiles(client)).status, 503)
    await proxy.heal()
    await eventually('the key to count again', async () => (await CALLS.profiles(client)).status === 200)
  })

  it('counts while the database only reads, though its use cannot be noted', async () => {
    const url = await createDatabase()
    const mine = await startApp({}, { databaseUrl: url, atPublicUrl: true })
    const key = await addServiceKey(mine.sql, { name: 'only-reads', rights: ['introspect'], now: mine.deps.now() })
    const { api } = await apiLearner(mine, 'Ada')
    const token = await api.token()
    const owner = postgres(url, { max: 1 })
    await owner.unsafe(`alter database "${new URL(url).pathname.slice(1)}" set default_transaction_read_only = on`)
    await owner.end()
    const standby = await startApp({ PUBLIC_URL: mine.url }, { databaseUrl: url })
    const { status, body } = await openApi(standby, bearer(key ?? '')).post('/api/auth/introspect', { token })
    assert.deepEqual([status, body.active], [200, true])
  })

  it('costs a token that is asked about as little as before: none is looked up', async () => {
    const proxy = await startProxy(app.databaseUrl)
    const mine = await startApp({ DB_POOL_MAX: '1' }, { databaseUrl: proxy.url, atPublicUrl: true })
    const { api } = await apiLearner(mine, 'Ada')
    const token = await api.token()
    const ask = () => openApi(mine, bearer(token)).post('/api/auth/introspect', { token })
    assert.equal((await ask()).body.active, true)
    const before = proxy.roundTrips()
    assert.equal((await ask()).body.active, true)
    assert.equal(proxy.roundTrips() - before, 2, 'one for who asks, one for the token')
  })
})

describe('GET /api/profiles', () => {
  it('tells the saved answers of everybody, in pages, without names, addresses and drafts', async () => {
    const mine = await startApp({}, { atPublicUrl: true })
    const key = await addServiceKey(mine.sql, { name: 'nightly', rights: ['profiles'], now: mine.deps.now() })
    const client = openApi(mine, bearer(key ?? ''))
    assert.deepEqual((await client.get('/api/profiles')).body, { profiles: [], next: null })
    const { api, person } = await apiLearner(mine, 'Ada')
    await api.put('/api/profile', PROFILE)
    const { user } = (await api.get('/api/me')).body
    const { onboarded: _, ...answers } = (await api.get('/api/profile')).body
    await mine.sql`insert into users (id, name, email) select 'u' || n, 'Ben', 'ben' || n || '@example.org' from generate_series(1, 450) n`
    await mine.sql`
      insert into profiles (user_id, began_at, saved_at, draft) select 'u' || n, now(), now(), '{"skillLevel": "beginner"}'
      from generate_series(1, 450) n`
    await mine.sql`update profiles set saved_at = null where user_id in ('u1', 'u2')`
    await mine.sql`update all_users set delete_at = now() + interval '1 day' where id = 'u3'`

    type Page = { profiles: ({ userId: string; savedAt: string } & Record<string, unknown>)[]; next: string | null }
    const seen: Page['profiles'] = []
    const sizes: number[] = []
    let after = ''
    for (;;) {
      const { status, body, text } = await client.get(`/api/profiles${after}`)
      assert.equal(status, 200, text)
      for (const hidden of [person.email, 'Ben', '@example.org', 'draft']) assert.ok(!text.includes(hidden), hidden)
      const page: Page = body
      seen.push(...page.profiles)
      sizes.push(page.profiles.length)
      if (page.next === null) break
      after = `?after=${page.next}`
    }
    assert.deepEqual(sizes, [200, 200, 48])
    const ids = seen.map(({ userId }) => userId)
    assert.equal(new Set(ids).size, 448)
    for (const id of ['u1', 'u2', 'u3']) assert.ok(!ids.includes(id), id)
    const { savedAt, ...ada } = seen.find(({ userId }) => userId === user.id) ?? assert.fail('Ada is there')
    assert.deepEqual(ada, { userId: user.id, ...answers })
    assert.match(savedAt, /^\d{4}-.*Z$/)
    const { savedAt: _at, userId: _id, ...unanswered } = seen.find(({ userId }) => userId === 'u9') ?? assert.fail()
    assert.deepEqual(unanswered, NO_ANSWERS, 'what is not answered is withheld')
  })

  it('answers an id that no database can hold like any other that is not there', async () => {
    const client = await serviceWith('profiles')
    for (const after of ['%00', 'a%00b', '%EF%BF%BF', "'--", '%F0%9F%92%A9', 'z'.repeat(100)]) {
      const { status } = await client.get(`/api/profiles?after=${after}`)
      assert.ok([200, 400].includes(status), `${after}: ${status}`)
    }
    for (const query of ['after=a&after=b', 'after[x]=1', `after=${'z'.repeat(101)}`]) {
      assert.ok([200, 400].includes((await client.get(`/api/profiles?${query}`)).status), query)
    }
  })
})

describe('GET /api/users/deleted', () => {
  const idOf = async (api: ApiClient): Promise<string> => (await api.get('/api/me')).body.user.id
  const deleteBy = async (api: ApiClient) =>
    assert.equal((await api.post('/api/auth/delete-user', { password: PASSWORD })).status, 200)
  const toldSince = async (client: ApiClient, since?: string) => {
    const { status, body, text } = await client.get(`/api/users/deleted${since === undefined ? '' : `?since=${since}`}`)
    assert.equal(status, 200, text)
    assert.deepEqual(Object.keys(body), ['ids', 'until', 'more'])
    return body as { ids: string[]; until: string; more: boolean }
  }

  it('names an account when it is gone for good, and not in its days of grace', async () => {
    const client = await serviceWith('deleted')
    const { api } = await apiLearner(app, 'Ben')
    const id = await idOf(api)
    const { until } = await toldSince(client)
    await deleteBy(api)
    assert.ok(!(await toldSince(client, until)).ids.includes(id))
    await app.sql`delete from all_users where id = ${id}`
    const told = await toldSince(client, until)
    assert.ok(told.ids.includes(id))
    assert.ok(told.until > until)
    assert.equal(told.more, false)
    assert.ok((await toldSince(client, told.until)).ids.includes(id), 'what is young comes again')
  })

  it('leads a caller back to the present whose own clock is ahead, so that no deletion stays unheard', async () => {
    const client = await serviceWith('deleted')
    const later = new Date(Date.now() + 3 * HOUR).toISOString()
    const { until } = await toldSince(client, later)
    assert.ok(Date.parse(until) < Date.now() + HOUR, until)
  })

  for (const since of ['0000-01-01T00:00:00Z', '0001-01-01T00:00:00Z', '1970-01-01T00:00:00Z']) {
    it(`names all for who asks since ${since}`, async () => {
      const client = await serviceWith('deleted')
      await app.sql`insert into deleted_users values (${`since ${since}`}, now() - interval '1 day')`
      assert.ok((await toldSince(client, since)).ids.includes(`since ${since}`))
    })
  }

  it('asks nobody to ask again at once for those of the last minutes, however many', async () => {
    const mine = await startApp()
    await mine.sql`insert into deleted_users select 'lately' || n, now() - n * interval '10 milliseconds' from generate_series(1, 3000) n`
    const first = await listDeletedUsers(mine.sql, new Date(0))
    assert.equal(first.more, false)
    assert.ok(first.until.getTime() < Date.now() - MINUTE)
    // Three minutes later.
    await mine.sql`update deleted_users set deleted_at = deleted_at - interval '3 minutes'`
    const heard = new Set(first.ids)
    let since = new Date(first.until.getTime() - 3 * MINUTE)
    for (let more = true; more; ) {
      const told = await listDeletedUsers(mine.sql, since)
      for (const id of told.ids) heard.add(id)
      since = told.until
      more = told.more
    }
    assert.equal(heard.size, 3000)
  })

  it('names one that was deleted at once, where there is no grace', async () => {
    const strict = await startApp({ DELETION_GRACE_DAYS: '0' }, { databaseUrl: app.databaseUrl, atPublicUrl: true })
    const { api } = await apiLearner(strict, 'Carl')
    const id = await idOf(api)
    await deleteBy(api)
    assert.ok((await toldSince(await serviceWith('deleted'))).ids.includes(id))
  })

  it('names many in several answers, none of them lost, also those of one moment', async () => {
    const start = new Date(Date.now() - 40 * DAY)
    // A thousand and a half of one moment, then some of the next.
    await app.sql`insert into deleted_users select 'many' || n, ${start}::timestamptz + interval '1 second' from generate_series(1, 1500) n`
    await app.sql`insert into deleted_users select 'more' || n, ${start}::timestamptz + interval '2 seconds' from generate_series(1, 20) n`
    const first = await listDeletedUsers(app.sql, start)
    assert.deepEqual([first.ids.length, first.more, first.until.getTime()], [1500, true, start.getTime() + 1000])
    const second = await listDeletedUsers(app.sql, first.until)
    assert.equal(second.ids.filter((id) => id.startsWith('more')).length, 20)
    assert.equal(second.ids.filter((id) => id.startsWith('many')).length, 0)
    assert.equal(second.more, false)
  })

  it('forgets after 90 days', async () => {
    await app.sql`insert into deleted_users values ('long ago', ${new Date(app.deps.now() - 91 * DAY)}), ('not yet', ${new Date(app.deps.now() - 89 * DAY)})`
    await prune(app.sql, OLD_DELETIONS, app.deps.now(), 1_000)
    const rows = await app.sql<{
      id: string
    }>`select id from deleted_users where id in ('long ago', 'not yet')`
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['not yet'],
    )
  })
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app, [SERVICE_KEY, ...keys])
})
