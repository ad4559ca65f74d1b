/**
 * Every refusal that the stock `better-auth/client` can get here: the status, code and text that its users compare
 * with.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BASE_ERROR_CODES } from 'better-auth'
import { startApp } from '../../support/app.ts'
import { type AuthClient, openAuthClient } from '../../support/auth-client.ts'
import { PASSWORD, somebody } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })
const ada = somebody('Ada')
const signedIn = openAuthClient(app).client
await signedIn.signUp.email(ada)

type Client = AuthClient['client']
type Outcome = { data: unknown; error: { status: number; code?: string; message?: string } | null }
type Refused = {
  name: string
  ask: (client: Client) => Promise<unknown>
  /** Asked by somebody who is signed in; otherwise by a visitor. */
  learner?: true
  status: number
  code?: string
  message?: string
}

const newcomer = () => somebody('Ben')
const verificationError = { status: 400, code: 'VALIDATION_ERROR' }
const unauthorized = { status: 401, code: 'UNAUTHORIZED', message: 'Unauthorized' }
const wrongPair = { status: 401, code: 'INVALID_EMAIL_OR_PASSWORD', message: 'Invalid email or password' }
const change = { currentPassword: PASSWORD, newPassword: 'quiet amber harbour window' }

const REFUSALS: Refused[] = [
  {
    name: 'a sign-up with an address that is taken',
    ask: (client) => client.signUp.email(ada),
    status: 422,
    code: 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL',
    message: 'User already exists. Use another email.',
  },
  {
    name: 'a sign-up with the same address in capitals',
    ask: (client) => client.signUp.email({ ...ada, email: ada.email.toUpperCase() }),
    status: 422,
    code: 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL',
  },
  {
    name: 'a sign-up with a short password',
    ask: (client) => client.signUp.email({ ...newcomer(), password: 'seven77' }),
    status: 400,
    code: 'PASSWORD_TOO_SHORT',
    message: 'Password too short',
  },
  {
    name: 'a sign-up with a long password',
    ask: (client) => client.signUp.email({ ...newcomer(), password: 'long and '.repeat(15) }),
    status: 400,
    code: 'PASSWORD_TOO_LONG',
    message: 'Password too long',
  },
  {
    name: 'a sign-up with an empty password',
    ask: (client) => client.signUp.email({ ...newcomer(), password: '' }),
    ...verificationError,
    message: '[body.password] Too small: expected string to have >=1 characters',
  },
  {
    name: 'a sign-up with something that is no address',
    ask: (client) => client.signUp.email({ ...newcomer(), email: 'ben' }),
    ...verificationError,
    message: '[body.email] Invalid email address',
  },
  {
    name: 'a sign-up without a name',
    ask: (client) => client.signUp.email({ email: newcomer().email, password: PASSWORD } as never),
    ...verificationError,
    message: '[body.name] Invalid input: expected string, received undefined',
  },
  {
    name: 'a sign-up that leads to another site',
    ask: (client) => client.signUp.email({ ...newcomer(), callbackURL: 'https://evil.example' }),
    status: 403,
    code: 'INVALID_CALLBACK_URL',
    message: 'Invalid callbackURL',
  },
  {
    name: 'a sign-in with a wrong password',
    ask: (client) => client.signIn.email({ ...ada, password: 'not the password' }),
    ...wrongPair,
  },
  { name: 'a sign-in of nobody', ask: (client) => client.signIn.email(newcomer()), ...wrongPair },
  {
    name: 'a sign-in with a password that is too short to be one',
    ask: (client) => client.signIn.email({ ...ada, password: 'a' }),
    ...wrongPair,
  },
  {
    name: 'a sign-in with a long password',
    ask: (client) => client.signIn.email({ ...ada, password: 'long and '.repeat(15) }),
    status: 400,
    code: 'PASSWORD_TOO_LONG',
  },
  {
    name: 'a sign-in with something that is no address',
    ask: (client) => client.signIn.email({ email: 'ada', password: PASSWORD }),
    status: 400,
    code: 'INVALID_EMAIL',
    message: 'Invalid email',
  },
  {
    name: 'a sign-in that leads to another site',
    ask: (client) => client.signIn.email({ ...ada, callbackURL: '//evil.example' }),
    status: 403,
    code: 'INVALID_CALLBACK_URL',
  },
  { name: 'a token for nobody', ask: (client) => client.token(), ...unauthorized },
  { name: 'a list of nobody’s sessions', ask: (client) => client.listSessions(), ...unauthorized },
  { name: 'a list of nobody’s accounts', ask: (client) => client.listAccounts(), ...unauthorized },
  { name: 'the end of a session by nobody', ask: (client) => client.revokeSession({ token: 'x' }), ...unauthorized },
  { name: 'the end of nobody’s other sessions', ask: (client) => client.revokeOtherSessions(), ...unauthorized },
  { name: 'the end of nobody’s sessions', ask: (client) => client.revokeSessions(), ...unauthorized },
  { name: 'a change of nobody', ask: (client) => client.updateUser({ name: 'Eve' }), ...unauthorized },
  { name: 'a new password for nobody', ask: (client) => client.changePassword(change), ...unauthorized },
  {
    name: 'a change of nothing',
    learner: true,
    // Without any field the client sends a GET, so send one that is ignored.
    ask: (client) => client.updateUser({ emailVerified: true } as never),
    status: 400,
    message: 'No fields to update',
  },
  {
    name: 'a change of the address where only name and picture can change',
    learner: true,
    ask: (client) => client.updateUser({ email: 'eve@example.org' } as never),
    status: 400,
    code: 'EMAIL_CAN_NOT_BE_UPDATED',
    message: 'Email can not be updated',
  },
  {
    name: 'a new password after a wrong current one',
    learner: true,
    ask: (client) => client.changePassword({ ...change, currentPassword: 'not the password' }),
    status: 400,
    code: 'INVALID_PASSWORD',
    message: 'Invalid password',
  },
  {
    name: 'a new password that is short',
    learner: true,
    ask: (client) => client.changePassword({ ...change, newPassword: 'seven77' }),
    status: 400,
    code: 'PASSWORD_TOO_SHORT',
  },
  {
    name: 'a new password that is long',
    learner: true,
    ask: (client) => client.changePassword({ ...change, newPassword: 'long and '.repeat(15) }),
    status: 400,
    code: 'PASSWORD_TOO_LONG',
  },
  {
    name: 'a new address, which is switched off',
    learner: true,
    ask: (client) => client.changeEmail({ newEmail: newcomer().email }),
    status: 400,
    code: 'CHANGE_EMAIL_DISABLED',
    message: 'Change email is disabled',
  },
  {
    name: 'the end of an account after a wrong password',
    learner: true,
    ask: (client) => client.deleteUser({ password: 'not the password' }),
    status: 400,
    code: 'INVALID_PASSWORD',
    message: 'Invalid password',
  },
  {
    name: 'the end of an account by a token',
    learner: true,
    ask: (client) => client.deleteUser({ token: 'x' }),
    status: 404,
    code: 'INVALID_TOKEN',
    message: 'Invalid token',
  },
  {
    name: 'the end of an account that leads to another site',
    learner: true,
    ask: (client) => client.deleteUser({ callbackURL: 'https://evil.example' }),
    status: 403,
    code: 'INVALID_CALLBACK_URL',
    message: 'Invalid callbackURL',
  },
  { name: 'the end of nobody’s account', ask: (client) => client.deleteUser({ password: PASSWORD }), ...unauthorized },
  {
    name: 'a new address for nobody',
    ask: (client) => client.changeEmail({ newEmail: 'a@example.org' }),
    ...unauthorized,
  },
  {
    name: 'a mail for a forgotten password, which is switched off',
    ask: (client) => client.requestPasswordReset({ email: ada.email, redirectTo: '/reset' }),
    status: 400,
    code: 'RESET_PASSWORD_DISABLED',
    message: "Reset password isn't enabled",
  },
  {
    name: 'a mail for a forgotten password that leads to another site',
    ask: (client) => client.requestPasswordReset({ email: ada.email, redirectTo: 'https://evil.example/' }),
    status: 403,
    code: 'INVALID_REDIRECT_URL',
    message: 'Invalid redirectURL',
  },
  {
    name: 'a mail to verify an address, which is switched off',
    ask: (client) => client.sendVerificationEmail({ email: ada.email }),
    status: 400,
    code: 'VERIFICATION_EMAIL_NOT_ENABLED',
    message: "Verification email isn't enabled",
  },
  {
    name: 'a token of a mail that verifies nothing',
    ask: (client) => client.verifyEmail({ query: { token: 'x' } }),
    status: 401,
    code: 'INVALID_TOKEN',
    message: 'Invalid token',
  },
  {
    name: 'a token of a mail that resets nothing',
    ask: (client) => client.resetPassword({ newPassword: change.newPassword, token: 'x' }),
    status: 400,
    code: 'INVALID_TOKEN',
    message: 'Invalid token',
  },
]

