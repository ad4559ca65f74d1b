/** Answers that none of our forms would send: a plain message, everything else is kept, and no server error. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import {
  ANSWERS,
  answer,
  answerWith,
  CHECK,
  encode,
  filledIn,
  type Given,
  PROFILE,
  passAll,
  saveAnswers,
  send,
} from '../../support/learning.ts'
import { learner, problemsOf } from '../../support/people.ts'

const app = await startApp()

const NOT_LISTED = 'Select one of the listed options'
const EQUIPMENT = 'Select the equipment you can use, or select “None of these, I will read along”'
const LANGUAGES = 'Select the languages you can use, or select “None of these yet”'
const TOO_LONG = 'Tell us more in 500 characters or fewer'
const TYPE_IT = 'Tell us more in text that a keyboard can type'

const text = (projectGoalsText: string | readonly string[]): Given => ({ projectGoals: 'career', projectGoalsText })
const typed = (projectGoalsText: string): Given => ({ projectGoalsText })

/** The fields or the body sent to a step, the message, and which sent values the form shows again. */
type Row = [step: string, sends: Given | string, says: string, shows?: Given]

const FIELDS: Record<string, string> = {
  programming: 'softwareExperience',
  languages: 'programmingLanguages',
  robotics: 'skillLevel',
  equipment: 'hardwareAccess',
  focus: 'primaryFocus',
  goals: 'projectGoals',
}
const OF_THE_TEXT = [TOO_LONG, TYPE_IT, 'Enter text']

const NOT_OF_ONE: Record<string, Row> = {
  'an option that is not there': ['focus', { primaryFocus: 'cooking' }, NOT_LISTED],
  'the label in place of the value': ['robotics', { skillLevel: 'None yet' }, NOT_LISTED],
  'a value in capitals': ['programming', { softwareExperience: 'BEGINNER' }, NOT_LISTED],
  'a value with a space': ['programming', { softwareExperience: 'beginner ' }, NOT_LISTED],
  'a value with a NUL': ['programming', 'softwareExperience=beginner%00', NOT_LISTED],
  'the option of another question': ['robotics', { skillLevel: 'balanced' }, NOT_LISTED],
  'a name that every object has': ['robotics', { skillLevel: '__proto__' }, NOT_LISTED],
  'another name that every object has': ['robotics', { skillLevel: 'constructor' }, NOT_LISTED],
}
const CONTRADICTIONS: [problem: string, step: string, sends: Given, says: string, shows: string[]][] = [
  [
    'two choices where there is one',
    'programming',
    { softwareExperience: ['none', 'advanced'] },
    NOT_LISTED,
    ['none', 'advanced'],
  ],
  ['the same choice twice', 'focus', { primaryFocus: ['vla', 'vla'] }, NOT_LISTED, ['vla']],
  ['one that is not there', 'languages', { programmingLanguages: ['rust', 'ada', 'go'] }, NOT_LISTED, ['rust', 'go']],
  ['no language and one', 'languages', { programmingLanguages: ['none', 'rust'] }, LANGUAGES, ['rust', 'none']],
  ['no equipment and some', 'equipment', { hardwareAccess: ['none', 'microphone'] }, EQUIPMENT, ['microphone', 'none']],
  ['goals with “none”, which is none', 'goals', { projectGoals: ['none', 'career'] }, NOT_LISTED, ['career']],
]
const TEXTS: Record<string, Row> = {
  '501 characters': ['goals', text('x'.repeat(501)), TOO_LONG, text('x'.repeat(501))],
  '501 characters beyond the first plane': ['goals', text('🤖'.repeat(501)), TOO_LONG, text('🤖'.repeat(501))],
  'a text with a NUL': ['goals', text('a\u0000b'), TYPE_IT, typed('ab')],
  'a text with a bell': ['goals', text('a\u0007b'), TYPE_IT, typed('ab')],
  'a text with an escape': ['goals', text('\u001b[31mred'), TYPE_IT, typed('[31mred')],
  'a text with a control character of the second range': ['goals', text('a\u0085b'), TYPE_IT, typed('ab')],
  'a text in bytes that are no UTF-8': ['goals', 'projectGoals=career&projectGoalsText=a%ff%feb', TYPE_IT],
  'a text with half of a character': ['goals', 'projectGoals=career&projectGoalsText=a%ed%a0%80b', TYPE_IT],
  'the text twice': ['goals', text(['one', 'two']), 'Enter text', { projectGoals: ['career'] }],
}
const ROWS: Record<string, Row> = {
  ...NOT_OF_ONE,
  ...Object.fromEntries(
    CONTRADICTIONS.map(([problem, step, sends, says, shows]): [string, Row] => [
      problem,
      [step, sends, says, { [FIELDS[step] ?? '']: shows }],
    ]),
  ),
  ...TEXTS,
}

