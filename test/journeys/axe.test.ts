/** axe finds nothing on any page in any state: light and dark, phone and desk, with the script and without it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { bringAxe, violationsInEveryLook, violationsOf, violationsOnPhone } from '../support/axe.ts'
import { startBrowser } from '../support/browser.ts'
import { collectGallery, exhibitIn } from '../support/gallery.ts'

const app = await startApp()
const chromium = await startBrowser()
const gallery = await collectGallery(app)

/** Whether the script of the page has changed what the server sent. */
const isChanged = (page: Page, html: string): Promise<boolean> =>
  page.evaluate(
    `new DOMParser().parseFromString(${JSON.stringify(html)}, 'text/html').documentElement.outerHTML !==
      document.documentElement.outerHTML`,
  ) as Promise<boolean>

describe('every state', async () => {
  const page = await chromium.newPage({ reducedMotion: 'reduce' })
  await bringAxe(page)
  const show = await exhibitIn(page, app)
  // axe needs timers of its own, so “without the script” means that it is blocked, and not that none may run.
  const plainPage = await chromium.newPage({ reducedMotion: 'reduce' })
  await plainPage.route('**/*.js', (route) => route.abort())
  await bringAxe(plainPage)
  const showPlain = await exhibitIn(plainPage, app)
  const changed = new Set<string>()

  for (const exhibit of gallery) {
    it(exhibit.name, async () => {
      await show(exhibit)
      // Where the script changes nothing, the page without it is the same.
      if (await isChanged(page, exhibit.html)) changed.add(exhibit.name)
      assert.deepEqual(await violationsInEveryLook(page), [])
      if (!changed.has(exhibit.name)) return
      await showPlain(exhibit)
      assert.equal(await isChanged(plainPage, exhibit.html), false)
      assert.deepEqual(await violationsOnPhone(plainPage), [])
    })
  }

  it('is looked at without the script too, where that makes a difference', () => {
    assert.ok(changed.has('/sign-up for a visitor') && changed.has('/login for a visitor'))
    assert.ok(changed.size < gallery.length / 2, `${changed.size} of ${gallery.length}`)
  })
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
