/**
 * The whole life of an account in a real browser: sign up, confirm, reset the password, change everything, take a copy,
 * delete. With and without JavaScript.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { openMailbox } from '../support/mailbox.ts'
import { openBrowser, somebody } from '../support/people.ts'
import { at, fitsTheScreen, press, SCREENS, signUpIn, walkIn } from '../support/walk.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const chromium = await startBrowser()

const FORGOTTEN = 'another tidy copper lantern'
const CHANGED = 'a third and quiet copper lantern'

const heading = (page: Page, text: string) => page.getByRole('heading', { level: 1, name: text, exact: true }).waitFor()
const says = (page: Page, text: string) => page.locator('.success').getByText(text).waitFor()
const follow = (page: Page, name: string) => page.locator('main').getByRole('link', { name, exact: true }).click()

async function logIn(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel('Email address').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press(page, 'Log in')
}

for (const mode of ['off', 'on'] as const) {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    const scheme = screen === 'phone' ? 'dark' : 'light'
    describe(`with JavaScript ${mode}, on a ${screen}`, () => {
      it('[B07] Ada can do alone whatever her account needs, until she leaves', () =>
        walkIn(chromium, mode, { viewport, colorScheme: scheme, acceptDownloads: true }, async (page) => {
          const ada = somebody('Ada')
          await signUpIn(page, app, ada)
          await page.goto(`${app.url}/dashboard`)
          await page.getByText('Confirm your email address: open the link').waitFor()
          await fitsTheScreen(page)

          await page.goto((await mailbox.letterTo(ada.email, /Confirm your email/)).link)
          await at(page, '/email-verification/confirm')
          await press(page, 'Confirm email')
          await heading(page, 'Your email address is confirmed')
          await follow(page, 'Go to your dashboard')
          await at(page, '/dashboard')
          assert.equal(await page.locator('.banner').count(), 0)

          await page.getByRole('button', { name: 'Log out' }).click()
          await follow(page, 'Log in again')
          await follow(page, 'Forgot your password?')
          await page.getByLabel('Email address').fill(ada.email)
          await press(page, 'Send me a link')
          await heading(page, 'Check your email')
          await page.getByText(ada.email).waitFor()
          await fitsTheScreen(page)
          await page.goto((await mailbox.letterTo(ada.email, /Reset/)).link)
          await at(page, '/password-reset/new')
          await page.getByLabel('New password').fill('short')
          await press(page, 'Save new password')
          await page.locator('#error-summary:focus').waitFor()
          await page.getByLabel('New password').fill(FORGOTTEN)
          await press(page, 'Save new password')
          await says(page, 'Your password is changed')
          await logIn(page, ada.email, FORGOTTEN)
          await at(page, '/dashboard')

          await page.getByRole('navigation', { name: 'Your pages' }).getByRole('link', { name: 'Your account' }).click()
          await page.getByLabel('Your name').fill('Ada Lovelace')
          await press(page, 'Save name')
          await says(page, 'Your name is saved.')
          await fitsTheScreen(page)
          await follow(page, 'Change password')
          await page.getByLabel('Current password').fill(FORGOTTEN)
          await page.getByLabel('New password').fill(CHANGED)
          await press(page, 'Change password')
          await says(page, 'Your password is changed.')

          await openBrowser(app, { 'User-Agent': 'Mozilla/5.0 (Android 15; Mobile) Firefox/140.0' }).logIn({
            email: ada.email,
            password: CHANGED,
          })
          await follow(page, 'See where you are logged in, and what happened lately')
          await fitsTheScreen(page)
          assert.match(await page.locator('tbody tr').first().innerText(), /This device/)
          await page.getByRole('button', { name: /^Log out Firefox on Android, last active/ }).click()
          await says(page, 'That device is logged out.')
          assert.equal(await page.locator('tbody tr').count(), 1)

          app.advance(11 * 60_000)
          await page.goto(`${app.url}/account`)
          await follow(page, 'Change email address')
          await heading(page, 'Confirm it is you')
          await page.getByLabel('Password', { exact: true }).fill(CHANGED)
          await press(page, 'Continue')
          await at(page, '/account/email-change')
          const newEmail = somebody('Lovelace').email
          await page.getByLabel('New email address').fill(newEmail)
          await press(page, 'Send the link')
          await page.getByText(`Waiting for confirmation: ${newEmail}`).waitFor()
          await mailbox.letterTo(ada.email, /about to change/)
          await page.goto((await mailbox.letterTo(newEmail, /new email address/)).link)
          await press(page, 'Confirm email')
          await heading(page, 'Your email address is confirmed')
          await page.goto(`${app.url}/account`)
          await page.getByText(newEmail).waitFor()

          await follow(page, 'Download a copy of everything')
          const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Download my data')])
          assert.match(download.suggestedFilename(), /^matricula-\d{4}-\d\d-\d\d\.json$/)
          const copy = JSON.parse(await readFile(await download.path(), 'utf8'))
          assert.equal(copy.account.email, newEmail)

          await page.goto(`${app.url}/account`)
          await follow(page, 'Delete your account')
          await press(page, 'Delete my account')
          await page.locator('#error-summary:focus').waitFor()
          await fitsTheScreen(page)
          await page.getByLabel('Current password').fill(CHANGED)
          await page.getByLabel('Delete everything in my account').check()
          await press(page, 'Delete my account')
          await heading(page, 'Your account is deleted')
          await page.goto(`${app.url}/dashboard`)
          await logIn(page, newEmail, CHANGED)
          await page.getByText('Email or password is incorrect').first().waitFor()

          await page.goto((await mailbox.letterTo(newEmail, /about to be deleted/)).link)
          await heading(page, 'Keep your account?')
          await fitsTheScreen(page)
          await press(page, 'Keep my account')
          await page.getByText('Your account is kept').waitFor()
          await logIn(page, newEmail, CHANGED)
          await page.goto(`${app.url}/account/account-deletion`)
          await page.getByLabel('Current password').fill(CHANGED)
          await page.getByLabel('Delete everything in my account').check()
          await press(page, 'Delete my account')
          await heading(page, 'Your account is deleted')
          await page.goto((await mailbox.letterTo(newEmail, /about to be deleted/, 2)).link)
          // The owner of the address from before can still say that the change was not theirs.
          await page.getByText('It cannot be deleted sooner').waitFor()
        }))
    })
  }
}
