/** The error codes that the OpenAPI description names for each endpoint: each can occur, and no other does. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Policy } from '../../../src/limits/policies.ts'
import { addServiceKey } from '../../../src/tokens/service-keys.ts'
import { apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { addPasskeyByApi, loginOptions, makeAuthenticator } from '../../support/authenticator.ts'
import {
  asOwnPage,
  type Call,
  call,
  cookieOf,
  type Operation,
  operationsOf,
  passkeyCookieOf,
} from '../../support/calls.ts'
import { createDatabase } from '../../support/database.ts'
import { useUp } from '../../support/guessing.ts'
import { startLeakService } from '../../support/leaked-passwords.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, secretOf, VERIFY as VERIFICATION } from '../../support/mailed.ts'
import { askByApi } from '../../support/mailed-codes.ts'
import { openBrowser, somebody } from '../../support/people.ts'
import { startProxy } from '../../support/proxy.ts'
import type { Answer } from '../../support/raw-http.ts'
import { DAY, MINUTE } from '../../support/tokens.ts'

const LEAKED = 'monday tulip bicycle 1987'
const leaks = await startLeakService(LEAKED)
const mailbox = await openMailbox()
const app = await startApp({ BREACHED_PASSWORDS_URL: leaks.url }, { atPublicUrl: true, mailbox, patient: true })
const { person: cleo } = await apiLearner(app, 'Cleo')
const expired = secretOf(await mailbox.letterTo(cleo.email, VERIFICATION.subject))
app.advance(DAY)
const { person: gus } = await apiLearner(app, 'Gus')
const unused = secretOf(await mailbox.letterTo(gus.email, VERIFICATION.subject))
const { api, person: ada } = await apiLearner(app, 'Ada')
const { person: barred } = await apiLearner(app, 'Hal')
await app.sql`update users set suspended_at = now() where email = ${barred.email}`
/** A server without mail, and somebody signed in there. */
const plain = await startApp({}, { atPublicUrl: true })
const { api: plainApi } = await apiLearner(plain, 'Ada')
let headers = asOwnPage(app, cookieOf(api))
async function signIn() {
  const { password } = (await api.signIn(ada)).status === 200 ? ada : { password: NEW_PASSWORD }
  await api.signIn({ ...ada, password })
  return asOwnPage(app, cookieOf(api))
}
const operations = await operationsOf(app)
/** A service key that may do nothing. */
const powerless = (await addServiceKey(app.sql, { name: 'powerless', rights: [], now: app.deps.now() })) ?? ''

const NEW_PASSWORD = 'quiet amber harbour window'
const TOO_LONG = 'long and '.repeat(15)
/** No call on a healthy server gets these: they need a fault or an outage. */
const OF_FAULTS = ['INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE']

/** The name of this answer in the description: its code, or its message, or its status. */
function nameOf({ text, status }: Answer): string {
  if (text === '') return String(status)
  const { code, message } = JSON.parse(text)
  return code ?? message
}

