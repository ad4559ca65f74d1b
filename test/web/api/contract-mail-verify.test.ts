/** send-verification-email and verify-email with real mails, row by row of the contract. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { type ApiClient, apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { call, refusalOf } from '../../support/calls.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { confirm, leads, secretOf, VERIFY } from '../../support/mailed.ts'
import { comingBack, openBrowser, PASSWORD, somebody } from '../../support/people.ts'
import { DAY, decode } from '../../support/tokens.ts'

const FRONT_END = 'https://front.example.org'
const mailbox = await openMailbox()
const app = await startApp({ TRUSTED_ORIGINS: FRONT_END }, { atPublicUrl: true, mailbox })

const SEND = '/api/auth/send-verification-email'
const LOOK = '/api/auth/verify-email'
const DONE = '{"status":true}'
const INVALID = { status: 401, code: 'INVALID_TOKEN', message: 'Invalid token' }
const EXPIRED = { status: 401, code: 'TOKEN_EXPIRED', message: 'Token expired' }

/** Whether the address is confirmed. Every answer of the API that says so must agree. */
async function isVerified(api: ApiClient): Promise<boolean> {
  const { session, user } = (await api.get('/api/auth/get-session')).body
  assert.equal(session.userId, user.id)
  const told = [
    user.emailVerified,
    (await api.get('/api/me')).body.user.emailVerified,
    decode(await api.token()).claims.emailVerified,
  ]
  assert.equal(new Set(told).size, 1, JSON.stringify(told))
  return told[0]
}

/** Asks for a mail. Returns the newest, once there are `count`; the sign-up has sent the first one. */
async function letterFor(
  api: ApiClient,
  email: string,
  { callbackURL, count = 2 }: { callbackURL?: string; count?: number } = {},
) {
  assert.equal((await api.post(SEND, { email, callbackURL })).text, DONE)
  return mailbox.letterTo(email, VERIFY.subject, count)
}

const look = (token: string, callbackURL?: string) =>
  openApi(app).get(`${LOOK}?token=${token}${callbackURL ? `&callbackURL=${encodeURIComponent(callbackURL)}` : ''}`)

describe('an address', () => {
  it('[S33] is confirmed by the button of the page that the letter leads to, and session, token and /api/me say so', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const letter = await letterFor(api, person.email)
    assert.match(letter.link, /\/email-verification\/link\/[A-Za-z0-9]{24}$/)
    assert.equal(await isVerified(api), false)
    const browser = openBrowser(app)
    assert.deepEqual(leads(await confirm(browser, letter)), [303, '/email-verification/confirmed'])
    assert.equal(await isVerified(api), true)
    assert.equal(await browser.whoAmI(), undefined, 'whoever opens the link is not signed in by it')
  })

  it('is confirmed by the letter of the sign-up, whose callbackURL the page links to at the end', async () => {
    const api = openApi(app)
    const person = somebody('Ada')
    await api.signUp(person, { callbackURL: `${FRONT_END}/welcome` })
    const letter = await mailbox.letterTo(person.email, VERIFY.subject)
    const browser = openBrowser(app)
    await confirm(browser, letter)
    const { text } = await browser.get('/email-verification/confirmed')
    assert.ok(parse(text).querySelector(`main a[href="${FRONT_END}/welcome"]`), 'a way on')
    assert.equal(await isVerified(api), true)
  })

  it('stays as it is however often its link is looked at', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const letter = await letterFor(api, person.email)
    for (let looks = 0; looks < 5; looks += 1) {
      assert.equal((await look(secretOf(letter))).status, 302)
      assert.equal((await openBrowser(app).get(letter.link.slice(app.url.length))).status, 303)
    }
    assert.equal((await call(app, `${LOOK}?token=${secretOf(letter)}`, { method: 'HEAD' })).status, 404)
    assert.equal(await isVerified(api), false)
    await confirm(openBrowser(app), letter)
    assert.equal(await isVerified(api), true)
  })
})

