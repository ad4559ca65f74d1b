/** We refuse a token as soon as its session or its user is gone, on every instance. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { prune } from '../../../src/database/pruning.ts'
import { OLD_SESSIONS } from '../../../src/sessions/sessions.ts'
import { type ApiClient, apiLearner, apiOf, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { type Browser, openBrowser, type Person, somebody } from '../../support/people.ts'
import { onlySessionOf, sessionsOf } from '../../support/sessions.ts'
import {
  assertNothingSecretLogged,
  DAY,
  decode,
  firstPair,
  HOUR,
  isRefused,
  isUnauthorized,
  MINUTE,
  type Pair,
  refresh,
  resigned,
  SECOND,
  setClock,
} from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const other = await startApp({ PUBLIC_URL: app.url }, { databaseUrl: app.databaseUrl })

const NEW_PASSWORD = 'another tidy copper lantern'

type Case = { person: Person; browser: Browser; api: ApiClient; elsewhere: ApiClient; handle: string; userId: string }

/** Every way to end a session. `elsewhere` is a second session of the same person. */
const ENDS: { name: string; end: (it: Case) => Promise<unknown>; endsElsewhere?: true; refused?: true }[] = [
  { name: 'signing out', end: ({ api }) => api.post('/api/auth/sign-out', {}) },
  { name: 'logging out on a page', end: ({ browser }) => browser.logOut() },
  {
    name: 'revoking the session from elsewhere',
    end: ({ elsewhere, handle }) => elsewhere.post('/api/auth/revoke-session', { token: handle }),
  },
  {
    name: 'revoking the session itself',
    end: ({ api, handle }) => api.post('/api/auth/revoke-session', { token: handle }),
  },
  {
    name: 'revoking the others from elsewhere',
    end: ({ elsewhere }) => elsewhere.post('/api/auth/revoke-other-sessions', {}),
  },
  { name: 'revoking all', end: ({ api }) => api.post('/api/auth/revoke-sessions', {}), endsElsewhere: true },
  {
    name: 'a new password from elsewhere that ends the other sessions',
    end: ({ elsewhere, person }) => changePassword(elsewhere, person, { revokeOtherSessions: true }),
    endsElsewhere: true,
  },
  {
    name: 'a new password that ends the other sessions, for the one that set it too',
    end: ({ api, person }) => changePassword(api, person, { revokeOtherSessions: true }),
    endsElsewhere: true,
  },
  {
    name: 'another login in the same browser',
    end: ({ browser, person }) => browser.submitTo('/dashboard', '/login', { ...person }),
  },
  { name: 'the loss of its row', end: ({ handle }) => app.sql`delete from sessions where handle = ${handle}` },
  {
    name: 'the end of the user',
    end: ({ userId }) => app.sql`delete from users where id = ${userId}`,
    endsElsewhere: true,
  },
]

async function changePassword(api: ApiClient, { password }: Person, more: object) {
  const body = { currentPassword: password, newPassword: NEW_PASSWORD, ...more }
  const response = await api.post('/api/auth/change-password', body)
  assert.equal(response.status, 200, response.text)
}

/** Somebody with two sessions, one of them in a browser. */
async function twice(name: string): Promise<Case & { pair: Pair; token: string; tokenElsewhere: string }> {
  const person = somebody(name)
  const browser = openBrowser(app)
  assert.equal((await browser.signUp(person)).status, 303)
  const api = apiOf(app, browser)
  const elsewhere = openApi(app)
  assert.equal((await elsewhere.signIn(person)).status, 200)
  const [pair, token, tokenElsewhere] = [await firstPair(api), await api.token(), await elsewhere.token()]
  const { sid, sub } = decode(token).claims
  return { person, browser, api, elsewhere, pair, token, tokenElsewhere, handle: sid, userId: String(sub) }
}

async function isRefusedEverywhere(token: string): Promise<void> {
  for (const instance of [app, other]) isUnauthorized(await openApi(instance).get('/api/me', bearer(token)))
}
async function isGoodEverywhere(token: string): Promise<void> {
  for (const instance of [app, other]) {
    const response = await openApi(instance).get('/api/me', bearer(token))
    assert.equal(response.status, 200, response.text)
  }
}

describe('[J15, J16, J28] a token is refused at once, and its refresh token too, after', () => {
  for (const { name, end, endsElsewhere = false } of ENDS) {
    it(name, async () => {
      const ada = await twice('Ada')
      for (const token of [ada.token, ada.pair.token, ada.tokenElsewhere]) await isGoodEverywhere(token)
      await end(ada)
      for (const token of [ada.token, ada.pair.token]) await isRefusedEverywhere(token)
      for (const instance of [app, other]) isRefused(await refresh(instance, ada.pair.refreshToken))
      if (endsElsewhere) await isRefusedEverywhere(ada.tokenElsewhere)
      else await isGoodEverywhere(ada.tokenElsewhere)
    })
  }
})

