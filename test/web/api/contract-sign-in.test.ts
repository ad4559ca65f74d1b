/** POST /api/auth/sign-in/email and /api/auth/sign-out, row by row of the contract. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { call, refusalOf } from '../../support/calls.ts'
import { somebody } from '../../support/people.ts'
import { COOKIE, namesOfCookies, setCookieOf } from '../../support/sessions.ts'

const app = await startApp({ TRUSTED_ORIGINS: 'https://front.example.org' }, { atPublicUrl: true })
const { person: ada } = await apiLearner(app, 'Ada')

const SIGN_IN = '/api/auth/sign-in/email'
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }
const USER_KEYS = ['name', 'email', 'emailVerified', 'image', 'createdAt', 'updatedAt', 'id']

describe('a sign-in', () => {
  it('answers with the session and the user, in the order of the contract', async () => {
    const response = await openApi(app).signIn(ada)
    assert.equal(response.status, 200)
    assert.equal(response.headers['content-type'], 'application/json')
    const answer = JSON.parse(response.text)
    assert.deepEqual(Object.keys(answer), ['redirect', 'token', 'user'])
    assert.deepEqual(Object.keys(answer.user), USER_KEYS)
    assert.equal(answer.redirect, false)
    assert.match(answer.token, /^[A-Za-z0-9]{32}$/)
    assert.equal(response.headers.location, undefined)
    assert.deepEqual(namesOfCookies(response), ['matricula', 'matricula-device'])
  })

  it('takes the address in any case', async () => {
    assert.equal((await openApi(app).signIn({ ...ada, email: ada.email.toUpperCase() })).status, 200)
  })

  for (const callbackURL of ['/course?x=1#y', 'https://front.example.org/course']) {
    it(`tells a client to go on to ${callbackURL}, and redirects nobody`, async () => {
      const { status, body, headers } = await openApi(app).signIn(ada, { callbackURL })
      assert.equal(status, 200)
      assert.deepEqual([body.redirect, body.url, headers.location], [true, callbackURL, callbackURL])
    })
  }

  it('tells a client to go on to an address in any script, in the spelling of a header', async () => {
    for (const callbackURL of ['/é', '/курс', '/☃?q=é', 'https://front.example.org/☃']) {
      const response = await openApi(app).signIn(ada, { callbackURL })
      assert.equal(response.status, 200, `${callbackURL}: ${response.text}`)
      assert.deepEqual([response.body.redirect, response.body.url], [true, callbackURL])
      const { location = '' } = response.headers
      assert.match(location, /^[\x21-\x7e]+$/)
      assert.equal(new URL(location, app.url).href, new URL(callbackURL, app.url).href)
    }
  })

  it('takes a form, and answers JSON all the same', async () => {
    const body = new URLSearchParams({ email: ada.email, password: ada.password }).toString()
    const answer = await call(app, SIGN_IN, { headers: FORM, body })
    assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'application/json'])
    assert.equal(JSON.parse(answer.text).redirect, false)
    assert.match(setCookieOf(answer) ?? '', /Max-Age=2592000/)
  })

  for (const rememberMe of ['true', 'false', '']) {
    it(`does not take “${rememberMe}” of a form for rememberMe`, async () => {
      const body = new URLSearchParams({ email: ada.email, password: ada.password, rememberMe }).toString()
      assert.deepEqual(refusalOf(await call(app, SIGN_IN, { headers: FORM, body })), {
        status: 400,
        code: 'VALIDATION_ERROR',
        message: '[body.rememberMe] Invalid input: expected boolean, received string',
      })
    })
  }

  it('reads every field of a form once', async () => {
    const { email, password } = ada
    const FORMS = [
      `email=${email}&email=${email}&password=${password}`,
      `email=${email}&password=x&password=${password}`,
    ]
    for (const body of FORMS) {
      const { status, message = '' } = refusalOf(await call(app, SIGN_IN, { headers: FORM, body }))
      assert.equal(status, 400)
      assert.match(message, /^\[body\.(email|password)\] Invalid input: expected string, received array$/)
    }
    const named = `email[]=${email}&password.0=${password}&__proto__[email]=${email}`
    const { status, code } = refusalOf(await call(app, SIGN_IN, { headers: FORM, body: named }))
    assert.deepEqual([status, code], [400, 'VALIDATION_ERROR'])
  })

  it('leaves the session that the client had open, and is one more', async () => {
    const api = openApi(app)
    const { body: first } = await api.signIn(ada)
    const firstCookie = api.agent.jar.getCookies({ domain: '127.0.0.1', path: '/' } as never).toValueString()
    const { body: second } = await api.signIn(ada)
    assert.notEqual(first.token, second.token)
    const session = async (cookie: string) =>
      JSON.parse((await call(app, '/api/auth/get-session', { headers: { Cookie: cookie } })).text)?.session.token
    assert.equal(await session(firstCookie), first.token)
    assert.equal((await api.get('/api/auth/get-session')).body.session.token, second.token)
  })
})

const wrongPair = { status: 401, code: 'INVALID_EMAIL_OR_PASSWORD', message: 'Invalid email or password' }
const wrongPlace = { status: 403, code: 'INVALID_CALLBACK_URL', message: 'Invalid callbackURL' }
const wrong = (message: string) => ({ status: 400, code: 'VALIDATION_ERROR', message })

const REFUSED: { name: string; body: object; refusal: { status: number; code: string; message: string } }[] = [
  { name: 'a wrong password', body: { password: 'not the password' }, refusal: wrongPair },
  { name: 'an address of nobody', body: { email: somebody('Nobody').email }, refusal: wrongPair },
  { name: 'a short password', body: { password: 'x' }, refusal: wrongPair },
  { name: 'an empty password', body: { password: '' }, refusal: wrongPair },
  {
    name: 'a password of 129 characters',
    body: { password: 'x'.repeat(129) },
    refusal: { status: 400, code: 'PASSWORD_TOO_LONG', message: 'Password too long' },
  },
  {
    name: 'no address',
    body: { email: undefined },
    refusal: wrong('[body.email] Invalid input: expected string, received undefined'),
  },
  {
    name: 'neither address nor password',
    body: { email: undefined, password: undefined },
    refusal: wrong(
      '[body.email] Invalid input: expected string, received undefined; [body.password] Invalid input: expected string, received undefined',
    ),
  },
  {
    name: 'rememberMe in words',
    body: { rememberMe: 'yes' },
    refusal: wrong('[body.rememberMe] Invalid input: expected boolean, received string'),
  },
  ...['ada', '', 'ada@', 'ada@localhost', 'a b@example.org'].map((email) => ({
    name: `“${email}” for an address`,
    body: { email },
    refusal: { status: 400, code: 'INVALID_EMAIL', message: 'Invalid email' },
  })),
  ...[
    'https://evil.example',
    'https://evil.example/course',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/%2f/evil.example',
    '/%5cevil.example',
    '/..//evil.example',
    'https:evil.example',
    'http:///evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    'https://front.example.org.evil.example/',
    'https://front.example.org@evil.example/',
    'https://front.example.org:8443/',
    'http://front.example.org/',
    'course',
    ' /course',
    '/course\r\nSet-Cookie: a=b',
  ].map((callbackURL) => ({
    name: `${JSON.stringify(callbackURL)} to lead to`,
    body: { callbackURL },
    refusal: wrongPlace,
  })),
]

describe('a sign-in is refused for', () => {
  for (const { name, body, refusal } of REFUSED) {
    it(name, async () => {
      const api = openApi(app)
      const { email, password } = ada
      const response = await api.post(SIGN_IN, { email, password, ...body })
      assert.deepEqual(refusalOf(response), refusal)
      assert.equal(setCookieOf(response), undefined)
      assert.equal(response.headers.location, undefined)
      assert.equal((await api.get('/api/auth/get-session')).text, 'null')
      // Otherwise the rate limit after ten wrong tries would apply.
      await app.sql`delete from rate_limits`
    })
  }
})

describe('a sign-out', () => {
  const CLEARED = `${COOKIE}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax`

  it('ends the session and takes the cookie', async () => {
    const { api, person } = await apiLearner(app, 'Ben')
    const response = await api.post('/api/auth/sign-out', {})
    assert.equal(response.text, '{"success":true}')
    assert.equal(setCookieOf(response), CLEARED)
    assert.equal((await api.get('/api/auth/get-session')).text, 'null')
    const rows = await app.sql`select 1 from sessions join users on users.id = user_id where email = ${person.email}`
    assert.equal(rows.length, 0)
  })

  it('needs no body', async () => {
    const { api } = await apiLearner(app, 'Ben')
    assert.equal((await api.post('/api/auth/sign-out')).text, '{"success":true}')
  })

  it('of nobody, of a session that is gone and of a made-up cookie is a success, and takes the cookie', async () => {
    const { api } = await apiLearner(app, 'Ben')
    await app.sql`delete from sessions where user_id = (select user_id from sessions order by created_at desc limit 1)`
    const answers = [
      await api.post('/api/auth/sign-out', {}),
      await openApi(app).post('/api/auth/sign-out', {}),
      await openApi(app, { Cookie: `${COOKIE}=s%3Ax.y` }).post('/api/auth/sign-out', {}),
    ]
    for (const response of answers) {
      assert.deepEqual([response.status, response.text], [200, '{"success":true}'])
      assert.equal(setCookieOf(response), CLEARED)
    }
  })
})
