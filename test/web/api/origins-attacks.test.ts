/** Complete, valid calls that another site can make a browser send (CSRF). They have no effect. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ApiClient, apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { addPasskeyByApi, loginOptions, makeAuthenticator } from '../../support/authenticator.ts'
import {
  asOwnPage,
  call,
  cookieOf,
  operationsOf,
  passkeyCookieOf,
  refusalOf,
  stateOf,
  writesOf,
} from '../../support/calls.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { RESET, secretOf } from '../../support/mailed.ts'
import { codeOf, REQUEST_COOKIE } from '../../support/mailed-codes.ts'
import { type Person, somebody } from '../../support/people.ts'
import { codeAt } from '../../support/second-step.ts'
import { setCookieOf } from '../../support/sessions.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const writes = await writesOf(app)
const EVIL = 'https://evil.example'
const NEW_PASSWORD = 'quiet amber harbour window'

type Victim = { person: Person; api: ApiClient; refreshToken: string; accessToken: string; otherHandle: string }

async function victim(): Promise<Victim> {
  const { person, api } = await apiLearner(app, 'Ada')
  const other = openApi(app)
  const otherHandle = (await other.signIn(person)).body.token
  const { refreshToken, token: accessToken } = (await api.post('/api/auth/refresh-token', {})).body
  return { person, api, refreshToken, accessToken, otherHandle }
}

/** Has a second step set up, up to its first code. */
async function setUpSecondStep({ person, api }: Victim) {
  await app.sql`update users set email_verified = true where email = ${person.email}`
  const { password } = person
  const { totpURI, backupCodes } = (await api.post('/api/auth/two-factor/enable', { password })).body
  const secret = new URL(totpURI).searchParams.get('secret') ?? ''
  return { password, code: codeAt(app, secret), backupCode: backupCodes[0] }
}

async function switchSecondStepOn(victim: Victim) {
  const { password, code, backupCode } = await setUpSecondStep(victim)
  assert.equal((await victim.api.post('/api/auth/two-factor/verify-totp', { code })).status, 200)
  return { password, backupCode }
}

/** Has the browser ask for a code, and reads it. */
async function codeFor({ api, person: { email } }: Victim, type: 'sign-in' | 'email-verification' | 'forget-password') {
  await api.post('/api/auth/email-otp/send-verification-otp', { email, type })
  return { email, otp: codeOf(await mailbox.letterTo(email, /^Your code/)) }
}

const confirmed = ({ person }: Victim) => app.sql`update users set email_verified = true where email = ${person.email}`

async function withPasskey(ada: Victim) {
  await confirmed(ada)
  const passkey = await addPasskeyByApi(app, ada.api)
  const [{ id }] = (await ada.api.get('/api/auth/passkey/list-user-passkeys')).body
  return { passkey, id }
}