describe('a token stays good after', () => {
  const HARMLESS: { name: string; act: (it: Case) => Promise<unknown> }[] = [
    { name: 'a new password that ends no session', act: ({ api, person }) => changePassword(api, person, {}) },
    { name: 'a sign-out elsewhere', act: ({ elsewhere }) => elsewhere.post('/api/auth/sign-out', {}) },
    {
      name: 'revoking a session that is not there',
      act: ({ api }) => api.post('/api/auth/revoke-session', { token: 'nobody' }),
    },
    { name: 'a new name', act: ({ api }) => api.post('/api/auth/update-user', { name: 'Augusta' }) },
    { name: 'another login elsewhere', act: ({ person }) => openApi(app).signIn(person) },
    {
      name: 'somebody else who names the session',
      act: async ({ handle }) => {
        const { api } = await apiLearner(app, 'Mallory')
        const response = await api.post('/api/auth/revoke-session', { token: handle })
        assert.deepEqual(response.body, { status: true })
      },
    },
  ]
  for (const { name, act } of HARMLESS) {
    it(name, async () => {
      const ada = await twice('Ada')
      await act(ada)
      await isGoodEverywhere(ada.token)
      assert.equal((await refresh(app, ada.pair.refreshToken)).status, 200)
    })
  }
})

describe('a session that is revoked by its name', () => {
  it('is out of its pages at once', async () => {
    const ada = await twice('Ada')
    await ada.elsewhere.post('/api/auth/revoke-session', { token: ada.handle })
    const page = await ada.browser.get('/dashboard')
    assert.equal(page.status, 303)
    assert.equal(page.headers.location, '/login?next=%2Fdashboard')
    assert.equal((await sessionsOf(app, ada.person)).length, 1)
  })

  for (const token of ['', 'nobody', '\u0000', "' or '1'='1", '\ud800', 'x'.repeat(10_000)]) {
    it(`and is not there, gets the answer of one that is: ${JSON.stringify(token).slice(0, 30)}`, async () => {
      const { api } = await apiLearner(app, 'Ada')
      const response = await api.post('/api/auth/revoke-session', { token })
      assert.equal(response.status, 200, response.text)
      assert.deepEqual(response.body, { status: true })
      assert.equal((await api.get('/api/me')).status, 200)
    })
  }
})

describe('a user who is gone', () => {
  it('[J16] is a visitor everywhere at once, and nothing of theirs is left', async () => {
    const ada = await twice('Ada')
    await app.sql`delete from users where id = ${ada.userId}`
    assert.equal((await ada.browser.get('/dashboard')).status, 303)
    assert.equal((await ada.api.get('/api/auth/get-session')).body, null)
    isUnauthorized(await ada.api.get('/api/me'))
    isUnauthorized(await ada.api.get('/api/auth/token'))
    for (const rows of [
      await app.sql`select 1 from sessions where user_id = ${ada.userId}`,
      await app.sql`select 1 from refresh_families where session_handle = ${ada.handle}`,
    ]) {
      assert.equal(rows.length, 0)
    }
  })
})

describe('a session that ends by itself', () => {
  const KINDS = [
    { kind: 'of the browser', rememberMe: false, idle: 2 * HOUR, absolute: DAY },
    { kind: 'remembered', rememberMe: true, idle: 14 * DAY, absolute: 30 * DAY },
  ]
  /** Signs the token again with new times, since asking for one would count as a visit to the session. */
  const fresh = (token: string) => {
    const iat = Math.floor(app.deps.now() / 1000) - 5
    return resigned(app, token, { iat, exp: iat + 900 })
  }

  for (const { kind, rememberMe, idle, absolute } of KINDS) {
    it(`takes its tokens with it at its idle limit: ${kind}`, async () => {
      const ada = somebody('Ada')
      const api = openApi(app)
      await api.signUp(ada, { rememberMe })
      const token = await api.token()
      const start = Number((await onlySessionOf(app, ada)).seenAt)
      setClock(app, start + idle - 2 * SECOND)
      assert.equal((await openApi(app).get('/api/me', bearer(await fresh(token)))).status, 200)
      setClock(app, start + idle + SECOND)
      isUnauthorized(await openApi(app).get('/api/me', bearer(await fresh(token))))
    })

    it(`takes its tokens with it at its absolute limit, however good they were: ${kind}`, async () => {
      const ada = somebody('Ada')
      const api = openApi(app)
      await api.signUp(ada, { rememberMe })
      const start = Number((await onlySessionOf(app, ada)).createdAt)
      for (let time = idle / 2; time < absolute - MINUTE; time += idle / 2) {
        setClock(app, start + time)
        assert.equal((await api.get('/api/me')).status, 200)
      }
      setClock(app, start + absolute - 5 * MINUTE)
      const token = await api.token()
      setClock(app, start + absolute - 2 * SECOND)
      assert.equal((await openApi(app).get('/api/me', bearer(token))).status, 200)
      setClock(app, start + absolute + SECOND)
      assert.equal(decode(token).claims.exp > app.deps.now() / 1000, true)
      isUnauthorized(await openApi(app).get('/api/me', bearer(token)))
      assert.equal((await prune(app.sql, OLD_SESSIONS, app.deps.now(), 1_000)) >= 1, true)
      isUnauthorized(await openApi(app).get('/api/me', bearer(token)))
    })
  }
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app)
})
