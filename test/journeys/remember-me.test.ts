/** Closing the browser, coming back, staying away too long: with and without “Keep me logged in”, by keyboard too. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { sendLogin, startBrowser } from '../support/browser.ts'
import { DEVICE_COOKIE } from '../support/guessing.ts'
import { learner, type Person, somebody } from '../support/people.ts'

const app = await startApp()
const chromium = await startBrowser()

const HOUR = 60 * 60_000
const DAY = 24 * HOUR
const MINUTE = 60_000
const SCREENS = { phone: { width: 320, height: 640 }, desk: { width: 1280, height: 800 } }

type Settings = Parameters<typeof chromium.newContext>[0]

async function logIn(context: BrowserContext, person: Person, options: { remember: boolean }) {
  const page = await context.newPage()
  await page.goto(`${app.url}/login`)
  await sendLogin(page, person, options)
  await page.waitForURL('**/dashboard')
  return page
}

/** The same browser after it was closed: session cookies are gone. */
async function reopen(context: BrowserContext, settings: Settings): Promise<BrowserContext> {
  const cookies = await context.cookies()
  await context.close()
  const reopened = await chromium.newContext(settings)
  await reopened.addCookies(cookies.filter(({ expires }) => expires !== -1))
  return reopened
}

/** Where /dashboard leads: to the dashboard, or to the login page. */
async function arrive(page: Page): Promise<string> {
  await page.goto(`${app.url}/dashboard`)
  return new URL(page.url()).pathname
}

