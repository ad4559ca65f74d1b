/** change-email with real mails, row by row of the contract, and what we require in addition. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ApiClient, apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { refusalOf } from '../../support/calls.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { CHANGE, confirm, headingOf, leads, NEW_PASSWORD, open, secretOf, VERIFY } from '../../support/mailed.ts'
import { openBrowser, type Person, somebody } from '../../support/people.ts'
import { decode, MINUTE } from '../../support/tokens.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })

const ASK = '/api/auth/change-email'
const DONE = '{"status":true}'
const ABOUT_TO = /is about to change/
const CHANGED = /address was changed/
const STALE = { status: 403, code: 'SESSION_NOT_FRESH', message: 'Session is not fresh' }

/** Asks for the change and waits for the mail to the new address. */
async function askFor(api: ApiClient, newEmail: string, callbackURL?: string) {
  assert.equal((await api.post(ASK, { newEmail, callbackURL })).text, DONE)
  return mailbox.letterTo(newEmail.toLowerCase(), CHANGE.subject)
}

const emailOf = async (api: ApiClient): Promise<string | undefined> =>
  (await api.get('/api/auth/get-session')).body?.user.email

const canSignIn = async ({ password }: Person, email: string) =>
  (await openApi(app).signIn({ email, password })).status === 200

describe('a new address', () => {
  it('[T20] is the account’s once its letter is confirmed, on any device, and the old one is told before and after', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const next = somebody('Next').email
    const letter = await askFor(api, next.toUpperCase(), '/welcome')
    assert.match(letter.link, /\/email-verification\/link\/[A-Za-z0-9]{24}\?callbackURL=%2Fwelcome$/)
    const warning = await mailbox.letterTo(person.email, ABOUT_TO)
    assert.match(warning.text, new RegExp(next))
    assert.ok(!warning.raw.includes(secretOf(letter)), 'the old address holds no link to the change')
    assert.equal(await emailOf(api), person.email)
    assert.equal((await api.get('/api/auth/get-session')).body.user.emailVerified, false)

    assert.deepEqual(leads(await confirm(openBrowser(app), letter)), [303, '/email-verification/confirmed'])
    const { user } = (await api.get('/api/auth/get-session')).body
    assert.deepEqual([user.email, user.emailVerified], [next, true])
    assert.deepEqual((await api.get('/api/me')).body.user, user)
    const { claims } = decode(await api.token())
    assert.deepEqual([claims.email, claims.emailVerified], [next, true])
    await mailbox.letterTo(person.email, CHANGED)
    assert.deepEqual([await canSignIn(person, person.email), await canSignIn(person, next)], [false, true])
  })

  it('is looked at by verify-email too, which leads to its page and changes nothing', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const letter = await askFor(api, somebody('Next').email)
    const token = secretOf(letter)
    const { headers } = await openApi(app).get(`/api/auth/verify-email?token=${token}&callbackURL=/welcome`)
    assert.equal(headers.location, `${app.url}/email-verification/link/${token}?callbackURL=%2Fwelcome`)
    assert.equal(await emailOf(api), person.email)
    await confirm(openBrowser(app), letter)
    assert.equal((await openApi(app).get(`/api/auth/verify-email?token=${token}`)).body.code, 'INVALID_TOKEN')
  })

  it('[E07] that is taken gets the same answer, and its owner a word in place of a link', async () => {
    const { api, person } = await apiLearner(app, 'Eve')
    const { person: ada } = await apiLearner(app, 'Ada')
    const told = async (newEmail: string) => {
      const { status, text, headers } = await api.post(ASK, { newEmail })
      const { date: _, 'x-request-id': __, ...rest } = headers
      return { status, text, rest }
    }
    assert.deepEqual(await told(ada.email), await told(somebody('Nobody').email))
    const word = await mailbox.letterTo(ada.email, /already have an account/)
    assert.match(word.link, /\/password-reset$/)
    assert.equal(mailbox.to(ada.email, CHANGE.subject).length, 0)
    await mailbox.letterTo(person.email, ABOUT_TO, 2)
    assert.equal(await emailOf(api), person.email)
  })

  it('that is the same one is refused, in whatever case', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    for (const newEmail of [person.email, person.email.toUpperCase()]) {
      assert.deepEqual(refusalOf(await api.post(ASK, { newEmail })), { status: 400, message: 'Email is the same' })
    }
    const { person: ben } = await apiLearner(app, 'Ben')
    await mailbox.letterTo(ben.email, VERIFY.subject)
    assert.equal(mailbox.to(person.email, ABOUT_TO).length, 0)
  })

  it('may be asked for five times in an hour', async () => {
    const { api } = await apiLearner(app, 'Ada')
    for (let asked = 0; asked < 5; asked += 1) {
      assert.equal((await api.post(ASK, { newEmail: somebody('Next').email })).status, 200)
    }
    const response = await api.post(ASK, { newEmail: somebody('Next').email })
    assert.equal(response.body.code, 'RATE_LIMITED')
    assert.equal(response.headers['x-retry-after'], response.headers['retry-after'])
    assert.match(response.headers['retry-after'] ?? '', /^[1-9]\d*$/)
  })

  it('[T20] is asked for within 10 minutes of the password, which verify-password may bring', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    app.advance(10 * MINUTE)
    const next = somebody('Next').email
    assert.deepEqual(refusalOf(await api.post(ASK, { newEmail: next })), STALE)
    const wrong = await api.post('/api/auth/verify-password', { password: 'not the password' })
    assert.equal(wrong.body.code, 'INVALID_PASSWORD')
    assert.deepEqual(refusalOf(await api.post(ASK, { newEmail: next })), STALE)
    assert.equal((await api.post('/api/auth/verify-password', { password: person.password })).text, DONE)
    await askFor(api, next)
    app.advance(10 * MINUTE)
    assert.deepEqual(refusalOf(await api.post(ASK, { newEmail: next })), STALE)
  })

  it('is not asked for by a token or by nobody', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const headers = { Authorization: `Bearer ${await api.token()}` }
    for (const more of [headers, {}]) {
      const response = await openApi(app).post(ASK, { newEmail: somebody('Next').email }, more)
      assert.equal(response.body.code, 'UNAUTHORIZED')
    }
  })
})

