/** Passkeys in a real browser with an authenticator of its own: with what can go wrong in between, and without JavaScript. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Page, Route } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { bringAxe, violationsInEveryLook } from '../support/axe.ts'
import { startBrowser } from '../support/browser.ts'
import { openMailbox } from '../support/mailbox.ts'
import { PASSWORD, type Person, somebody } from '../support/people.ts'
import { addVirtualAuthenticator, answers, countOf, setUserVerified } from '../support/virtual-authenticator.ts'
import { at, fitsTheScreen, logOut, press, SCREENS, walkIn } from '../support/walk.ts'

const mailbox = await openMailbox()
// An IP address cannot have passkeys.
const app = await startApp({}, { atPublicUrl: 'localhost', mailbox })
const home = `http://localhost:${app.port}`
const chromium = await startBrowser()
const PAGE = '/account/passkeys'
const BUTTON = 'Use a passkey'

/** Notes on the page which requests for a passkey have begun, and which of them wait. */
const NOTE_REQUESTS = `
  const begun = []
  const note = () => {
    const { dataset } = document.documentElement
    dataset.begun = begun.length
    dataset.waits = begun.filter((one) => one.waits).map((one) => one.by).join()
  }
  const get = navigator.credentials.get.bind(navigator.credentials)
  navigator.credentials.get = (options) => {
    const one = { by: options.mediation ?? 'button', waits: true }
    begun.push(one)
    note()
    return get(options).finally(() => {
      one.waits = false
      note()
    })
  }`

async function signUpConfirmed(page: Page): Promise<Person> {
  const ada = somebody('Ada')
  await page.goto('/sign-up')
  await page.getByLabel('Name').fill(ada.name)
  await page.getByLabel('Email address').fill(ada.email)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await press(page, 'Create account')
  await at(page, '/onboarding/programming')
  await page.goto((await mailbox.letterTo(ada.email, /Confirm your email/)).link)
  await press(page, 'Confirm email')
  await page.getByText('is confirmed').waitFor()
  return ada
}

async function addPasskey(page: Page, name: string): Promise<void> {
  await page.goto(PAGE)
  await press(page, 'Add a passkey')
  await page.getByText('Your passkey is added').waitFor()
  await fitsTheScreen(page)
  await page.getByLabel('Name', { exact: true }).fill(name)
  await press(page, 'Save name')
  await page.getByRole('link', { name }).waitFor()
  await fitsTheScreen(page)
}

/** Opens the login page with the offer in the field waiting, as when somebody has not chosen a passkey yet. */
async function openLogin(page: Page, authenticator: Parameters<typeof answers>[0], next = '/account'): Promise<void> {
  await answers(authenticator, false)
  const offered = page.waitForResponse(/generate-authenticate-options/)
  await page.goto(`/login?next=${encodeURIComponent(next)}`)
  await offered
  await page.getByRole('button', { name: BUTTON }).waitFor()
}

for (const [screen, viewport] of Object.entries(SCREENS)) {
  const colorScheme = screen === 'desk' ? 'light' : 'dark'
  const settings = { viewport, baseURL: home, colorScheme, reducedMotion: 'reduce' } as const

  const look = async (page: Page) => {
    await fitsTheScreen(page)
    assert.deepEqual(await violationsInEveryLook(page), [])
    // axe has looked at it on other screens and in other colours.
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme })
  }

  it(`Ada, on a ${screen}, adds a passkey, names it, logs in by it from the field and by the button, and removes it`, () =>
    walkIn(chromium, 'on', settings, async (page) => {
      await bringAxe(page)
      const authenticator = await addVirtualAuthenticator(page)
      await signUpConfirmed(page)
      await page.goto(PAGE)
      await look(page)
      await addPasskey(page, 'Blue key')
      await look(page)
      // A second one on the same authenticator is none.
      await press(page, 'Add a passkey')
      await page.getByText('has a passkey for your account already').waitFor()

      await logOut(page)
      await openLogin(page, authenticator)
      await fitsTheScreen(page)
      await look(page)
      await answers(authenticator, true)
      await page.getByRole('button', { name: BUTTON }).click()
      await page.waitForURL(`${home}/account`)

      await logOut(page)
      // The browser offers it in the field of the address, and this one takes it by itself.
      await page.goto('/login?next=%2Fprofile')
      await page.waitForURL(`${home}/profile`)

      await page.goto(PAGE)
      await page.getByRole('link', { name: 'Blue key' }).click()
      await fitsTheScreen(page)
      await look(page)
      await press(page, 'Remove this passkey')
      await page.getByText('That passkey is removed').waitFor()
      await page.getByText('You have none yet').waitFor()
    }))
}

