/** Beginning a lesson: where the operator has said where the lessons are, one button opens it and notes that it is begun. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, it } from 'node:test'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { somebody } from '../support/people.ts'
import { at, of, press, signUpIn, walkIn } from '../support/walk.ts'

const TITLE = 'Introduction to Physical AI and embodied intelligence'

const course = createServer((_req, res) => res.setHeader('Content-Type', 'text/html').end('<h1>The lesson itself</h1>'))
await new Promise<void>((resolve) => course.listen(0, '127.0.0.1', resolve))
after(() => course.close())
const address = course.address()
const lessons = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/lessons`

const app = await startApp({ LESSON_BASE_URL: lessons })
const alone = await startApp()
const chromium = await startBrowser()

for (const mode of ['off', 'on'] as const) {
  it(`[H06] one button opens the lesson on the platform and notes that it is begun: JavaScript ${mode}`, () =>
    walkIn(chromium, mode, {}, async (page) => {
      await signUpIn(page, app, somebody('Ada'))
      await page.goto(`${app.url}/lessons/f1`)
      await press(page, of('Open the lesson', TITLE))
      await page.getByRole('heading', { name: 'The lesson itself' }).waitFor()
      assert.equal(page.url(), `${lessons}/f1`)
      await page.goto(`${app.url}/lessons/f1`)
      assert.match(await page.locator('#lesson-f1').innerText(), /^Started/)
      await page.getByRole('link', { name: 'Open the lesson' }).click()
      await page.waitForURL(`${lessons}/f1`)
    }))

  it(`where nobody knows where the lessons are, the button says what it does: JavaScript ${mode}`, () =>
    walkIn(chromium, mode, {}, async (page) => {
      await signUpIn(page, alone, somebody('Ada'))
      await page.goto(`${alone.url}/lessons/f1`)
      await press(page, of('I have begun', TITLE))
      await at(page, '/lessons/f1')
      assert.match(await page.locator('#lesson-f1').innerText(), /^Started/)
    }))
}