describe('verify-email', () => {
  it('leads with a good token to the page with the button, and takes callbackURL along', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const token = secretOf(await letterFor(api, person.email))
    const response = await look(token, '/welcome?from=mail')
    assert.deepEqual([response.status, response.text], [302, ''])
    const page = `${app.url}/email-verification/link/${token}`
    assert.equal(response.headers.location, `${page}?callbackURL=%2Fwelcome%3Ffrom%3Dmail`)
    assert.equal(response.headers['set-cookie'], undefined)
    assert.equal((await look(token)).headers.location, page)
    assert.equal(await isVerified(api), false)
  })

  it('says of an expired token that it is', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const token = secretOf(await letterFor(api, person.email))
    app.advance(DAY)
    assert.deepEqual(refusalOf(await look(token)), EXPIRED)
    assert.equal((await look(token, '/welcome')).headers.location, '/welcome?error=TOKEN_EXPIRED')
  })

  it('refuses a token that was used, replaced, or is for something else', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const first = secretOf(await mailbox.letterTo(person.email, VERIFY.subject))
    const letter = await letterFor(api, person.email)
    await openApi(app).post('/api/auth/request-password-reset', { email: person.email })
    const other = secretOf(await mailbox.letterTo(person.email, /Reset/))
    await confirm(openBrowser(app), letter)
    for (const token of [first, secretOf(letter), other, 'x', 'a'.repeat(24), '']) {
      assert.deepEqual(refusalOf(await look(token)), INVALID, token)
      assert.equal((await look(token, '/welcome')).headers.location, '/welcome?error=INVALID_TOKEN')
    }
  })
})