describe('what can go wrong', () => {
  it('a cancelled window says nothing, and the button works again', () =>
    walkIn(chromium, 'on', { baseURL: home }, async (page) => {
      const authenticator = await addVirtualAuthenticator(page)
      await signUpConfirmed(page)
      await addPasskey(page, 'Blue key')
      await logOut(page)
      await openLogin(page, authenticator)
      // Chromium gives what is cancelled the same name as what the authenticator refuses.
      await setUserVerified(authenticator, false)
      await answers(authenticator, true)
      const again = page.waitForResponse(/generate-authenticate-options/)
      await page.getByRole('button', { name: BUTTON }).click()
      await again
      await page.waitForFunction(`document.querySelector('[role=status]').textContent === ''`)
      assert.equal(new URL(page.url()).pathname, '/login')
      await answers(authenticator, false)
      await setUserVerified(authenticator, true)
      await answers(authenticator, true)
      await page.getByRole('button', { name: BUTTON }).click()
      await page.waitForURL(`${home}/account`)
    }))

  it('a press before the offer in the field is there, and a second press, leave one request: that of the button', () =>
    walkIn(chromium, 'on', { baseURL: home }, async (page) => {
      const authenticator = await addVirtualAuthenticator(page)
      await signUpConfirmed(page)
      await addPasskey(page, 'Blue key')
      await logOut(page)
      await answers(authenticator, false)
      await page.addInitScript(NOTE_REQUESTS)
      // The options of the offer come once the button was pressed.
      const held: Route[] = []
      await page.route('**/generate-authenticate-options', (route) => void held.push(route))
      const asked = page.waitForRequest(/generate-authenticate-options/)
      await page.goto('/login')
      await asked
      const button = page.getByRole('button', { name: BUTTON })
      for (let press = 1; press <= 2; press += 1) {
        const again = page.waitForRequest(/generate-authenticate-options/)
        await button.click()
        await again
      }
      await page.unroute('**/generate-authenticate-options')
      // One that the page has given up cannot go on.
      for (const route of held) await route.continue().catch(() => {})
      await page.locator('html[data-begun="1"][data-waits="button"]').waitFor({ state: 'attached' })
      await answers(authenticator, true)
      await button.click()
      await at(page, '/dashboard')
    }))

  it('an authenticator that was copied is refused with words, and the owner is mailed', () =>
    walkIn(chromium, 'on', { baseURL: home }, async (page) => {
      const authenticator = await addVirtualAuthenticator(page)
      const ada = await signUpConfirmed(page)
      await addPasskey(page, 'Blue key')
      await logOut(page)
      // Somebody else has signed with a copy meanwhile.
      await app.sql`
        update passkeys set sign_count = 1000000 where user_id = (select id from users where email = ${ada.email})`
      assert.ok((await countOf(authenticator)) < 1_000_000)
      await openLogin(page, authenticator)
      // This authenticator would take up the offer of the next page too, and again. People do not.
      let offers = 1
      await page.route('**/generate-authenticate-options', (route) => {
        offers -= 1
        return offers < 0 ? route.abort() : route.continue()
      })
      await answers(authenticator, true)
      await page.getByRole('button', { name: BUTTON }).click()
      await page.locator('#error-summary').getByText('That passkey did not log you in').waitFor()
      await mailbox.letterTo(ada.email, /may have been copied/)
    }))

  it('a browser without an authenticator still has both fields, and the password works', () =>
    walkIn(chromium, 'on', { baseURL: home }, async (page) => {
      const ada = await signUpConfirmed(page)
      await logOut(page)
      await page.goto('/login')
      await page.getByLabel('Email address').fill(ada.email)
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
      await press(page, /^Log in$/)
      await at(page, '/dashboard')
    }))

  it('a browser that knows no passkeys is offered none', () =>
    walkIn(chromium, 'on', { baseURL: home }, async (page) => {
      await page.addInitScript('delete window.PublicKeyCredential')
      await page.goto('/login')
      await page.waitForLoadState('networkidle')
      assert.doesNotMatch(await page.locator('body').innerText(), /passkey/i)
      await signUpConfirmed(page)
      await page.goto(PAGE)
      await page.getByText('needs JavaScript and a browser that knows passkeys').waitFor()
    }))

  it('what was typed about a stay on this device counts for the passkey too', () =>
    walkIn(chromium, 'on', { baseURL: home }, async (page) => {
      const authenticator = await addVirtualAuthenticator(page)
      await signUpConfirmed(page)
      await addPasskey(page, 'Blue key')
      for (const isRemembered of [true, false]) {
        await logOut(page)
        await openLogin(page, authenticator)
        await page.getByLabel('Keep me logged in').setChecked(isRemembered)
        await answers(authenticator, true)
        await page.getByRole('button', { name: BUTTON }).click()
        await page.waitForURL(`${home}/account`)
        const session = (await page.context().cookies()).find(({ name }) => name === 'matricula')
        assert.equal((session?.expires ?? 0) > 0, isRemembered)
      }
    }))
})

for (const [screen, viewport] of Object.entries(SCREENS)) {
  it(`with JavaScript off, on a ${screen}, the login page says nothing of it, and the account page in one line why none is added`, () =>
    walkIn(chromium, 'off', { baseURL: home, viewport }, async (page) => {
      await page.goto('/login')
      assert.doesNotMatch(await page.locator('body').innerText(), /passkey/i)
      await signUpConfirmed(page)
      await page.goto(PAGE)
      await page.getByText('Adding a passkey needs JavaScript').waitFor()
      assert.equal(await page.getByRole('button', { name: 'Add a passkey' }).count(), 0)
      await fitsTheScreen(page)
    }))
}
