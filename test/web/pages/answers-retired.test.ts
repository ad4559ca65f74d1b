/** Answers from a time when the questionnaire had other options: options that still exist count, and nothing fails. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { answer, CHECK, filledIn, PROFILE, passAll, rowsOf, saveAnswers } from '../../support/learning.ts'
import { type Browser, learner } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })

const savedOf = async (browser: Browser) => (await apiOf(app, browser).get('/api/profile')).body

const KNOWN = {
  softwareExperience: 'beginner',
  programmingLanguages: ['python'],
  skillLevel: null,
  hardwareAccess: ['laptop_cpu', 'microphone'],
  primaryFocus: null,
  projectGoals: ['career'],
  projectGoalsText: 'A robot that waters plants.\nAnd finds them.',
  onboarded: true,
}

/** Saved answers, some of which are no longer options. */
async function withOldAnswers(name: string) {
  const someone = await learner(app, name)
  await passAll(someone.browser)
  await saveAnswers(someone.browser)
  await app.sql`
    update profiles set programming_languages = '{cobol,python,"__proto__"}', skill_level = 'wizard',
      primary_focus = 'constructor', hardware_access = '{microphone,abacus,laptop_cpu}', project_goals = '{fame,career}'
    where user_id = (select id from users where email = ${someone.person.email})`
  return someone
}

async function withOldDraft(name: string) {
  const someone = await learner(app, name)
  await passAll(someone.browser)
  const draft = {
    softwareExperience: 'beginner',
    programmingLanguages: ['cobol', 'python'],
    skillLevel: 'wizard',
    hardwareAccess: ['microphone', 'abacus', 'laptop_cpu'],
    primaryFocus: null,
    projectGoals: ['fame', 'career'],
    projectGoalsText: KNOWN.projectGoalsText,
    favouriteColour: 'blue',
  }
  await app.sql`
    update profiles set draft = ${JSON.stringify(draft)}::text::jsonb
    where user_id = (select id from users where email = ${someone.person.email})`
  return someone
}

describe('a saved answer that is no option any more', () => {
  it('is left out everywhere, and the others stay', async () => {
    const { browser } = await withOldAnswers('Ada')
    assert.deepEqual(await savedOf(browser), KNOWN)
    for (const path of ['/dashboard', '/lessons/i1', '/profile', CHECK, '/onboarding/robotics']) {
      const { status, text } = await browser.get(path)
      assert.equal(status, 200, path)
      assert.doesNotMatch(text, /cobol|wizard|constructor|abacus|fame/, path)
    }
    assert.equal((await apiOf(app, browser).get('/api/recommendations')).status, 200)
    const rows = rowsOf((await browser.get(CHECK)).text)
    assert.deepEqual([rows.Languages, rows['Robotics and AI']], [['Python'], ['Not answered']])
    assert.deepEqual(filledIn((await browser.get('/profile')).text).hardwareAccess, ['laptop_cpu', 'microphone'])
  })

  it('is no hindrance to changing another', async () => {
    const { browser } = await withOldAnswers('Ada')
    await answer(browser, 'robotics', { skillLevel: 'advanced' })
    const { status, headers } = await saveAnswers(browser)
    assert.deepEqual([status, headers.location], [303, '/dashboard'])
    assert.deepEqual(await savedOf(browser), { ...KNOWN, skillLevel: 'advanced' })
    const [row] = await app.sql<{ programmingLanguages: string[] }>`
      select programming_languages from profiles order by saved_at desc limit 1`
    assert.deepEqual(row?.programmingLanguages, ['python'])
  })
})

describe('an answer that waits and is no option any more', () => {
  it('is left out, and the others can be saved', async () => {
    const { browser } = await withOldDraft('Ada')
    const rows = rowsOf((await browser.get(CHECK)).text)
    assert.deepEqual([rows.Languages, rows['Robotics and AI']], [['Python'], ['Not answered']])
    const { status, headers } = await saveAnswers(browser)
    assert.deepEqual([status, headers.location], [303, '/dashboard'])
    assert.deepEqual(await savedOf(browser), KNOWN)
    assert.equal((await browser.get('/dashboard')).text.includes('not saved them'), false)
  })

  it('is replaced when the question is answered again', async () => {
    const { browser } = await withOldDraft('Ada')
    await answer(browser, 'robotics', { skillLevel: 'advanced' })
    await answer(browser, 'focus', { primaryFocus: PROFILE.primaryFocus ?? '' })
    await saveAnswers(browser)
    assert.deepEqual(await savedOf(browser), { ...KNOWN, skillLevel: 'advanced', primaryFocus: 'vla' })
  })
})
