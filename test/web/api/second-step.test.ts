/** The second step for programs: what a session and its tokens say of it, and which calls ask for a code. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ApiClient, apiLearner, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { refusalOf } from '../../support/calls.ts'
import { PASSWORD, type Person } from '../../support/people.ts'
import { codeAt, nextCode, wrongCode } from '../../support/second-step.ts'
import { namesOfCookies } from '../../support/sessions.ts'
import { decode, firstPair, successor } from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const MINUTE = 60_000
const AUTH = '/api/auth'
const NEW_PASSWORD = 'quiet amber harbour window'
const NOT_FRESH = { status: 403, code: 'SESSION_NOT_FRESH', message: 'Session is not fresh' }

async function owner(): Promise<{ person: Person; api: ApiClient; secret: string; codes: string[] }> {
  const { person, api } = await apiLearner(app, 'Ada')
  const { totpURI, backupCodes } = (await api.post(`${AUTH}/two-factor/enable`, { password: PASSWORD })).body
  const secret = new URL(totpURI).searchParams.get('secret') ?? ''
  const on = await api.post(`${AUTH}/two-factor/verify-totp`, { code: codeAt(app, secret) })
  assert.equal(on.status, 200, on.text)
  return { person, api, secret, codes: backupCodes }
}

async function signedIn(person: Person, code: string, more: object = {}): Promise<ApiClient> {
  const api = openApi(app)
  const asked = await api.signIn(person, more)
  assert.equal(asked.text, '{"twoFactorRedirect":true,"twoFactorMethods":["totp"]}')
  assert.deepEqual(namesOfCookies(asked), ['matricula-ticket'])
  assert.equal((await api.post(`${AUTH}/two-factor/verify-totp`, { code })).status, 200)
  return api
}

describe('a token', () => {
  it('says how its learner got in, and when, also after a refresh', async () => {
    const { person, api: first, secret } = await owner()
    assert.deepEqual(decode(await first.token()).claims.amr, ['pwd', 'otp', 'mfa'])
    const api = await signedIn(person, nextCode(app, secret))
    const { session } = (await api.get(`${AUTH}/get-session`)).body
    const said = { amr: ['pwd', 'otp', 'mfa'], auth_time: Math.floor(Date.parse(session.createdAt) / 1000) }
    const pair = await firstPair(api)
    app.advance(5 * MINUTE)
    const tokens = [await api.token(), pair.token, (await successor(app, pair)).token]
    for (const token of tokens) {
      const { amr, auth_time } = decode(token).claims
      assert.deepEqual({ amr, auth_time }, said)
    }
  })

  it('of a device that skips the second step says that it was the password alone', async () => {
    const { person, secret } = await owner()
    const api = openApi(app)
    await api.signIn(person)
    await api.post(`${AUTH}/two-factor/verify-totp`, { code: nextCode(app, secret), trustDevice: true })
    await api.post(`${AUTH}/sign-out`)
    assert.equal((await api.signIn(person)).status, 200)
    assert.deepEqual(decode(await api.token()).claims.amr, ['pwd'])
    // A code later on is said in its tokens from then on.
    assert.equal((await api.post(`${AUTH}/two-factor/verify-totp`, { code: nextCode(app, secret) })).status, 200)
    assert.deepEqual(decode(await api.token()).claims.amr, ['pwd', 'otp', 'mfa'])
  })
})

describe('a session', () => {
  it('lasts as long as the sign-in has asked for', async () => {
    const { person, secret } = await owner()
    const short = await signedIn(person, nextCode(app, secret), { rememberMe: false })
    const { session } = (await short.get(`${AUTH}/get-session`)).body
    assert.ok(Date.parse(session.expiresAt) - app.deps.now() < 24 * 60 * MINUTE)
  })

  it('[M14] that was there before ends when the second step is switched on', async () => {
    const { person, api } = await apiLearner(app, 'Ada')
    const other = openApi(app)
    await other.signIn(person)
    const pair = await firstPair(other)
    const { totpURI } = (await api.post(`${AUTH}/two-factor/enable`, { password: PASSWORD })).body
    const secret = new URL(totpURI).searchParams.get('secret') ?? ''
    await api.post(`${AUTH}/two-factor/verify-totp`, { code: codeAt(app, secret) })
    assert.equal((await other.get(`${AUTH}/get-session`)).body, null)
    assert.equal((await other.post(`${AUTH}/refresh`, { refreshToken: pair.refreshToken })).status, 401)
    assert.equal((await api.get(`${AUTH}/get-session`)).body.user.email, person.email)
  })

  const CALLS: Record<string, object> = {
    'change-password': { currentPassword: PASSWORD, newPassword: NEW_PASSWORD },
    'delete-user': { password: PASSWORD },
    'two-factor/generate-backup-codes': { password: PASSWORD },
    'two-factor/disable': { password: PASSWORD },
  }
  it('needs a code of the last ten minutes for what only the owner may do', async () => {
    const { api, secret, codes } = await owner()
    app.advance(11 * MINUTE)
    await api.post(`${AUTH}/verify-password`, { password: PASSWORD })
    for (const [call, body] of Object.entries(CALLS)) {
      assert.deepEqual(refusalOf(await api.post(`${AUTH}/${call}`, body)), NOT_FRESH, call)
    }
    assert.equal((await api.post(`${AUTH}/two-factor/verify-backup-code`, { code: codes[0] })).status, 200)
    assert.equal((await api.post(`${AUTH}/two-factor/disable`, { password: PASSWORD })).status, 200)
    const gone = await api.post(`${AUTH}/two-factor/verify-totp`, { code: nextCode(app, secret) })
    assert.equal(gone.body.code, 'TOTP_NOT_ENABLED')
  })

  it('ends under whoever guesses in it', async () => {
    const { api, secret } = await owner()
    for (let tries = 0; tries < 5; tries += 1) {
      const guess = await api.post(`${AUTH}/two-factor/verify-totp`, { code: wrongCode(app, secret) })
      assert.equal(guess.body.code, 'INVALID_CODE')
    }
    const sixth = await api.post(`${AUTH}/two-factor/verify-totp`, { code: nextCode(app, secret) })
    assert.deepEqual([sixth.status, sixth.body.code], [429, 'ACCOUNT_TEMPORARILY_LOCKED'])
    assert.match(sixth.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    assert.equal((await api.get(`${AUTH}/get-session`)).body, null)
  })
})

it('a sign-in with a second step beside another account leaves that one’s session, and takes the code for the new one', async () => {
  const { person, secret } = await owner()
  const { person: other, api } = await apiLearner(app, 'Ben')
  const elsewhere = openApi(app)
  await elsewhere.signIn(other)
  assert.equal((await api.signIn(person)).body.twoFactorRedirect, true)
  assert.equal((await api.get(`${AUTH}/get-session`)).body, null)
  assert.equal(
    (await api.post(`${AUTH}/two-factor/verify-totp`, { code: wrongCode(app, secret) })).body.code,
    'INVALID_CODE',
  )
  assert.equal((await api.post(`${AUTH}/two-factor/verify-totp`, { code: nextCode(app, secret) })).status, 200)
  assert.equal((await api.get(`${AUTH}/get-session`)).body.user.email, person.email)
  assert.equal((await elsewhere.get(`${AUTH}/get-session`)).body.user.email, other.email)
})

it('a script of another site cannot end a login', async () => {
  const { person, secret } = await owner()
  const api = openApi(app)
  await api.signIn(person)
  const call = { code: nextCode(app, secret) }
  const elsewhere = { Origin: 'https://evil.example' }
  assert.equal((await api.post(`${AUTH}/two-factor/verify-totp`, call, elsewhere)).status, 403)
})
