/** update-user, list-accounts, /api/me, and an account on a server without mail, row by row of the contract. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { refusalOf } from '../../support/calls.ts'
import { somebody } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })

const USER_KEYS = ['name', 'email', 'emailVerified', 'image', 'createdAt', 'updatedAt', 'id']
const UPDATE = '/api/auth/update-user'

/** The whole row of a user. */
async function rowOf({ email }: { email: string }): Promise<Record<string, unknown>> {
  const [row = {}] = await app.sql<Record<string, unknown>>`select * from users where email = ${email}`
  return row
}

describe('update-user', () => {
  it('changes the name and the picture, one without the other', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const image = 'https://example.org/ada.png?size=2'
    const STEPS: [body: object, name: string, image: string | null][] = [
      [{ name: 'Ada King' }, 'Ada King', null],
      [{ image }, 'Ada King', image],
      [{ name: '' }, '', image],
      [{ name: 'Ada', image: null }, 'Ada', null],
    ]
    for (const [body, name, picture] of STEPS) {
      const response = await api.post(UPDATE, body)
      assert.equal(response.text, '{"status":true}')
      const { user } = (await api.get('/api/auth/get-session')).body
      assert.deepEqual([user.name, user.image, user.email], [name, picture, person.email])
    }
    const { createdAt, updatedAt } = await rowOf(person)
    assert.ok(Number(updatedAt) > Number(createdAt), 'the change is dated')
  })

  it('[X05, X06] changes nothing but those two, whatever else is sent', async () => {
    const { api, person } = await apiLearner(app, 'Eve')
    const { person: ada } = await apiLearner(app, 'Ada')
    const [before, adaBefore] = [await rowOf(person), await rowOf(ada)]
    const response = await api.post(`${UPDATE}?userId=${adaBefore.id}`, {
      name: 'Eve Two',
      id: adaBefore.id,
      userId: adaBefore.id,
      role: 'admin',
      isAdmin: true,
      emailVerified: true,
      email_verified: true,
      createdAt: '2020-01-01T00:00:00.000Z',
      passwordHash: 'x',
      password_hash: 'x',
      password: 'a new password that is long',
    })
    assert.equal(response.status, 200)
    const { updatedAt: _, ...after } = await rowOf(person)
    const { updatedAt: __, ...expected } = before
    assert.deepEqual(after, { ...expected, name: 'Eve Two' })
    assert.deepEqual(await rowOf(ada), adaBefore)
    assert.equal((await openApi(app).signIn(person)).status, 200)
  })

  const wrong = (message: string) => ({ status: 400, code: 'VALIDATION_ERROR', message })
  const nothing = { status: 400, message: 'No fields to update' }
  const noImage = wrong('[body.image] Must be an http or https address')
  const REFUSED: { name: string; body: unknown; refusal: object }[] = [
    { name: 'nothing', body: {}, refusal: nothing },
    { name: 'a key that nobody knows', body: { colour: 'green' }, refusal: nothing },
    { name: 'a key that is not theirs to set', body: { emailVerified: true, role: 'admin' }, refusal: nothing },
    {
      name: 'an address',
      body: { email: 'eve@example.org', name: 'Eve' },
      refusal: { status: 400, code: 'EMAIL_CAN_NOT_BE_UPDATED', message: 'Email can not be updated' },
    },
    { name: 'a list', body: [], refusal: wrong('[body] Invalid input: expected object, received array') },
    { name: 'null', body: null, refusal: wrong('[body] Invalid input: expected object, received null') },
    {
      name: 'a name that is a number',
      body: { name: 7 },
      refusal: wrong('[body.name] Invalid input: expected string, received number'),
    },
    {
      name: 'a name with a line break',
      body: { name: 'Ada\r\nBcc: eve@example.org' },
      refusal: wrong('[body.name] Must be one line of visible text, 100 characters or fewer'),
    },
    {
      name: 'a name of 101 characters',
      body: { name: 'x'.repeat(101) },
      refusal: wrong('[body.name] Must be one line of visible text, 100 characters or fewer'),
    },
    { name: 'a script for a picture', body: { image: 'javascript:alert(1)' }, refusal: noImage },
    { name: 'data for a picture', body: { image: 'data:image/png;base64,AA' }, refusal: noImage },
    { name: 'a picture without a scheme', body: { image: '//evil.example/x.png' }, refusal: noImage },
    { name: 'an empty picture', body: { image: '' }, refusal: noImage },
    { name: 'a picture with NUL', body: { image: 'https://example.org/\u0000' }, refusal: noImage },
    { name: 'a picture with a line break', body: { image: 'https://example.org/a\nb' }, refusal: noImage },
  ]
  for (const { name, body, refusal } of REFUSED) {
    it(`[X03] refuses ${name}, and changes nothing`, async () => {
      const { api, person } = await apiLearner(app, 'Ada')
      const before = await rowOf(person)
      assert.deepEqual(refusalOf(await api.post(UPDATE, body)), refusal)
      assert.deepEqual(await rowOf(person), before)
    })
  }
})

describe('reading', () => {
  it('list-accounts names the one way to sign in', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const { user } = (await api.get('/api/auth/get-session')).body
    const { status, text } = await api.get('/api/auth/list-accounts')
    assert.equal(status, 200)
    const [account, ...others] = JSON.parse(text)
    assert.deepEqual(others, [])
    const keys = ['accountId', 'providerId', 'userId', 'createdAt', 'updatedAt', 'id', 'scopes']
    assert.deepEqual(Object.keys(account), keys)
    assert.deepEqual([account.providerId, account.userId, account.scopes], ['credential', user.id, []])
  })

  it('/api/me tells who calls', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const { body, text } = await api.get('/api/me')
    assert.deepEqual(Object.keys(JSON.parse(text).user), USER_KEYS)
    assert.deepEqual([body.user.email, body.onboarded], [person.email, false])
  })

  it('ok says that the API is there', async () => {
    const { status, text, headers } = await openApi(app).get('/api/auth/ok')
    assert.deepEqual([status, text, headers['content-type']], [200, '{"ok":true}', 'application/json'])
  })
})

describe('while this server sends no mail', () => {
  it('a new address is refused, whichever it is', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const refusal = { status: 400, code: 'CHANGE_EMAIL_DISABLED', message: 'Change email is disabled' }
    for (const newEmail of [somebody('Ben').email, person.email]) {
      assert.deepEqual(refusalOf(await api.post('/api/auth/change-email', { newEmail })), refusal)
    }
    assert.deepEqual(refusalOf(await api.post('/api/auth/change-email', { newEmail: 'x' })), {
      status: 400,
      code: 'VALIDATION_ERROR',
      message: '[body.newEmail] Invalid email address',
    })
  })
})

describe('the end of an account needs no mail', () => {
  it('and comes by the password, with everything in it', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const response = await api.post('/api/auth/delete-user', { password: person.password })
    assert.deepEqual([response.status, response.text], [200, '{"success":true,"message":"User deleted"}'])
    assert.equal((await api.get('/api/auth/get-session')).text, 'null')
    assert.deepEqual(await rowOf(person), {})
    assert.equal((await openApi(app).signUp(person)).status, 200)
  })
})
