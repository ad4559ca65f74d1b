/** Answers in forms that a browser would not send but that can still be read, texts that are too long, and markup. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { answer, CHECK, encode, filledIn, type Given, passAll, saveAnswers } from '../../support/learning.ts'
import { learner, problemsOf } from '../../support/people.ts'

const app = await startApp()

describe('an answer in an unusual form', () => {
  const TAKEN: Record<string, { step: string; sends: string; shows: Given }> = {
    'the same box many times': {
      step: 'languages',
      sends: 'programmingLanguages=python&'.repeat(90),
      shows: { programmingLanguages: ['python'] },
    },
    'boxes in another order': {
      step: 'equipment',
      sends: 'hardwareAccess=microphone&hardwareAccess=laptop_cpu',
      shows: { hardwareAccess: ['laptop_cpu', 'microphone'] },
    },
    'fields that are not there': {
      step: 'programming',
      sends:
        '__proto__=x&constructor=x&toString=x&hasOwnProperty=x&skillLevel=advanced&softwareExperience=none&admin=1',
      shows: { softwareExperience: ['none'] },
    },
    'an empty choice beside the one': {
      step: 'programming',
      sends: 'softwareExperience=&softwareExperience=advanced',
      shows: { softwareExperience: ['advanced'] },
    },
    '500 characters beyond the first plane': {
      step: 'goals',
      sends: encode({ projectGoalsText: '🤖'.repeat(500) }),
      shows: { projectGoalsText: '🤖'.repeat(500) },
    },
    'line breaks of Windows, space around, and a letter in two parts': {
      step: 'goals',
      sends: encode({ projectGoalsText: '  One\r\n\r\nTwo\rZoe\u0308\t! \r\n' }),
      shows: { projectGoalsText: 'One\n\nTwo\nZo\u00eb\t!' },
    },
    'a button pressed twice': {
      step: 'robotics',
      sends: 'skillLevel=advanced&action=continue&action=skip',
      shows: { skillLevel: ['advanced'] },
    },
  }

  for (const [form, { step, sends, shows }] of Object.entries(TAKEN)) {
    it(`is taken for what it says: ${form}`, async () => {
      const { browser } = await learner(app, 'Ada')
      await passAll(browser, [])
      const token = await browser.token('/help')
      assert.equal((await browser.post(`/onboarding/${step}`, `${sends}&_csrf=${token}`)).status, 303)
      const filled = filledIn((await browser.get(`/onboarding/${step}`)).text)
      for (const [name, value] of Object.entries(shows)) assert.deepEqual(filled[name], value)
      const others = filledIn((await browser.get('/profile')).text)
      const given = Object.entries(others).filter(([name, value]) => !(name in shows) && [value].flat().some(Boolean))
      assert.deepEqual(given, [], 'no other question was answered by it')
    })
  }

  it('is no answer: fields in brackets, as other frameworks read them', async () => {
    const { browser } = await learner(app, 'Ada')
    for (const name of ['softwareExperience[]', 'softwareExperience[0]', 'softwareExperience.0']) {
      const { status, text } = await answer(browser, 'programming', { [name]: 'none' })
      assert.equal(status, 422)
      assert.equal(problemsOf(text)[0]?.message, 'Select how much programming you have done')
    }
  })

  it('is no answer: a text of nothing but space', async () => {
    const { browser } = await learner(app, 'Ada')
    const { status, text } = await answer(browser, 'goals', { projectGoalsText: ' \r\n \t' })
    assert.equal(status, 422)
    assert.equal(problemsOf(text)[0]?.href, '#projectGoals')
  })

  it('is too much: more fields or bytes than any form of ours has', async () => {
    const { browser } = await learner(app, 'Ada')
    const token = await browser.token('/help')
    for (const body of ['programmingLanguages=python&'.repeat(101), `projectGoalsText=${'x'.repeat(20_000)}`]) {
      for (const path of ['/onboarding/languages', '/onboarding/goals', '/profile', CHECK]) {
        assert.equal((await browser.post(path, `_csrf=${token}&${body}`)).status, 413)
      }
    }
  })
})

describe('markup in the text', () => {
  const MARKUP = '</textarea><script>alert(1)</script>\n"><img src=x onerror=alert(1)> &lt; <%= 7*7 %> {{x}}'

  it('[X01, X02] is shown as it was typed, wherever it is shown', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser, ['programming'])
    await answer(browser, 'goals', { projectGoalsText: MARKUP })
    const refused = await answer(browser, 'goals', { projectGoals: 'fame', projectGoalsText: MARKUP })
    const pages = [
      refused,
      await browser.get('/onboarding/goals'),
      await browser.get(CHECK),
      await browser.get('/profile'),
    ]
    await saveAnswers(browser)
    pages.push(await browser.get('/profile'), await browser.get('/dashboard'))
    for (const { text } of pages) {
      const page = parse(text)
      assert.equal(page.querySelectorAll('script').length, 1)
      assert.equal(page.querySelectorAll('img, [onerror]').length, 0)
    }
    for (const { text } of [refused, ...pages.slice(3, 5)]) assert.equal(filledIn(text).projectGoalsText, MARKUP)
    const typed = parse(pages[2]?.text ?? '').querySelector('.typed')
    assert.equal(typed?.text, MARKUP)
    assert.equal(typed?.getAttribute('dir'), 'auto')
  })
})
