/** request-password-reset and reset-password with real mails, row by row of the contract. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { call, refusalOf } from '../../support/calls.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { headingOf, NEW_PASSWORD, open, RESET, resetBy, secretOf } from '../../support/mailed.ts'
import { learner, openBrowser, type Person, type Response, somebody } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'
import { setCookieOf } from '../../support/sessions.ts'
import { firstPair, HOUR, refresh } from '../../support/tokens.ts'

const FRONT_END = 'https://front.example.org'
const mailbox = await openMailbox()
const app = await startApp({ TRUSTED_ORIGINS: FRONT_END }, { atPublicUrl: true, mailbox })

const REQUEST = '/api/auth/request-password-reset'
const RESET_PATH = '/api/auth/reset-password'
const SENT = {
  status: true,
  message: 'If this email exists in our system, check your email for the reset link',
}
const DEAD = { status: 400, code: 'INVALID_TOKEN', message: 'Invalid token' }

const signsIn = async ({ email }: Pick<Person, 'email'>, password: string) =>
  (await openApi(app).signIn({ email, password })).status === 200

/** Asks for a reset as a front end does. Returns the newest mail, once there are `count`. */
async function letterFor(email: string, redirectTo?: string, count = 1) {
  const response = await openApi(app).post(REQUEST, { email, redirectTo })
  assert.deepEqual([response.status, response.body], [200, SENT])
  return mailbox.letterTo(email.toLowerCase(), RESET.subject, count)
}

const reset = (token: string | undefined, newPassword = NEW_PASSWORD): Promise<Response> =>
  openApi(app).post(RESET_PATH, { newPassword, token })

describe('a forgotten password', () => {
  it('with redirectTo leads to the page of the caller, whose form sets the new one', async () => {
    const { person } = await apiLearner(app, 'Ada')
    const { link } = await letterFor(person.email, `${FRONT_END}/reset?from=mail&token=x#form`)
    const { origin, pathname, searchParams } = new URL(link)
    assert.equal(origin, app.url)
    assert.match(pathname, /^\/api\/auth\/reset-password\/[A-Za-z0-9]{24}$/)
    assert.equal(searchParams.get('callbackURL'), `${FRONT_END}/reset?from=mail&token=x#form`)

    const token = secretOf({ link })
    const opened = await openApi(app).get(link.slice(app.url.length))
    assert.deepEqual([opened.status, opened.text], [302, ''])
    assert.equal(opened.headers.location, `${FRONT_END}/reset?from=mail&token=${token}#form`)
    assert.equal(opened.headers['cache-control'], 'no-store')
    const done = await reset(token)
    assert.deepEqual([done.status, done.text], [200, '{"status":true}'])
    assert.equal(setCookieOf(done), undefined, 'nobody is signed in')
    assert.deepEqual([await signsIn(person, person.password), await signsIn(person, NEW_PASSWORD)], [false, true])
    await mailbox.letterTo(person.email, /was changed/)
  })

  it('with a path as redirectTo leads to that path here, in full', async () => {
    const { person } = await apiLearner(app, 'Ada')
    const { link } = await letterFor(person.email, '/reset')
    const opened = await openApi(app).get(link.slice(app.url.length))
    assert.equal(opened.headers.location, `${app.url}/reset?token=${secretOf({ link })}`)
  })

  for (const redirectTo of [undefined, '']) {
    it(`with ${redirectTo === '' ? 'an empty' : 'no'} redirectTo leads to the page here`, async () => {
      const { person } = await apiLearner(app, 'Ada')
      const letter = await letterFor(person.email, redirectTo)
      assert.match(letter.link, /\/password-reset\/link\/[A-Za-z0-9]{24}$/)
      assert.equal((await resetBy(openBrowser(app), letter)).headers.location, '/login?done=password-reset')
      assert.equal(await signsIn(person, NEW_PASSWORD), true)
    })
  }

  it('is asked for in whatever case, and the mail goes to the address of the account', async () => {
    const { person } = await apiLearner(app, 'Ada')
    const { recipients } = await letterFor(person.email.toUpperCase(), '/reset')
    assert.deepEqual(recipients, [person.email])
  })

  it('takes the token from the query as well, where the body has none', async () => {
    const { person } = await apiLearner(app, 'Ada')
    const token = secretOf(await letterFor(person.email, '/reset'))
    const response = await openApi(app).post(`${RESET_PATH}?token=${token}`, { newPassword: NEW_PASSWORD })
    assert.equal(response.text, '{"status":true}')
    assert.equal(await signsIn(person, NEW_PASSWORD), true)
  })

  it('[J28, T09] ends every session, on pages too, every token and every refresh token', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const api = openApi(app)
    await api.signIn(person)
    const { token, refreshToken } = await firstPair(api)
    assert.equal((await openApi(app).get('/api/me', bearer(token))).status, 200)
    assert.equal((await reset(secretOf(await letterFor(person.email, '/reset')))).status, 200)
    assert.equal(await browser.whoAmI(), undefined)
    assert.equal((await api.get('/api/auth/get-session')).text, 'null')
    assert.equal((await openApi(app).get('/api/me', bearer(token))).status, 401)
    const { person: other } = await apiLearner(app, 'Ben')
    const ben = openApi(app)
    await ben.signIn(other)
    assert.deepEqual((await ben.post('/api/auth/introspect', { token })).body, { active: false })
    assert.equal((await refresh(app, refreshToken)).body.code, 'INVALID_REFRESH_TOKEN')
  })

  it('counts the address as confirmed', async () => {
    const { person } = await apiLearner(app, 'Ada')
    await reset(secretOf(await letterFor(person.email, '/reset')))
    const api = openApi(app)
    await api.signIn({ ...person, password: NEW_PASSWORD })
    assert.equal((await api.get('/api/auth/get-session')).body.user.emailVerified, true)
  })

  it('[T10] sets the password of the one whose link it is, whoever is named', async () => {
    const [{ person: eve }, { person: ada, api }] = [await apiLearner(app, 'Eve'), await apiLearner(app, 'Ada')]
    const { id } = (await api.get('/api/me')).body.user
    const token = secretOf(await letterFor(eve.email, '/reset'))
    const body = { newPassword: NEW_PASSWORD, token, email: ada.email, userId: id }
    assert.equal((await openApi(app).post(`${RESET_PATH}?email=${ada.email}&userId=${id}`, body)).status, 200)
    assert.deepEqual([await signsIn(ada, ada.password), await signsIn(eve, NEW_PASSWORD)], [true, true])
  })
})

