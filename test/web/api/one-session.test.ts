/** Pages and API share one session: logging in or out on one side counts for both. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner, apiOf, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { refusalOf } from '../../support/calls.ts'
import { createDatabase } from '../../support/database.ts'
import { learner, openBrowser } from '../../support/people.ts'
import { startProxy } from '../../support/proxy.ts'
import { COOKIE, setCookieOf } from '../../support/sessions.ts'

const app = await startApp({}, { atPublicUrl: true })
const DAY = 24 * 60 * 60_000
const GET_SESSION = '/api/auth/get-session'
const CLEARED = `${COOKIE}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax`

/** A browser in which pages and scripts share the cookies. */
function openBoth() {
  const browser = openBrowser(app)
  const api = apiOf(app, browser)
  const seen = async () => ({
    page: await browser.whoAmI(),
    api: (await api.get(GET_SESSION)).body?.user.name as string | undefined,
  })
  return { browser, api, seen }
}

const BOTH = { page: 'Ada', api: 'Ada' }
const NEITHER = { page: undefined, api: undefined }

describe('a login', () => {
  it('[S34] on the page is one on the API', async () => {
    const { person } = await learner(app, 'Ada')
    const { browser, seen } = openBoth()
    assert.deepEqual(await seen(), NEITHER)
    assert.equal((await browser.logIn(person)).status, 303)
    assert.deepEqual(await seen(), BOTH)
  })

  it('[S34] on the API is one on the page', async () => {
    const { person } = await learner(app, 'Ada')
    const { api, browser, seen } = openBoth()
    assert.equal((await api.signIn(person)).status, 200)
    assert.deepEqual(await seen(), BOTH)
    assert.equal((await browser.get('/dashboard')).status, 200)
    assert.equal((await browser.get('/login')).headers.location, '/dashboard')
  })

  it('by a sign-up on either side counts on both', async () => {
    const onThePage = openBoth()
    const { person } = await apiLearner(app, 'Ada')
    await onThePage.browser.signUp({ ...person, email: `page-${person.email}` })
    assert.deepEqual(await onThePage.seen(), BOTH)
    const onTheApi = openBoth()
    await onTheApi.api.signUp({ ...person, email: `api-${person.email}` })
    assert.deepEqual(await onTheApi.seen(), BOTH)
    // An account made on one side works on the other.
    assert.equal((await openBoth().api.signIn({ ...person, email: `page-${person.email}` })).status, 200)
    assert.equal((await openBoth().browser.logIn({ ...person, email: `api-${person.email}` })).status, 303)
  })

  it('on the page lasts as long for the API as the box says', async () => {
    const { person } = await learner(app, 'Ada')
    for (const [remember, days] of [
      ['', 1 / 12],
      ['yes', 14],
    ] as const) {
      const { browser, api } = openBoth()
      await browser.logIn(person, remember === '' ? {} : { remember })
      const { expiresAt, createdAt } = (await api.get(GET_SESSION)).body.session
      assert.equal(Date.parse(expiresAt) - Date.parse(createdAt), days * DAY)
    }
  })

  it('on the page ends the session before it, and one on the API does not', async () => {
    const { person } = await learner(app, 'Ada')
    const { api, browser } = openBoth()
    const list = async () => (await api.get('/api/auth/list-sessions')).body.length
    await api.signIn(person)
    const before = await list()
    await api.signIn(person)
    assert.equal(await list(), before + 1)
    await browser.submitTo('/dashboard', '/login', { email: person.email, password: person.password })
    assert.equal(await list(), before + 1)
  })
})

