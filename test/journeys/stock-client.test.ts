/**
 * The unchanged client of Better Auth with its `passkey`, `twoFactor` and `emailOTP` plugins, as a page of this site would load it:
 * real Chromium, real cookies, an authenticator of the browser's own.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { ROOT } from '../../src/config/folders.ts'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { openMailbox } from '../support/mailbox.ts'
import { codeOf, SUBJECT } from '../support/mailed-codes.ts'
import { PASSWORD, type Person, somebody } from '../support/people.ts'
import { codeAt } from '../support/second-step.ts'
import { addVirtualAuthenticator, setUserVerified } from '../support/virtual-authenticator.ts'
import { walkIn } from '../support/walk.ts'

const mailbox = await openMailbox()
// An IP address cannot have passkeys.
const app = await startApp({}, { atPublicUrl: 'localhost', mailbox })
const home = `http://localhost:${app.port}`
const chromium = await startBrowser()

/** What a bundler makes of the client for a browser. */
const bundle = await build({
  stdin: {
    contents: `
      import { createAuthClient } from 'better-auth/client'
      import { emailOTPClient, twoFactorClient } from 'better-auth/client/plugins'
      import { passkeyClient } from '@better-auth/passkey/client'
      window.auth = createAuthClient({ plugins: [passkeyClient(), twoFactorClient(), emailOTPClient()] })`,
    resolveDir: ROOT,
  },
  ...{ bundle: true, format: 'iife', platform: 'browser', write: false, logLevel: 'error' },
})
const client = bundle.outputFiles[0]?.text ?? assert.fail('no bundle')

type Answer = { data: Record<string, unknown> | null; error: { status: number; code: string } | null }

/** Calls the client on the page, and returns what it told its caller. */
async function call(page: Page, name: string, values: object = {}): Promise<Answer> {
  const told = await page.evaluate(`auth.${name}(${JSON.stringify(values)}).then((answer) => JSON.stringify(answer))`)
  const { data, error } = JSON.parse(String(told)) as Answer
  return { data, error }
}

async function good(page: Page, name: string, values: object = {}): Promise<Record<string, unknown>> {
  const { data, error } = await call(page, name, values)
  assert.equal(error, null, `${name}: ${JSON.stringify(error)}`)
  return data ?? assert.fail(`${name} told nothing`)
}

const whoIsIn = async (page: Page): Promise<unknown> => {
  const { data } = await call(page, 'getSession')
  return (data?.user as { email: string } | undefined)?.email
}

/** Opens a page with the client, signs somebody up, and confirms the address by the code of its mail. */
async function signUp(page: Page): Promise<Person> {
  const ada = somebody('Ada')
  await page.goto('/help')
  await page.evaluate(client)
  await good(page, 'signUp.email', ada)
  await good(page, 'emailOtp.sendVerificationOtp', { email: ada.email, type: 'email-verification' })
  const letter = await mailbox.letterTo(ada.email, /Your code to confirm/)
  await good(page, 'emailOtp.verifyEmail', { email: ada.email, otp: codeOf(letter) })
  return ada
}

it('adds, lists, names and removes passkeys, and signs in by one', () =>
  walkIn(chromium, 'on', { baseURL: home }, async (page) => {
    const authenticator = await addVirtualAuthenticator(page)
    const ada = await signUp(page)
    const added = await good(page, 'passkey.addPasskey', { name: 'Blue key' })
    assert.equal(added.name, 'Blue key')
    const again = await call(page, 'passkey.addPasskey', { name: 'Once more' })
    assert.equal(again.error?.code, 'ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED')
    const listed = (await good(page, 'passkey.listUserPasskeys')) as unknown as { id: string; name: string }[]
    assert.deepEqual(
      listed.map(({ id, name }) => ({ id, name })),
      [{ id: added.id, name: 'Blue key' }],
    )
    await good(page, 'passkey.updatePasskey', { id: added.id, name: 'Red key' })

    await good(page, 'signOut')
    assert.equal(await whoIsIn(page), undefined)
    const signedIn = await good(page, 'signIn.passkey')
    assert.equal((signedIn.user as { email: string }).email, ada.email)
    assert.equal(await whoIsIn(page), ada.email)

    // The field of an address offers it, and somebody chooses it there.
    await good(page, 'signOut')
    await page.evaluate(`document.body.insertAdjacentHTML('beforeend', '<input autocomplete="username webauthn">')`)
    await good(page, 'signIn.passkey', { autoFill: true })
    assert.equal(await whoIsIn(page), ada.email)

    // A finger that the authenticator does not know.
    await good(page, 'signOut')
    await setUserVerified(authenticator, false)
    const refused = await call(page, 'signIn.passkey')
    assert.equal(refused.data, null)
    assert.equal(await whoIsIn(page), undefined)
    await setUserVerified(authenticator, true)

    await good(page, 'signIn.passkey')
    await good(page, 'passkey.deletePasskey', { id: added.id })
    await good(page, 'signOut')
    const gone = await call(page, 'signIn.passkey')
    assert.equal(gone.error?.code, 'PASSKEY_NOT_FOUND')
    assert.equal(await whoIsIn(page), undefined)
  }))

it('asks for the second step, and a passkey is both', () =>
  walkIn(chromium, 'on', { baseURL: home }, async (page) => {
    await addVirtualAuthenticator(page)
    const ada = await signUp(page)
    await good(page, 'passkey.addPasskey', { name: 'Blue key' })
    const { totpURI, backupCodes } = await good(page, 'twoFactor.enable', { password: PASSWORD })
    const secret = new URL(String(totpURI)).searchParams.get('secret') ?? assert.fail('no secret')
    await good(page, 'twoFactor.verifyTotp', { code: codeAt(app, secret) })

    await good(page, 'signOut')
    const first = await good(page, 'signIn.email', { email: ada.email, password: PASSWORD })
    assert.equal(first.twoFactorRedirect, true)
    assert.equal(await whoIsIn(page), undefined)
    const [backup] = backupCodes as string[]
    await good(page, 'twoFactor.verifyBackupCode', { code: backup })
    assert.equal(await whoIsIn(page), ada.email)

    await good(page, 'signOut')
    await good(page, 'signIn.passkey')
    assert.equal(await whoIsIn(page), ada.email)
  }))

it('signs in by a code in the mail', () =>
  walkIn(chromium, 'on', { baseURL: home }, async (page) => {
    const ada = await signUp(page)
    await good(page, 'signOut')
    await good(page, 'emailOtp.sendVerificationOtp', { email: ada.email, type: 'sign-in' })
    const letter = await mailbox.letterTo(ada.email, SUBJECT)
    await good(page, 'signIn.emailOtp', { email: ada.email, otp: codeOf(letter) })
    assert.equal(await whoIsIn(page), ada.email)
  }))
