/**
 * The calls of Better Auth's `twoFactor` plugin, made by its unchanged client at this server and at the real one: the same status,
 * the same shape of data, the same code of error, call by call. What differs on purpose is said at the call.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createAuthClient } from 'better-auth/client'
import { twoFactorClient } from 'better-auth/client/plugins'
import { twoFactor } from 'better-auth/plugins'
import { startApp } from '../../support/app.ts'
import { openBrowserFetch } from '../../support/auth-client.ts'
import { serveBetterAuth } from '../../support/better-auth-server.ts'
import { PASSWORD, somebody } from '../../support/people.ts'
import { codeAt, STEP_MS, wrongCode } from '../../support/second-step.ts'
import { type Told, told } from '../../support/told.ts'

const app = await startApp({}, { atPublicUrl: true })
const site = await serveBetterAuth(() => twoFactor())

/** The client of a browser with its own cookies. */
function openClient(url: string) {
  const { jar, customFetchImpl } = openBrowserFetch(url)
  const client = createAuthClient({ baseURL: url, plugins: [twoFactorClient()], fetchOptions: { customFetchImpl } })
  return { client, jar }
}

const secretIn = (uri: unknown): string => new URL(String(uri)).searchParams.get('secret') ?? assert.fail('no secret')

/** The same story at both servers. Returns what each call was told. */
async function story(
  url: string,
  { later, pause, now }: { later: () => void; pause: () => Promise<unknown>; now: () => number },
) {
  const person = somebody('Ada')
  const { client } = openClient(url)
  const calls: Record<string, ReturnType<typeof told>> = {}
  const say = (name: string, answer: Told) => {
    calls[name] = told(answer, { without: 'twoFactorEnabled' })
    return answer.data as Record<string, unknown> | null
  }
  const at = { deps: { now } } as never
  await client.signUp.email(person)
  say('disabled: new codes', await client.twoFactor.generateBackupCodes({ password: PASSWORD }))
  say('disabled: address of the secret', await client.twoFactor.getTotpUri({ password: PASSWORD }))
  say('disabled: a code', await client.twoFactor.verifyTotp({ code: '123456' }))
  say('disabled: a recovery code', await client.twoFactor.verifyBackupCode({ code: 'aaaaa-bbbbb' }))
  say('enable, wrong password', await client.twoFactor.enable({ password: 'not the password' }))
  say('enable by mailed codes', await client.twoFactor.enable({ password: PASSWORD, method: 'otp' } as never))
  const begun = say('enable', await client.twoFactor.enable({ password: PASSWORD }))
  const secret = secretIn(begun?.totpURI)
  const codes = begun?.backupCodes as string[]
  say('the address of the secret', await client.twoFactor.getTotpUri({ password: PASSWORD }))
  say('a wrong first code', await client.twoFactor.verifyTotp({ code: wrongCode(at, secret) }))
  say('the first code', await client.twoFactor.verifyTotp({ code: codeAt(at, secret) }))
  say('the address of the secret, once it is on', await client.twoFactor.getTotpUri({ password: PASSWORD }))
  say('enable again', await client.twoFactor.enable({ password: PASSWORD }))
  await client.signOut()
  say('a code out of nowhere', await client.twoFactor.verifyTotp({ code: '123456' }))
  say('a recovery code out of nowhere', await client.twoFactor.verifyBackupCode({ code: 'aaaaa-bbbbb' }))
  say('sign in', await client.signIn.email(person))
  say('who is there between the steps', await client.getSession())
  say('a wrong code', await client.twoFactor.verifyTotp({ code: wrongCode(at, secret) }))
  later()
  // While another account is logged in, too: the code is for the one that has done the first step.
  const shared = openClient(url).client
  await shared.signUp.email(somebody('Ben'))
  say('sign in beside another account', await shared.signIn.email(person))
  say('who is there then', await shared.getSession())
  say('a wrong code then', await shared.twoFactor.verifyTotp({ code: wrongCode(at, secret) }))
  say('a code', await client.twoFactor.verifyTotp({ code: codeAt(at, secret), trustDevice: true }))
  say('who is there', await client.getSession())
  await client.signOut()
  say('sign in on a trusted device', await client.signIn.email(person))
  const guesser = openClient(url).client
  await guesser.signIn.email(person)
  for (const tries of [1, 2, 3, 4, 5]) {
    const wrong = await guesser.twoFactor.verifyTotp({ code: wrongCode(at, secret) })
    if (tries === 5) say('the fifth wrong code', wrong)
  }
  say('a sixth', await guesser.twoFactor.verifyTotp({ code: wrongCode(at, secret) }))
  await pause()
  const other = openClient(url).client
  await other.signIn.email(person)
  say('a wrong recovery code', await other.twoFactor.verifyBackupCode({ code: 'aaaaa-bbbbb' }))
  say('a recovery code', await other.twoFactor.verifyBackupCode({ code: codes[0] ?? '' }))
  say('that code again', await other.twoFactor.verifyBackupCode({ code: codes[0] ?? '' }))
  say('new codes, wrong password', await other.twoFactor.generateBackupCodes({ password: 'not the password' }))
  say('new codes', await other.twoFactor.generateBackupCodes({ password: PASSWORD }))
  say('disable, wrong password', await other.twoFactor.disable({ password: 'not the password' }))
  say('disable', await other.twoFactor.disable({ password: PASSWORD }))
  say('sign in with the password alone', await other.signIn.email(person))
  return calls
}

/** What this server says instead, and why. */
const DIFFERENT: Record<string, { code: string; why: string }> = {
  'the address of the secret, once it is on': {
    code: 'TOTP_ALREADY_ENABLED',
    why: 'nobody sees the secret again, since a copy of it would be a second step for whoever has stolen a session',
  },
  'a sixth': {
    code: 'ACCOUNT_TEMPORARILY_LOCKED',
    why: 'tries are counted over all logins of the account, and the pause comes after five',
  },
}

describe('the twoFactor client', () => {
  it('hears the same of this server as of the real one', async () => {
    const ours = await story(app.url, {
      later: () => app.advance(STEP_MS),
      // Limits go by the clock of the machine, which is not moved.
      pause: () => app.sql`delete from rate_limits`,
      now: app.deps.now,
    })
    const theirs = await story(site.url, { later: () => {}, pause: async () => {}, now: Date.now })
    for (const [name, answer] of Object.entries(theirs)) {
      if (name in DIFFERENT) assert.equal(ours[name]?.error?.code, DIFFERENT[name]?.code, name)
      else assert.deepEqual(ours[name], answer, name)
    }
    const needed = Object.keys(DIFFERENT).filter((name) => JSON.stringify(ours[name]) !== JSON.stringify(theirs[name]))
    assert.deepEqual(needed, Object.keys(DIFFERENT))
    // So that two servers that refuse everything would not be the same.
    assert.deepEqual(ours['sign in']?.data, { twoFactorRedirect: 'boolean', twoFactorMethods: [1, '"string"'] })
    for (const name of ['enable', 'the first code', 'a code', 'a recovery code', 'new codes', 'disable']) {
      assert.equal(ours[name]?.error, null, name)
    }
  })
})
