/** POST /api/auth/sign-up/email, row by row of the contract. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { call, refusalOf } from '../../support/calls.ts'
import { PASSWORD, type Person, somebody } from '../../support/people.ts'
import { namesOfCookies, setCookieOf } from '../../support/sessions.ts'

const app = await startApp({ TRUSTED_ORIGINS: 'https://front.example.org' }, { atPublicUrl: true })

const USER_KEYS = ['name', 'email', 'emailVerified', 'image', 'createdAt', 'updatedAt', 'id']
const ID = /^[A-Za-z0-9]{32}$/
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/

/** Characters without a short pattern, so that the password is not too easy to guess. */
const varied = (length: number, from: number) =>
  Array.from({ length }, (_, index) => String.fromCodePoint(from + ((index * index) % 89))).join('')

type Row = { id: string; name: string; emailVerified: boolean; image: string | null; createdAt: Date; updatedAt: Date }

async function rowOf({ email }: Pick<Person, 'email'>): Promise<Row | undefined> {
  const [row] = await app.sql<Row>`
    select id, name, email_verified, image, created_at, updated_at from users where email = ${email}`
  return row
}

describe('a sign-up', () => {
  it('answers with a session and the user, in the order of the contract', async () => {
    const person = { ...somebody('Ada'), email: somebody('Ada').email.toUpperCase() }
    const response = await openApi(app).signUp(person)
    assert.equal(response.status, 200)
    assert.equal(response.headers['content-type'], 'application/json')
    const { user, token, ...more } = JSON.parse(response.text)
    assert.deepEqual(Object.keys(JSON.parse(response.text)), ['token', 'user'])
    assert.deepEqual(more, {})
    assert.deepEqual(Object.keys(user), USER_KEYS)
    assert.match(token, ID)
    assert.match(user.id, ID)
    for (const moment of [user.createdAt, user.updatedAt]) assert.match(moment, ISO)
    const expected = ['Ada', person.email.toLowerCase(), false, null]
    assert.deepEqual([user.name, user.email, user.emailVerified, user.image], expected)
  })

  it('signs in with it: a cookie for the session and one for the device, and the session is open', async () => {
    const api = openApi(app)
    const response = await api.signUp(somebody('Ada'))
    assert.deepEqual(namesOfCookies(response), ['matricula', 'matricula-device'])
    assert.match(setCookieOf(response) ?? '', /^matricula=.+; Max-Age=2592000; Path=\/; .*HttpOnly; SameSite=Lax$/)
    assert.equal((await api.get('/api/auth/get-session')).body.session.token, response.body.token)
  })

  it('takes an empty name, a picture, and a place to lead to, of which it says nothing', async () => {
    const image = 'https://example.org/ada.png'
    for (const callbackURL of ['/welcome', `${app.url}/welcome`, 'https://front.example.org/welcome']) {
      const response = await openApi(app).signUp({ ...somebody('Ada'), name: '' }, { image, callbackURL })
      assert.equal(response.status, 200)
      assert.deepEqual([response.body.user.name, response.body.user.image], ['', image])
      assert.equal(response.headers.location, undefined)
      assert.doesNotMatch(response.text, /welcome/)
    }
  })

  it('takes a form too, and answers JSON', async () => {
    const person = somebody('Ada')
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams(person).toString()
    const answer = await call(app, '/api/auth/sign-up/email', { headers, body })
    assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'application/json'])
    assert.equal(JSON.parse(answer.text).user.email, person.email)
  })

  it('[X05] drops every key that is not its own', async () => {
    const person = somebody('Eve')
    const { body: other } = await openApi(app).signUp(somebody('Ada'))
    const extra = {
      role: 'admin',
      emailVerified: true,
      email_verified: true,
      id: other.user.id,
      userId: other.user.id,
      createdAt: '2020-01-01T00:00:00.000Z',
      updatedAt: '2020-01-01T00:00:00.000Z',
      passwordHash: '1:$2b$10$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
      password_hash: 'x',
      sign_up_form: 'x',
      isAdmin: true,
    }
    const before = Date.now()
    const { status, body } = await openApi(app).signUp(person, extra)
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body.user), USER_KEYS)
    const row = await rowOf(person)
    assert.notEqual(row?.id, other.user.id)
    assert.deepEqual([row?.emailVerified, row?.image, row?.name], [false, null, 'Eve'])
    // A second of tolerance, since the two clocks may differ a little.
    assert.ok(Number(row?.createdAt) > before - 1000, 'made now')
    assert.deepEqual(row?.createdAt, row?.updatedAt)
    assert.equal((await openApi(app).signIn(person)).status, 200)
    assert.equal((await rowOf({ email: other.user.email }))?.name, 'Ada')
  })

  it('leaves a session that was open open', async () => {
    const api = openApi(app)
    const { body: first } = await api.signUp(somebody('Ada'))
    await api.signUp(somebody('Ben'))
    assert.equal((await api.get('/api/auth/get-session')).body.user.name, 'Ben')
    const sessions = await app.sql`select 1 from sessions where handle = ${first.token}`
    assert.equal(sessions.length, 1)
  })
})

