/** Checking the answers: nothing counts before it is saved, and answers that are not saved yet are not lost. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import {
  ANSWERS,
  answer,
  CHECK,
  encode,
  FIRST_QUESTION,
  filledIn,
  NOTHING_SAVED,
  passAll,
  rowsOf,
  SAVED,
  STEPS,
  saveAnswers,
  send,
  skip,
} from '../../support/learning.ts'
import { type Browser, learner, openBrowser } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })
const second = await startApp({}, { databaseUrl: app.databaseUrl })

const savedOf = async (browser: Browser): Promise<unknown> => (await apiOf(app, browser).get('/api/profile')).body

/** Everything that the dashboard says, except the line that invites to answer. */
const suggestedTo = async (browser: Browser): Promise<string[]> => {
  const page = parse((await browser.get('/dashboard')).text)
  return page.querySelectorAll('main .first, main .after, main .course').map(({ text }) => text.replace(/\s+/g, ' '))
}

describe('the overview of the answers', () => {
  it('shows each in the words of its question, with a link to change it', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser)
    const { text } = await browser.get(CHECK)
    assert.deepEqual(rowsOf(text), {
      Programming: ['I can write short scripts'],
      Languages: ['Python', 'C# (used with Unity)'],
      'Robotics and AI': ['None yet'],
      Equipment: ['Laptop or desktop without an NVIDIA RTX card', 'USB microphone or array'],
      Focus: ['Voice, language and action (VLA)'],
      Goals: [
        ...['Use AI and machine learning in robots', 'Move into a robotics career'],
        'A robot that waters plants.\nAnd finds them.',
      ],
    })
    const links = parse(text).querySelectorAll('.answers a')
    assert.deepEqual(
      links.map((link) => [link.getAttribute('href'), link.text]),
      STEPS.map((step, index) => [`/onboarding/${step}?from=check`, `Change: ${Object.keys(rowsOf(text))[index]}`]),
    )
    assert.deepEqual(
      parse(text)
        .querySelectorAll('main button')
        .map((button) => button.text),
      ['Save my answers'],
    )
  })

  it('says “Not answered” where a question was skipped', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser, [])
    const rows = rowsOf((await browser.get(CHECK)).text)
    assert.equal(Object.keys(rows).length, 6)
    for (const words of Object.values(rows)) assert.deepEqual(words, ['Not answered'])
  })

  it('is where a change leads back to, whatever question was changed', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser)
    for (const step of STEPS) {
      assert.equal((await browser.get(`/onboarding/${step}`)).status, 200)
      assert.equal((await answer(browser, step)).headers.location, CHECK)
      assert.equal((await skip(browser, step)).headers.location, CHECK)
    }
  })
})

describe('nothing counts before “Save my answers”', () => {
  it('neither for the dashboard nor for the API, and then all of it does', async () => {
    const { browser } = await learner(app, 'Ada')
    const before = await suggestedTo(browser)
    assert.deepEqual(await savedOf(browser), NOTHING_SAVED)
    for (const step of STEPS) {
      await answer(browser, step)
      assert.deepEqual(await suggestedTo(browser), before, step)
      assert.deepEqual(await savedOf(browser), NOTHING_SAVED, step)
    }
    await browser.get(CHECK)
    assert.deepEqual(await savedOf(browser), NOTHING_SAVED)
    const { status, headers } = await saveAnswers(browser)
    assert.deepEqual([status, headers.location], [303, '/dashboard'])
    const dashboard = parse((await browser.get('/dashboard')).text)
    assert.match(dashboard.querySelector('.success')?.text ?? '', /Your answers are saved\./)
    assert.deepEqual(await savedOf(browser), SAVED)
    assert.notDeepEqual(await suggestedTo(browser), before)
  })

  it('also for a change of answers that were saved', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser)
    await saveAnswers(browser)
    const before = await suggestedTo(browser)
    await answer(browser, 'focus', { primaryFocus: 'isaac' })
    await skip(browser, 'goals')
    assert.deepEqual(await suggestedTo(browser), before)
    assert.deepEqual(await savedOf(browser), SAVED)
    await saveAnswers(browser)
    const goals = { projectGoals: [], projectGoalsText: null }
    assert.deepEqual(await savedOf(browser), { ...SAVED, primaryFocus: 'isaac', ...goals })
  })

  it('[X24] saves nothing for somebody who has not come to the end', async () => {
    const { browser } = await learner(app, 'Ada')
    await skip(browser, 'programming')
    const { status, headers } = await send(browser, CHECK, {})
    assert.deepEqual([status, headers.location], [303, '/onboarding/languages'])
    assert.deepEqual(await savedOf(browser), NOTHING_SAVED)
  })

  it('saves six skipped questions as no answers, which is an end too', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser, [])
    await saveAnswers(browser)
    assert.deepEqual(await savedOf(browser), { ...NOTHING_SAVED, onboarded: true })
  })
})

describe('answers on the way', () => {
  it('outlive a logout, and are there in another browser at once', async () => {
    const { browser, person } = await learner(app, 'Ada')
    for (const step of STEPS.slice(0, 3)) await answer(browser, step)
    await browser.logOut()
    const phone = openBrowser(second)
    await phone.logIn(person)
    assert.equal((await phone.get('/onboarding')).headers.location, '/onboarding/equipment')
    assert.deepEqual(filledIn((await phone.get('/onboarding/languages')).text), {
      programmingLanguages: ANSWERS.languages?.programmingLanguages,
    })

    const desk = openBrowser(app)
    await desk.logIn(person)
    await answer(phone, 'programming', { softwareExperience: 'advanced' })
    assert.deepEqual(filledIn((await desk.get(FIRST_QUESTION)).text), { softwareExperience: ['advanced'] })
    await skip(desk, 'equipment')
    assert.equal((await phone.get('/onboarding')).headers.location, '/onboarding/focus')
  })

  it('are kept when the login is over while a question is open: a new login finds those before', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await answer(browser, 'programming')
    const token = await browser.token('/onboarding/languages')
    await browser.logOut()
    const late = await browser.post('/onboarding/languages', encode({ programmingLanguages: 'python', _csrf: token }))
    assert.equal(late.status, 403)
    await browser.logIn(person)
    assert.equal((await browser.get('/onboarding')).headers.location, '/onboarding/languages')
  })

  it('are nobody else’s', async () => {
    const { browser: ada } = await learner(app, 'Ada')
    const { browser: ben } = await learner(app, 'Ben')
    await passAll(ada)
    await saveAnswers(ada)
    assert.deepEqual(await savedOf(ben), NOTHING_SAVED)
    assert.equal((await ben.get('/onboarding')).headers.location, FIRST_QUESTION)
  })
})
