/**
 * From the first question to the next lesson in a real browser: with JavaScript off, on and blocked, on phone and
 * desktop.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { somebody } from '../support/people.ts'
import {
  answersOn,
  at,
  fitsTheScreen,
  focusedId,
  isOnScreen,
  type Mode,
  of,
  press,
  SCREENS,
  signUpIn,
  walkIn,
} from '../support/walk.ts'

const app = await startApp()
const chromium = await startBrowser()

const F1 = 'Introduction to Physical AI and embodied intelligence'

const success = (page: Page) => page.locator('.success')
const says = (page: Page, words: string) => success(page).getByText(words).waitFor()

/** Ticks “none” together with another box. The script unticks one of them; without it the server says what to do. */
async function contradictOneself(page: Page, mode: Mode): Promise<void> {
  const none = page.getByLabel('None of these, I will read along')
  const microphone = page.getByLabel('USB microphone or array')
  await microphone.check()
  await none.check()
  if (mode === 'on') {
    assert.ok(!(await microphone.isChecked()), '“none” takes the others away')
    await microphone.check()
    assert.ok(!(await none.isChecked()), 'another takes “none” away')
    return
  }
  await press(page, 'Continue')
  await page.locator('#error-summary:focus').waitFor()
  assert.match(await page.title(), /^Error: /)
  assert.ok((await microphone.isChecked()) && (await none.isChecked()), 'what was ticked is kept')
  await page.locator('#error-summary a').click()
  assert.equal(await focusedId(page), 'hardwareAccess')
  await none.uncheck()
}

for (const mode of ['off', 'on', 'blocked'] as const) {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    describe(`with JavaScript ${mode}, on a ${screen}`, () => {
      it('Ada answers, skips, changes her mind, saves, and takes up her first lesson', () =>
        walkIn(chromium, mode, { viewport }, async (page) => {
          await signUpIn(page, app, somebody('Ada'))
          assert.match(await success(page).innerText(), /Your account is ready/)
          await fitsTheScreen(page)
          await page.getByLabel('I can write short scripts').check()
          await press(page, 'Continue')

          await at(page, '/onboarding/languages')
          assert.equal(await success(page).count(), 0)
          await page.getByLabel('Python', { exact: true }).check()
          await press(page, 'Continue')
          await at(page, '/onboarding/robotics')
          await press(page, 'Skip for now')

          await at(page, '/onboarding/equipment')
          assert.equal(await page.locator('.caption').innerText(), 'Question 4 of 6')
          await contradictOneself(page, mode)
          await fitsTheScreen(page)
          await press(page, 'Continue')
          await at(page, '/onboarding/focus')
          await page.getByRole('link', { name: 'Back' }).click()
          await at(page, '/onboarding/equipment')
          assert.ok(await page.getByLabel('USB microphone or array').isChecked())
          await page.goBack()
          await at(page, '/onboarding/focus')
          await page.getByLabel('Voice, language and action (VLA)').check()
          await press(page, 'Continue')

          await at(page, '/onboarding/goals')
          const text = page.getByLabel('Tell us more (optional)')
          await text.fill('x'.repeat(501))
          const counter = await page.locator('#projectGoalsText-hint').innerText()
          assert.equal(counter, mode === 'on' ? '1 character too many' : 'Up to 500 characters')
          await press(page, 'Continue')
          await page.getByRole('link', { name: 'Tell us more in 500 characters or fewer' }).click()
          assert.equal(await focusedId(page), 'projectGoalsText')
          assert.equal(await text.inputValue(), 'x'.repeat(501))
          await text.fill('A robot that waters plants.\nAnd finds them.')
          await press(page, 'Continue')

          await at(page, '/onboarding/check')
          await fitsTheScreen(page)
          assert.deepEqual(await answersOn(page, 'Robotics and AI'), ['Not answered'])
          assert.equal((await answersOn(page, 'Goals'))[0], 'A robot that waters plants.\nAnd finds them.')
          await page.getByRole('link', { name: of('Change', 'Equipment') }).click()
          await page.getByLabel('Laptop or desktop without an NVIDIA RTX card').check()
          await press(page, 'Continue')
          await at(page, '/onboarding/check')
          assert.equal((await answersOn(page, 'Equipment')).length, 2)
          await page.reload()
          await press(page, 'Save my answers')

          await at(page, '/dashboard')
          await fitsTheScreen(page)
          assert.equal(await page.locator('h1').innerText(), 'Hello, Ada')
          assert.match(await success(page).innerText(), /Your answers are saved/)
          assert.equal(await page.locator('.invitation').innerText(), 'Answer 1 more question for better suggestions')
          await page.reload()
          assert.equal(await success(page).count(), 0)
          await studyFrom(page)
        }))
    })
  }
}

/** The dashboard, its first lesson, and back: look at its reasons, start, undo, mark as done, undo, put aside. */
async function studyFrom(page: Page): Promise<void> {
  assert.ok(await page.locator('.first').getByText('Leads to your focus: Voice, language and action').isVisible())
  await press(page, of('Start', F1))
  await at(page, '/lessons/f1')
  await says(page, 'is started.')
  await success(page).getByRole('button', { name: 'Undo' }).click()
  await says(page, 'is back among your lessons.')
  await page.goto(`${app.url}/dashboard`)
  const done = page.getByRole('button', { name: of('Mark as done', F1) })
  assert.ok(!(await done.isVisible()))
  await page.getByText('Something else').click()
  await done.click()
  await says(page, 'is done. It has opened Sensor systems')
  assert.equal(page.url(), `${app.url}/dashboard`)
  assert.ok(await isOnScreen(page, '.first'), 'what comes next is shown')
  assert.equal(await page.getByText('1 of 32 lessons').count(), 1)

  await page.locator('.stop[data-lesson=f1] a').click()
  await at(page, '/lessons/f1')
  await fitsTheScreen(page)
  await press(page, of('Undo', F1))
  await says(page, 'is back among your lessons.')
  await press(page, of('Put aside', F1))
  await says(page, 'is put aside.')
  assert.equal(page.url(), `${app.url}/lessons/f1`)
  assert.equal(await page.locator('#lesson-f1').innerText(), 'Put aside')
  await page.getByRole('link', { name: 'Your dashboard' }).click()
  await at(page, '/dashboard')
  assert.equal(await page.getByText('0 of 31 lessons').count(), 1)

  await page.getByRole('link', { name: 'Account' }).click()
  await page.getByRole('link', { name: 'Change what your suggestions are based on' }).click()
  await at(page, '/profile')
  await fitsTheScreen(page)
  await page.getByText('Focus', { exact: true }).click()
  assert.ok(await page.getByLabel('Voice, language and action (VLA)').isChecked())
  await page.getByText('Robotics and AI', { exact: true }).click()
  assert.ok(
    await page
      .getByRole('group', { name: /robotics or AI/ })
      .getByLabel('Not answered')
      .isChecked(),
  )
  await page.getByLabel('I have used ROS or a simulator, or trained a model').check()
  await press(page, 'Save my answers')
  await at(page, '/dashboard')
  assert.equal(await page.locator('.invitation').count(), 0)
}
