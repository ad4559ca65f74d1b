/** Ada sets a second step up, logs in with it, renews her codes and switches it off: with JavaScript and without, on every screen. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { openMailbox } from '../support/mailbox.ts'
import { learner, type Person, somebody } from '../support/people.ts'
import { codeAt, LOGIN_PAGE, nextCode, PAGE, SETUP, wrongCode } from '../support/second-step.ts'
import { at, fitsTheScreen, logOut, press, SCREENS, signUpIn, walkIn } from '../support/walk.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const chromium = await startBrowser()

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor()
const says = (page: Page, text: string) => page.locator('.success').getByText(text).waitFor()
const enter = async (page: Page, label: string, code: string, button = 'Continue') => {
  await page.getByLabel(label, { exact: true }).fill(code)
  await press(page, button)
}

async function signUpConfirmed(page: Page, person: Person): Promise<void> {
  await signUpIn(page, app, person)
  await page.goto((await mailbox.letterTo(person.email, /Confirm your email/)).link)
  await press(page, 'Confirm email')
}

/** Sets it up from the page, and returns the secret and the recovery codes as they are shown. */
async function setUp(page: Page): Promise<{ secret: string; codes: string[] }> {
  await page.goto(app.url + PAGE)
  await press(page, 'Set it up')
  await at(page, SETUP)
  const picture = page.getByRole('img', { name: 'QR code' })
  await picture.waitFor()
  assert.equal(await picture.evaluate((img) => (img as HTMLImageElement).naturalWidth > 0), true, 'it is shown')
  await fitsTheScreen(page)
  const secret = (await page.locator('.secret code').innerText()).replaceAll(' ', '')
  await enter(page, 'Code that the app shows', wrongCode(app, secret), 'Switch it on')
  await page.locator('#error-summary:focus').waitFor()
  await fitsTheScreen(page)
  // As people copy it: with a space in the middle.
  const code = codeAt(app, secret)
  await enter(page, 'Code that the app shows', `${code.slice(0, 3)} ${code.slice(3)}`, 'Switch it on')
  await at(page, PAGE)
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor()
  const codes = await page.locator('.recovery-codes li').allInnerTexts()
  assert.equal(codes.length, 10)
  await fitsTheScreen(page)
  return { secret, codes }
}

async function firstStep(page: Page, { email, password }: Person): Promise<void> {
  await page.goto(`${app.url}/login`)
  await page.getByLabel('Email address').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press(page, 'Log in')
  await at(page, LOGIN_PAGE)
  await heading(page, 'Enter a code')
  await fitsTheScreen(page)
}

for (const mode of ['off', 'on'] as const) {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    const settings = { viewport, colorScheme: screen === 'desk' ? 'light' : 'dark' } as const
    it(`with JavaScript ${mode}, on a ${screen}: from the set-up to switching it off`, () =>
      walkIn(chromium, mode, settings, async (page) => {
        const ada = somebody('Ada')
        await signUpConfirmed(page, ada)
        const { secret, codes } = await setUp(page)
        await page.goto(`${app.url}/account`)
        await fitsTheScreen(page)
        await logOut(page)

        await firstStep(page, ada)
        await enter(page, 'Code', wrongCode(app, secret))
        await page.locator('#error-summary:focus').waitFor()
        await fitsTheScreen(page)
        await page.getByLabel('Do not ask for a code on this device').check()
        await enter(page, 'Code', nextCode(app, secret))
        await at(page, '/dashboard')
        await logOut(page)
        await page.goto(`${app.url}/login`)
        await page.getByLabel('Email address').fill(ada.email)
        await page.getByLabel('Password', { exact: true }).fill(ada.password)
        await press(page, 'Log in')
        await at(page, '/dashboard')

        // Once more, before something that only she may do.
        await page.goto(app.url + PAGE)
        await press(page, 'Ask for a code on every device')
        await heading(page, 'Enter a code')
        await fitsTheScreen(page)
        await enter(page, 'Code', nextCode(app, secret))
        await at(page, PAGE)
        await press(page, 'Ask for a code on every device')
        await says(page, 'asks for a code')
        await logOut(page)

        await firstStep(page, ada)
        await page.getByRole('link', { name: 'Use a recovery code instead' }).click()
        await fitsTheScreen(page)
        await enter(page, 'Recovery code', (codes[0] ?? '').toUpperCase())
        await at(page, '/dashboard')
        await page.goto(app.url + PAGE)
        await page.getByText('9 are left.').waitFor()
        await press(page, 'Make new ones')
        await page.getByText('10 are left.').waitFor()
        assert.ok(!(await page.locator('.recovery-codes li').allInnerTexts()).includes(codes[1] ?? ''))
        await press(page, 'Switch the second step off')
        await page.getByRole('button', { name: 'Set it up' }).waitFor()
        await fitsTheScreen(page)
      }))
  }
}

describe('a password manager', () => {
  const TOKENS = { autocomplete: 'one-time-code', type: 'text', name: 'code' }
  it('finds one field for a code, on every page that asks for one, and none for a password beside it', () =>
    walkIn(chromium, 'off', { viewport: SCREENS.desk }, async (page) => {
      const ada = somebody('Ada')
      await signUpConfirmed(page, ada)
      await page.goto(app.url + PAGE)
      await press(page, 'Set it up')
      const fields = async () =>
        page
          .locator('main input:not([type=hidden])')
          .evaluateAll((inputs) =>
            (inputs as HTMLInputElement[])
              .filter(({ type }) => type !== 'checkbox')
              .map(({ autocomplete, type, name, inputMode }) => ({ autocomplete, type, name, inputMode })),
          )
      assert.deepEqual(await fields(), [{ ...TOKENS, inputMode: 'numeric' }])
      const uri = new URL(
        (await page.getByRole('link', { name: 'Open the app on this device' }).getAttribute('href')) ?? '',
      )
      assert.deepEqual(
        [uri.protocol, uri.host, decodeURIComponent(uri.pathname), uri.searchParams.get('issuer')],
        ['otpauth:', 'totp', `/Matricula:${ada.email}`, 'Matricula'],
      )
      const secret = uri.searchParams.get('secret') ?? ''
      await enter(page, 'Code that the app shows', codeAt(app, secret), 'Switch it on')
      await logOut(page)
      await firstStep(page, ada)
      assert.deepEqual(await fields(), [{ ...TOKENS, inputMode: 'numeric' }])
      await page.getByRole('link', { name: 'Use a recovery code instead' }).click()
      assert.deepEqual(await fields(), [{ ...TOKENS, inputMode: 'text' }])
    }))
})

describe('the recovery codes on paper', () => {
  it('are all there, with whose they are, and nothing else of the page', () =>
    walkIn(chromium, 'off', { viewport: SCREENS.desk }, async (page) => {
      const ada = somebody('Ada')
      await signUpConfirmed(page, ada)
      const { codes } = await setUp(page)
      await page.emulateMedia({ media: 'print' })
      const seen = await page.locator('body').innerText()
      for (const code of codes) assert.ok(seen.includes(code), code)
      assert.ok(seen.includes(ada.email))
      for (const button of await page.getByRole('button').all()) assert.equal(await button.isVisible(), false)
    }))
})

it('whoever has no second step sees nothing of it at a login', async () => {
  const { browser, person } = await learner(app, 'Ben')
  await browser.logOut()
  const login = await browser.get('/login')
  assert.ok(!/second step|authenticator|recovery code/i.test(login.text))
  assert.equal((await browser.logIn(person)).headers.location, '/dashboard')
})
