/** A refresh at the same moment as the end of its session, family or user: whoever wins, no usable token is left. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { type ApiClient, apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { IS_SERIALIZABLE } from '../../support/database.ts'
import type { Person, Response } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'
import {
  assertNothingSecretLogged,
  decode,
  firstPair,
  isRefused,
  type Pair,
  refresh,
  SECOND,
  setClock,
  successor,
} from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const other = await startApp({ PUBLIC_URL: app.url }, { databaseUrl: app.databaseUrl })
const locker = postgres(app.databaseUrl, { max: 1 })
after(() => locker.end({ timeout: 1 }))

const advance = (milliseconds: number) => {
  const to = app.deps.now() + milliseconds
  for (const instance of [app, other]) setClock(instance, to)
}

/** What a race needs: the session, its newest token, and who may end it. */
type Race = { person: Person; api: ApiClient; elsewhere: ApiClient; first: Pair; newest: Pair; handle: string }

type End = {
  name: string
  end: (race: Race) => PromiseLike<Response | undefined>
  status?: number
  times: number
  leaves: 'session' | 'user' | 'nothing'
}

const ENDS: End[] = [
  {
    name: 'a copy that is used again',
    end: ({ first }) => refresh(app, first.refreshToken),
    status: 401,
    times: 30,
    leaves: 'session',
  },
  {
    name: 'an end of the family',
    end: ({ first }) => openApi(app).post('/api/auth/revoke', { refreshToken: first.refreshToken }),
    status: 200,
    times: 15,
    leaves: 'session',
  },
  {
    name: 'a sign-out',
    end: ({ api }) => api.post('/api/auth/sign-out', {}),
    status: 200,
    times: 30,
    leaves: 'user',
  },
  {
    name: 'an end of the session from elsewhere',
    end: ({ elsewhere, handle }) => elsewhere.post('/api/auth/revoke-session', { token: handle }),
    status: 200,
    times: 15,
    leaves: 'user',
  },
  {
    name: 'an end of the user',
    end: ({ person }) => app.sql`delete from users where email = ${person.email}`.then(() => undefined),
    times: 15,
    leaves: 'nothing',
  },
]

/**
 * A new family whose first token is used and past its grace period. Reuses the person and session of the last race, if
 * they still exist.
 */
async function prepare(last?: Race, leaves: End['leaves'] = 'nothing'): Promise<Race> {
  const { person, elsewhere } =
    last && leaves !== 'nothing'
      ? last
      : await apiLearner(app, 'Ada').then(({ person, api }) => ({ person, elsewhere: api }))
  const api = last && leaves === 'session' ? last.api : openApi(app)
  if (api !== last?.api) assert.equal((await api.signIn(person)).status, 200)
  const first = await firstPair(api)
  const newest = await successor(app, first)
  advance(21 * SECOND)
  return { person, api, elsewhere, first, newest, handle: decode(first.token).claims.sid }
}

/** Keeps a row locked until every request waits for it or is done, so that they all continue at the same moment. */
async function fromOneLine<Result>(lock: string, start: () => PromiseLike<Result>[]): Promise<Result[]> {
  await locker`begin`
  await locker.unsafe(lock)
  let through = 0
  const running = start().map(async (one) => {
    try {
      return await one
    } finally {
      through += 1
    }
  })
  await eventually('everybody to wait', async () => {
    const [row] = await locker<{ waiting: number }[]>`
      select count(*)::int as waiting from pg_stat_activity
      where wait_event_type = 'Lock' and datname = current_database()`
    return (row?.waiting ?? 0) + through >= running.length
  })
  await locker`rollback`
  return Promise.all(running)
}

for (const { name, end, status, times, leaves } of ENDS) {
  describe(`a refresh against ${name}`, () => {
    it('leaves no live token and ends well for both, time after time', async () => {
      let race: Race | undefined
      for (let time = 0; time < times; time += 1) {
        race = await prepare(race, leaves)
        const { newest, first, handle } = race
        const ending = () => end(race ?? assert.fail('there is one'))
        const rotation = () => refresh(other, newest.refreshToken)
        const another = () => refresh(app, newest.refreshToken)
        /** Three ways in turn: without a lock, and held back at the session's row or at the family's row. */
        const responses = await [
          () => Promise.all([rotation(), ending(), another()]),
          () =>
            fromOneLine(`select 1 from sessions where handle = '${handle}' for update`, () => [
              rotation(),
              ending(),
              another(),
            ]),
          () =>
            fromOneLine(`select 1 from refresh_families where session_handle = '${handle}' for update`, () => [
              rotation(),
              ending(),
              another(),
            ]),
        ][time % 3]?.()
        const [one, ended, two] = responses ?? []
        assert.equal(ended?.status, status)
        const given: Pair[] = []
        for (const response of [one, two]) {
          assert.ok(response && [200, 401, ...(IS_SERIALIZABLE ? [503] : [])].includes(response.status), response?.text)
          if (response.status === 200) given.push(response.body)
        }
        for (const { refreshToken } of [first, newest, ...given]) isRefused(await refresh(other, refreshToken))
        const families = await app.sql`select 1 from refresh_families where session_handle = ${handle}`
        assert.equal(families.length, 0)
        const sessions = await app.sql`select 1 from sessions where handle = ${handle}`
        assert.equal(sessions.length, leaves === 'session' ? 1 : 0)
        for (const { token } of given) {
          const { status } = await openApi(other).get('/api/me', bearer(token))
          assert.equal(status, leaves === 'session' ? 200 : 401)
        }
      }
    })
  })
}

describe('a first refresh token against a sign-out', () => {
  it('is dead or was never made', async () => {
    let race: Race | undefined
    for (let time = 0; time < 20; time += 1) {
      race = await prepare(race, 'user')
      const { api, handle } = race
      const run = () => [api.post('/api/auth/refresh-token', {}), api.post('/api/auth/sign-out', {})]
      const [made, signedOut] = await (time % 2
        ? Promise.all(run())
        : fromOneLine(`select 1 from sessions where handle = '${handle}' for update`, run))
      assert.equal(signedOut?.status, 200)
      assert.ok(made && [200, 401].includes(made.status), made?.text)
      if (made.status === 200) isRefused(await refresh(app, made.body.refreshToken))
      const families = await app.sql`select 1 from refresh_families where session_handle = ${handle}`
      assert.equal(families.length, 0)
    }
  })
})

it('nothing secret was logged meanwhile, and nothing failed', async () => {
  await assertNothingSecretLogged(app)
  if (IS_SERIALIZABLE) return
  for (const instance of [app, other]) assert.doesNotMatch(instance.log(), /request failed|40P01|"status":50/)
})
