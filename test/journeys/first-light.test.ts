/** Sign up, log out and come back in a real browser: with JavaScript off and on, on a phone and on a desktop. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../support/app.ts'
import { sendLogin, startBrowser } from '../support/browser.ts'
import { somebody } from '../support/people.ts'

const app = await startApp()
const chromium = await startBrowser()

const SCREENS = { phone: { width: 320, height: 640 }, desk: { width: 1280, height: 800 } }

for (const javaScriptEnabled of [false, true]) {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    describe(`with JavaScript ${javaScriptEnabled ? 'on' : 'off'}, on a ${screen}`, () => {
      it('[B07] Ada signs up, is logged in, logs out, and comes back', async () => {
        const ada = somebody('Ada')
        const context = await chromium.newContext({ javaScriptEnabled, viewport })
        const page = await context.newPage()
        const heading = () => page.locator('h1').innerText()

        await page.goto(app.url)
        await page.getByRole('link', { name: 'Create account' }).click()
        await page.getByLabel('Name').fill(ada.name)
        await page.getByLabel('Email address').fill(ada.email)
        await page.getByLabel('Password', { exact: true }).fill(ada.password)
        await page.getByRole('button', { name: 'Create account' }).click()
        await page.waitForURL('**/onboarding/programming')
        assert.equal(await heading(), 'How much programming have you done?')
        assert.match(await page.getByRole('status').first().innerText(), /Your account is ready/)

        await page.getByRole('button', { name: 'Log out' }).click()
        await page.waitForURL('**/logout')
        assert.equal(await heading(), 'You are logged out')

        await page.goto(`${app.url}/dashboard`)
        assert.match(page.url(), /\/login\?next=/)
        await sendLogin(page, ada)
        await page.waitForURL('**/dashboard')
        assert.equal(await heading(), 'Hello, Ada')
        await context.close()
      })
    })
  }
}
