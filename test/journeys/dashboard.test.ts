/** The dashboard as people see it in Chromium: how much there is to press, how long it is on a phone, and that nothing jumps. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { sendLogin, startBrowser } from '../support/browser.ts'
import { LESSONS, mark, markAll, PROFILE, send } from '../support/learning.ts'
import { type Browser, learner, type Person } from '../support/people.ts'
import { of, press } from '../support/walk.ts'

const app = await startApp()
const chromium = await startBrowser()

const PHONE = { width: 390, height: 844 }
const DESK = { width: 1280, height: 900 }
const SCREENS_MAX = 2.2
const BUTTONS_MAX = 3

type Somebody = { person: Person; browser: Browser }

const answered = async (name: string, more: Record<string, string> = {}): Promise<Somebody> => {
  const someone = await learner(app, name)
  await send(someone.browser, '/profile', { ...PROFILE, ...more })
  await someone.browser.get('/dashboard')
  return someone
}

/** Each with what they have done so far. The message of the last step is still to be shown. */
const PEOPLE: Record<string, () => Promise<Somebody>> = {
  'somebody fresh': () => answered('Ada'),
  'somebody without answers': () => learner(app, 'Ben'),
  'somebody in the middle, with a plan and a message': async () => {
    const someone = await answered('Cora')
    await markAll(someone.browser, LESSONS.slice(0, 5), 'done')
    await someone.browser.submit('/plan', { hours: '4' })
    await mark(someone.browser, 'r4', 'started')
    return someone
  },
  'somebody who was away for a month': async () => {
    const someone = await answered('Dan')
    await markAll(someone.browser, ['f1', 'r1'], 'done')
    await someone.browser.get('/dashboard')
    await app.sql`update progress set updated_at = updated_at - interval '40 days'
      where user_id = (select id from users where email = ${someone.person.email})`
    return someone
  },
  'somebody advanced': () => answered('Eve', { skillLevel: 'advanced', softwareExperience: 'advanced' }),
  'somebody at the end': async () => {
    const someone = await answered('Finn')
    await markAll(someone.browser, LESSONS, 'done')
    return someone
  },
  'somebody who put all aside': async () => {
    const someone = await answered('Gina')
    await markAll(someone.browser, LESSONS, 'dismissed')
    return someone
  },
}

async function withDashboard(
  { person }: Somebody,
  options: BrowserContextOptions,
  look: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await chromium.newContext({ javaScriptEnabled: false, ...options })
  try {
    const page = await context.newPage()
    await page.goto(`${app.url}/login`)
    await sendLogin(page, person)
    await page.waitForURL('**/dashboard')
    await look(page)
  } finally {
    await context.close()
  }
}

describe('the dashboard', () => {
  for (const [name, make] of Object.entries(PEOPLE)) {
    it(`has little to press and is short on a phone: ${name}`, async () => {
      await withDashboard(await make(), { viewport: PHONE }, async (page) => {
        const buttons = await page.locator('button:visible, a.button:visible').allInnerTexts()
        assert.ok(buttons.length <= BUTTONS_MAX, buttons.join(', '))
        const { y } = (await page.locator('.course').boundingBox()) ?? assert.fail('there is no map')
        assert.ok(y / PHONE.height <= SCREENS_MAX, `${(y / PHONE.height).toFixed(2)} screens`)
        assert.equal(await page.evaluate('document.scrollingElement.scrollWidth'), PHONE.width)
      })
    })
  }

  for (const viewport of [PHONE, DESK]) {
    it(`moves nothing while it loads, ${viewport.width} pixels wide`, async () => {
      const someone = await (PEOPLE['somebody in the middle, with a plan and a message'] ?? assert.fail())()
      await withDashboard(someone, { viewport, javaScriptEnabled: true }, async (page) => {
        await page.addInitScript(`
          window.shifts = 0
          new PerformanceObserver((list) => {
            for (const { value } of list.getEntries()) window.shifts += value
          }).observe({ type: 'layout-shift', buffered: true })`)
        // A slow line: the stylesheet of the map comes last.
        await page.route('**/course-map.*.css', async (route) => {
          await new Promise((resolve) => setTimeout(resolve, 300))
          await route.continue()
        })
        await page.goto(`${app.url}/dashboard`)
        await page.waitForLoadState('load')
        assert.equal(await page.evaluate('window.shifts'), 0)
      })
    })
  }

  it('is worked without JavaScript: start, go on, say how many hours, skip ahead and take it back', async () => {
    const ada = await answered('Ada')
    const title = 'Introduction to Physical AI and embodied intelligence'
    await withDashboard(ada, { viewport: PHONE }, async (page) => {
      await press(page, of('Start', title))
      await page.waitForURL('**/lessons/f1')
      await page.goto(`${app.url}/dashboard`)
      await page.getByRole('link', { name: of('Continue', title) }).click()
      await page.waitForURL('**/lessons/f1')
      await page.goto(`${app.url}/dashboard`)

      await page.getByText('How many hours a week have you?').first().click()
      await page.getByLabel('4 hours').check()
      await press(page, 'Save hours')
      await page.waitForURL('**/dashboard#plan')
      assert.match(
        await page.locator('.outlook').innerText(),
        /^At this pace: the capstone in about \d+ to \d+ weeks\./,
      )

      await page.getByText('Done, or something else').click()
      await page.getByRole('link', { name: 'I know more of this part' }).click()
      await page.waitForURL('**/plan/skip/foundations')
      await page.getByLabel('Sensor systems: LiDAR, cameras, IMUs, force and torque').uncheck()
      await press(page, 'Mark as known')
      await page.waitForURL('**/dashboard')
      assert.match(await page.locator('.success').innerText(), /1 lesson of “Foundations” is marked as known\./)
      assert.equal(await page.getByText('1 of 32 lessons').count(), 1)
      await press(page, 'Undo')
      await page.waitForURL('**/dashboard')
      assert.match(await page.locator('.success').innerText(), /All is as it was before\./)
      assert.ok(await page.getByRole('link', { name: of('Continue', title) }).isVisible())
    })
  })
})
