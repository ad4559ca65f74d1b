/** The questions by keyboard alone, in two browsers at once, and with what the script adds to them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../support/app.ts'
import { sendLogin, startBrowser } from '../support/browser.ts'
import { learner, somebody } from '../support/people.ts'
import { answersOn, at, focusedId, keysTo, of, press, SCREENS, signUpIn, skipTo, walkIn } from '../support/walk.ts'

const app = await startApp()
const chromium = await startBrowser()

const F1 = 'Introduction to Physical AI and embodied intelligence'

for (const mode of ['off', 'on'] as const) {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    it(`all of it works from the keyboard alone: JavaScript ${mode}, on a ${screen}`, () =>
      walkIn(chromium, mode, { viewport }, async (page) => {
        await signUpIn(page, app, somebody('Ada'))
        await keysTo(page, 'softwareExperience', 'ArrowDown')
        await page.keyboard.press('Enter')
        await at(page, '/onboarding/languages')
        await keysTo(page, 'programmingLanguages-cpp', 'Space')
        await keysTo(page, 'Continue', 'Enter')
        await at(page, '/onboarding/robotics')
        await keysTo(page, 'Skip for now', 'Space')
        await at(page, '/onboarding/equipment')
        await keysTo(page, 'Continue', 'Enter')
        await page.locator('#error-summary').waitFor()
        await keysTo(page, 'Select the equipment', 'Enter')
        assert.equal(await focusedId(page), 'hardwareAccess')
        await page.keyboard.press('Space')
        await page.keyboard.press('Enter')
        await at(page, '/onboarding/focus')
        await keysTo(page, 'Skip for now', 'Enter')
        await at(page, '/onboarding/goals')
        await keysTo(page, 'projectGoalsText', 'W')
        await page.keyboard.type('alk')
        await page.keyboard.press('Enter')
        await page.keyboard.type('and talk')
        await keysTo(page, 'Continue', 'Enter')

        await at(page, '/onboarding/check')
        assert.deepEqual((await answersOn(page, 'Programming'))[0], 'I can write short scripts')
        assert.deepEqual((await answersOn(page, 'Languages'))[0], 'C++')
        assert.equal((await answersOn(page, 'Goals'))[0], 'Walk\nand talk')
        await keysTo(page, 'Change: Focus', 'Enter')
        await at(page, '/onboarding/focus?from=check')
        await keysTo(page, 'primaryFocus', 'Space')
        await page.keyboard.press('Enter')
        await at(page, '/onboarding/check')
        await keysTo(page, 'Save my answers', 'Enter')
        await at(page, '/dashboard')
        await keysTo(page, 'Something else', 'Enter')
        assert.ok(await page.getByRole('button', { name: of('Put aside', F1) }).isVisible())
        await page.goto(`${app.url}/dashboard`)
        await keysTo(page, `Start: ${F1}`, 'Enter')
        await at(page, '/lessons/f1')
        await keysTo(page, `Mark as done: ${F1}`, 'Space')
        await page.locator('#lesson-f1', { hasText: 'Done' }).waitFor()
      }))
  }
}

describe('a second browser', () => {
  it('shows at once what the first has been told, before and after it is saved', () =>
    walkIn(chromium, 'off', { viewport: SCREENS.phone }, async (phone) => {
      const { person } = await learner(app, 'Ada')
      await walkIn(chromium, 'on', { viewport: SCREENS.desk }, async (desk) => {
        for (const page of [phone, desk]) {
          await page.goto(`${app.url}/login?next=/onboarding`)
          await sendLogin(page, person)
          await at(page, '/onboarding/programming')
        }
        await desk.getByLabel('I build software for others to use').check()
        await press(desk, 'Continue')
        await at(desk, '/onboarding/languages')
        await phone.reload()
        assert.ok(await phone.getByLabel('I build software for others to use').isChecked())
        await phone.goto(`${app.url}/onboarding`)
        await at(phone, '/onboarding/languages')
        await skipTo(phone, 'check')
        await desk.goto(`${app.url}/onboarding`)
        await at(desk, '/onboarding/check')

        await phone.getByRole('link', { name: of('Change', 'Focus') }).click()
        await phone.getByLabel('NVIDIA Isaac').check()
        await press(phone, 'Continue')
        await at(phone, '/onboarding/check')
        await press(desk, 'Save my answers')
        await desk.getByText('Nothing was saved').waitFor()
        assert.deepEqual((await answersOn(desk, 'Focus'))[0], 'NVIDIA Isaac')
        await press(desk, 'Save my answers')
        await at(desk, '/dashboard')
        await press(phone, 'Save my answers')
        await at(phone, '/dashboard')
        assert.equal(await phone.locator('.first h2').innerText(), F1)
        assert.match(await phone.locator('.because').innerText(), /NVIDIA Isaac/)
      })
    }))
})

describe('what the script adds', () => {
  it('a counter that speaks politely and moves no focus', () =>
    walkIn(chromium, 'on', {}, async (page) => {
      await signUpIn(page, app, somebody('Ada'))
      await skipTo(page, 'goals')
      const hint = page.locator('#projectGoalsText-hint')
      const text = page.getByLabel('Tell us more (optional)')
      assert.equal(await hint.innerText(), 'Up to 500 characters')
      assert.equal(await hint.getAttribute('aria-live'), 'polite')
      for (const [typed, says] of [
        ['Walk', '496 characters left'],
        ['🤖\n', '498 characters left'],
        ['x'.repeat(499), '1 character left'],
        ['x'.repeat(500), '0 characters left'],
        ['x'.repeat(502), '2 characters too many'],
        ['', 'Up to 500 characters'],
      ] as const) {
        await text.fill(typed)
        assert.equal(await hint.innerText(), says)
        assert.equal(await focusedId(page), 'projectGoalsText')
      }
    }))

  it('one saving for several presses', () =>
    walkIn(chromium, 'on', {}, async (page) => {
      await signUpIn(page, app, somebody('Ada'))
      await skipTo(page, 'check')
      let release = () => {}
      const released = new Promise<void>((resolve) => {
        release = resolve
      })
      await page.route('**/onboarding/check', (route) => released.then(() => route.continue()))
      // The page records this itself, because it cannot be queried while it waits for the answer.
      await page.evaluate(`document.addEventListener('submit', ({ defaultPrevented, submitter }) => {
        const presses = JSON.parse(sessionStorage.getItem('presses') ?? '[]')
        sessionStorage.setItem('presses', JSON.stringify([...presses, [defaultPrevented, submitter.textContent]]))
      })`)
      const button = page.locator('#save-answers-form button')
      await button.scrollIntoViewIfNeeded()
      const box = (await button.boundingBox()) ?? assert.fail()
      for (let presses = 0; presses < 3; presses += 1) await page.mouse.click(box.x + 5, box.y + 5)
      release()
      await at(page, '/dashboard')
      assert.deepEqual(JSON.parse(await page.evaluate(`sessionStorage.getItem('presses')`)), [
        [false, 'Saving…'],
        [true, 'Saving…'],
        [true, 'Saving…'],
      ])
    }))
})
