/** axe finds nothing on any page in any state either when the script of the page does not arrive. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../support/app.ts'
import { violationsOnPhone } from '../support/axe.ts'
import { startBrowser } from '../support/browser.ts'
import { collectGallery, exhibitIn } from '../support/gallery.ts'

const app = await startApp()
const chromium = await startBrowser()
const gallery = await collectGallery(app)

// axe needs timers of its own, so “without the script” means that it is blocked, and not that none may run.
describe('without the script', async () => {
  const page = await chromium.newPage({ reducedMotion: 'reduce' })
  await page.route('**/*.js', (route) => route.abort())
  const show = await exhibitIn(page, app)

  for (const exhibit of gallery) {
    it(exhibit.name, async () => {
      await show(exhibit)
      assert.deepEqual(await violationsOnPhone(page), [])
    })
  }
})