describe('a change that waits is over', () => {
  const isOver = async (letter: { link: string }, api: ApiClient, email: string) => {
    const page = await open(openBrowser(app), letter)
    assert.deepEqual([page.status, headingOf(page)], [410, 'This link has been replaced'])
    assert.equal((await openApi(app).get(`/api/auth/verify-email?token=${secretOf(letter)}`)).status, 401)
    await confirm(openBrowser(app), letter)
    assert.equal(await emailOf(api), email)
  }

  it('when the next one is asked for', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const first = await askFor(api, somebody('First').email)
    await askFor(api, somebody('Second').email)
    await isOver(first, api, person.email)
  })

  // Otherwise somebody who signed up with another person's address could take the account back after its owner has
  // reset the password.
  it('when the password was reset', async () => {
    const { api, person } = await apiLearner(app, 'Eve')
    const letter = await askFor(api, somebody('Mallory').email)
    await openApi(app).post('/api/auth/request-password-reset', { email: person.email, redirectTo: '/reset' })
    const token = secretOf(await mailbox.letterTo(person.email, /Reset/))
    assert.equal(
      (await openApi(app).post('/api/auth/reset-password', { newPassword: NEW_PASSWORD, token })).status,
      200,
    )
    const owner = openApi(app)
    await owner.signIn({ ...person, password: NEW_PASSWORD })
    await isOver(letter, owner, person.email)
  })

  it('when the password was changed', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const letter = await askFor(api, somebody('Mallory').email)
    const change = { currentPassword: person.password, newPassword: NEW_PASSWORD }
    assert.equal((await api.post('/api/auth/change-password', change)).status, 200)
    await isOver(letter, api, person.email)
  })
})
