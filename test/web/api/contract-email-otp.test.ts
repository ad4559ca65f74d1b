/**
 * The calls of Better Auth's `emailOTP` plugin, made by its unchanged client at this server and at the real one: the same status,
 * the same shape of data, the same code of error, call by call. What differs on purpose is said at the call.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createAuthClient } from 'better-auth/client'
import { emailOTPClient } from 'better-auth/client/plugins'
import { startApp } from '../../support/app.ts'
import { openBrowserFetch } from '../../support/auth-client.ts'
import { openEmailOtpSite } from '../../support/better-auth-email-otp.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { codeOf, notThis } from '../../support/mailed-codes.ts'
import { somebody } from '../../support/people.ts'
import { type Told, told } from '../../support/told.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const site = await openEmailOtpSite()
const MINUTE = 60_000
const NEW_PASSWORD = 'quiet amber harbour window'

/** The client of a browser with its own cookies. */
function openClient(url: string) {
  const { customFetchImpl } = openBrowserFetch(url)
  return createAuthClient({ baseURL: url, plugins: [emailOTPClient()], fetchOptions: { customFetchImpl } })
}

type Server = {
  url: string
  /** The code in the newest mail to this address, once there are so many. */
  code: (email: string, count: number) => Promise<string>
  /** More than ten minutes pass. */
  later: () => unknown
  /** Limits go by the clock of the machine, which is not moved. */
  pause: () => PromiseLike<unknown>
}

/** The same story at both servers. Returns what each call was told. */
async function story({ url, code, later, pause }: Server) {
  const calls: Record<string, ReturnType<typeof told>> = {}
  const say = (name: string, answer: Told) => {
    calls[name] = told(answer)
    return answer
  }
  const person = somebody('Ada')
  const { email } = person
  const client = openClient(url)
  const { emailOtp, signIn } = client
  const nobody = somebody('nobody').email
  await client.signUp.email(person)
  let mails = 0
  const next = async () => {
    mails += 1
    return code(email, mails)
  }
  say('send: no address', await emailOtp.sendVerificationOtp({ email: 'ada', type: 'sign-in' }))
  say('send: to change the address', await emailOtp.sendVerificationOtp({ email, type: 'change-email' as never }))
  say('send: to confirm', await emailOtp.sendVerificationOtp({ email, type: 'email-verification' }))
  const toConfirm = await next()
  say('confirm: no address', await emailOtp.verifyEmail({ email: 'ada', otp: toConfirm }))
  say('confirm: wrong', await emailOtp.verifyEmail({ email, otp: notThis(toConfirm) }))
  say('check: right', await emailOtp.checkVerificationOtp({ email, otp: toConfirm, type: 'email-verification' }))
  say(
    'check: wrong',
    await emailOtp.checkVerificationOtp({ email, otp: notThis(toConfirm), type: 'email-verification' }),
  )
  say('check: no address', await emailOtp.checkVerificationOtp({ email: 'ada', otp: '123456', type: 'sign-in' }))
  say('check: another type', await emailOtp.checkVerificationOtp({ email, otp: toConfirm, type: 'sign-in' }))
  say('confirm', await emailOtp.verifyEmail({ email, otp: toConfirm }))
  say('confirm again', await emailOtp.verifyEmail({ email, otp: toConfirm }))
  await client.signOut()

  say('sign in: nothing asked for', await signIn.emailOtp({ email, otp: '123456' }))
  say('send: to nobody', await emailOtp.sendVerificationOtp({ email: nobody, type: 'sign-in' }))
  say('sign in: nobody', await signIn.emailOtp({ email: nobody, otp: '123456' }))
  say('send: to sign in', await emailOtp.sendVerificationOtp({ email: email.toUpperCase(), type: 'sign-in' }))
  const toSignIn = await next()
  say('sign in: wrong', await signIn.emailOtp({ email, otp: notThis(toSignIn) }))
  say('sign in: no code at all', await signIn.emailOtp({ email, otp: '' }))
  say('sign in', await signIn.emailOtp({ email: email.toUpperCase(), otp: toSignIn }))
  say('who is there', await client.getSession())
  say('sign in: again', await signIn.emailOtp({ email, otp: toSignIn }))
  await client.signOut()

  await pause()
  await emailOtp.sendVerificationOtp({ email, type: 'sign-in' })
  const guessed = await next()
  for (let tries = 0; tries < 5; tries += 1) {
    const wrong = await signIn.emailOtp({ email, otp: notThis(guessed, tries) })
    if (tries === 4) say('the fifth wrong code', wrong)
  }
  say('the right one after five wrong', await signIn.emailOtp({ email, otp: guessed }))
  say('the right one, once more', await signIn.emailOtp({ email, otp: guessed }))

  await pause()
  say('reset: ask, no address', await emailOtp.requestPasswordReset({ email: 'ada' }))
  say('reset: ask, nobody', await emailOtp.requestPasswordReset({ email: nobody }))
  say('reset: ask', await emailOtp.requestPasswordReset({ email }))
  const toReset = await next()
  const set = (given: object) => emailOtp.resetPassword({ email, otp: toReset, password: NEW_PASSWORD, ...given })
  say('reset: no address', await set({ email: 'ada' }))
  say('reset: too short', await set({ password: 'short' }))
  say('reset: too long', await set({ password: 'long '.repeat(50) }))
  say('reset: wrong code', await set({ otp: notThis(toReset) }))
  say('reset', await set({}))
  say('reset again', await set({}))
  say('sign in with the new password', await signIn.email({ email, password: NEW_PASSWORD }))
  await client.signOut()
  say('reset: ask at the former address', await client.forgetPassword.emailOtp({ email }))
  await next()

  await pause()
  await emailOtp.sendVerificationOtp({ email, type: 'sign-in' })
  const late = await next()
  await later()
  say('sign in: late', await signIn.emailOtp({ email, otp: late }))

  const unconfirmed = somebody('Ben')
  const ben = openClient(url)
  await ben.signUp.email(unconfirmed)
  const elsewhere = openClient(url)
  await elsewhere.emailOtp.sendVerificationOtp({ email: unconfirmed.email, type: 'email-verification' })
  const otp = await code(unconfirmed.email, 1)
  say('confirm: without a session', await elsewhere.emailOtp.verifyEmail({ email: unconfirmed.email, otp }))
  say('change: ask', await ben.emailOtp.requestEmailChange({ newEmail: somebody('new').email }))
  say('change', await ben.emailOtp.changeEmail({ newEmail: somebody('new').email, otp: '123456' }))
  await ben.emailOtp.sendVerificationOtp({ email, type: 'sign-in' })
  const ofAda = await next()
  say('sign in: over a session of another account', await ben.signIn.emailOtp({ email, otp: ofAda }))
  say('who is there instead', await ben.getSession())
  const claimed = somebody('Cleo')
  const eve = openClient(url)
  await eve.signUp.email(claimed)
  await elsewhere.emailOtp.sendVerificationOtp({ email: claimed.email, type: 'sign-in' })
  const toClaim = await code(claimed.email, 1)
  say(
    'sign in: an address that was not confirmed',
    await elsewhere.signIn.emailOtp({ email: claimed.email, otp: toClaim }),
  )
  say('the session of before', await eve.getSession())
  say('the password of before', await openClient(url).signIn.email(claimed))
  const other = openClient(url)
  await elsewhere.emailOtp.sendVerificationOtp({ email, type: 'sign-in' })
  const stolen = await next()
  say('sign in: in another client than the one that asked', await other.signIn.emailOtp({ email, otp: stolen }))
  return calls
}