describe('the stock client is refused', () => {
  for (const { name, ask, learner, status, code, message } of REFUSALS) {
    it(name, async () => {
      const { data, error } = (await ask(learner ? signedIn : openAuthClient(app).client)) as Outcome
      assert.equal(data, null)
      assert.equal(error?.status, status)
      assert.equal(error?.code, code)
      if (message !== undefined) assert.equal(error?.message, message)
    })
  }

  it('in the words that Better Auth has for each code', () => {
    const words: Record<string, { message: string }> = BASE_ERROR_CODES
    const told = REFUSALS.flatMap(({ code = '', message }) => (message && words[code] ? [{ code, message }] : []))
    assert.ok(told.length > 10, `${told.length} found`)
    // The message of VALIDATION_ERROR names the wrong field, so it differs.
    for (const { code, message } of told.filter(({ code }) => code !== 'VALIDATION_ERROR')) {
      assert.equal(message, words[code]?.message)
    }
  })

  it('in Node without an Origin, and let in once it sends one', async () => {
    const { data, error } = (await openAuthClient(app, { origin: null }).client.signIn.email(ada)) as Outcome
    assert.equal(data, null)
    assert.deepEqual([error?.status, error?.code], [403, 'MISSING_OR_NULL_ORIGIN'])
    assert.equal((await openAuthClient(app).client.signIn.email(ada)).error, null)
  })

  it('on another site than its own', async () => {
    const elsewhere = openAuthClient(app, { origin: 'https://evil.example' }).client
    const { error } = (await elsewhere.signIn.email(ada)) as Outcome
    assert.deepEqual([error?.status, error?.code], [403, 'INVALID_ORIGIN'])
  })
})
