/** delete-user without a grace, row by row of the contract: who may call it, with which proof, and that nothing is left. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ApiClient, apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { call, cookieOf, refusalOf } from '../../support/calls.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { headingOf, open, RESET, secretOf } from '../../support/mailed.ts'
import { comingBack, learner, openBrowser } from '../../support/people.ts'
import { setCookieOf } from '../../support/sessions.ts'
import { firstPair, MINUTE, refresh } from '../../support/tokens.ts'

const mailbox = await openMailbox()
const app = await startApp({ DELETION_GRACE_DAYS: '0' }, { atPublicUrl: true, mailbox })

const DELETE = '/api/auth/delete-user'
const DELETED = { success: true, message: 'User deleted' }
const GOODBYE = /account was deleted/
const WRONG = { status: 400, code: 'INVALID_PASSWORD', message: 'Invalid password' }
const STALE = {
  status: 400,
  code: 'SESSION_EXPIRED',
  message: 'Session expired. Re-authenticate to perform this action.',
}

const isThere = async (api: ApiClient) => (await api.get('/api/auth/get-session')).body !== null

/** Every table with a `user_id` column, and how many rows of this user it has. */
async function rowsOf(userId: string): Promise<Record<string, number>> {
  const tables = await app.sql<{ name: string }>`
    select table_name as name from information_schema.columns
    where column_name = 'user_id' and table_schema = 'public' order by 1`
  assert.ok(tables.length > 4, `${tables.length} tables`)
  const counts = await Promise.all(
    tables.map(async ({ name }) => {
      const { rows } = await app.deps.pool.query(`select count(*)::int as count from ${name} where user_id = $1`, [
        userId,
      ])
      return [name, rows[0]?.count] as const
    }),
  )
  return Object.fromEntries(counts)
}

