/** axe-core in a page of Chromium, in every look that a reader may choose. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults, RunOptions } from 'axe-core'
import type { Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const RULES: RunOptions = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  resultTypes: ['violations'],
}
/** Rules whose result depends on where things are drawn, and not only on which of them can be seen. */
const LAYOUT_RULES: RunOptions = {
  runOnly: ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable'],
  resultTypes: ['violations'],
}
const COLOUR_RULES: RunOptions = { runOnly: ['color-contrast', 'link-in-text-block'], resultTypes: ['violations'] }
/** Which elements can be seen, as one text. */
const SEEN = `[...document.body.querySelectorAll('*')].map((element) => (element.checkVisibility() ? 1 : 0)).join('')`
const PHONE = { width: 320, height: 640 }
const DESK = { width: 1280, height: 800 }

/** Gives axe to every document that the page will open, without sending it to the browser each time. */
export async function bringAxe(page: Page): Promise<void> {
  await page.addInitScript(AXE)
}

/** What axe finds, as lines that name the rule and the element. */
export async function violationsOf(page: Page, options = RULES): Promise<string[]> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(AXE)
  const { violations } = (await page.evaluate(`axe.run(document, ${JSON.stringify(options)})`)) as AxeResults
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target }) => `${id}: ${help}: ${target.join(' ')}`))
}

/** One look: colours and columns are the same whether the script runs or not. */
export async function violationsOnPhone(page: Page): Promise<string[]> {
  await page.setViewportSize(PHONE)
  return violationsOf(page)
}

/** Both schemes and both screens of what is shown now, on the desk with everything opened. Only colours change with the scheme. */
export async function violationsInEveryLook(page: Page): Promise<string[]> {
  const found: string[] = []
  const checked = new Set<unknown>()
  for (const viewport of [PHONE, DESK]) {
    await page.setViewportSize(viewport)
    const seen = await page.evaluate(`(() => {
      for (const details of document.querySelectorAll('details')) details.open = ${viewport === DESK}
      return ${SEEN}
    })()`)
    await page.emulateMedia({ colorScheme: 'light' })
    found.push(...(await violationsOf(page, checked.has(seen) ? LAYOUT_RULES : RULES)))
    checked.add(seen)
    await page.emulateMedia({ colorScheme: 'dark' })
    found.push(...(await violationsOf(page, COLOUR_RULES)).map((line) => `dark: ${line}`))
  }
  return found
}
