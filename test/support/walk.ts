/** Walks through the pages in Chromium as a learner does: presses buttons, waits for pages, reads them. */
import assert from 'node:assert/strict'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { TestApp } from './app.ts'
import { STEPS } from './learning.ts'
import type { Person } from './people.ts'

export const SCREENS = { phone: { width: 320, height: 640 }, desk: { width: 1280, height: 800 } }
const PATIENCE_MS = 10_000

/** JavaScript is switched off, runs, or is on but the script file does not load. */
export type Mode = 'off' | 'on' | 'blocked'

/** Walks in a fresh browser context and closes it. @throws when a page has a script error or answers with a 5xx. */
export async function walkIn(
  chromium: Browser,
  mode: Mode,
  settings: BrowserContextOptions,
  walk: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await chromium.newContext({ ...settings, javaScriptEnabled: mode !== 'off' })
  context.setDefaultTimeout(PATIENCE_MS)
  const faults: string[] = []
  try {
    const page = await context.newPage()
    if (mode === 'blocked') await page.route('**/*.js', (route) => route.abort())
    page.on('pageerror', ({ message }) => faults.push(message))
    page.on('response', (response) => {
      if (response.status() >= 500) faults.push(`${response.status()} ${response.url()}`)
    })
    await walk(page)
    assert.deepEqual(faults, [])
  } finally {
    await context.close()
  }
}

export const at = (page: Page, path: string) => page.waitForURL(`**${path}`)
export const press = (page: Page, name: string | RegExp) => page.locator('main').getByRole('button', { name }).click()
export async function logOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Log out' }).first().click()
  await page.getByRole('heading', { name: 'You are logged out' }).waitFor()
}

/** The name of a button or link, with the words that tell screen readers what it is for. */
export const of = (action: string, what: string) => new RegExp(`^${action} ?: ${what}$`)
export const focusedId = (page: Page) => page.evaluate('document.activeElement.id') as Promise<string>

/** The answers that the overview shows for one topic. */
export function answersOn(page: Page, topic: string): Promise<string[]> {
  const row = page.locator('.answers > div').filter({ has: page.locator('dt', { hasText: topic }) })
  return row.locator('dd:not(:has(a))').allInnerTexts()
}

export async function isOnScreen(page: Page, selector: string): Promise<boolean> {
  await page.waitForLoadState()
  return page.evaluate(`(({ top, bottom }) => bottom > 0 && top < innerHeight)(
    document.querySelector('${selector}').getBoundingClientRect())`) as Promise<boolean>
}

export async function fitsTheScreen(page: Page): Promise<void> {
  const fits = await page.evaluate('document.scrollingElement.scrollWidth <= innerWidth')
  assert.ok(fits, `${page.url()} is wider than the screen`)
}

/** Signs up on the sign-up page and arrives at the first question. */
export async function signUpIn(page: Page, { url }: Pick<TestApp, 'url'>, person: Person): Promise<void> {
  await page.goto(`${url}/sign-up`)
  await page.getByLabel('Name').fill(person.name)
  await page.getByLabel('Email address').fill(person.email)
  await page.getByLabel('Password', { exact: true }).fill(person.password)
  await press(page, 'Create account')
  await at(page, '/onboarding/programming')
}

/** Skips questions from the open one up to the wanted page. */
export async function skipTo(page: Page, wanted: string): Promise<void> {
  const pages = [...STEPS, 'check']
  const open = pages.indexOf(new URL(page.url()).pathname.replace('/onboarding/', ''))
  for (const next of pages.slice(open + 1, pages.indexOf(wanted) + 1)) {
    await press(page, 'Skip for now')
    await at(page, `/onboarding/${next}`)
  }
}

const STOPS_MAX = 120

/** Presses Tab until the focused control has this id or its text begins with it, then presses the key. */
export async function keysTo(page: Page, control: string, key: string): Promise<void> {
  const focused = `(({ id, textContent }) => [id, textContent.trim()])(document.activeElement)`
  for (let stops = 0; stops < STOPS_MAX; stops += 1) {
    await page.keyboard.press('Tab')
    const [id, text = ''] = (await page.evaluate(focused)) as string[]
    if (id === control || text.startsWith(control)) return page.keyboard.press(key)
  }
  assert.fail(`Tab does not reach “${control}”`)
}