/** A valid body for each endpoint. */
const RIGHT: Record<string, (victim: Victim) => object | Promise<object>> = {
  '/api/auth/sign-up/email': () => somebody('Eve'),
  '/api/auth/sign-in/email': ({ person: { email, password } }) => ({ email, password }),
  '/api/auth/sign-out': () => ({}),
  '/api/auth/revoke-session': ({ otherHandle }) => ({ token: otherHandle }),
  '/api/auth/revoke-other-sessions': () => ({}),
  '/api/auth/revoke-sessions': () => ({}),
  '/api/auth/update-user': () => ({ name: 'Eve' }),
  '/api/auth/change-password': ({ person }) => ({ currentPassword: person.password, newPassword: NEW_PASSWORD }),
  '/api/auth/verify-password': ({ person: { password } }) => ({ password }),
  '/api/auth/refresh-token': () => ({}),
  '/api/auth/refresh': ({ refreshToken }) => ({ refreshToken }),
  '/api/auth/revoke': ({ refreshToken }) => ({ refreshToken }),
  '/api/auth/introspect': ({ accessToken }) => ({ token: accessToken }),
  '/api/auth/change-email': () => ({ newEmail: somebody('Eve').email }),
  '/api/auth/delete-user': () => ({}),
  '/api/auth/request-password-reset': ({ person: { email } }) => ({ email }),
  '/api/auth/reset-password': async ({ person: { email } }) => {
    await openApi(app).post('/api/auth/request-password-reset', { email })
    return { newPassword: NEW_PASSWORD, token: secretOf(await mailbox.letterTo(email, RESET.subject)) }
  },
  '/api/auth/two-factor/enable': async ({ person: { email, password } }) => {
    await app.sql`update users set email_verified = true where email = ${email}`
    return { password }
  },
  '/api/auth/two-factor/get-totp-uri': async (ada) => ({ password: (await setUpSecondStep(ada)).password }),
  '/api/auth/two-factor/verify-totp': async (ada) => ({ code: (await setUpSecondStep(ada)).code }),
  '/api/auth/two-factor/verify-backup-code': async (ada) => ({ code: (await switchSecondStepOn(ada)).backupCode }),
  '/api/auth/two-factor/generate-backup-codes': async (ada) => ({ password: (await switchSecondStepOn(ada)).password }),
  '/api/auth/two-factor/disable': async (ada) => ({ password: (await switchSecondStepOn(ada)).password }),
  '/api/auth/email-otp/send-verification-otp': ({ person: { email } }) => ({ email, type: 'sign-in' }),
  '/api/auth/email-otp/request-password-reset': ({ person: { email } }) => ({ email }),
  '/api/auth/forget-password/email-otp': ({ person: { email } }) => ({ email }),
  '/api/auth/email-otp/check-verification-otp': async (ada) => ({
    ...(await codeFor(ada, 'sign-in')),
    type: 'sign-in',
  }),
  '/api/auth/sign-in/email-otp': (ada) => codeFor(ada, 'sign-in'),
  '/api/auth/email-otp/verify-email': (ada) => codeFor(ada, 'email-verification'),
  '/api/auth/email-otp/reset-password': async (ada) => ({
    ...(await codeFor(ada, 'forget-password')),
    password: NEW_PASSWORD,
  }),
  '/api/auth/send-verification-email': ({ person: { email } }) => ({ email }),
  '/api/auth/passkey/verify-registration': async (ada) => {
    await confirmed(ada)
    const options = (await ada.api.get('/api/auth/passkey/generate-register-options')).body
    return { response: makeAuthenticator(app.url).create(options) }
  },
  '/api/auth/passkey/verify-authentication': async (ada) => {
    const { passkey } = await withPasskey(ada)
    return { response: passkey.get(await loginOptions(ada.api)) }
  },
  '/api/auth/passkey/update-passkey': async (ada) => ({ id: (await withPasskey(ada)).id, name: 'Stolen' }),
  '/api/auth/passkey/delete-passkey': async (ada) => ({ id: (await withPasskey(ada)).id }),
  '/api/plan': () => ({ weeklyHours: 4 }),
  '/api/profile': () => ({ primaryFocus: 'edge' }),
  '/api/progress/f1': () => ({ state: 'done' }),
}
/** These endpoints answer a question and change nothing. */
const TELLS = [
  '/api/auth/verify-password',
  '/api/auth/introspect',
  '/api/auth/two-factor/get-totp-uri',
  '/api/auth/email-otp/check-verification-otp',
]
/** The session, and the browser's part of a code by mail where it has asked for one. */
function cookiesOf(api: ApiClient): string {
  const where = { domain: '127.0.0.1', path: '/', secure: false, script: false } as never
  const request = api.agent.jar.getCookie(REQUEST_COOKIE, where)
  return [cookieOf(api), passkeyCookieOf(api), ...(request ? [`${REQUEST_COOKIE}=${request.value}`] : [])].join('; ')
}
const SWITCHED_OFF = ['/api/auth/get-session']

it('every endpoint that changes something is attacked below, or is switched off', () => {
  assert.deepEqual(writes.map(({ path }) => path).sort(), [...Object.keys(RIGHT), ...SWITCHED_OFF].sort())
})

describe('a right call in the name of somebody signed in', () => {
  for (const { method, path } of writes) {
    const right = RIGHT[path]
    if (right === undefined) continue
    it(`[C05, C09, C15] to ${method} ${path} does nothing from another site, and what it is there for from here`, async () => {
      const ada = await victim()
      const body = await right(ada)
      const cookie = cookiesOf(ada.api)
      const before = await stateOf(app)
      const FORGED: Record<string, string>[] = [
        { Origin: EVIL },
        { Origin: 'null' },
        { Referer: `${EVIL}/` },
        {},
        { Origin: EVIL, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
        { Origin: EVIL, 'X-HTTP-Method-Override': 'GET', 'X-Forwarded-Host': 'evil.example' },
      ]
      for (const headers of FORGED) {
        const answer = await call(app, path, { method, headers: { ...headers, Cookie: cookie }, body })
        assert.equal(answer.status, 403, JSON.stringify(headers))
        assert.equal(answer.headers['set-cookie'], undefined)
        assert.equal(answer.headers['access-control-allow-origin'], undefined)
      }
      assert.equal(await stateOf(app), before)
      assert.equal((await call(app, path, { method, headers: asOwnPage(app, cookie), body })).status, 200)
      if (!TELLS.includes(path)) assert.notEqual(await stateOf(app), before, 'from here it changes something')
    })
  }
})

describe('a login that somebody else forces on a browser', () => {
  for (const path of ['/api/auth/sign-in/email', '/api/auth/sign-up/email']) {
    it(`[C12, C14, C16] at ${path} is refused, and sets no cookie`, async () => {
      const { person } = await apiLearner(app, 'Eve')
      const { email, password } = person
      const body = path.includes('sign-up') ? somebody('Mallory') : { email, password }
      const before = await stateOf(app)
      const navigation = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }
      const form = new URLSearchParams(body as Record<string, string>).toString()
      const FORGED: { headers: Record<string, string>; body: unknown; code: string; status: number }[] = [
        { headers: navigation, body, status: 403, code: 'CROSS_SITE_NAVIGATION_LOGIN_BLOCKED' },
        {
          headers: { ...navigation, Origin: EVIL, 'Content-Type': 'application/x-www-form-urlencoded' },
          body: form,
          status: 403,
          code: 'CROSS_SITE_NAVIGATION_LOGIN_BLOCKED',
        },
        {
          headers: { Origin: EVIL, 'Content-Type': 'application/x-www-form-urlencoded' },
          body: form,
          status: 403,
          code: 'INVALID_ORIGIN',
        },
        { headers: { Origin: EVIL }, body, status: 403, code: 'INVALID_ORIGIN' },
        // A form on any site can send this type, without a preflight.
        {
          headers: { 'Content-Type': 'text/plain' },
          body: JSON.stringify(body),
          status: 415,
          code: 'UNSUPPORTED_MEDIA_TYPE',
        },
        {
          headers: { 'Content-Type': 'text/plain', Origin: EVIL },
          body: JSON.stringify(body),
          status: 403,
          code: 'INVALID_ORIGIN',
        },
      ]
      for (const { status, code, ...forged } of FORGED) {
        const answer = await call(app, path, forged)
        const { message: _, ...refusal } = refusalOf(answer)
        assert.deepEqual(refusal, { status, code }, JSON.stringify(forged.headers))
        assert.equal(setCookieOf(answer), undefined)
      }
      assert.equal(await stateOf(app), before)
      // The same call from a program, not from a browser, works.
      const program = await call(app, path, { body })
      assert.equal(program.status, 200)
      assert.ok(setCookieOf(program), 'a session')
    })
  }
})