/** Errors that are found before the endpoint's own code runs. Each is tried at every endpoint. */
const GENERAL: ((operation: Operation) => Call)[] = [
  () => ({ headers, body: '{' }),
  () => ({ headers: { ...headers, 'Content-Type': 'text/plain' }, body: '{}' }),
  () => ({ headers, body: 'x'.repeat(17 * 1024) }),
  () => ({ headers, body: '[]' }),
  () => ({ headers: { ...headers, Origin: 'https://evil.example' }, body: '{' }),
  () => ({ headers: { Cookie: 'a=b' }, body: '{' }),
  () => ({ headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' }, body: '{' }),
]

type Special = [
  operation: string,
  code: string,
  /** `at` is a path of this operation with another parameter filled in. */
  call: {
    at?: string
    query?: string
    body?: unknown
    visitor?: true
    more?: Record<string, string>
    times?: number
    /** Sent to the server without mail. */
    plain?: true
    /** With a service key that may do something else. */
    asService?: true
    /** What happens between the sign-in and the call. */
    before?: () => unknown
  },
]

const SIGN_UP = 'POST /api/auth/sign-up/email'
const SIGN_IN = 'POST /api/auth/sign-in/email'
const CHANGE = 'POST /api/auth/change-password'
const VERIFY = 'POST /api/auth/verify-password'
const GET_PROGRESS = 'GET /api/progress/anything'
const PUT_PROGRESS = 'PUT /api/progress/anything'
const ben = { ...somebody('Ben') }
const right = { currentPassword: ada.password, newPassword: NEW_PASSWORD }
const visitor = true as const
/** An incomplete UTF-8 character, percent-encoded. */
const UNREADABLE = '%E0%A4%A'
const VERIFICATION_MAIL = 'POST /api/auth/send-verification-email'
const RESET_MAIL = 'POST /api/auth/request-password-reset'
const CHANGE_EMAIL = 'POST /api/auth/change-email'
const DELETE = 'POST /api/auth/delete-user'
/** Its token is filled in once it has been mailed. */
const reset = { newPassword: LEAKED, token: '' }
const PROGRAM = { 'Sec-Fetch-Mode': 'cors' }
const tenMinutesLater = () => app.advance(10 * MINUTE)

const STEP = 'POST /api/auth/two-factor'
const wrongPassword = { password: 'x' }
const password = { password: ada.password }
const code = { code: '000000' }
/** Begins to set up a second step. */
async function beginStep() {
  await app.sql`delete from second_steps`
  await app.sql`update users set email_verified = true where email = ${ada.email}`
  await call(app, '/api/auth/two-factor/enable', { method: 'POST', headers, body: password })
}
/** Switches it on, as if that had been long ago. */
async function withStep() {
  await beginStep()
  await app.sql`update second_steps set confirmed_at = created_at`
  await app.sql`update users set second_step = true where email = ${ada.email}`
}
const PASSKEY = '/api/auth/passkey'
const PASSKEY_POST = `POST ${PASSKEY}`
const ADD = `${PASSKEY_POST}/verify-registration`
/** Filled in before the call: what an authenticator has made or signed, and the cookies of whoever asked for it. */
const answer: { response: unknown } = { response: {} }
/** Made for another challenge. */
const answerOfOther = { response: makeAuthenticator(app.url).create({ challenge: '' }) }
const asked = { Cookie: '' }
const lastOne = { id: '' }
const confirmed = () => app.sql`update users set email_verified = true where email = ${ada.email}`
const notConfirmed = () => app.sql`update users set email_verified = false where email = ${ada.email}`
const addRows = (email: string, ids: string[]) => app.sql`
  insert into passkeys (id, user_id, credential_id, public_key, sign_count, name, transports, backup_eligible, backed_up, aaguid, created_at)
  select one, u.id, one, '', 0, '', '{}', false, false, '', now() from users u, unnest(${ids}::text[]) one where u.email = ${email}`

/** The browser of the session has made a passkey, which is known, or one too many. */
async function madeBefore({ isKnown }: { isKnown: boolean }) {
  await confirmed()
  await app.sql`delete from passkeys`
  const authenticator = makeAuthenticator(app.url)
  answer.response = authenticator.create((await api.get(`${PASSKEY}/generate-register-options`)).body)
  asked.Cookie = `${cookieOf(api)}; ${passkeyCookieOf(api)}`
  await addRows(ada.email, isKnown ? [authenticator.id] : Array.from({ length: 10 }, (_, at) => `p${at}`))
}

async function madeTooOften() {
  await madeBefore({ isKnown: true })
  const { user } = (await api.get('/api/auth/get-session')).body
  await useUp(app, 'passkeysByUser', user.id, 20)
}

async function signedByStranger() {
  const stranger = openApi(app)
  answer.response = makeAuthenticator(app.url).get(await loginOptions(stranger))
  asked.Cookie = passkeyCookieOf(stranger)
}

async function signedByBarred() {
  const { api: client, person } = await apiLearner(app, 'Ida')
  await app.sql`update users set email_verified = true where email = ${person.email}`
  const passkey = await addPasskeyByApi(app, client)
  await app.sql`update users set suspended_at = now() where email = ${person.email}`
  const phone = openApi(app)
  answer.response = passkey.get(await loginOptions(phone))
  asked.Cookie = passkeyCookieOf(phone)
}

/** Somebody without a password, and with one passkey. */
async function withOnePasskey() {
  const { api: client, person } = await apiLearner(app, 'Ivy')
  lastOne.id = `last of ${person.email}`
  await addRows(person.email, [lastOne.id])
  await app.sql`update users set password_hash = null where email = ${person.email}`
  asked.Cookie = cookieOf(client)
}
const withoutStep = () => app.sql`delete from second_steps`
const unconfirmed = () => app.sql`update users set email_verified = false where email = ${ada.email}`

const OTP = 'POST /api/auth/email-otp'
const ASK_OTP = `${OTP}/send-verification-otp`
const CHECK_OTP = `${OTP}/check-verification-otp`
const SIGN_IN_OTP = 'POST /api/auth/sign-in/email-otp'
const VERIFY_OTP = `${OTP}/verify-email`
const RESET_OTP = `${OTP}/reset-password`
const toSignIn = { email: ben.email, type: 'sign-in' }
const guessed = { email: ada.email, otp: '000000' }
/** The browser's part of a code that was asked for, and what was mailed. */
const byMail: Record<string, string> = {}
const mailed = { email: ada.email, otp: '', type: 'sign-in', password: NEW_PASSWORD }
const withCode =
  (type: 'sign-in' | 'email-verification' | 'forget-password', email = ada.email) =>
  async () => {
    if (type === 'email-verification') await unconfirmed()
    const { otp, cookie } = await askByApi(app, mailbox, { email, type })
    Object.assign(mailed, { email, otp, type, password: NEW_PASSWORD })
    Object.assign(byMail, asOwnPage(app, `${headers.Cookie}; ${cookie}`))
  }
/** A code that is too old, or was wrong five times. */
const expiredCode = (type: Parameters<typeof withCode>[0]) => async () => {
  await withCode(type)()
  await app.sql`update mailed_codes set expires_at = created_at`
}
const exhaustedCode = (type: Parameters<typeof withCode>[0]) => async () => {
  await withCode(type)()
  await app.sql`update mailed_codes set tries = 5`
}
const used = (policy: Policy, tries: number) => () => useUp(app, policy, '127.0.0.1', tries)
const leakedBody = { ...mailed, password: LEAKED }

/** What every call that takes a code answers to one that it does not take. */
const ofCodes = (operation: string, type: Parameters<typeof withCode>[0]): Special[] => [
  [operation, 'INVALID_OTP', { body: { ...mailed, type } }],
  [operation, 'OTP_EXPIRED', { before: expiredCode(type), more: byMail, body: mailed }],
  [operation, 'TOO_MANY_ATTEMPTS', { before: exhaustedCode(type), more: byMail, body: mailed }],
  [
    operation,
    'RATE_LIMITED',
    {
      before: async () => {
        await withCode(type)()
        await used('wrongCodesByNetwork', 100)()
      },
      more: byMail,
      body: mailed,
    },
  ],
]

const SPECIAL: Special[] = [
  [ASK_OTP, 'INVALID_EMAIL', { body: { ...toSignIn, email: 'ada' } }],
  [ASK_OTP, 'Invalid OTP type', { body: { ...toSignIn, type: 'change-email' } }],
  [ASK_OTP, 'send email verification is not implemented', { plain: true, body: toSignIn }],
  [ASK_OTP, 'RATE_LIMITED', { before: used('mailsByNetwork', 200), body: toSignIn }],
  ...[`${OTP}/request-password-reset`, 'POST /api/auth/forget-password/email-otp'].flatMap((operation): Special[] => [
    [operation, 'INVALID_EMAIL', { body: { email: 'ada' } }],
    [operation, 'send email verification is not implemented', { plain: true, body: { email: ben.email } }],
    [operation, 'RATE_LIMITED', { before: used('mailsByNetwork', 200), body: { email: ben.email } }],
  ]),
  [CHECK_OTP, 'INVALID_EMAIL', { body: { ...toSignIn, email: 'ada', otp: '000000' } }],
  ...ofCodes(CHECK_OTP, 'sign-in'),
  ...ofCodes(SIGN_IN_OTP, 'sign-in'),
  [SIGN_IN_OTP, 'BANNED_USER', { before: withCode('sign-in', barred.email), more: byMail, body: mailed }],
  [VERIFY_OTP, 'INVALID_EMAIL', { body: { ...guessed, email: 'ada' } }],
  [VERIFY_OTP, 'SIGN_IN_TO_CONFIRM', { visitor, body: guessed }],
  [VERIFY_OTP, 'INVALID_USER', { body: { ...guessed, email: ben.email } }],
  ...ofCodes(VERIFY_OTP, 'email-verification'),
  [RESET_OTP, 'INVALID_EMAIL', { body: { ...mailed, email: 'ada' } }],
  [RESET_OTP, 'PASSWORD_TOO_SHORT', { body: { ...mailed, password: 'xk4$' } }],
  [RESET_OTP, 'PASSWORD_TOO_LONG', { body: { ...mailed, password: TOO_LONG } }],
  [
    RESET_OTP,
    'PASSWORD_COMPROMISED',
    {
      before: async () => {
        await withCode('forget-password')()
        Object.assign(leakedBody, { otp: mailed.otp })
      },
      more: byMail,
      body: leakedBody,
    },
  ],
  ...ofCodes(RESET_OTP, 'forget-password'),
  [`${STEP}/enable`, 'UNAUTHORIZED', { visitor, body: password }],
  [`${STEP}/enable`, 'INVALID_PASSWORD', { body: wrongPassword }],
  [`${STEP}/enable`, 'OTP_NOT_CONFIGURED', { body: { ...password, method: 'otp' } }],
  [`${STEP}/enable`, 'EMAIL_NOT_VERIFIED', { before: unconfirmed, body: password }],
  [`${STEP}/enable`, 'TOTP_ALREADY_ENABLED', { before: withStep, body: password }],
  [`${STEP}/enable`, 'RATE_LIMITED', { body: wrongPassword, times: 11 }],
  [`${STEP}/get-totp-uri`, 'UNAUTHORIZED', { visitor, body: password }],
  [`${STEP}/get-totp-uri`, 'TOTP_NOT_ENABLED', { before: withoutStep, body: password }],
  [`${STEP}/get-totp-uri`, 'TOTP_ALREADY_ENABLED', { before: withStep, body: password }],
  [`${STEP}/get-totp-uri`, 'INVALID_PASSWORD', { before: beginStep, body: wrongPassword }],
  [`${STEP}/get-totp-uri`, 'RATE_LIMITED', { before: beginStep, body: wrongPassword, times: 11 }],
  [`${STEP}/verify-totp`, 'INVALID_TWO_FACTOR_COOKIE', { visitor, body: code }],
  [`${STEP}/verify-totp`, 'TOTP_NOT_ENABLED', { before: withoutStep, body: code }],
  [`${STEP}/verify-totp`, 'INVALID_CODE', { before: beginStep, body: { code: 'x' } }],
  [`${STEP}/verify-totp`, 'ACCOUNT_TEMPORARILY_LOCKED', { before: withStep, body: { code: 'x' }, times: 6 }],
  [`${STEP}/verify-backup-code`, 'INVALID_TWO_FACTOR_COOKIE', { visitor, body: code }],
  [`${STEP}/verify-backup-code`, 'BACKUP_CODES_NOT_ENABLED', { body: code }],
  [`${STEP}/verify-backup-code`, 'INVALID_BACKUP_CODE', { before: withStep, body: { code: 'x' } }],
  [`${STEP}/verify-backup-code`, 'ACCOUNT_TEMPORARILY_LOCKED', { before: withStep, body: { code: 'x' }, times: 6 }],
  [`${STEP}/generate-backup-codes`, 'UNAUTHORIZED', { visitor, body: password }],
  [`${STEP}/generate-backup-codes`, 'TWO_FACTOR_NOT_ENABLED', { body: password }],
  [`${STEP}/generate-backup-codes`, 'INVALID_PASSWORD', { before: withStep, body: wrongPassword }],
  [`${STEP}/generate-backup-codes`, 'SESSION_NOT_FRESH', { before: withStep, body: password }],
  [`${STEP}/generate-backup-codes`, 'RATE_LIMITED', { before: withStep, body: wrongPassword, times: 11 }],
  [`${STEP}/disable`, 'UNAUTHORIZED', { visitor, body: password }],
  [`${STEP}/disable`, 'INVALID_PASSWORD', { body: wrongPassword }],
  [`${STEP}/disable`, 'SESSION_NOT_FRESH', { before: withStep, body: password }],
  [`${STEP}/disable`, 'RATE_LIMITED', { body: wrongPassword, times: 11 }],
  [`GET ${PASSKEY}/generate-register-options`, 'UNAUTHORIZED', { visitor }],
  [`GET ${PASSKEY}/generate-register-options`, 'SESSION_NOT_FRESH', { before: tenMinutesLater }],
  [`GET ${PASSKEY}/generate-register-options`, 'EMAIL_NOT_VERIFIED', { before: notConfirmed }],
  [`GET ${PASSKEY}/generate-register-options`, 'VALIDATION_ERROR', { query: '?authenticatorAttachment=x' }],
  [ADD, 'UNAUTHORIZED', { visitor, body: { response: {} } }],
  [ADD, 'SESSION_NOT_FRESH', { before: tenMinutesLater, body: { response: {} } }],
  [ADD, 'EMAIL_NOT_VERIFIED', { before: notConfirmed, body: { response: {} } }],
  [ADD, 'FAILED_TO_VERIFY_REGISTRATION', { before: confirmed, body: { response: {} } }],
  [ADD, 'CHALLENGE_NOT_FOUND', { before: confirmed, body: answerOfOther }],
  [ADD, 'PREVIOUSLY_REGISTERED', { before: () => madeBefore({ isKnown: true }), body: answer, more: asked }],
  [ADD, 'TOO_MANY_PASSKEYS', { before: () => madeBefore({ isKnown: false }), body: answer, more: asked }],
  [ADD, 'RATE_LIMITED', { before: madeTooOften, body: answer, more: asked }],
  [`${PASSKEY_POST}/verify-authentication`, 'AUTHENTICATION_FAILED', { body: { response: {} } }],
  [`${PASSKEY_POST}/verify-authentication`, 'CHALLENGE_NOT_FOUND', { before: signedByStranger, body: answer }],
  [
    `${PASSKEY_POST}/verify-authentication`,
    'PASSKEY_NOT_FOUND',
    { before: signedByStranger, body: answer, more: asked },
  ],
  [`${PASSKEY_POST}/verify-authentication`, 'BANNED_USER', { before: signedByBarred, body: answer, more: asked }],
  [
    `${PASSKEY_POST}/verify-authentication`,
    'RATE_LIMITED',
    { before: signedByStranger, body: answer, more: asked, times: 201 },
  ],
  [`GET ${PASSKEY}/list-user-passkeys`, 'UNAUTHORIZED', { visitor }],
  [`${PASSKEY_POST}/update-passkey`, 'UNAUTHORIZED', { visitor, body: { id: 'x', name: 'x' } }],
  [`${PASSKEY_POST}/update-passkey`, 'PASSKEY_NOT_FOUND', { body: { id: 'x', name: 'x' } }],
  [`${PASSKEY_POST}/delete-passkey`, 'UNAUTHORIZED', { visitor, body: { id: 'x' } }],
  [`${PASSKEY_POST}/delete-passkey`, 'SESSION_NOT_FRESH', { before: tenMinutesLater, body: { id: 'x' } }],
  [`${PASSKEY_POST}/delete-passkey`, 'PASSKEY_NOT_FOUND', { body: { id: 'x' } }],
  [`${PASSKEY_POST}/delete-passkey`, 'LAST_WAY_IN', { before: withOnePasskey, body: lastOne, more: asked }],
  [CHANGE, 'SESSION_NOT_FRESH', { before: withStep, body: right }],
  [DELETE, 'SESSION_NOT_FRESH', { before: withStep, body: {} }],
  [SIGN_UP, 'PASSWORD_TOO_SHORT', { body: { ...ben, password: 'xk4$' } }],
  [SIGN_UP, 'PASSWORD_TOO_LONG', { body: { ...ben, password: TOO_LONG } }],
  [SIGN_UP, 'PASSWORD_COMPROMISED', { body: { ...ben, password: LEAKED } }],
  [SIGN_UP, 'INVALID_CALLBACK_URL', { body: { ...ben, callbackURL: '//evil.example' } }],
  [SIGN_UP, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL', { body: ada }],
  [SIGN_UP, 'RATE_LIMITED', { body: ada, times: 101 }],
  [SIGN_IN, 'INVALID_EMAIL', { body: { email: 'ada', password: 'x' } }],
  [SIGN_IN, 'PASSWORD_TOO_LONG', { body: { email: ada.email, password: TOO_LONG } }],
  [SIGN_IN, 'INVALID_EMAIL_OR_PASSWORD', { body: { email: ben.email, password: 'x' } }],
  [SIGN_IN, 'BANNED_USER', { body: barred }],
  [SIGN_IN, 'INVALID_CALLBACK_URL', { body: { ...ada, callbackURL: '//evil.example' } }],
  [SIGN_IN, 'RATE_LIMITED', { body: { email: ben.email, password: 'x' }, times: 11 }],
  ['GET /api/auth/get-session', 'VALIDATION_ERROR', { query: '?disableRefresh=1&disableRefresh=2' }],
  ['POST /api/auth/get-session', 'METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED', { body: {} }],
  ['GET /api/auth/list-sessions', 'UNAUTHORIZED', { visitor }],
  ['POST /api/auth/revoke-session', 'UNAUTHORIZED', { visitor, body: { token: 'x' } }],
  ['POST /api/auth/revoke-other-sessions', 'UNAUTHORIZED', { visitor, body: {} }],
  ['POST /api/auth/revoke-sessions', 'UNAUTHORIZED', { visitor, body: {} }],
  ['GET /api/me', 'UNAUTHORIZED', { visitor }],
  ['POST /api/auth/update-user', 'UNAUTHORIZED', { visitor, body: {} }],
  ['POST /api/auth/update-user', 'EMAIL_CAN_NOT_BE_UPDATED', { body: { email: 'x' } }],
  ['POST /api/auth/update-user', 'No fields to update', { body: {} }],
  ['GET /api/auth/list-accounts', 'UNAUTHORIZED', { visitor }],
  [CHANGE_EMAIL, 'UNAUTHORIZED', { visitor, body: { newEmail: ben.email } }],
  [CHANGE_EMAIL, 'CHANGE_EMAIL_DISABLED', { plain: true, body: { newEmail: ben.email } }],
  [CHANGE_EMAIL, 'Email is the same', { body: { newEmail: ada.email } }],
  [CHANGE_EMAIL, 'SESSION_NOT_FRESH', { before: tenMinutesLater, body: { newEmail: ben.email } }],
  [CHANGE_EMAIL, 'INVALID_CALLBACK_URL', { body: { newEmail: ben.email, callbackURL: '//evil.example' } }],
  [CHANGE_EMAIL, 'RATE_LIMITED', { body: { newEmail: ben.email }, times: 6 }],
  [DELETE, 'UNAUTHORIZED', { visitor, body: {} }],
  [DELETE, 'INVALID_PASSWORD', { body: { password: 'x' } }],
  [DELETE, 'SESSION_EXPIRED', { before: tenMinutesLater, body: {} }],
  [DELETE, 'INVALID_TOKEN', { body: { token: 'x' } }],
  [DELETE, 'INVALID_CALLBACK_URL', { body: { callbackURL: '//evil.example' } }],
  [DELETE, 'RATE_LIMITED', { body: { password: 'x' }, times: 11 }],
  ['POST /api/auth/refresh-token', 'RATE_LIMITED', { times: 101 }],
  [CHANGE, 'UNAUTHORIZED', { visitor, body: right }],
  [CHANGE, 'PASSWORD_TOO_SHORT', { body: { ...right, newPassword: 'xk4$' } }],
  [CHANGE, 'PASSWORD_TOO_LONG', { body: { ...right, newPassword: TOO_LONG } }],
  [CHANGE, 'PASSWORD_COMPROMISED', { body: { ...right, newPassword: LEAKED } }],
  [CHANGE, 'INVALID_PASSWORD', { body: { ...right, currentPassword: 'x' } }],
  [CHANGE, 'RATE_LIMITED', { body: { ...right, currentPassword: 'x' }, times: 11 }],
  [VERIFY, 'UNAUTHORIZED', { visitor, body: { password: 'x' } }],
  [VERIFY, 'INVALID_PASSWORD', { body: { password: 'x' } }],
  [VERIFY, 'RATE_LIMITED', { body: { password: 'x' }, times: 11 }],
  [RESET_MAIL, 'RESET_PASSWORD_DISABLED', { plain: true, body: { email: ben.email } }],
  [RESET_MAIL, 'INVALID_REDIRECT_URL', { body: { email: ben.email, redirectTo: '//evil.example' } }],
  [RESET_MAIL, 'RATE_LIMITED', { body: { email: ben.email }, times: 201 }],
  ['GET /api/auth/reset-password/anything', 'BAD_REQUEST', { at: `/api/auth/reset-password/${UNREADABLE}` }],
  ['GET /api/auth/reset-password/anything', 'VALIDATION_ERROR', {}],
  ['GET /api/auth/reset-password/anything', 'INVALID_CALLBACK_URL', { query: '?callbackURL=//evil.example' }],
  ['GET /api/auth/reset-password/anything', 'RATE_LIMITED', { query: '?callbackURL=/', times: 101 }],
  ['POST /api/auth/reset-password', 'PASSWORD_TOO_SHORT', { body: { newPassword: 'xk4$' } }],
  ['POST /api/auth/reset-password', 'PASSWORD_TOO_LONG', { body: { newPassword: TOO_LONG } }],
  [
    'POST /api/auth/reset-password',
    'PASSWORD_COMPROMISED',
    {
      before: async () => {
        reset.token = secretOf(await askForReset(openBrowser(app), mailbox, ada.email))
      },
      body: reset,
    },
  ],
  ['POST /api/auth/reset-password', 'INVALID_TOKEN', { body: { newPassword: NEW_PASSWORD } }],
  ['POST /api/auth/reset-password', 'RATE_LIMITED', { body: { newPassword: NEW_PASSWORD }, times: 101 }],
  [VERIFICATION_MAIL, 'VERIFICATION_EMAIL_NOT_ENABLED', { plain: true, body: { email: ben.email } }],
  [VERIFICATION_MAIL, 'EMAIL_MISMATCH', { body: { email: ben.email } }],
  [
    VERIFICATION_MAIL,
    'EMAIL_ALREADY_VERIFIED',
    {
      before: () => app.sql`update users set email_verified = true where email = ${ada.email}`,
      body: { email: ada.email },
    },
  ],
  [VERIFICATION_MAIL, 'INVALID_CALLBACK_URL', { body: { email: ada.email, callbackURL: '//evil.example' } }],
  [VERIFICATION_MAIL, 'RATE_LIMITED', { visitor, body: { email: ben.email }, times: 201 }],
  ['GET /api/auth/verify-email', 'VALIDATION_ERROR', {}],
  ['GET /api/auth/verify-email', 'INVALID_TOKEN', { query: '?token=x' }],
  ['GET /api/auth/verify-email', 'TOKEN_EXPIRED', { query: `?token=${expired}` }],
  ['GET /api/auth/verify-email', 'INVALID_USER', { query: `?token=${unused}`, more: PROGRAM }],
  ['GET /api/auth/verify-email', 'SIGN_IN_TO_CONFIRM', { visitor, query: `?token=${unused}`, more: PROGRAM }],
  ['GET /api/auth/verify-email', 'RATE_LIMITED', { query: '?token=x', times: 101 }],
  ['GET /api/auth/verify-email', 'INVALID_CALLBACK_URL', { query: '?token=x&callbackURL=//evil.example' }],
  ['GET /api/auth/token', 'UNAUTHORIZED', { visitor }],
  ['POST /api/auth/refresh-token', 'UNAUTHORIZED', { visitor, body: {} }],
  ['POST /api/auth/refresh', 'INVALID_REFRESH_TOKEN', { body: { refreshToken: 'x' } }],
  ['POST /api/auth/introspect', 'UNAUTHORIZED', { visitor, body: { token: 'x' } }],
  ['GET /api/auth/status-list/anything', 'NOT_FOUND', {}],
  ['GET /api/auth/status-list/anything', 'BAD_REQUEST', { at: `/api/auth/status-list/${UNREADABLE}` }],
  ['POST /api/auth/introspect', 'SERVICE_KEY_LACKS_RIGHT', { asService: true, body: { token: 'x' } }],
  ['GET /api/profiles', 'UNAUTHORIZED', {}],
  ['GET /api/profiles', 'VALIDATION_ERROR', { query: '?after=a&after=b' }],
  ['GET /api/profiles', 'SERVICE_KEY_LACKS_RIGHT', { asService: true }],
  ['GET /api/users/deleted', 'UNAUTHORIZED', {}],
  ['GET /api/users/deleted', 'VALIDATION_ERROR', { query: '?since=yesterday' }],
  ['GET /api/users/deleted', 'SERVICE_KEY_LACKS_RIGHT', { asService: true }],
  ['GET /api/profile', 'UNAUTHORIZED', { visitor }],
  ['PUT /api/profile', 'UNAUTHORIZED', { visitor, body: {} }],
  ['GET /api/recommendations', 'UNAUTHORIZED', { visitor }],
  ['GET /api/plan', 'UNAUTHORIZED', { visitor }],
  ['PUT /api/plan', 'UNAUTHORIZED', { visitor, body: { weeklyHours: 4 } }],
  ['PUT /api/plan', 'VALIDATION_ERROR', { body: { weeklyHours: 3 } }],
  [GET_PROGRESS, 'UNAUTHORIZED', { visitor }],
  [GET_PROGRESS, 'LESSON_NOT_FOUND', {}],
  [GET_PROGRESS, 'BAD_REQUEST', { at: `/api/progress/${UNREADABLE}` }],
  [PUT_PROGRESS, 'UNAUTHORIZED', { visitor, body: { state: 'done' } }],
  [PUT_PROGRESS, 'LESSON_NOT_FOUND', { body: { state: 'done' } }],
  [PUT_PROGRESS, 'BAD_REQUEST', { at: `/api/progress/${UNREADABLE}`, body: { state: 'done' } }],
]

/** The codes that the description names for an operation, by status. */
const describedOf = ({ answers }: Operation): Map<string, string> =>
  new Map(
    Object.entries(answers)
      .filter(([status]) => Number(status) >= 400)
      .flatMap(([status, description]) => description.split(', ').map((code) => [code, status] as const)),
  )

const isOf =
  (name: string) =>
  ({ method, path }: Operation): boolean =>
    name === `${method} ${path}`

describe('the codes that are described', () => {
  for (const operation of operations) {
    const { method, path } = operation
    it(`of ${method} ${path} are those that it answers`, async () => {
      const described = describedOf(operation)
      const met = new Set<string>()
      const note = (answer: Answer) => {
        if (answer.status < 400) return
        const code = nameOf(answer)
        assert.ok(described.has(code), `${code} is not described`)
        assert.equal(described.get(code), String(answer.status))
        met.add(code)
      }
      for (const ask of method === 'GET' ? [] : GENERAL) note(await call(app, path, { method, ...ask(operation) }))
      for (const [, code, special] of SPECIAL.filter(([name]) => isOf(name)(operation))) {
        const { at = path, query = '', body, visitor, asService, more = {}, times = 1, before } = special
        await app.sql`delete from rate_limits`
        await app.sql`update users set second_step = false`
        // Wrong guesses may have ended the session, so sign in again.
        headers = await signIn()
        await before?.()
        const server = special.plain ? plain : app
        const signedIn = special.plain ? asOwnPage(plain, cookieOf(plainApi)) : headers
        const own = asService ? bearer(powerless) : signedIn
        const ask = () => call(server, at + query, { method, headers: { ...(visitor ? {} : own), ...more }, body })
        let answer = await ask()
        for (let time = 1; time < times; time += 1) answer = await ask()
        assert.equal(nameOf(answer), code)
        note(answer)
      }
      const expected = [...described.keys()].filter((code) => !OF_FAULTS.includes(code))
      assert.deepEqual([...met].sort(), expected.sort())
      assert.ok(described.has('INTERNAL_SERVER_ERROR'), 'a fault can happen anywhere')
    })
  }

  it('are looked at for endpoints that exist', () => {
    for (const [name] of SPECIAL) assert.ok(operations.some(isOf(name)), name)
    const statuses = operations.flatMap(({ answers }) => Object.keys(answers))
    for (const status of statuses) assert.match(status, /^(200|302|4\d\d|500|503)$/)
  })
})

describe('while the database is away', () => {
  it('every endpoint that needs it answers 503 with the time to wait, as it is described, and the others go on', async () => {
    const proxy = await startProxy(await createDatabase())
    const shaky = await startApp({}, { atPublicUrl: true, databaseUrl: proxy.url })
    const { api: client } = await apiLearner(shaky, 'Ada')
    const { refreshToken, token } = (await client.post('/api/auth/refresh-token', {})).body
    await openApi(shaky).get('/api/auth/jwks')
    const own = asOwnPage(shaky, cookieOf(client))
    proxy.cut()

    const body = {
      ...somebody('Ben'),
      ...right,
      newEmail: ben.email,
      refreshToken,
      token,
      state: 'done',
      weeklyHours: 4,
      otp: '000000',
      type: 'sign-in',
      response: {},
      id: 'x',
    }
    const query = '?token=x&callbackURL=/'
    const answers = await Promise.all(
      operations.map(async (operation) => {
        const { method, path } = operation
        const sent =
          method === 'GET' ? {} : { body: { ...body, email: path.endsWith('/update-user') ? '' : ben.email } }
        return { operation, answer: await call(shaky, path + query, { method, headers: own, ...sent }) }
      }),
    )
    const unavailable = answers.filter(({ answer }) => answer.status === 503)
    assert.ok(unavailable.length > 12, `${unavailable.length} are unavailable`)
    for (const { operation, answer } of unavailable) {
      assert.ok(describedOf(operation).has('SERVICE_UNAVAILABLE'), operation.path)
      assert.equal(nameOf(answer), 'SERVICE_UNAVAILABLE')
      assert.match(answer.headers['retry-after'] ?? '', /^[1-9]\d*$/)
      assert.equal(answer.headers['content-type'], 'application/json')
    }
    for (const { operation, answer } of answers) {
      assert.notEqual(answer.status, 500, operation.path)
      if (operation.needsSession) assert.equal(answer.status, 503, operation.path)
    }
    const served = answers.filter(({ answer }) => answer.status === 200).map(({ operation }) => operation.path)
    for (const path of ['/api/auth/ok', '/api/auth/jwks', '/.well-known/jwks.json', '/api/openapi.json']) {
      assert.ok(served.includes(path), path)
    }
  })
})