/** What this server says instead, and why. */
const DIFFERENT: Record<string, { code?: string; status?: number; why: string }> = {
  'the right one, once more': { code: 'TOO_MANY_ATTEMPTS', why: 'it says the same as before: why that code is none' },
  'change: ask': { status: 404, why: 'there is no such call: change-email mails a link' },
  change: { status: 404, why: 'there is no such call: change-email mails a link' },
  'confirm: without a session': {
    code: 'SIGN_IN_TO_CONFIRM',
    why: 'somebody else may have made the account, and would have it confirmed with their password',
  },
  'sign in: in another client than the one that asked': {
    code: 'INVALID_OTP',
    why: 'a code is good only for the client that asked, so that a read code is not enough',
  },
}

describe('the emailOTP client', () => {
  it('hears the same of this server as of the real one', async () => {
    const subject = /^Your code/
    const ours = await story({
      url: app.url,
      code: async (email, count) => codeOf(await mailbox.letterTo(email, subject, count)),
      later: () => app.advance(11 * MINUTE),
      pause: () => app.sql`delete from rate_limits`,
    })
    const theirs = await story({
      url: site.url,
      code: async (to) => site.codes.findLast(({ email }) => email === to)?.otp ?? assert.fail('no code'),
      later: site.expire,
      pause: async () => {},
    })
    for (const [name, answer] of Object.entries(theirs)) {
      const { code, status } = DIFFERENT[name] ?? {}
      if (code) assert.equal(ours[name]?.error?.code, code, name)
      else if (status) assert.equal(ours[name]?.error?.status, status, name)
      else assert.deepEqual(ours[name], answer, name)
    }
    const needed = Object.keys(DIFFERENT).filter((name) => JSON.stringify(ours[name]) !== JSON.stringify(theirs[name]))
    assert.deepEqual(needed.sort(), Object.keys(DIFFERENT).sort())
    // So that two servers that refuse everything would not be the same.
    for (const name of ['confirm', 'sign in', 'reset', 'check: right', 'sign in: an address that was not confirmed']) {
      assert.equal(ours[name]?.error, null, name)
    }
  })
})
