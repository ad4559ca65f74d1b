/** Where things stand on a page, as the eye finds them: one left edge, nothing that jumps, no hole at the top. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { openMailbox } from '../support/mailbox.ts'
import { PASSWORD, somebody } from '../support/people.ts'
import { at, press, SCREENS, signUpIn, walkIn } from '../support/walk.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { mailbox })
const chromium = await startBrowser()

const TALL_DESK = { width: 1280, height: 1080 }
/** No page of a learner has its heading below this line. */
const HEADING_BY = 320

const boxOf = async (page: Page, selector: string) => {
  const box = await page.locator(selector).first().boundingBox()
  assert.ok(box, selector)
  return box
}

describe('on a desk, every page of a learner', () => {
  const PAGES = [
    ...['/dashboard', '/onboarding/programming', '/profile', '/lessons/f1', '/account', '/account/email-change'],
    ...['/account/password-change', '/account/sessions', '/account/data-export', '/account/account-deletion'],
    ...['/email-verification', '/help', '/privacy', '/accessibility', '/api', '/logout', '/nowhere'],
  ]

  it('begins at the same left edge, and has its heading at the top', () =>
    walkIn(chromium, 'off', { viewport: TALL_DESK }, async (page) => {
      await signUpIn(page, app, somebody('Ada'))
      const edge = (await boxOf(page, '.brand')).x
      for (const path of PAGES) {
        await page.goto(app.url + path)
        const { x, y } = await boxOf(page, 'main h1')
        assert.equal(x, edge, path)
        assert.ok(y < HEADING_BY, `${path}: the heading stands at ${y}`)
      }
    }))

  it('says in its header where one is, and leads to the dashboard and the account', () =>
    walkIn(chromium, 'off', { viewport: TALL_DESK }, async (page) => {
      await signUpIn(page, app, somebody('Ada'))
      const current = () => page.locator('.site-nav [aria-current=page]').allInnerTexts()
      assert.deepEqual(await current(), [])
      await page.getByRole('link', { name: 'Dashboard', exact: true }).click()
      await at(page, '/dashboard')
      assert.deepEqual(await current(), ['Dashboard'])
      await page.getByRole('link', { name: /^Your account ?: Ada$/ }).click()
      await at(page, '/account')
      assert.equal((await current()).length, 1)
      await page.goto(`${app.url}/account/sessions`)
      assert.deepEqual(await current(), [])
      assert.equal(await page.locator('.site-nav [aria-current=true]').count(), 1)
    }))

  it('that is not there leads home to the dashboard', () =>
    walkIn(chromium, 'off', { viewport: TALL_DESK }, async (page) => {
      await signUpIn(page, app, somebody('Ada'))
      await page.goto(`${app.url}/nowhere`)
      await page.getByRole('link', { name: 'Go to your dashboard' }).click()
      await at(page, '/dashboard')
    }))
})

for (const [screen, viewport] of Object.entries(SCREENS)) {
  it(`typing and showing a new password moves no button, on a ${screen}`, () =>
    walkIn(chromium, 'on', { viewport }, async (page) => {
      await page.goto(`${app.url}/sign-up`)
      const placeOfButton = async () => (await boxOf(page, '#sign-up-form > button')).y
      const before = await placeOfButton()
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
      await page.getByText('Strong').waitFor()
      assert.equal(await placeOfButton(), before)
      await press(page, 'Show password')
      await page.getByRole('button', { name: 'Hide password' }).waitFor()
      assert.equal(await placeOfButton(), before)
    }))
}
