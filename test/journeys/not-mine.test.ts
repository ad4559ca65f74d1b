/** Ada gets mails of an account that somebody else made with her address, and of what somebody else did with hers. */
import { describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { openMailbox } from '../support/mailbox.ts'
import { openBrowser, somebody } from '../support/people.ts'
import { at, fitsTheScreen, press, SCREENS, signUpIn, walkIn } from '../support/walk.ts'

const OWNS = 'seven quiet amber kites'
const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const chromium = await startBrowser()

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor()
const says = (page: Page, text: string) => page.locator('.success').getByText(text).waitFor()

for (const mode of ['off', 'on'] as const) {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    const settings = { viewport, colorScheme: screen === 'phone' ? 'dark' : 'light' } as const
    describe(`with JavaScript ${mode}, on a ${screen}`, () => {
      it('Ada confirms her address on another device with her password', () =>
        walkIn(chromium, mode, settings, async (page) => {
          const ada = somebody('Ada')
          await openBrowser(app).signUp(ada)
          await page.goto((await mailbox.letterTo(ada.email, /Confirm your email/)).link)
          await at(page, '/email-verification/confirm')
          await fitsTheScreen(page)
          await page.getByLabel('Password', { exact: true }).fill('not the password')
          await press(page, 'Confirm email')
          await page.locator('#error-summary:focus').waitFor()
          await page.getByLabel('Password', { exact: true }).fill(ada.password)
          await press(page, 'Confirm email')
          await heading(page, 'Your email address is confirmed')
        }))

      it('Ada takes over an account that somebody made with her address', () =>
        walkIn(chromium, mode, settings, async (page) => {
          const eve = somebody('Eve')
          await openBrowser(app).signUp(eve)
          await page.goto((await mailbox.letterTo(eve.email, /Confirm your email/)).link)
          await page.getByRole('link', { name: 'I did not create this account, or I forgot the password' }).click()
          await heading(page, 'Make the account yours')
          await fitsTheScreen(page)
          await page.getByLabel('New password').fill(OWNS)
          await press(page, 'Save new password')
          await says(page, 'The account is yours and your address is confirmed.')
          await page.getByLabel('Email address').fill(eve.email)
          await page.getByLabel('Password', { exact: true }).fill(OWNS)
          await press(page, 'Log in')
          await at(page, '/dashboard')
        }))

      it('Ada says that it was not her, chooses a new password, and reads what happened', () =>
        walkIn(chromium, mode, settings, async (page) => {
          const ada = somebody('Ada')
          await signUpIn(page, app, ada)
          await openBrowser(app).logIn(ada)
          await page.goto((await mailbox.letterTo(ada.email, /A new device was used/)).link)
          await heading(page, 'It was not you?')
          await fitsTheScreen(page)
          await press(page, 'It was not me')
          await at(page, '/password-reset/new')
          await fitsTheScreen(page)
          await page.getByLabel('New password').fill(OWNS)
          await press(page, 'Save new password')
          await says(page, 'Your password is changed')
          await page.getByLabel('Email address').fill(ada.email)
          await page.getByLabel('Password', { exact: true }).fill(OWNS)
          await press(page, 'Log in')
          await at(page, '/dashboard')
          await page.goto(`${app.url}/account/sessions`)
          await page.getByText('Said “It was not me”: all devices are signed out').waitFor()
          await fitsTheScreen(page)
          await page.goto(`${app.url}/account`)
          await page.getByLabel('Email me when a new device logs in').uncheck()
          await page.locator('#notices-form button').click()
          await says(page, 'We no longer email you about new devices.')
          await fitsTheScreen(page)
        }))
    })
  }
}
