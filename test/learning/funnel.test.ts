/** The counts of the operator's report: everybody counts once, whichever tables have rows about them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { countFunnel } from '../../src/learning/funnel.ts'
import { apiOf } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { answer, CHECK, passAll, saveAnswers } from '../support/learning.ts'
import { type Browser, learner } from '../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })

const NOBODY = { signedUp: 0, began: 0, finished: 0, skipped: 0, learning: 0 }

const newcomer = async (): Promise<Browser> => (await learner(app, 'Ada')).browser

const skipAll = (browser: Browser) => passAll(browser, [])

async function save(browser: Browser) {
  const response = await saveAnswers(browser)
  assert.equal(response.headers.location, '/dashboard', response.text)
}

/** How the counts change when one more person comes. */
async function changeBy(come: (browser: Browser) => Promise<void>) {
  const before = await countFunnel(app.sql)
  await come(await newcomer())
  const after = await countFunnel(app.sql)
  return Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - Reflect.get(before, name)]))
}

const PEOPLE: [who: string, come: (browser: Browser) => Promise<void>, counted: Partial<typeof NOBODY>][] = [
  ['who signed up only', async () => {}, {}],
  [
    'who looked at the first question only',
    async (browser) => {
      assert.equal((await browser.get('/onboarding/programming')).status, 200)
    },
    {},
  ],
  [
    'who answered one question and left',
    async (browser) => {
      assert.equal((await answer(browser, 'programming')).status, 303)
    },
    { began: 1 },
  ],
  ['who passed every question and did not save', skipAll, { began: 1 }],
  [
    'who skipped every question and saved',
    async (browser) => {
      await skipAll(browser)
      await save(browser)
    },
    { began: 1, skipped: 1 },
  ],
  [
    'who answered one question, skipped the others and saved',
    async (browser) => {
      await passAll(browser, ['programming'])
      await save(browser)
    },
    { began: 1, finished: 1 },
  ],
  [
    'who skipped and saved, and is changing an answer',
    async (browser) => {
      await skipAll(browser)
      await save(browser)
      assert.equal((await answer(browser, 'focus')).headers.location, CHECK)
    },
    { began: 1, skipped: 1 },
  ],
  ...[
    { softwareExperience: 'none' },
    { programmingLanguages: ['none'] },
    { skillLevel: 'beginner' },
    { hardwareAccess: ['none'] },
    { primaryFocus: 'balanced' },
    { projectGoals: ['career'] },
    { projectGoalsText: 'Build' },
  ].map((answers): (typeof PEOPLE)[number] => [
    `whose profile has ${Object.keys(answers)[0]} alone`,
    async (browser) => {
      assert.equal((await apiOf(app, browser).put('/api/profile', answers)).status, 200)
    },
    { began: 1, finished: 1 },
  ]),
  [
    'whose profile is empty',
    async (browser) => {
      assert.equal((await apiOf(app, browser).put('/api/profile', {})).status, 200)
    },
    { began: 1, skipped: 1 },
  ],
  [
    'who marked three lessons and answered nothing',
    async (browser) => {
      for (const [id, state] of Object.entries({ f1: 'done', f2: 'started', r1: 'dismissed' })) {
        assert.equal((await apiOf(app, browser).put(`/api/progress/${id}`, { state })).status, 200)
      }
    },
    { learning: 1 },
  ],
  [
    'who marked a lesson and took it back',
    async (browser) => {
      for (const state of ['done', 'none']) await apiOf(app, browser).put('/api/progress/f1', { state })
    },
    {},
  ],
]

describe('the funnel', () => {
  it('is all zero where nobody is', async () => {
    assert.deepEqual(await countFunnel((await startApp()).sql), NOBODY)
  })

  for (const [who, come, counted] of PEOPLE) {
    it(`counts somebody ${who}`, async () => {
      assert.deepEqual(await changeBy(come), { ...NOBODY, signedUp: 1, ...counted })
    })
  }

  it('counts everybody once and nobody twice', async () => {
    const expected = PEOPLE.reduce(
      (sum, [, , counted]) =>
        Object.fromEntries(
          Object.entries(sum).map(([name, count]) => [name, count + (Reflect.get(counted, name) ?? 0)]),
        ) as typeof NOBODY,
      { ...NOBODY, signedUp: PEOPLE.length },
    )
    assert.deepEqual(await countFunnel(app.sql), expected)
    assert.ok(expected.began >= expected.finished + expected.skipped, 'who came to the end began')
  })

  it('forgets who has gone', async () => {
    await app.sql`delete from users`
    assert.deepEqual(await countFunnel(app.sql), NOBODY)
  })
})
