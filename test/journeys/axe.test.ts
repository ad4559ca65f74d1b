/** axe finds nothing on any page in any state: light and dark, phone and desk, with the script and without. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import type { AxeResults, RunOptions } from 'axe-core'
import type { Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { collectGallery, exhibitIn } from '../support/gallery.ts'

const app = await startApp()
const chromium = await startBrowser()
const gallery = await collectGallery(app)

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const RULES: RunOptions = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  resultTypes: ['violations'],
}
const PHONE = { width: 320, height: 640 }
const DESK = { width: 1280, height: 800 }

/** What axe finds, as lines that name the rule and the element. */
async function violationsOf(page: Page, options = RULES): Promise<string[]> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(AXE)
  const { violations } = (await page.evaluate(`axe.run(document, ${JSON.stringify(options)})`)) as AxeResults
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${help}: ${target.join(' ')}`))
}

/** Both schemes and both screens of what is shown now. Only colours change with the scheme. */
async function violationsInEveryLook(page: Page): Promise<string[]> {
  const found: string[] = []
  for (const viewport of [PHONE, DESK]) {
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme: 'light' })
    found.push(...(await violationsOf(page)))
    await page.emulateMedia({ colorScheme: 'dark' })
    const colours: RunOptions = { runOnly: ['color-contrast', 'link-in-text-block'], resultTypes: ['violations'] }
    found.push(...(await violationsOf(page, colours)).map((line) => `dark: ${line}`))
  }
  return found
}

// axe needs timers of its own, so “without the script” means that it does not arrive.
for (const script of ['arrives', 'is blocked']) {
  describe(`when the script ${script}`, async () => {
    const page = await chromium.newPage({ reducedMotion: 'reduce' })
    if (script === 'is blocked') await page.route('**/*.js', (route) => route.abort())
    const show = await exhibitIn(page, app)

    for (const exhibit of gallery) {
      it(exhibit.name, async () => {
        await show(exhibit)
        assert.deepEqual(await violationsInEveryLook(page), [])
      })
    }
  })
}

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
