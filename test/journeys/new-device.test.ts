/** Strangers have guessed at Ada's password until it is taken from known devices only, and she has a new phone. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { guess, haveFailed } from '../support/guessing.ts'
import { openMailbox } from '../support/mailbox.ts'
import { openBrowser, somebody } from '../support/people.ts'
import { at, fitsTheScreen, press, SCREENS, signUpIn, walkIn } from '../support/walk.ts'

const mailbox = await openMailbox()
const app = await startApp({ TRUST_PROXY: '1' }, { atPublicUrl: true, mailbox })
const chromium = await startBrowser()

for (const mode of ['off', 'on'] as const) {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    const settings = { viewport, colorScheme: screen === 'phone' ? 'dark' : 'light' } as const
    describe(`with JavaScript ${mode}, on a ${screen}`, () => {
      it('Ada logs in from the device she has used before, as if nothing were', () =>
        walkIn(chromium, mode, settings, async (page) => {
          const ada = somebody('Ada')
          await signUpIn(page, app, ada)
          await page.getByRole('button', { name: 'Log out' }).click()
          await haveFailed(app, 'failuresByAddress', ada.email, 99)
          assert.equal((await guess(app, ada)).status, 422)
          assert.equal((await guess(app, ada)).status, 429)
          await page.goto(`${app.url}/login`)
          await page.getByLabel('Email address').fill(ada.email)
          await page.getByLabel('Password', { exact: true }).fill(ada.password)
          await press(page, 'Log in')
          await at(page, '/dashboard')
          await page.goto(`${app.url}/account/sessions`)
          await page.getByText('Too many wrong passwords: new devices need a link sent by email').waitFor()
          await fitsTheScreen(page)
        }))

      it('and from a new one by the link of a mail', () =>
        walkIn(chromium, mode, settings, async (page) => {
          const ada = somebody('Ada')
          await openBrowser(app).signUp(ada)
          await haveFailed(app, 'failuresByAddress', ada.email, 99)
          assert.equal((await guess(app, ada)).status, 422)
          await mailbox.letterTo(ada.email, /Too many wrong passwords/)
          const logIn = async () => {
            await page.getByLabel('Email address').fill(ada.email)
            await page.getByLabel('Password', { exact: true }).fill(ada.password)
            await press(page, 'Log in')
          }
          await page.goto(`${app.url}/login`)
          await logIn()
          await page.locator('#error-summary:focus').waitFor()
          await page
            .locator('#error-summary')
            .getByText('Too many wrong passwords from devices we do not know')
            .waitFor()
          await fitsTheScreen(page)
          await press(page, 'Send me a link')
          await at(page, '/new-device/sent')
          await page.getByText(ada.email).waitFor()
          await page.goto((await mailbox.letterTo(ada.email, /Log in from a new device/)).link)
          await at(page, '/new-device/confirm')
          await fitsTheScreen(page)
          await press(page, 'This is my device')
          await page.locator('.success').getByText('Your account knows this device now').waitFor()
          await logIn()
          await at(page, '/dashboard')
        }))
    })
  }
}