describe('who asks verify-email', () => {
  const HTML = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
  const PEOPLE: Record<string, Record<string, string>> = {
    'somebody who follows the link': { Accept: HTML, 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
    'an old browser': { Accept: HTML },
    'a text browser': { Accept: 'text/html, text/plain, text/css, text/sgml, */*;q=0.01' },
    'a scanner of mails': { Accept: '*/*' },
    'a scanner that says nothing': { Accept: '' },
    'a browser that takes anything': { Accept: 'application/json, text/html', 'Sec-Fetch-Mode': 'navigate' },
    'a picture': { Accept: 'image/avif,*/*', 'Sec-Fetch-Mode': 'no-cors' },
  }
  const PROGRAMS: Record<string, Record<string, string>> = {
    'a script of the front end': { Accept: '*/*', 'Sec-Fetch-Mode': 'cors' },
    'a script of this site': { Accept: '*/*', 'Sec-Fetch-Mode': 'same-origin' },
    'a program that wants JSON': { Accept: 'application/json' },
    'a program that would take text too': { Accept: 'application/json, text/plain, */*' },
  }
  const ask = async (headers: Record<string, string>) => {
    const { api, person } = await apiLearner(app, 'Ada')
    const token = secretOf(await mailbox.letterTo(person.email, VERIFY.subject))
    const asStranger = await openApi(app).get(`${LOOK}?token=${token}`, headers)
    const { api: other } = await apiLearner(app, 'Ben')
    const asAnother = await other.get(`${LOOK}?token=${token}`, headers)
    const before = await isVerified(api)
    const response = await api.get(`${LOOK}?token=${token}`, headers)
    return {
      asStranger,
      asAnother,
      before,
      response,
      verified: await isVerified(api),
      again: () => openApi(app).get(`${LOOK}?token=${token}`, headers),
    }
  }
  for (const [name, headers] of Object.entries(PEOPLE)) {
    it(`${name} is led to the page with the button, and nothing changes`, async () => {
      const { response, verified } = await ask(headers)
      assert.deepEqual([response.status, verified], [302, false])
    })
  }
  for (const [name, headers] of Object.entries(PROGRAMS)) {
    it(`${name} is answered in a session of the account alone, and the address is confirmed`, async () => {
      const { asStranger, asAnother, before, response, verified, again } = await ask(headers)
      assert.deepEqual(refusalOf(asStranger), {
        status: 403,
        code: 'SIGN_IN_TO_CONFIRM',
        message: 'Sign in first, or open the link of the email in a browser',
      })
      assert.deepEqual(refusalOf(asAnother), { status: 401, code: 'INVALID_USER', message: 'Invalid user' })
      assert.equal(before, false)
      assert.deepEqual([response.status, response.body, verified], [200, { status: true }, true])
      assert.deepEqual((await again()).body, { status: true })
    })
  }
})

describe('send-verification-email', () => {
  it('of somebody signed in is for their own address, while it is not confirmed', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const { person: ben } = await apiLearner(app, 'Ben')
    for (const email of [ben.email, somebody('Nobody').email]) {
      assert.deepEqual(refusalOf(await api.post(SEND, { email })), {
        status: 400,
        code: 'EMAIL_MISMATCH',
        message: 'Email mismatch',
      })
    }
    assert.equal((await api.post(SEND, { email: person.email.toUpperCase() })).text, DONE)
    const letter = await mailbox.letterTo(person.email, VERIFY.subject, 2)
    await confirm(openBrowser(app), letter)
    assert.deepEqual(refusalOf(await api.post(SEND, { email: person.email })), {
      status: 400,
      code: 'EMAIL_ALREADY_VERIFIED',
      message: 'Email is already verified',
    })
    assert.equal(mailbox.to(ben.email, VERIFY.subject).length, 1, 'that of the sign-up')
  })

  it('[E06] of a visitor answers alike for unknown, unconfirmed and confirmed addresses, and too many', async () => {
    const { person: fresh } = await apiLearner(app, 'Ada')
    const { person: done } = await apiLearner(app, 'Ben')
    await confirm(openBrowser(app), await mailbox.letterTo(done.email, VERIFY.subject))
    const ask = async (email: string) => {
      const { status, text, headers } = await openApi(app).post(SEND, { email })
      const { date: _, 'x-request-id': __, ...told } = headers
      return { status, text, told }
    }
    const first = await ask(fresh.email)
    assert.deepEqual([first.status, first.text], [200, DONE])
    for (let more = 0; more < 4; more += 1) {
      for (const email of [fresh.email, done.email, somebody('Nobody').email]) assert.deepEqual(await ask(email), first)
    }
    await mailbox.letterTo(fresh.email, VERIFY.subject, 4)
    assert.deepEqual([mailbox.to(fresh.email).length, mailbox.to(done.email).length], [4, 1])
  })

  it('takes callbackURL along to the page, whose last step is a link there', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const letter = await letterFor(api, person.email, { callbackURL: '/lessons' })
    assert.equal(new URL(letter.link).searchParams.get('callbackURL'), '/lessons')
    const browser = openBrowser(app)
    await confirm(browser, letter)
    const { text } = await browser.get('/email-verification/confirmed')
    assert.ok(parse(text).querySelector('main a[href="/lessons"]'), 'a way on')
  })
})

it('of 20 buttons at once one confirms, and nobody is told of a fault', async () => {
  const { api, person } = await apiLearner(app, 'Ada')
  const letter = await letterFor(api, person.email)
  const browsers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const browser = openBrowser(app)
      await browser.get(letter.link.slice(app.url.length))
      return { browser, csrf: await browser.token(VERIFY.page) }
    }),
  )
  const answers = await Promise.all([
    ...browsers.map(({ browser, csrf }) =>
      comingBack(() => browser.post(VERIFY.page, { password: PASSWORD, _csrf: csrf })),
    ),
    ...browsers.map(() => look(secretOf(letter), '/welcome')),
  ])
  for (const { status } of answers) assert.ok([302, 303].includes(status), String(status))
  const rows = await app.sql`
    select 1 as noted from activity join users on users.id = user_id
    where email = ${person.email} and kind = 'email-verified'`
  assert.equal(rows.length, 1)
  assert.equal(await isVerified(api), true)
})