const bodyOf = (sends: Given | string): string => (typeof sends === 'string' ? sends : encode(sends))
const expected = (value: string | readonly string[] = []): readonly string[] => [value].flat()

describe('[X09, X11, X23] an answer that cannot be taken', async () => {
  const { browser } = await learner(app, 'Ada')
  await passAll(browser)
  await saveAnswers(browser)
  const token = await browser.token('/help')
  const overview = (await browser.get(CHECK)).text

  for (const [problem, [step, sends, says, shows = {}]] of Object.entries(ROWS)) {
    const at = OF_THE_TEXT.includes(says) ? 'projectGoalsText' : FIELDS[step]

    it(`${problem}, on its question`, async () => {
      const { status, text } = await answerWith(browser, step, bodyOf(sends))
      assert.equal(status, 422)
      assert.deepEqual(problemsOf(text), [{ href: `#${at}`, message: says }])
      assert.equal(parse(text).getElementById(`${at}-error`)?.text, `Error: ${says}`)
      const filled = filledIn(text)
      for (const [name, value] of Object.entries(shows)) {
        assert.deepEqual(expected(filled[name]), expected(value), name)
      }
      assert.deepEqual(filledIn((await browser.get(`/onboarding/${step}`)).text), filledInOf(step))
      assert.equal((await browser.get(CHECK)).text, overview, 'all answers are as they were')
    })

    it(`${problem}, on the page of all answers, with all others kept`, async () => {
      const others = Object.entries(PROFILE).filter(([name]) => !(name in (ANSWERS[step] ?? {})))
      const body = `${encode(Object.fromEntries(others))}&${bodyOf(sends)}&_csrf=${token}`
      const { status, text } = await browser.post('/profile', body)
      assert.equal(status, 422)
      assert.deepEqual(problemsOf(text), [{ href: `#${at}`, message: says }])
      const filled = filledIn(text)
      for (const [name, value] of [...others, ...Object.entries(shows)]) {
        assert.deepEqual(expected(filled[name]), expected(value), name)
      }
      assert.equal((await browser.get(CHECK)).text, overview, 'all answers are as they were')
    })
  }

  it('tells all that is wrong at once, in the order of the page', async () => {
    const wrong = { projectGoals: 'fame', projectGoalsText: 'x'.repeat(501), hardwareAccess: ['none', 'microphone'] }
    const { text } = await answer(browser, 'goals', wrong)
    assert.deepEqual(
      problemsOf(text).map(({ href }) => href),
      ['#projectGoals', '#projectGoalsText'],
    )
    const profile = await send(browser, '/profile', { ...PROFILE, ...wrong, softwareExperience: 'x' })
    assert.deepEqual(
      problemsOf(profile.text).map(({ href, message }) => [href, message]),
      [
        ['#softwareExperience', NOT_LISTED],
        ['#hardwareAccess', EQUIPMENT],
        ['#projectGoals', NOT_LISTED],
        ['#projectGoalsText', TOO_LONG],
      ],
    )
  })
})

/** What the question of a step shows to somebody who has given the answers of the tests. */
function filledInOf(step: string): Given {
  const given = ANSWERS[step] ?? {}
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, name === 'projectGoalsText' ? value : [value].flat()]),
  )
}
