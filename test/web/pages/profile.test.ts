/** All answers on one page, which can be changed at any time. */
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
  filledIn,
  type Given,
  NOTHING_SAVED,
  PROFILE,
  passAll,
  rowsOf,
  STEPS,
  saveAnswers,
  send,
} from '../../support/learning.ts'
import { type Browser, learner, openBrowser } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })

const PATH = '/profile'
const savedOf = async (browser: Browser): Promise<unknown> => (await apiOf(app, browser).get('/api/profile')).body
const shownTo = async (browser: Browser): Promise<Given> => filledIn((await browser.get(PATH)).text)

/** The form without any answer: single choices are at “Not answered”, boxes are empty. */
const ALL_OPEN = {
  softwareExperience: [''],
  programmingLanguages: [],
  skillLevel: [''],
  hardwareAccess: [],
  primaryFocus: [''],
  projectGoals: [],
  projectGoalsText: '',
}

const inLists = (given: Given): Given =>
  Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, name === 'projectGoalsText' ? value : [value].flat()]),
  )

describe('the page of all answers', () => {
  it('asks the six questions of the beginning, under the same names', async () => {
    const { browser } = await learner(app, 'Ada')
    const page = parse((await browser.get(PATH)).text)
    assert.equal(page.querySelector('h1')?.text, 'Your answers')
    assert.equal(page.querySelectorAll('fieldset').length, 6)
    const fieldsets = page.querySelectorAll('fieldset')
    for (const [index, step] of STEPS.entries()) {
      await answer(browser, step)
      const question = parse((await browser.get(`/onboarding/${step}`)).text)
      assert.equal(fieldsets[index]?.querySelector('legend h2')?.text, question.querySelector('legend h1')?.text)
      const fieldsOf = (name: string, place = question) =>
        place
          .querySelectorAll(`${name} .choice:not([hidden]) input`)
          .map((input) => [input.getAttribute('name'), input.getAttribute('value')])
      const own = fieldsets[index]
        ?.querySelectorAll('input')
        .map((input) => [input.getAttribute('name'), input.getAttribute('value')])
      assert.deepEqual(
        own?.filter(([, value]) => value !== ''),
        fieldsOf('fieldset'),
      )
    }
    assert.deepEqual(
      page.querySelectorAll('main button').map((button) => button.text),
      ['Save my answers'],
    )
  })

  it('shows every question open to somebody who has not answered', async () => {
    const { browser } = await learner(app, 'Ada')
    assert.deepEqual(await shownTo(browser), ALL_OPEN)
    const open = parse((await browser.get(PATH)).text).querySelectorAll('input[type=radio][value=""]')
    assert.equal(open.length, 3)
    for (const { id } of open) {
      const page = parse((await browser.get(PATH)).text)
      assert.equal(page.querySelector(`label[for="${id}"]`)?.text, 'Not answered')
    }
  })

  it('shows the answers that were given at the beginning, nothing has to be told twice', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser)
    await saveAnswers(browser)
    assert.deepEqual(await shownTo(browser), inLists(PROFILE))
  })

  it('shows answers that are not saved yet, and saves them with the rest', async () => {
    const { browser } = await learner(app, 'Ada')
    await answer(browser, 'focus')
    assert.deepEqual(await shownTo(browser), { ...ALL_OPEN, primaryFocus: ['vla'] })
    await send(browser, PATH, await shownTo(browser))
    assert.deepEqual(await savedOf(browser), { ...NOTHING_SAVED, primaryFocus: 'vla', onboarded: true })
  })
})

