/** change-password and verify-password, row by row of the contract, and how often a wrong password may be tried. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { call, cookieOf, refusalOf } from '../../support/calls.ts'
import { learner, type Person, somebody } from '../../support/people.ts'
import { setCookieOf } from '../../support/sessions.ts'

const app = await startApp({}, { atPublicUrl: true })

const CHANGE = '/api/auth/change-password'
const VERIFY = '/api/auth/verify-password'
const GET_SESSION = '/api/auth/get-session'
const NEW_PASSWORD = 'quiet amber harbour window'
const WRONG = { status: 400, code: 'INVALID_PASSWORD', message: 'Invalid password' }
const wrong = (message: string) => ({ status: 400, code: 'VALIDATION_ERROR', message })

const signsIn = async (person: Person, password: string) =>
  (await openApi(app).signIn({ ...person, password })).status === 200

describe('change-password', () => {
  it('sets the new one, and leaves every session as it is', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const phone = openApi(app)
    await phone.signIn(person)
    const before = cookieOf(api)
    const response = await api.post(CHANGE, { currentPassword: person.password, newPassword: NEW_PASSWORD })
    assert.equal(response.status, 200)
    assert.deepEqual(Object.keys(JSON.parse(response.text)), ['token', 'user'])
    assert.equal(response.body.token, null)
    assert.equal(response.body.user.email, person.email)
    assert.equal(setCookieOf(response), undefined)
    assert.equal(cookieOf(api), before)
    for (const device of [api, phone]) assert.equal((await device.get(GET_SESSION)).body.user.name, 'Ada')
    assert.deepEqual([await signsIn(person, person.password), await signsIn(person, NEW_PASSWORD)], [false, true])
  })

  it('with revokeOtherSessions puts out the other devices, pages too, and the old cookie', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const [api, phone] = [openApi(app), openApi(app)]
    await api.signIn(person)
    await phone.signIn(person)
    const [oldCookie, oldToken] = [cookieOf(api), (await api.get(GET_SESSION)).body.session.token]
    const change = { currentPassword: person.password, newPassword: NEW_PASSWORD, revokeOtherSessions: true }
    const response = await api.post(CHANGE, change)
    assert.equal(response.status, 200)
    assert.match(response.body.token, /^[A-Za-z0-9]{32}$/)
    assert.notEqual(response.body.token, oldToken)
    assert.ok(setCookieOf(response), 'a new cookie')

    const { session, user } = (await api.get(GET_SESSION)).body
    assert.deepEqual([session.token, user.email], [response.body.token, person.email])
    assert.equal((await phone.get(GET_SESSION)).text, 'null')
    assert.equal(await browser.whoAmI(), undefined)
    const { text } = await call(app, GET_SESSION, { headers: { Cookie: oldCookie } })
    assert.equal(text, 'null')
    assert.equal((await api.get('/api/auth/list-sessions')).body.length, 1)
  })

  const REFUSED: { name: string; body: object; refusal: object }[] = [
    { name: 'a wrong current password', body: { currentPassword: 'not the password' }, refusal: WRONG },
    { name: 'an empty current password', body: { currentPassword: '' }, refusal: WRONG },
    { name: 'a current password beyond any length', body: { currentPassword: 'x'.repeat(5000) }, refusal: WRONG },
    {
      name: 'no current password',
      body: { currentPassword: undefined },
      refusal: wrong('[body.currentPassword] Invalid input: expected string, received undefined'),
    },
    {
      name: 'a short new one',
      body: { newPassword: 'xk4$ wZ' },
      refusal: { status: 400, code: 'PASSWORD_TOO_SHORT', message: 'Password too short' },
    },
    {
      name: 'a long new one',
      body: { newPassword: 'long and '.repeat(15) },
      refusal: { status: 400, code: 'PASSWORD_TOO_LONG', message: 'Password too long' },
    },
    {
      name: 'a short new one, before the current one is looked at',
      body: { currentPassword: 'not the password', newPassword: 'xk4$ wZ' },
      refusal: { status: 400, code: 'PASSWORD_TOO_SHORT', message: 'Password too short' },
    },
    {
      name: 'an empty new one',
      body: { newPassword: '' },
      refusal: wrong('[body.newPassword] Too small: expected string to have >=1 characters'),
    },
    {
      name: 'a new one that everybody uses',
      body: { newPassword: 'password123' },
      refusal: wrong('[body.newPassword] Do not use a very common password'),
    },
    {
      name: 'a new one with half a character',
      body: { newPassword: 'a long \ud800 password' },
      refusal: wrong('[body.newPassword] Password must be text that a keyboard can type'),
    },
    {
      name: 'revokeOtherSessions in words',
      body: { revokeOtherSessions: 'yes' },
      refusal: wrong('[body.revokeOtherSessions] Invalid input: expected boolean, received string'),
    },
  ]
  for (const { name, body, refusal } of REFUSED) {
    it(`[P07, P09, P16] refuses ${name}, and changes nothing`, async () => {
      const { api, person } = await apiLearner(app, 'Ada')
      const right = { currentPassword: person.password, newPassword: NEW_PASSWORD, revokeOtherSessions: true }
      const response = await api.post(CHANGE, { ...right, ...body })
      assert.deepEqual(refusalOf(response), refusal)
      assert.equal(setCookieOf(response), undefined)
      assert.equal((await api.get(GET_SESSION)).body.user.name, 'Ada')
      assert.equal(await signsIn(person, person.password), true)
    })
  }

  it('refuses the name and the address of the learner as a password', async () => {
    const { api, person } = await apiLearner(app, 'Adalovelace')
    for (const newPassword of [person.name, person.email, person.email.toUpperCase()]) {
      assert.deepEqual(
        refusalOf(await api.post(CHANGE, { currentPassword: person.password, newPassword })),
        wrong('[body.newPassword] Do not use your name or email address as your password'),
      )
    }
  })

  it('[X06] changes the password of the one who asks, whoever is named', async () => {
    const { api, person } = await apiLearner(app, 'Eve')
    const { api: adas, person: ada } = await apiLearner(app, 'Ada')
    const { id: userId, email } = (await adas.get(GET_SESSION)).body.user
    const change = { currentPassword: person.password, newPassword: NEW_PASSWORD, revokeOtherSessions: true }
    assert.equal((await api.post(`${CHANGE}?userId=${userId}`, { ...change, userId, email })).status, 200)
    assert.deepEqual([await signsIn(ada, ada.password), await signsIn(person, NEW_PASSWORD)], [true, true])
    assert.equal((await adas.get(GET_SESSION)).body.user.name, 'Ada')
  })

  it('is for nobody without a session', async () => {
    const body = { currentPassword: 'any password', newPassword: NEW_PASSWORD }
    const refusal = { status: 401, code: 'UNAUTHORIZED', message: 'Unauthorized' }
    assert.deepEqual(refusalOf(await openApi(app).post(CHANGE, body)), refusal)
  })
})

describe('verify-password', () => {
  it('says whether it is the one', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    assert.equal((await api.post(VERIFY, { password: person.password })).text, '{"status":true}')
    assert.deepEqual(refusalOf(await api.post(VERIFY, { password: 'not the password' })), WRONG)
  })
})

describe('a wrong current password', () => {
  const WAYS: Record<string, (password: string) => [path: string, body: object]> = {
    'change-password': (currentPassword) => [CHANGE, { currentPassword, newPassword: NEW_PASSWORD }],
    'verify-password': (password) => [VERIFY, { password }],
  }
  for (const [name, ask] of Object.entries(WAYS)) {
    it(`may be tried ten times at ${name}; then even the right one has to wait, on either way, and the session that asks ends`, async () => {
      const { api, person } = await apiLearner(app, 'Ada')
      const other = openApi(app)
      await other.signIn(person)
      for (let tries = 0; tries < 10; tries += 1) {
        assert.deepEqual(refusalOf(await api.post(...ask('not the password'))), WRONG, `try ${tries + 1}`)
      }
      for (const [session, way] of [
        [api, ask],
        [other, name === 'verify-password' ? WAYS['change-password'] : WAYS['verify-password']],
      ] as const) {
        assert.ok(way)
        const response = await session.post(...way(person.password))
        const message = 'Too many requests. Please try again later.'
        assert.deepEqual(refusalOf(response), { status: 429, code: 'RATE_LIMITED', message })
        assert.match(response.headers['retry-after'] ?? '', /^[1-9]\d*$/)
        assert.equal(response.headers['x-retry-after'], response.headers['retry-after'])
        assert.equal(response.headers['cache-control'], 'no-store')
        // Whoever guesses does not know the password, so the session is probably not theirs. It ends.
        assert.equal((await session.get('/api/auth/get-session')).body, null)
      }
      // The owner can sign in with the password, and the guesses do not block the change or the check.
      assert.equal((await api.signIn(person)).status, 200)
      assert.equal((await api.post(...ask(person.password))).status, 200)
      // Somebody with a stolen session cannot lock the owner out of signing in.
      assert.equal(await signsIn(person, name === 'change-password' ? NEW_PASSWORD : person.password), true)
    })
  }

  it('is forgotten after the right one', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    for (let tries = 0; tries < 9; tries += 1) await api.post(VERIFY, { password: 'not the password' })
    assert.equal((await api.post(VERIFY, { password: person.password })).status, 200)
    for (let tries = 0; tries < 10; tries += 1) {
      assert.equal((await api.post(VERIFY, { password: 'not the password' })).status, 400)
    }
  })

  it('of one learner is not counted for another', async () => {
    const { api } = await apiLearner(app, 'Eve')
    for (let tries = 0; tries < 11; tries += 1) await api.post(VERIFY, { password: 'not the password' })
    const { api: adas, person } = await apiLearner(app, 'Ada')
    assert.equal((await adas.post(VERIFY, { password: person.password })).status, 200)
  })
})

describe('a forgotten password, while this server sends no mail', () => {
  const REQUEST = '/api/auth/request-password-reset'
  const RESET = '/api/auth/reset-password'
  const off = { status: 400, code: 'RESET_PASSWORD_DISABLED', message: "Reset password isn't enabled" }
  const noToken = { status: 400, code: 'INVALID_TOKEN', message: 'Invalid token' }
  const ROWS: { name: string; path: string; body: object; refusal: object }[] = [
    { name: 'is refused alike for nobody', path: REQUEST, body: { email: somebody('Nobody').email }, refusal: off },
    { name: 'is refused with a place to lead to', path: REQUEST, body: { redirectTo: '/reset' }, refusal: off },
    {
      name: 'needs an address',
      path: REQUEST,
      body: { email: 'ada' },
      refusal: wrong('[body.email] Invalid email address'),
    },
    {
      name: 'leads to no other site',
      path: REQUEST,
      body: { redirectTo: '//evil.example' },
      refusal: { status: 403, code: 'INVALID_REDIRECT_URL', message: 'Invalid redirectURL' },
    },
    { name: 'has no good token', path: RESET, body: { newPassword: NEW_PASSWORD, token: 'x' }, refusal: noToken },
    { name: 'needs a token', path: RESET, body: { newPassword: NEW_PASSWORD }, refusal: noToken },
    {
      name: 'may have its token in the address',
      path: `${RESET}?token=x`,
      body: { newPassword: NEW_PASSWORD },
      refusal: noToken,
    },
    {
      name: 'needs a password of eight characters first',
      path: RESET,
      body: { newPassword: 'xk4$ wZ', token: 'x' },
      refusal: { status: 400, code: 'PASSWORD_TOO_SHORT', message: 'Password too short' },
    },
    {
      name: 'needs a password of 128 characters at most',
      path: RESET,
      body: { newPassword: 'long and '.repeat(15), token: 'x' },
      refusal: { status: 400, code: 'PASSWORD_TOO_LONG', message: 'Password too long' },
    },
  ]
  for (const { name, path, body, refusal } of ROWS) {
    it(name, async () => {
      const { person } = await apiLearner(app, 'Ada')
      const response = await openApi(app).post(path, path === REQUEST ? { email: person.email, ...body } : body)
      assert.deepEqual(refusalOf(response), refusal)
      assert.equal(await signsIn(person, person.password), true)
    })
  }
})
