/** Going back, and several tabs: what was answered stays, and whoever pressed a button is told the true reason. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { sendLogin, startBrowser } from '../support/browser.ts'
import { somebody } from '../support/people.ts'
import { at, of, press, signUpIn, skipTo, walkIn } from '../support/walk.ts'

const app = await startApp()
const chromium = await startBrowser()

const isTicked = (page: Page, label: string) => page.getByLabel(label).isChecked()

/** Logs out in another tab of the same browser, and leaves it open on the page after that. */
async function logOutElsewhere(page: Page): Promise<Page> {
  const other = await page.context().newPage()
  await other.goto(`${app.url}/account`)
  await other.getByRole('button', { name: 'Log out' }).click()
  await other.waitForURL('**/logout')
  return other
}

for (const mode of ['off', 'on'] as const) {
  describe(`with JavaScript ${mode}`, () => {
    const walk = (steps: (page: Page) => Promise<void>) => walkIn(chromium, mode, {}, steps)

    it('Back leads to a question with its saved answer, though it came back with an error before', () =>
      walk(async (page) => {
        await signUpIn(page, app, somebody('Ada'))
        await press(page, 'Continue')
        await page.locator('#error-summary').waitFor()
        await page.getByLabel('I can write short scripts').check()
        await press(page, 'Continue')
        await at(page, '/onboarding/languages')
        await page.goBack()
        assert.equal(new URL(page.url()).pathname, '/onboarding/programming')
        assert.equal(await page.locator('#error-summary').count(), 0)
        assert.ok(await isTicked(page, 'I can write short scripts'))
      }))

    it('an answer that was ticked while another tab logged in again stands in its form', () =>
      walk(async (page) => {
        const ada = somebody('Ada')
        await signUpIn(page, app, ada)
        await page.getByLabel('I can write short scripts').check()
        const other = await logOutElsewhere(page)
        await other.goto(`${app.url}/login`)
        await sendLogin(other, ada)
        await other.waitForURL('**/dashboard')
        await press(page, 'Continue')
        await page.getByText('Nothing was lost').waitFor()
        assert.ok(await isTicked(page, 'I can write short scripts'))
        await press(page, 'Continue')
        await at(page, '/onboarding/languages')
      }))

    it('a form whose learner has logged out in another tab says that', () =>
      walk(async (page) => {
        await signUpIn(page, app, somebody('Ada'))
        await skipTo(page, 'check')
        await logOutElsewhere(page)
        await press(page, 'Save my answers')
        await page.getByRole('heading', { name: 'Your session ended' }).waitFor()
        await page.getByText('You were logged out since this page was opened').waitFor()
      }))

    it('from a “Change” among the answers, the link back leads to the answers', () =>
      walk(async (page) => {
        await signUpIn(page, app, somebody('Ada'))
        await skipTo(page, 'check')
        await page.getByRole('link', { name: of('Change', 'Equipment') }).click()
        await page.getByRole('link', { name: 'Back', exact: true }).click()
        await at(page, '/onboarding/check')
        await page.getByRole('link', { name: of('Change', 'Equipment') }).click()
        await press(page, 'Continue')
        await page.locator('#error-summary').waitFor()
        await page.getByRole('link', { name: 'Back', exact: true }).click()
        await at(page, '/onboarding/check')
      }))
  })
}

it('with JavaScript, Back leads to no page that has expired after any form that came back with an error', () =>
  walkIn(chromium, 'on', {}, async (page) => {
    const ada = somebody('Ada')
    await page.goto(`${app.url}/sign-up`)
    await press(page, 'Create account')
    await page.locator('#error-summary').waitFor()
    await page.getByLabel('Name').fill(ada.name)
    await page.getByLabel('Email address').fill(ada.email)
    await page.getByLabel('Password', { exact: true }).fill(ada.password)
    await press(page, 'Create account')
    await at(page, '/onboarding/programming')
    await page.goBack()
    assert.equal(new URL(page.url()).pathname, '/dashboard')
  }))
