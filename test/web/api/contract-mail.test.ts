/** Where the links in mails redirect to: the only redirects of the API. No mail is sent here, so no token is valid. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { refusalOf } from '../../support/calls.ts'
import { somebody } from '../../support/people.ts'

const FRONT_END = 'https://front.example.org'
const app = await startApp({ TRUSTED_ORIGINS: FRONT_END }, { atPublicUrl: true })

const VERIFY = '/api/auth/verify-email'
const RESET = '/api/auth/reset-password/AbCdEfGhIjKlMnOpQrStUvWx'
const withCallback = (path: string, callbackURL: string) =>
  `${path}${path.includes('?') ? '&' : '?'}callbackURL=${encodeURIComponent(callbackURL)}`

const missing = (field: string) => ({
  status: 400,
  code: 'VALIDATION_ERROR',
  message: `[query.${field}] Invalid input: expected string, received undefined`,
})

/** Allowed targets, and where each of the two links redirects to. */
const GOOD: { callbackURL: string; verify: string; reset: string }[] = [
  { callbackURL: '/welcome', verify: '/welcome?error=INVALID_TOKEN', reset: '/welcome?error=INVALID_TOKEN' },
  {
    callbackURL: '/welcome?from=mail#top',
    verify: '/welcome?from=mail&error=INVALID_TOKEN#top',
    reset: '/welcome?from=mail&error=INVALID_TOKEN#top',
  },
  {
    callbackURL: `${FRONT_END}/welcome`,
    verify: `${FRONT_END}/welcome?error=INVALID_TOKEN`,
    reset: `${FRONT_END}/welcome?error=INVALID_TOKEN`,
  },
  {
    callbackURL: '/☃',
    verify: '/%E2%98%83?error=INVALID_TOKEN',
    reset: '/%E2%98%83?error=INVALID_TOKEN',
  },
]

const BAD = [
  'https://evil.example/welcome',
  '//evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  '/%2fevil.example',
  'javascript:alert(1)',
  `${FRONT_END}.evil.example/`,
  `${FRONT_END}@evil.example/`,
  'welcome',
  '/welcome\r\nSet-Cookie: a=b',
]

describe('a link to verify an address', () => {
  for (const { callbackURL, verify } of GOOD) {
    it(`leads on to ${callbackURL}, which stays as it is, with the error`, async () => {
      const response = await openApi(app).get(withCallback(`${VERIFY}?token=x`, callbackURL))
      assert.deepEqual([response.status, response.text], [302, ''], response.text)
      assert.equal(response.headers.location, verify)
      assert.equal(response.headers['content-type'], 'application/json')
      assert.equal(response.headers['set-cookie'], undefined)
    })
  }

  it('without a place to lead to is refused', async () => {
    const refusal = { status: 401, code: 'INVALID_TOKEN', message: 'Invalid token' }
    assert.deepEqual(refusalOf(await openApi(app).get(`${VERIFY}?token=x`)), refusal)
  })

  it('needs a token', async () => {
    assert.deepEqual(refusalOf(await openApi(app).get(VERIFY)), missing('token'))
    assert.deepEqual(refusalOf(await openApi(app).get(withCallback(VERIFY, '/welcome'))), missing('token'))
  })
})

describe('a link to reset a password', () => {
  for (const { callbackURL, reset } of GOOD) {
    it(`leads on to ${callbackURL} in full, with the error`, async () => {
      const response = await openApi(app).get(withCallback(RESET, callbackURL))
      assert.deepEqual([response.status, response.text], [302, ''])
      assert.equal(response.headers.location, new URL(reset, app.url).href)
      assert.equal(response.headers['content-type'], 'application/json')
    })
  }

  it('needs a place to lead to', async () => {
    assert.deepEqual(refusalOf(await openApi(app).get(RESET)), missing('callbackURL'))
  })
})

describe('no link leads to', () => {
  for (const callbackURL of BAD) {
    it(JSON.stringify(callbackURL), async () => {
      const refusal = { status: 403, code: 'INVALID_CALLBACK_URL', message: 'Invalid callbackURL' }
      for (const path of [`${VERIFY}?token=x`, RESET]) {
        const response = await openApi(app).get(withCallback(path, callbackURL))
        assert.deepEqual(refusalOf(response), refusal)
        assert.equal(response.headers.location, undefined)
      }
    })
  }

  it('two places at once', async () => {
    for (const path of [`${VERIFY}?token=x`, RESET]) {
      const response = await openApi(app).get(withCallback(withCallback(path, '/a'), '/b'))
      assert.equal(refusalOf(response).message, '[query.callbackURL] Invalid input: expected string, received array')
    }
  })
})

describe('a mail to verify an address', () => {
  it('is switched off, alike for everybody', async () => {
    const known = somebody('Ada')
    await openApi(app).signUp(known)
    for (const email of [known.email, somebody('Nobody').email]) {
      assert.deepEqual(
        refusalOf(await openApi(app).post('/api/auth/send-verification-email', { email, callbackURL: '/' })),
        { status: 400, code: 'VERIFICATION_EMAIL_NOT_ENABLED', message: "Verification email isn't enabled" },
      )
    }
  })
})
