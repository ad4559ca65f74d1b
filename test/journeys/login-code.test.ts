/** Ada has forgotten her password and logs in by a code of a mail: with JavaScript and without, on every screen. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { openMailbox } from '../support/mailbox.ts'
import { ASK, CONFIRM, codeOf, ENTER, notThis, SUBJECT } from '../support/mailed-codes.ts'
import { learner, type Person, somebody } from '../support/people.ts'
import { at, fitsTheScreen, logOut, press, SCREENS, walkIn } from '../support/walk.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const chromium = await startBrowser()
const MINUTE = 60_000
const TRIES = 5

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor()
const enter = async (page: Page, code: string) => {
  await page.getByLabel('Code', { exact: true }).fill(code)
  await press(page, 'Log in')
}

/** From the login page to the page for the code. */
async function askForCode(page: Page, { email }: Pick<Person, 'email'>): Promise<void> {
  await page.goto(`${app.url}/login`)
  await page.getByRole('link', { name: 'Log in with a code by email' }).click()
  await at(page, ASK)
  await heading(page, 'Log in with a code')
  await fitsTheScreen(page)
  await press(page, 'Send me a code')
  await page.locator('#error-summary:focus').waitFor()
  await page.getByLabel('Email address').fill(email)
  await press(page, 'Send me a code')
  await at(page, ENTER)
  await heading(page, 'Enter the code from your email')
  await fitsTheScreen(page)
}

/** Puts text where the cursor is, as a paste does. */
const paste = async (page: Page, text: string) => {
  await page.getByLabel('Code', { exact: true }).focus()
  await page.keyboard.insertText(text)
}

for (const mode of ['off', 'on'] as const) {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    const settings = { viewport, colorScheme: screen === 'desk' ? 'light' : 'dark' } as const
    it(`with JavaScript ${mode}, on a ${screen}: by what she types, pastes and presses`, () =>
      walkIn(chromium, mode, settings, async (page) => {
        const { person } = await learner(app, 'Ada')
        await askForCode(page, person)
        const first = codeOf(await mailbox.letterTo(person.email, SUBJECT))
        await enter(page, notThis(first))
        await page.locator('#error-summary:focus').waitFor()
        await page.getByRole('link', { name: '4 tries left' }).waitFor()
        await fitsTheScreen(page)
        await enter(page, first)
        await at(page, '/dashboard')
        await logOut(page)

        // As it is copied from a mail: with a space before it and one in the middle.
        await askForCode(page, person)
        const second = codeOf(await mailbox.letterTo(person.email, SUBJECT, 2))
        await paste(page, ` ${second.slice(0, 3)} ${second.slice(3)}`)
        await page.getByLabel('Keep me logged in').check()
        await page.keyboard.press('Enter')
        await at(page, '/dashboard')
        await logOut(page)

        await askForCode(page, person)
        const { link } = await mailbox.letterTo(person.email, SUBJECT, 3)
        await page.goto(link)
        await at(page, CONFIRM)
        await fitsTheScreen(page)
        await page.locator('main').getByText(person.email).waitFor()
        await press(page, 'Log in')
        await at(page, '/dashboard')
      }))

    it(`with JavaScript ${mode}, on a ${screen}: what she reads when it does not work`, () =>
      walkIn(chromium, mode, settings, async (page) => {
        const { person } = await learner(app, 'Ada')
        await askForCode(page, person)
        const letter = await mailbox.letterTo(person.email, SUBJECT)
        await walkIn(chromium, mode, settings, async (elsewhere) => {
          await elsewhere.goto(letter.link)
          await heading(elsewhere, 'This is another browser')
          await fitsTheScreen(elsewhere)
          assert.equal(await elsewhere.locator('main button').count(), 0)
          await elsewhere.getByRole('link', { name: 'Log in here, with a code of its own' }).click()
          await at(elsewhere, ASK)
        })
        for (let tries = 1; tries < TRIES; tries += 1) {
          await enter(page, notThis(codeOf(letter), tries))
          await page.locator('#error-summary:focus').waitFor()
        }
        await enter(page, notThis(codeOf(letter)))
        await heading(page, 'This code is over')
        await fitsTheScreen(page)
        await page.getByRole('link', { name: 'Ask for another code' }).click()
        await at(page, ASK)

        await askForCode(page, person)
        const late = await mailbox.letterTo(person.email, SUBJECT, 2)
        app.advance(11 * MINUTE)
        await enter(page, codeOf(late))
        await heading(page, 'This code has expired')
        await page.goto(late.link)
        await heading(page, 'This code has expired')
        await fitsTheScreen(page)
      }))
  }
}

describe('a password manager', () => {
  it('finds the address on one page, one field for a code on the next, and none for a password', () =>
    walkIn(chromium, 'off', { viewport: SCREENS.desk }, async (page) => {
      const fields = async () =>
        page
          .locator('main input:not([type=hidden])')
          .evaluateAll((inputs) =>
            (inputs as HTMLInputElement[])
              .filter(({ type }) => type !== 'checkbox')
              .map(({ autocomplete, type, name, inputMode }) => ({ autocomplete, type, name, inputMode })),
          )
      await page.goto(app.url + ASK)
      assert.deepEqual(await fields(), [{ autocomplete: 'username', type: 'email', name: 'email', inputMode: 'email' }])
      await askForCode(page, somebody('nobody'))
      assert.deepEqual(await fields(), [
        { autocomplete: 'one-time-code', type: 'text', name: 'code', inputMode: 'numeric' },
      ])
    }))
})

it('a form whose session has ended comes back after the code', () =>
  walkIn(chromium, 'off', { viewport: SCREENS.phone }, async (page) => {
    const { person } = await learner(app, 'Ada')
    await askForCode(page, person)
    await enter(page, codeOf(await mailbox.letterTo(person.email, SUBJECT)))
    await at(page, '/dashboard')
    await page.goto(`${app.url}/account`)
    await app.sql`delete from sessions where user_id = (select id from users where email = ${person.email})`
    await page.locator('#name').fill('Adah Byron')
    await press(page, 'Save name')
    await heading(page, 'Log in')
    await fitsTheScreen(page)
    await press(page, 'Log in with a code by email')
    await page.getByText('what you typed stands in its form again').waitFor()
    await fitsTheScreen(page)
    await page.getByLabel('Email address').fill(person.email)
    await press(page, 'Send me a code')
    await page.waitForURL(`**${ENTER}?next=%2Faccount`)
    await enter(page, codeOf(await mailbox.letterTo(person.email, SUBJECT, 2)))
    await at(page, '/account')
    assert.equal(await page.locator('#name').inputValue(), 'Adah Byron')
  }))
