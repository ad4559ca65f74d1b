/** Passkeys in a real browser with an authenticator of its own. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { PASSWORD, somebody } from '../support/people.ts'
import { addVirtualAuthenticator, answers } from '../support/virtual-authenticator.ts'

// An IP address cannot have passkeys.
const app = await startApp({}, { atPublicUrl: 'localhost' })
const home = `http://localhost:${app.port}`
const chromium = await startBrowser()

it('Ada adds a passkey, logs in by it from the field and by the button, and removes it', async () => {
  const page = await (await chromium.newContext({ baseURL: home })).newPage()
  const authenticator = await addVirtualAuthenticator(page)
  const ada = somebody('Ada')
  await page.goto('/sign-up')
  await page.getByLabel('Name').fill(ada.name)
  await page.getByLabel('Email address').fill(ada.email)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Create' }).click()
  await page.goto('/account/passkeys')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByText('Your passkey is added').waitFor()
  await page.getByLabel('Name', { exact: true }).fill('Blue key')
  await page.getByRole('button', { name: 'Save name' }).click()
  await page.getByText('Blue key').waitFor()
  // A second one on the same authenticator is none.
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByText('has a passkey for your account already').waitFor()

  await answers(authenticator, false)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.goto('/login?next=%2Faccount')
  await page.getByRole('button', { name: 'Log in with a passkey' }).waitFor()
  await answers(authenticator, true)
  await page.getByRole('button', { name: 'Log in with a passkey' }).click()
  await page.waitForURL(`${home}/account`)

  await page.getByRole('button', { name: 'Log out' }).click()
  // The browser offers it in the field of the address, and this one takes it by itself.
  await page.goto('/login?next=%2Fprofile')
  await page.waitForURL((url) => !url.pathname.startsWith('/login'))

  await page.goto('/account/passkeys')
  await page.getByRole('link', { name: 'Blue key' }).click()
  await page.getByRole('button', { name: 'Remove this passkey' }).click()
  await page.getByText('That passkey is removed').waitFor()
  await page.getByText('You have none yet').waitFor()
})

it('with JavaScript off, the login page says nothing of it, and the account page in one line why none is added', async () => {
  const page = await (await chromium.newContext({ baseURL: home, javaScriptEnabled: false })).newPage()
  await page.goto('/login')
  assert.doesNotMatch(await page.locator('body').innerText(), /passkey/i)
  const ada = somebody('Ada')
  await page.goto('/sign-up')
  await page.getByLabel('Name').fill(ada.name)
  await page.getByLabel('Email address').fill(ada.email)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Create' }).click()
  await page.goto('/account/passkeys')
  await page.getByText('Adding a passkey needs JavaScript').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Add a passkey' }).count(), 0)
})
