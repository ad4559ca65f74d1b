/** What search engines read: each public page describes itself, and /robots.txt keeps them out of what is private. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { PAGES_OF_LEARNERS, PAGES_OF_VISITORS } from '../support/gallery.ts'
import { openMailbox } from '../support/mailbox.ts'
import { openBrowser } from '../support/people.ts'

const app = await startApp({}, { mailbox: await openMailbox() })
const chromium = await startBrowser()

const PUBLIC = [...PAGES_OF_VISITORS.filter((path) => path !== '/logout'), '/cookies']
const PRIVATE = [
  ...PAGES_OF_LEARNERS.filter((path) => !PUBLIC.includes(path)),
  ...['/account', '/account/sessions', '/onboarding/check', '/password-reset/sent', '/password-reset/link/x'],
  ...['/email-verification/confirm', '/api/me', '/api/auth/get-session'],
]

describe('a public page', () => {
  it('has a description of its own, as long as a result of a search shows', async () => {
    const described = new Map<string, string>()
    for (const path of PUBLIC) {
      const page = parse((await openBrowser(app).get(path)).text)
      described.set(page.querySelector('meta[name=description]')?.getAttribute('content') ?? '', path)
    }
    assert.equal(described.size, PUBLIC.length, JSON.stringify([...described]))
    for (const [text, path] of described) assert.ok(text.length >= 50 && text.length <= 160, `${path}: ${text.length}`)
  })
})

describe('/robots.txt', async () => {
  const { text } = await openBrowser(app).get('/robots.txt')
  const rules = [...text.matchAll(/^Disallow: (.+)$/gm)].map(([, start = '']) => start)
  const keepsOutOf = (path: string) => rules.some((start) => path.startsWith(start))

  it('lets every public page be found', () => assert.deepEqual(PUBLIC.filter(keepsOutOf), []))

  it('keeps search engines out of every private one', () => {
    assert.ok(PRIVATE.length > 10)
    assert.deepEqual(
      PRIVATE.filter((path) => !keepsOutOf(path)),
      [],
    )
  })

  it('can be loaded from within a page, as Lighthouse does it', async () => {
    const page = await chromium.newPage()
    await page.goto(`${app.url}/help`)
    const client = await page.context().newCDPSession(page)
    await client.send('Network.enable')
    const { frameTree } = await client.send('Page.getFrameTree')
    const { resource } = await client.send('Network.loadNetworkResource', {
      frameId: frameTree.frame.id,
      url: `${app.url}/robots.txt`,
      options: { disableCache: true, includeCredentials: true },
    })
    assert.deepEqual([resource.success, resource.httpStatusCode], [true, 200])
  })
})