const OVERRIDES = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']

describe('a link or a picture of another site', () => {
  it('[C17] changes nothing: what changes something has no HEAD, and no GET but one that tells', async () => {
    const { api, otherHandle } = await victim()
    const headers = { Cookie: cookieOf(api), Referer: `${EVIL}/` }
    const operations = await operationsOf(app, { lessonId: 'f1' })
    const telling = operations.filter(({ method }) => method === 'GET').map(({ path }) => path)
    const told: string[] = []
    const before = await stateOf(app)
    for (const { method: own, path } of writes) {
      const tells = telling.includes(path)
      if (tells) told.push(path)
      for (const query of [
        '',
        `?token=${otherHandle}&newPassword=${encodeURIComponent(NEW_PASSWORD)}`,
        '?state=done&primaryFocus=edge',
        `?_method=${own}&state=done&primaryFocus=edge`,
      ]) {
        const head = await call(app, path + query, { method: 'HEAD', headers })
        assert.deepEqual([head.status, head.text], [404, ''], `HEAD ${path}${query}`)
        const { status, text } = await call(app, path + query, { method: 'GET', headers })
        if (tells) assert.equal(status, 200, `GET ${path}${query}`)
        else assert.deepEqual([status, text], [404, ''], `GET ${path}${query}`)
      }
    }
    assert.deepEqual(told, ['/api/auth/get-session', '/api/profile', '/api/progress/f1', '/api/plan'])
    assert.equal(await stateOf(app), before)
  })

  it('[C18] changes nothing by naming another method', async () => {
    const ada = await victim()
    const before = await stateOf(app)
    for (const path of ['/api/auth/sign-out', '/api/auth/revoke-sessions', '/api/auth/delete-user']) {
      for (const name of OVERRIDES) {
        const headers = { ...asOwnPage(app, cookieOf(ada.api)), [name]: 'POST' }
        assert.equal((await call(app, path, { headers })).status, 404)
        const reversed = { ...headers, Origin: EVIL, [name]: 'GET' }
        assert.equal((await call(app, path, { headers: reversed, body: {} })).status, 403)
      }
    }
    for (const path of ['/api/profile', '/api/progress/f1']) {
      const body = RIGHT[path]?.(ada)
      for (const name of OVERRIDES) {
        const own = asOwnPage(app, cookieOf(ada.api))
        const reading = await call(app, path, { headers: { ...own, [name]: 'PUT' } })
        assert.equal(reading.status, 200)
        // POST is the only method with a body that a form on another site can use.
        const form = await call(app, `${path}?_method=PUT`, {
          method: 'POST',
          headers: { ...own, [name]: 'PUT' },
          body,
        })
        assert.equal(form.status, 405)
        const foreign = { ...own, Origin: EVIL, [name]: 'GET' }
        assert.equal((await call(app, path, { method: 'PUT', headers: foreign, body })).status, 403)
      }
    }
    assert.equal(await stateOf(app), before)
  })

  it('reads nothing either, since no answer names it', async () => {
    const { api } = await victim()
    for (const { path, method } of await operationsOf(app)) {
      if (method !== 'GET' || /jwks|well-known|status-list/.test(path)) continue
      const answer = await call(app, path, { headers: { Cookie: cookieOf(api), Origin: EVIL } })
      assert.ok(answer.status < 500, path)
      assert.equal(answer.headers['access-control-allow-origin'], undefined, path)
      assert.equal(answer.headers['access-control-allow-credentials'], undefined, path)
      assert.match(answer.headers.vary ?? '', /\bOrigin\b/, path)
    }
  })
})