for (const javaScriptEnabled of [false, true]) {
  describe(`with JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, () => {
    const settings = { javaScriptEnabled }

    it('[S14] without the tick, closing the browser logs out', async () => {
      const { person: ada } = await learner(app, 'Ada')
      const context = await chromium.newContext(settings)
      assert.equal(await arrive(await logIn(context, ada, { remember: false })), '/dashboard')
      const reopened = await reopen(context, settings)
      assert.equal(await arrive(await reopened.newPage()), '/login')
      await reopened.close()
    })

    it('with the tick, closing the browser changes nothing', async () => {
      const { person: ada } = await learner(app, 'Ada')
      const context = await chromium.newContext(settings)
      await logIn(context, ada, { remember: true })
      const reopened = await reopen(context, settings)
      const page = await reopened.newPage()
      assert.equal(await arrive(page), '/dashboard')
      assert.equal(await page.locator('h1').innerText(), 'Hello, Ada')
      await reopened.close()
    })

    it('with the tick, the browser keeps the session for thirty days and nothing else', async () => {
      const { person: ada } = await learner(app, 'Ada')
      const context = await chromium.newContext(settings)
      await logIn(context, ada, { remember: true })
      // What an account knows the device by, and what asks for a passkey for five minutes, stay in any case and log nobody in.
      const others = [DEVICE_COOKIE, 'matricula-passkey']
      const kept = (await context.cookies()).filter(({ name, expires }) => expires !== -1 && !others.includes(name))
      assert.deepEqual(
        kept.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite })),
        [{ name: 'matricula', httpOnly: true, sameSite: 'Lax' }],
      )
      const days = ((kept[0]?.expires ?? 0) * 1000 - Date.now()) / DAY
      assert.ok(days > 29.9 && days <= 30)
      await context.close()
    })

    it('without the tick, two hours away log out, and less does not', async () => {
      const { person: ada } = await learner(app, 'Ada')
      const context = await chromium.newContext(settings)
      const page = await logIn(context, ada, { remember: false })
      app.advance(2 * HOUR - 2 * MINUTE)
      assert.equal(await arrive(page), '/dashboard')
      app.advance(2 * HOUR + MINUTE)
      assert.equal(await arrive(page), '/login')
      await context.close()
    })

    it('without the tick, a day ends the session however busy it was', async () => {
      const { person: ada } = await learner(app, 'Ada')
      const context = await chromium.newContext(settings)
      const page = await logIn(context, ada, { remember: false })
      for (let hour = 1; hour < 24; hour += 1) {
        app.advance(HOUR)
        assert.equal(await arrive(page), '/dashboard', `after ${hour} hours`)
      }
      app.advance(HOUR + MINUTE)
      assert.equal(await arrive(page), '/login')
      await context.close()
    })

    it('with the tick, two weeks away log out, and less does not', async () => {
      const { person: ada } = await learner(app, 'Ada')
      const context = await chromium.newContext(settings)
      await logIn(context, ada, { remember: true })
      app.advance(13 * DAY)
      const reopened = await reopen(context, settings)
      const page = await reopened.newPage()
      assert.equal(await arrive(page), '/dashboard')
      app.advance(14 * DAY + MINUTE)
      assert.equal(await arrive(page), '/login')
      await reopened.close()
    })

    it('with the tick, thirty days end the session however busy they were', async () => {
      const { person: ada } = await learner(app, 'Ada')
      const context = await chromium.newContext(settings)
      const page = await logIn(context, ada, { remember: true })
      for (const days of [10, 10, 9]) {
        app.advance(days * DAY)
        assert.equal(await arrive(page), '/dashboard')
      }
      app.advance(DAY + MINUTE)
      assert.equal(await arrive(page), '/login')
      await context.close()
    })

    it('after a session has ended by itself, logging in leads back to the page that was wanted', async () => {
      const { person: ada } = await learner(app, 'Ada')
      const context = await chromium.newContext(settings)
      const page = await logIn(context, ada, { remember: false })
      app.advance(DAY)
      await page.goto(`${app.url}/dashboard?week=2`)
      await page.getByLabel('Email address').fill(ada.email)
      await page.getByLabel('Password', { exact: true }).fill(ada.password)
      await page.getByRole('button', { name: 'Log in' }).click()
      await page.waitForURL('**/dashboard?week=2')
      await context.close()
    })

    it('logging out ends a session that was to be kept', async () => {
      const { person: ada } = await learner(app, 'Ada')
      const context = await chromium.newContext(settings)
      const page = await logIn(context, ada, { remember: true })
      await page.getByRole('button', { name: 'Log out' }).click()
      await page.waitForURL('**/logout')
      const reopened = await reopen(context, settings)
      assert.equal(await arrive(await reopened.newPage()), '/login')
      await reopened.close()
    })

    for (const [screen, viewport] of Object.entries(SCREENS)) {
      it(`on a ${screen}, all of it works from the keyboard alone`, async () => {
        const ada = somebody('Ada')
        const context = await chromium.newContext({ ...settings, viewport })
        const page = await context.newPage()
        await page.goto(app.url)
        await tabTo(page, 'Create account')
        await page.keyboard.press('Enter')
        await page.waitForURL('**/sign-up')
        for (const [field, text] of [
          ['name', ada.name],
          ['email', ada.email],
          ['new-password', ada.password],
        ] as const) {
          await tabTo(page, field)
          await page.keyboard.type(text)
        }
        await tabTo(page, 'Create account')
        await page.keyboard.press('Space')
        await page.waitForURL('**/onboarding/programming')
        await tabTo(page, 'Log out')
        await page.keyboard.press('Enter')
        await page.waitForURL('**/logout')
        await tabTo(page, 'Log in again')
        await page.keyboard.press('Enter')
        await page.waitForURL('**/login')
        await tabTo(page, 'email')
        await page.keyboard.type(ada.email)
        await tabTo(page, 'current-password')
        await page.keyboard.type(ada.password)
        await tabTo(page, 'remember')
        await page.keyboard.press('Space')
        assert.ok(await page.locator('#remember').isChecked())
        await tabTo(page, 'Log in')
        await page.keyboard.press('Enter')
        await page.waitForURL('**/dashboard')
        const reopened = await reopen(context, { ...settings, viewport })
        assert.equal(await arrive(await reopened.newPage()), '/dashboard')
        await reopened.close()
      })
    }
  })
}

const STOPS_MAX = 20

/** Presses Tab until the control with this id or text has the focus. */
async function tabTo(page: Page, control: string): Promise<void> {
  const focused = `(({ id, textContent }) => [id, textContent.trim()])(document.activeElement)`
  for (let stops = 0; stops < STOPS_MAX; stops += 1) {
    await page.keyboard.press('Tab')
    if (((await page.evaluate(focused)) as string[]).includes(control)) return
  }
  assert.fail(`Tab does not reach “${control}”`)
}
