/** The six questions after a sign-up: one per page, and each can be answered, skipped and opened again. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { ANSWERS, answer, CHECK, FIRST_QUESTION, filledIn, passAll, STEPS, send, skip } from '../../support/learning.ts'
import { learner, openBrowser, problemsOf } from '../../support/people.ts'

const app = await startApp()

const QUESTIONS = [
  {
    step: 'programming',
    field: 'softwareExperience',
    heading: 'How much programming have you done?',
    why: /how much code a lesson expects/,
    type: 'radio',
    options: ['none', 'beginner', 'intermediate', 'advanced'],
    empty: 'Select how much programming you have done',
  },
  {
    step: 'languages',
    field: 'programmingLanguages',
    heading: 'Which languages can you use?',
    why: /Most lessons use Python/,
    type: 'checkbox',
    options: ['python', 'cpp', 'c', 'csharp', 'javascript', 'rust', 'go', 'java', 'matlab', 'none'],
    empty: 'Select the languages you can use, or select “None of these yet”',
  },
  {
    step: 'robotics',
    field: 'skillLevel',
    heading: 'How much robotics or AI have you done?',
    why: /the starting point/,
    type: 'radio',
    options: ['beginner', 'intermediate', 'advanced'],
    empty: 'Select how much robotics or AI you have done',
  },
  {
    step: 'equipment',
    field: 'hardwareAccess',
    heading: 'What equipment can you use?',
    why: /every lesson can be read without/,
    type: 'checkbox',
    options: [
      ...['laptop_cpu', 'rtx_8gb', 'rtx_12gb', 'rtx_24gb', 'cloud_gpu', 'jetson_orin', 'raspberry_pi', 'depth_camera'],
      ...['microphone', 'robot_proxy', 'robot_humanoid_mini', 'robot_humanoid', 'none'],
    ],
    empty: 'Select the equipment you can use, or select “None of these, I will read along”',
  },
  {
    step: 'focus',
    field: 'primaryFocus',
    heading: 'What do you most want to learn?',
    why: /come first/,
    type: 'radio',
    options: ['ros2', 'simulation', 'isaac', 'perception', 'humanoid', 'vla', 'edge', 'balanced'],
    empty: 'Select what you most want to learn',
  },
  {
    step: 'goals',
    field: 'projectGoals',
    heading: 'What would you like to achieve?',
    why: /all that apply/,
    type: 'checkbox',
    options: [
      ...['autonomous_robot', 'ros2', 'ai_robotics', 'simulation', 'nvidia_isaac', 'humanoid', 'research', 'career'],
      'coursework',
    ],
    empty: 'Select what you would like to achieve, or skip this question',
  },
]

const pathAfter = (step: string): string => {
  const next = STEPS[STEPS.indexOf(step) + 1]
  return next === undefined ? CHECK : `/onboarding/${next}`
}

for (const [index, { step, field, heading, why, type, options, empty }] of QUESTIONS.entries()) {
  const path = `/onboarding/${step}`
  const before = index === 0 ? '/dashboard' : `/onboarding/${STEPS[index - 1]}`

  describe(`the question of ${step}`, async () => {
    const { browser } = await learner(app, 'Ada')
    for (const earlier of STEPS.slice(0, index)) await skip(browser, earlier)

    it('is a page of its own that says why it is asked, with nothing ticked and the way back', async () => {
      const { status, text } = await browser.get(path)
      assert.equal(status, 200)
      const page = parse(text)
      assert.equal(page.querySelector('fieldset > legend > h1')?.text, heading)
      assert.equal(page.querySelector('.caption')?.text, `Question ${index + 1} of 6`)
      const fieldset = page.querySelector('fieldset')
      assert.equal(fieldset?.getAttribute('aria-describedby'), `${field}-hint`)
      assert.match(page.getElementById(`${field}-hint`)?.text ?? '', why)
      assert.equal(page.querySelector('nav[aria-label=Back] a')?.getAttribute('href'), before)
      assert.equal(page.querySelector('#question-form')?.getAttribute('action'), path)
      const inputs = page.querySelectorAll(`#question-form .choice:not([hidden]) input[name=${field}]`)
      assert.deepEqual(
        inputs.map((input) => input.getAttribute('value')),
        options,
      )
      for (const input of inputs) {
        assert.equal(input.getAttribute('type'), type)
        assert.ok(!input.hasAttribute('checked'), 'is not ticked')
        assert.equal(page.querySelectorAll(`label[for="${input.id}"]`).length, 1)
      }
      assert.equal(page.querySelectorAll('select').length, 0)
      assert.deepEqual(
        page.querySelectorAll('#question-form button').map((button) => [button.getAttribute('value'), button.text]),
        [
          ['continue', 'Continue'],
          ['skip', 'Skip for now'],
        ],
      )
    })

    it('has “none of these” last, after an “or”, where several can be chosen', async () => {
      const choices = parse((await browser.get(path)).text).querySelectorAll('fieldset > .choice, fieldset > .or')
      const ors = choices.flatMap(({ classList }, at) => (classList.contains('or') ? [at] : []))
      const expected = type === 'checkbox' && options.includes('none') ? [choices.length - 2] : []
      assert.deepEqual(ors, expected)
    })

    it('left empty, says what to select, and leads to the first option', async () => {
      const { status, text } = await answer(browser, step, {})
      assert.equal(status, 422)
      assert.deepEqual(problemsOf(text), [{ href: `#${field}`, message: empty }])
      const page = parse(text)
      assert.equal(page.querySelector('title')?.text, `Error: ${heading} - Matricula`)
      assert.equal(page.querySelector('fieldset .choice:not([hidden]) input')?.id, field)
      assert.equal(page.querySelector('fieldset')?.getAttribute('aria-describedby'), `${field}-hint ${field}-error`)
      assert.equal(page.getElementById(`${field}-error`)?.text, `Error: ${empty}`)
      assert.equal((await browser.get(pathAfter(step))).headers.location, path, 'the next question is not open yet')
    })

    it('keeps the answer, leads on, and shows it when it is opened again', async () => {
      const { status, headers } = await answer(browser, step)
      assert.deepEqual([status, headers.location], [303, pathAfter(step)])
      assert.equal((await browser.get(pathAfter(step))).status, 200)
      for (let visits = 0; visits < 2; visits += 1) {
        const again = await browser.get(path)
        assert.equal(again.status, 200)
        const expected = Object.entries(ANSWERS[step] ?? {})
        const shown = filledIn(again.text)
        for (const [name, value] of expected) {
          assert.deepEqual(shown[name], name === 'projectGoalsText' ? value : [value].flat(), name)
        }
      }
    })

    it('can be skipped, which takes an earlier answer back', async () => {
      const { status, headers } = await skip(browser, step)
      assert.deepEqual([status, headers.location], [303, pathAfter(step)])
      const shown = filledIn((await browser.get(path)).text)
      assert.deepEqual(Object.values(shown).flat().filter(Boolean), [])
    })

    it('is skipped whatever else the form holds', async () => {
      const { status } = await answer(browser, step, { [field]: ['x', 'y'], action: 'skip' })
      assert.equal(status, 303)
    })
  })
}

describe('the way through the questions', () => {
  it('begins at the first and goes on where it was left', async () => {
    const { browser } = await learner(app, 'Ada')
    for (const step of STEPS) {
      const { status, headers } = await browser.get('/onboarding')
      assert.deepEqual([status, headers.location], [303, `/onboarding/${step}`])
      await (step.length % 2 ? answer(browser, step) : skip(browser, step))
    }
    assert.equal((await browser.get('/onboarding')).headers.location, CHECK)
  })

  it('[X24] leads to the first open question from one further on', async () => {
    const { browser } = await learner(app, 'Ada')
    for (const step of [...STEPS.slice(1), 'check']) {
      const { status, headers } = await browser.get(`/onboarding/${step}`)
      assert.deepEqual([status, headers.location], [303, FIRST_QUESTION], step)
    }
  })

  it('[X24] keeps an answer that comes out of order, and leads to the first open question', async () => {
    const { browser } = await learner(app, 'Ada')
    const { status, headers } = await answer(browser, 'focus')
    assert.deepEqual([status, headers.location], [303, FIRST_QUESTION])
    assert.equal((await browser.get(CHECK)).headers.location, FIRST_QUESTION)
    assert.deepEqual(filledIn((await browser.get('/onboarding/focus')).text).primaryFocus, ['vla'])
    for (const step of STEPS.slice(0, 4)) await skip(browser, step)
    assert.equal((await browser.get('/onboarding')).headers.location, '/onboarding/goals')
  })

  it('leads forward through what was answered before, up to the open question', async () => {
    const { browser } = await learner(app, 'Ada')
    for (const step of STEPS.slice(0, 3)) await answer(browser, step)
    assert.equal((await answer(browser, 'programming')).headers.location, '/onboarding/languages')
    assert.equal((await answer(browser, 'languages')).headers.location, '/onboarding/robotics')
    assert.equal((await answer(browser, 'robotics')).headers.location, '/onboarding/equipment')
  })

  it('goes back from the overview to the last question', async () => {
    const { browser } = await learner(app, 'Ada')
    await passAll(browser, [])
    const page = parse((await browser.get(CHECK)).text)
    assert.equal(page.querySelector('nav[aria-label=Back] a')?.getAttribute('href'), '/onboarding/goals')
  })

  it('has no other pages and takes no other methods', async () => {
    const { browser } = await learner(app, 'Ada')
    for (const step of ['budget', 'Programming', '__proto__', 'constructor', 'programming%00', '%2e%2e']) {
      assert.equal((await browser.get(`/onboarding/${step}`)).status, 404, step)
      assert.equal((await send(browser, `/onboarding/${step}`, { softwareExperience: 'none' })).status, 404, step)
    }
    const post = await send(browser, '/onboarding', {})
    assert.deepEqual([post.status, post.headers.allow], [405, 'GET, HEAD'])
    for (const path of [FIRST_QUESTION, CHECK]) {
      const { status, headers } = await browser.agent.put(path).ok(() => true)
      assert.deepEqual([status, headers.allow], [405, 'GET, POST, HEAD'])
    }
  })

  it('is for learners: a visitor is led to the login and back', async () => {
    const { person } = await learner(app, 'Ada')
    for (const path of ['/onboarding', FIRST_QUESTION, CHECK]) {
      const visitor = openBrowser(app)
      const { status, headers } = await visitor.get(path)
      assert.deepEqual([status, headers.location], [303, `/login?next=${encodeURIComponent(path)}`])
      assert.equal((await visitor.logIn(person, { next: path })).headers.location, path)
    }
    const { status, headers } = await openBrowser(app).submitTo('/login', FIRST_QUESTION)
    assert.deepEqual([status, headers.location], [303, '/login'])
  })

  it('takes no answer from another site or without a token', async () => {
    const { browser } = await learner(app, 'Ada')
    const body = 'softwareExperience=advanced'
    assert.equal((await browser.post(FIRST_QUESTION, body)).status, 403)
    const token = await browser.token(FIRST_QUESTION)
    const elsewhere = { 'Sec-Fetch-Site': 'cross-site' }
    assert.equal((await browser.post(FIRST_QUESTION, `${body}&_csrf=${token}`, elsewhere)).status, 403)
    assert.deepEqual(filledIn((await browser.get(FIRST_QUESTION)).text).softwareExperience, [])
  })
})