describe('delete-user', () => {
  const WAYS: { name: string; body: (password: string) => object | undefined; later?: true }[] = [
    { name: 'by the password', body: (password) => ({ password }) },
    { name: 'by the password in an older session', body: (password) => ({ password }), later: true },
    { name: 'without a word in a fresh session', body: () => ({}) },
    { name: 'without a body in a fresh session', body: () => undefined },
    { name: 'with a place to lead to, which nobody is led to', body: () => ({ callbackURL: '/goodbye' }) },
  ]
  for (const { name, body, later } of WAYS) {
    it(`takes the account away ${name}`, async () => {
      const { api, person } = await apiLearner(app, 'Ada')
      if (later) app.advance(10 * MINUTE)
      const response = await api.post(DELETE, body(person.password))
      assert.deepEqual([response.status, response.body], [200, DELETED])
      assert.match(setCookieOf(response) ?? '', /^matricula=; .*Expires=Thu, 01 Jan 1970/)
      assert.equal(response.headers.location, undefined)
      assert.equal(await isThere(api), false)
      assert.equal((await openApi(app).signIn(person)).body.code, 'INVALID_EMAIL_OR_PASSWORD')
      await mailbox.letterTo(person.email, GOODBYE)
    })
  }

  it('leaves no session, token, refresh token, link or row, and the address is free again', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const [api, phone] = [openApi(app), openApi(app)]
    await api.signIn(person)
    await phone.signIn(person)
    const { token, refreshToken } = await firstPair(phone)
    const oldCookie = cookieOf(api)
    const { id } = (await api.get('/api/me')).body.user
    await openApi(app).post('/api/auth/request-password-reset', { email: person.email })
    const letter = await mailbox.letterTo(person.email, RESET.subject)
    const before = await rowsOf(id)
    for (const table of ['sessions', 'activity', 'email_tokens']) assert.ok(before[table], table)

    assert.deepEqual((await api.post(DELETE, { password: person.password })).body, DELETED)
    for (const [table, rows] of Object.entries(await rowsOf(id))) assert.equal(rows, 0, table)
    assert.equal((await app.sql`select 1 as found from users where id = ${id}`).length, 0)
    assert.deepEqual([await isThere(phone), await browser.whoAmI()], [false, undefined])
    assert.equal((await call(app, '/api/auth/get-session', { headers: { Cookie: oldCookie } })).text, 'null')
    assert.equal((await openApi(app).get('/api/me', bearer(token))).status, 401)
    assert.equal((await refresh(app, refreshToken)).body.code, 'INVALID_REFRESH_TOKEN')
    const reset = { newPassword: 'quiet amber harbour window', token: secretOf(letter) }
    assert.equal((await openApi(app).post('/api/auth/reset-password', reset)).body.code, 'INVALID_TOKEN')
    assert.equal(headingOf(await open(openBrowser(app), letter)), 'This link does not work')

    const again = openApi(app)
    assert.equal((await again.signUp(person)).status, 200)
    assert.notEqual((await again.get('/api/me')).body.user.id, id)
    assert.deepEqual((await again.post('/api/auth/introspect', { token })).body, { active: false })
    assert.equal(await isThere(phone), false)
  })

  const REFUSED: { name: string; body: object; later?: true; refusal: object }[] = [
    { name: 'a wrong password', body: { password: 'not the password' }, refusal: WRONG },
    { name: 'an empty password', body: { password: '' }, refusal: WRONG },
    { name: 'a password beyond any length', body: { password: 'x'.repeat(5000) }, refusal: WRONG },
    { name: 'a wrong password in an older session', body: { password: 'x' }, later: true, refusal: WRONG },
    { name: 'no password in an older session', body: {}, later: true, refusal: STALE },
    {
      name: 'a token, since none is ever mailed',
      body: { token: 'a'.repeat(32) },
      refusal: { status: 404, code: 'INVALID_TOKEN', message: 'Invalid token' },
    },
    {
      name: 'a place to lead to that is not trusted',
      body: { callbackURL: 'https://evil.example' },
      refusal: { status: 403, code: 'INVALID_CALLBACK_URL', message: 'Invalid callbackURL' },
    },
  ]
  for (const { name, body, later, refusal } of REFUSED) {
    it(`is refused with ${name}, and nothing changes`, async () => {
      const { api, person } = await apiLearner(app, 'Ada')
      if (later) app.advance(10 * MINUTE)
      assert.deepEqual(refusalOf(await api.post(DELETE, body)), refusal)
      assert.equal(await isThere(api), true)
      assert.equal((await openApi(app).signIn(person)).status, 200)
    })
  }

  it('is not refused a moment before the 10 minutes are over, and in an older session after verify-password', async () => {
    const { api: early } = await apiLearner(app, 'Ada')
    app.advance(9 * MINUTE)
    assert.equal((await early.post(DELETE, {})).status, 200)
    const { api: late, person } = await apiLearner(app, 'Ben')
    app.advance(60 * MINUTE)
    assert.deepEqual(refusalOf(await late.post(DELETE, {})), STALE)
    assert.equal((await late.post('/api/auth/verify-password', { password: person.password })).status, 200)
    assert.deepEqual((await late.post(DELETE, {})).body, DELETED)
  })

  it('[X06] is for the one who asks, whoever is named, and for nobody with a token alone', async () => {
    const { api: eve } = await apiLearner(app, 'Eve')
    const { api: ada } = await apiLearner(app, 'Ada')
    const { id, email } = (await ada.get('/api/me')).body.user
    const token = await ada.token()
    for (const headers of [{}, bearer(token)]) {
      assert.equal((await openApi(app).post(DELETE, {}, headers)).body.code, 'UNAUTHORIZED')
    }
    assert.equal((await eve.post(`${DELETE}?userId=${id}`, { userId: id, id, email })).status, 200)
    assert.deepEqual([await isThere(eve), await isThere(ada)], [false, true])
  })

  it('takes a password ten times, with those of the other ways counted in, and then ends the session', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    for (let tries = 0; tries < 5; tries += 1) {
      assert.equal((await api.post(DELETE, { password: 'not the password' })).status, 400)
      assert.equal((await api.post('/api/auth/verify-password', { password: 'not the password' })).status, 400)
    }
    const response = await api.post(DELETE, { password: person.password })
    assert.equal(response.body.code, 'RATE_LIMITED')
    assert.match(response.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    assert.equal(await isThere(api), false)
    assert.equal((await openApi(app).signIn(person)).status, 200)
  })

  it('of ten calls at once one deletes, and one mail says so', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const press = () => comingBack(() => api.post(DELETE, { password: person.password }))
    const answers = await Promise.all(Array.from({ length: 10 }, press))
    for (const { status, text } of answers) assert.ok([200, 400, 401].includes(status), text)
    assert.ok(
      answers.some(({ status }) => status === 200),
      'one did',
    )
    const { person: last, api: next } = await apiLearner(app, 'Ben')
    await next.post(DELETE, {})
    await mailbox.letterTo(last.email, GOODBYE)
    assert.equal(mailbox.to(person.email, GOODBYE).length, 1)
  })
})