describe('a link to reset a password', () => {
  it('[T06, T13] is not used up by those who look, by weak passwords and by other sites', async () => {
    const { person } = await apiLearner(app, 'Adalovelace')
    const { link } = await letterFor(person.email, '/reset')
    const token = secretOf({ link })
    const path = link.slice(app.url.length)
    for (let looks = 0; looks < 5; looks += 1) assert.equal((await openApi(app).get(path)).status, 302)
    assert.equal((await call(app, path, { method: 'HEAD' })).status, 404)
    const WEAK: [password: string, code: string][] = [
      ['xk4$ wZ', 'PASSWORD_TOO_SHORT'],
      ['long and '.repeat(15), 'PASSWORD_TOO_LONG'],
      ['', 'VALIDATION_ERROR'],
      ['password123', 'VALIDATION_ERROR'],
      [person.name, 'VALIDATION_ERROR'],
      [person.email, 'VALIDATION_ERROR'],
    ]
    for (const [password, code] of WEAK) assert.equal((await reset(token, password)).body.code, code, password)
    const elsewhere = await openApi(app).get(path.replace(/=.*/, '=https://evil.example'))
    assert.equal(elsewhere.body.code, 'INVALID_CALLBACK_URL')
    assert.equal((await reset(token)).status, 200)
  })

  it('[T01] works once: used again it changes nothing and leads on with the error', async () => {
    const { person } = await apiLearner(app, 'Ada')
    const { link } = await letterFor(person.email, '/reset')
    const token = secretOf({ link })
    assert.equal((await reset(token)).status, 200)
    assert.deepEqual(refusalOf(await reset(token, 'one more amber harbour')), DEAD)
    assert.equal(await signsIn(person, NEW_PASSWORD), true)
    const opened = await openApi(app).get(link.slice(app.url.length))
    assert.equal(opened.headers.location, `${app.url}/reset?error=INVALID_TOKEN`)
  })

  it('works for an hour', async () => {
    const { person } = await apiLearner(app, 'Ada')
    const { link } = await letterFor(person.email, '/reset')
    app.advance(HOUR)
    assert.deepEqual(refusalOf(await reset(secretOf({ link }))), DEAD)
    const opened = await openApi(app).get(link.slice(app.url.length))
    assert.equal(opened.headers.location, `${app.url}/reset?error=INVALID_TOKEN`)
    assert.equal(await signsIn(person, person.password), true)
  })

  it('[T04] is replaced by the next one', async () => {
    const { person } = await apiLearner(app, 'Ada')
    const first = secretOf(await letterFor(person.email, '/reset'))
    const second = secretOf(await letterFor(person.email, '/reset', 2))
    assert.deepEqual(refusalOf(await reset(first)), DEAD)
    assert.equal((await reset(second)).status, 200)
  })

  it('[T04] is over when the password was changed', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const token = secretOf(await letterFor(person.email, '/reset'))
    const change = { currentPassword: person.password, newPassword: 'quiet amber harbour window' }
    assert.equal((await api.post('/api/auth/change-password', change)).status, 200)
    assert.deepEqual(refusalOf(await reset(token)), DEAD)
  })

  const NO_TOKEN = [
    undefined,
    '',
    'x',
    'a'.repeat(24),
    `${'a'.repeat(24)}\u0000`,
    '%00',
    "' or 1=1 --",
    'a'.repeat(5000),
  ]
  it('that was made up resets nothing', async () => {
    for (const token of NO_TOKEN) assert.deepEqual(refusalOf(await reset(token)), DEAD, String(token).slice(0, 30))
  })

  it('of another purpose resets nothing', async () => {
    const { person } = await apiLearner(app, 'Ada')
    const welcome = await mailbox.letterTo(person.email, /^Confirm your email/)
    assert.deepEqual(refusalOf(await reset(secretOf(welcome))), DEAD)
    const opened = await openApi(app).get(`${RESET_PATH}/${secretOf(welcome)}?callbackURL=/reset`)
    assert.equal(opened.headers.location, `${app.url}/reset?error=INVALID_TOKEN`)
  })
})