describe('an end', () => {
  it('[S34] on the page is one on the API, and its tokens are refused', async () => {
    const { person } = await learner(app, 'Ada')
    const { browser, api, seen } = openBoth()
    await browser.logIn(person)
    const token = await api.token()
    assert.equal((await openApi(app).get('/api/me', bearer(token))).body.user.email, person.email)
    assert.equal((await browser.logOut()).status, 303)
    assert.deepEqual(await seen(), NEITHER)
    assert.equal((await api.get('/api/auth/token')).status, 401)
    assert.equal((await openApi(app).get('/api/me', bearer(token))).status, 401)
  })

  it('[S34] on the API is one on the page', async () => {
    const { person } = await learner(app, 'Ada')
    const { browser, api, seen } = openBoth()
    await browser.logIn(person)
    const response = await api.post('/api/auth/sign-out', {})
    assert.equal(response.status, 200)
    assert.equal(setCookieOf(response), CLEARED)
    assert.deepEqual(await seen(), NEITHER)
    assert.equal((await browser.get('/dashboard')).headers.location, '/login?next=%2Fdashboard')
  })

  it('[S07] by the API from another device reaches the page at once', async () => {
    const { person } = await learner(app, 'Ada')
    const ENDS: ((api: ReturnType<typeof openApi>, token: string) => PromiseLike<{ status: number }>)[] = [
      (api, token) => api.post('/api/auth/revoke-session', { token }),
      (api) => api.post('/api/auth/revoke-other-sessions', {}),
      (api) => api.post('/api/auth/revoke-sessions', {}),
    ]
    for (const end of ENDS) {
      const page = openBoth()
      await page.browser.logIn(person)
      const { token } = (await page.api.get(GET_SESSION)).body.session
      const elsewhere = openApi(app)
      await elsewhere.signIn(person)
      assert.equal(await page.browser.whoAmI(), 'Ada')
      assert.equal((await end(elsewhere, token)).status, 200)
      assert.deepEqual(await page.seen(), NEITHER)
    }
  })

  it('while a form is open leaves the form without effect', async () => {
    const { person } = await learner(app, 'Ada')
    const { browser, api } = openBoth()
    await browser.logIn(person)
    const token = await browser.token('/dashboard')
    await api.post('/api/auth/sign-out', {})
    const response = await browser.post('/login', { ...person, _csrf: token })
    assert.equal(response.status, 403)
    assert.equal(await browser.whoAmI(), undefined)
  })
})

it('the list of the API names logins of the page, with their device, and marks the one that asks', async () => {
  const { person } = await learner(app, 'Ada')
  await app.sql`delete from sessions where user_id = (select id from users where email = ${person.email})`
  const phone = openBrowser(app, { 'User-Agent': 'a phone' })
  await phone.logIn(person)
  const laptop = openBrowser(app, { 'User-Agent': 'a laptop' })
  await laptop.logIn(person)
  for (const [browser, name] of [
    [phone, 'a phone'],
    [laptop, 'a laptop'],
  ] as const) {
    const sessions: { userAgent: string; current: boolean; ipAddress: string }[] = (
      await apiOf(app, browser).get('/api/auth/list-sessions')
    ).body
    assert.deepEqual(sessions.map(({ userAgent }) => userAgent).sort(), ['a laptop', 'a phone'])
    const current = sessions.filter((session) => session.current)
    assert.deepEqual(
      current.map(({ userAgent }) => userAgent),
      [name],
    )
    for (const { ipAddress } of sessions) assert.equal(ipAddress, '127.0.0.1')
  }
})

it('a name that is changed through the API is on the next page', async () => {
  const { browser } = await learner(app, 'Ada')
  assert.equal((await apiOf(app, browser).post('/api/auth/update-user', { name: 'Ada King' })).status, 200)
  assert.equal(await browser.whoAmI(), 'Ada King')
})

describe('signing out while the database is away', () => {
  it('[S21] takes the cookie and says that the session may still be open, by the API as by the page', async () => {
    const proxy = await startProxy(await createDatabase())
    const shaky = await startApp({}, { atPublicUrl: true, databaseUrl: proxy.url })
    const { api } = await apiLearner(shaky, 'Ada')
    const cookie = setCookieOf(await api.signIn((await apiLearner(shaky, 'Ben')).person))?.split(';')[0] ?? ''
    proxy.cut()
    const response = await api.post('/api/auth/sign-out', {})
    const message = 'The service is busy or out of reach. Try again in a moment.'
    assert.deepEqual(refusalOf(response), { status: 503, code: 'SERVICE_UNAVAILABLE', message })
    assert.match(response.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    assert.equal(setCookieOf(response), CLEARED)

    // Another site cannot use this to delete the browser's session cookie.
    const headers = { Cookie: cookie, Origin: 'https://evil.example' }
    const forged = await openApi(shaky, headers).post('/api/auth/sign-out', {})
    assert.deepEqual([forged.status, setCookieOf(forged)], [403, undefined])

    await proxy.heal()
    // As the answer said: the browser has lost the session, the server has kept it.
    assert.equal((await api.get(GET_SESSION)).text, 'null')
    assert.equal((await openApi(shaky, { Cookie: cookie }).get(GET_SESSION)).body.user.name, 'Ben')
  })
})