describe('saving it', () => {
  it('replaces all answers at once, and says so on the dashboard', async () => {
    const { browser } = await learner(app, 'Ada')
    const { status, headers } = await send(browser, PATH, PROFILE)
    assert.deepEqual([status, headers.location], [303, '/dashboard'])
    const page = parse((await browser.get('/dashboard')).text)
    assert.match(page.querySelector('.success')?.text ?? '', /Your answers are saved\./)
    assert.equal(parse((await browser.get('/dashboard')).text).querySelector('.success'), null)
    assert.deepEqual(await savedOf(browser), { ...PROFILE, onboarded: true })
    assert.deepEqual(await shownTo(browser), inLists(PROFILE))
  })

  it('is seen by the questions of the beginning, which are then all behind', async () => {
    const { browser } = await learner(app, 'Ada')
    await send(browser, PATH, PROFILE)
    assert.equal((await browser.get('/onboarding')).headers.location, CHECK)
    for (const step of STEPS) {
      assert.deepEqual(filledIn((await browser.get(`/onboarding/${step}`)).text), inLists(ANSWERS[step] ?? {}))
    }
    assert.deepEqual(rowsOf((await browser.get(CHECK)).text).Focus, ['Voice, language and action (VLA)'])
  })

  it('takes answers back that are left open', async () => {
    const { browser } = await learner(app, 'Ada')
    await send(browser, PATH, PROFILE)
    await send(browser, PATH, { softwareExperience: '', skillLevel: '', primaryFocus: '', projectGoalsText: '' })
    assert.deepEqual(await savedOf(browser), { ...NOTHING_SAVED, onboarded: true })
    assert.deepEqual(await shownTo(browser), ALL_OPEN)
  })

  it('drops a change that waited to be saved', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser)
    await saveAnswers(browser)
    await answer(browser, 'focus', { primaryFocus: 'isaac' })
    await send(browser, PATH, PROFILE)
    assert.deepEqual(filledIn((await browser.get('/onboarding/focus')).text), { primaryFocus: ['vla'] })
    assert.equal(parse((await browser.get('/dashboard')).text).querySelector('.invitation'), null)
  })

  it('five times at once is done five times, and the answers are those', async () => {
    const { browser } = await learner(app, 'Ada')
    const responses = await Promise.all(Array.from({ length: 5 }, () => send(browser, PATH, PROFILE)))
    for (const { status, headers } of responses) assert.deepEqual([status, headers.location], [303, '/dashboard'])
    assert.deepEqual(await savedOf(browser), { ...PROFILE, onboarded: true })
  })

  it('with a mistake saves nothing', async () => {
    const { browser } = await learner(app, 'Ada')
    await send(browser, PATH, PROFILE)
    const { status } = await send(browser, PATH, { ...PROFILE, primaryFocus: 'cooking', skillLevel: 'advanced' })
    assert.equal(status, 422)
    assert.deepEqual(await savedOf(browser), { ...PROFILE, onboarded: true })
  })

  it('is seen at once by another browser, and by nobody else', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const { browser: ben } = await learner(app, 'Ben')
    const phone = openBrowser(app)
    await phone.logIn(person)
    await send(browser, PATH, PROFILE)
    assert.deepEqual(await shownTo(phone), inLists(PROFILE))
    assert.deepEqual(await shownTo(ben), ALL_OPEN)
  })
})

describe('the page of all answers, for others', () => {
  it('leads a visitor to the login and back', async () => {
    const { person } = await learner(app, 'Ada')
    const visitor = openBrowser(app)
    const { status, headers } = await visitor.get(PATH)
    assert.deepEqual([status, headers.location], [303, '/login?next=%2Fprofile'])
    assert.equal((await visitor.logIn(person, { next: PATH })).headers.location, PATH)
    assert.equal((await visitor.get(PATH)).status, 200)
  })

  it('takes nothing without a token or from another site', async () => {
    const { browser } = await learner(app, 'Ada')
    const token = await browser.token(PATH)
    const body = encode({ ...PROFILE, _csrf: token })
    assert.equal((await browser.post(PATH, encode(PROFILE))).status, 403)
    assert.equal((await browser.post(PATH, body, { 'Sec-Fetch-Site': 'same-site' })).status, 403)
    assert.deepEqual(await savedOf(browser), NOTHING_SAVED)
  })

  it('knows no other methods', async () => {
    const { browser } = await learner(app, 'Ada')
    const { status, headers } = await browser.agent.delete(PATH).ok(() => true)
    assert.deepEqual([status, headers.allow], [405, 'GET, POST, HEAD'])
  })
})