it('[T02] of 20 uses at once, by the API and by the page, one wins', async () => {
  const { person } = await apiLearner(app, 'Ada')
  const letter = await letterFor(person.email)
  const token = secretOf(letter)
  const browsers = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const browser = openBrowser(app)
      const { text } = await open(browser, letter)
      assert.equal(headingOf({ text }), 'Choose a new password')
      return { browser, csrf: await browser.token(RESET.page) }
    }),
  )
  const tries = browsers.flatMap(({ browser, csrf }, at) => {
    const [byPage, byApi] = [`page ${at} amber harbour`, `call ${at} amber harbour`]
    return [
      { password: byPage, use: () => browser.post(RESET.page, { password: byPage, _csrf: csrf }), won: 303 },
      { password: byApi, use: () => reset(token, byApi), won: 200 },
    ]
  })
  const outcomes = await Promise.all(tries.map(async ({ use, won }) => (await use()).status === won))
  assert.equal(outcomes.filter(Boolean).length, 1)
  for (const [at, { password }] of tries.entries()) {
    await app.sql`delete from rate_limits`
    assert.equal(await signsIn(person, password), outcomes[at], password)
  }
  await eventually('all mails to be sent', async () => (await app.sql`select id from outbox`).length === 0)
  assert.equal(mailbox.to(person.email, /was changed/).length, 1)
})

it('nobody learns from the answer whether an address has an account, nor that it was asked for too often', async () => {
  const { person } = await apiLearner(app, 'Ada')
  const ask = async (email: string) => {
    const { status, text, headers } = await openApi(app).post(REQUEST, { email, redirectTo: '/reset' })
    const { date: _, 'x-request-id': __, ...told } = headers
    return { status, text, told }
  }
  const first = await ask(person.email)
  assert.equal(first.status, 200)
  for (let more = 0; more < 4; more += 1) {
    assert.deepEqual(await ask(person.email), first)
    assert.deepEqual(await ask(somebody('Nobody').email), first)
  }
  await mailbox.letterTo(person.email, RESET.subject, 3)
  assert.equal(mailbox.to(person.email, RESET.subject).length, 3)
})

it('no token of a letter is in the log', () => {
  const log = app.log()
  assert.match(log, /reset-password/)
  const secrets = mailbox.letters.filter(({ link }) => /\/[A-Za-z0-9]{24}(\?|$)/.test(link)).map(secretOf)
  assert.ok(secrets.length > 10, `${secrets.length} tokens`)
  for (const secret of secrets) assert.ok(!log.includes(secret), 'a token is in the log')
})