const taken = somebody('Ada')
await openApi(app).signUp(taken)
const wrong = (message: string) => ({ status: 400, code: 'VALIDATION_ERROR', message })

const REFUSED: { name: string; body: object; refusal: { status: number; code: string; message: string } }[] = [
  {
    name: 'an address that is taken',
    body: { email: taken.email },
    refusal: {
      status: 422,
      code: 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL',
      message: 'User already exists. Use another email.',
    },
  },
  {
    name: 'an address that is taken, in capitals and with the right password',
    body: { ...taken, email: taken.email.toUpperCase() },
    refusal: {
      status: 422,
      code: 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL',
      message: 'User already exists. Use another email.',
    },
  },
  {
    name: 'seven characters',
    body: { password: 'xk4$ wZ' },
    refusal: { status: 400, code: 'PASSWORD_TOO_SHORT', message: 'Password too short' },
  },
  {
    name: '129 characters',
    body: { password: varied(129, 0x21) },
    refusal: { status: 400, code: 'PASSWORD_TOO_LONG', message: 'Password too long' },
  },
  { name: 'a bad address', body: { email: 'ada@' }, refusal: wrong('[body.email] Invalid email address') },
  { name: 'an empty address', body: { email: '' }, refusal: wrong('[body.email] Invalid email address') },
  {
    name: 'an empty password',
    body: { password: '' },
    refusal: wrong('[body.password] Too small: expected string to have >=1 characters'),
  },
  {
    name: 'no password',
    body: { password: undefined },
    refusal: wrong('[body.password] Invalid input: expected string, received undefined'),
  },
  {
    name: 'a name that is a number',
    body: { name: 7 },
    refusal: wrong('[body.name] Invalid input: expected string, received number'),
  },
  {
    name: 'rememberMe in words',
    body: { rememberMe: 'yes' },
    refusal: wrong('[body.rememberMe] Invalid input: expected boolean, received string'),
  },
  {
    name: 'a list for a place to lead to',
    body: { callbackURL: ['/'] },
    refusal: wrong('[body.callbackURL] Invalid input: expected string, received array'),
  },
  {
    name: 'two mistakes at once',
    body: { name: null, email: 'x' },
    refusal: wrong('[body.name] Invalid input: expected string, received null; [body.email] Invalid email address'),
  },
  {
    name: 'another site to lead to',
    body: { callbackURL: 'https://evil.example/' },
    refusal: { status: 403, code: 'INVALID_CALLBACK_URL', message: 'Invalid callbackURL' },
  },
]

describe('a sign-up is refused for', () => {
  for (const { name, body, refusal } of REFUSED) {
    it(name, async () => {
      const person = somebody('Ben')
      const response = await openApi(app).signUp(person, body)
      assert.deepEqual(refusalOf(response), refusal)
      assert.equal(setCookieOf(response), undefined)
      assert.equal(await rowOf(person), undefined)
    })
  }

  it('a field of a form that a form cannot say', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams({ ...somebody('Ben'), rememberMe: 'true' }).toString()
    const answer = await call(app, '/api/auth/sign-up/email', { headers, body })
    assert.deepEqual(refusalOf(answer), wrong('[body.rememberMe] Invalid input: expected boolean, received string'))
  })
})

describe('a password', () => {
  for (const [name, password] of Object.entries({
    'of 8 characters': 'xk4$ wZq',
    'of 128 characters': varied(128, 0x21),
    'of 128 characters beyond ASCII': varied(128, 0x1f300),
  })) {
    it(`[P01, P02] ${name} is taken whole`, async () => {
      const person = { ...somebody('Ada'), password }
      assert.equal((await openApi(app).signUp(person)).status, 200)
      assert.equal((await openApi(app).signIn(person)).status, 200)
      const cut = [...password].slice(0, -1).join('')
      assert.equal((await openApi(app).signIn({ ...person, password: cut })).status, 401)
    })
  }

  it('[P09] that everybody uses, or that is the address, is refused in words', async () => {
    const person = somebody('Ada')
    for (const password of ['password123', person.email]) {
      const { status, body } = await openApi(app).signUp({ ...person, password })
      assert.deepEqual([status, body.code], [400, 'VALIDATION_ERROR'])
      assert.match(body.message, /^\[body\.password\] Do not use /)
    }
    assert.equal((await openApi(app).signUp({ ...person, password: PASSWORD })).status, 200)
  })
})
