/** axe finds nothing on any page in any state: light and dark, phone and desk. Without the script: see the file beside it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../support/app.ts'
import { violationsInEveryLook, violationsOf } from '../support/axe.ts'
import { startBrowser } from '../support/browser.ts'
import { collectGallery, exhibitIn } from '../support/gallery.ts'

const app = await startApp()
const chromium = await startBrowser()
const gallery = await collectGallery(app)

describe('with the script', async () => {
  const page = await chromium.newPage({ reducedMotion: 'reduce' })
  const show = await exhibitIn(page, app)

  for (const exhibit of gallery) {
    it(exhibit.name, async () => {
      await show(exhibit)
      assert.deepEqual(await violationsInEveryLook(page), [])
    })
  }
})

describe('what only the script shows', () => {
  it('a visible password, its strength, and Caps Lock', async () => {
    const page = await chromium.newPage({ reducedMotion: 'reduce' })
    await page.goto(`${app.url}/sign-up`)
    await page.getByRole('button', { name: 'Show password' }).click()
    for (const password of ['short', 'a longer one', 'four random words work']) {
      await page.getByLabel('Password', { exact: true }).fill(password)
      await page.locator('meter').waitFor()
      assert.deepEqual(await violationsInEveryLook(page), [])
    }
    const capsLock = { key: 'A', modifierCapsLock: true, bubbles: true }
    await page.getByLabel('Password', { exact: true }).dispatchEvent('keydown', capsLock)
    assert.deepEqual(await violationsInEveryLook(page), [])
  })

  it('a button that is busy', async () => {
    const page = await chromium.newPage({ reducedMotion: 'reduce' })
    await page.goto(`${app.url}/login`)
    await page.evaluate(`document.addEventListener('submit', (event) => event.preventDefault())`)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('button', { name: 'Logging in…' }).waitFor()
    assert.deepEqual(await violationsInEveryLook(page), [])
  })
})

describe('axe itself', () => {
  it('finds what is wrong in these pages when something is', async () => {
    const page = await chromium.newPage()
    await page.goto(`${app.url}/login`)
    await page.evaluate(`{
      document.querySelector('label[for=email]').remove()
      document.documentElement.style.setProperty('--muted', '#ccc')
      document.documentElement.removeAttribute('lang')
    }`)
    const rules = new Set((await violationsOf(page)).map((line) => line.split(':')[0]))
    for (const rule of ['label', 'color-contrast', 'html-has-lang']) assert.ok(rules.has(rule), rule)
  })
})
