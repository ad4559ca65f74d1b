/** Answers and recommendations over the API: the same as the pages show and save. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { MODULES } from '../../../src/learning/catalogue.ts'
import type { Advice } from '../../../src/learning/recommendations.ts'
import { type ApiClient, apiLearner, apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { ANSWERS, filledIn, NOTHING_SAVED, PROFILE, passAll, saveAnswers, send } from '../../support/learning.ts'
import { type Browser, learner } from '../../support/people.ts'
import { advise, answersOf } from '../../support/profiles.ts'

const app = await startApp({}, { atPublicUrl: true })

const GIVEN = answersOf({
  softwareExperience: 'advanced',
  programmingLanguages: ['python'],
  skillLevel: 'intermediate',
  hardwareAccess: ['rtx_24gb', 'jetson_orin', 'depth_camera'],
  primaryFocus: 'perception',
  projectGoals: ['autonomous_robot', 'research'],
  projectGoalsText: 'A robot that waters plants.\nAnd finds them.',
})

const profileOf = async (api: ApiClient) => (await api.get('/api/profile')).body
const recommendationsOf = async (api: ApiClient) => (await api.get('/api/recommendations')).body
const isOnboarded = async (api: ApiClient) => (await api.get('/api/me')).body.onboarded

async function putProfile(api: ApiClient, answers: object) {
  const response = await api.put('/api/profile', answers)
  assert.equal(response.status, 200, response.text)
  return response.body
}

async function putProgress(api: ApiClient, id: string, state: string) {
  const response = await api.put(`/api/progress/${id}`, { state })
  assert.equal(response.status, 200, response.text)
  return response.body
}

/** Somebody who uses the pages and the API with one session. */
async function inBoth(name: string): Promise<{ browser: Browser; api: ApiClient }> {
  const { browser } = await learner(app, name)
  return { browser, api: apiOf(app, browser) }
}

describe('the profile', () => {
  it('is empty before anything is saved', async () => {
    const { api } = await apiLearner(app, 'Ada')
    assert.deepEqual(await profileOf(api), NOTHING_SAVED)
    assert.equal(await isOnboarded(api), false)
  })

  it('is saved and read as one, and then the learner is onboarded', async () => {
    const { api } = await apiLearner(app, 'Ada')
    assert.deepEqual(await putProfile(api, GIVEN), { ...GIVEN, onboarded: true })
    assert.deepEqual(await profileOf(api), { ...GIVEN, onboarded: true })
    assert.equal(await isOnboarded(api), true)
  })

  it('is replaced as a whole: what is left out is not answered', async () => {
    const { api } = await apiLearner(app, 'Ada')
    await putProfile(api, GIVEN)
    const less = { ...NOTHING_SAVED, primaryFocus: 'edge', onboarded: true }
    assert.deepEqual(await putProfile(api, { primaryFocus: 'edge' }), less)
    assert.deepEqual(await profileOf(api), less)
  })

  it('is the same after the same call, and stays onboarded when it is emptied', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const [once, twice] = [await putProfile(api, GIVEN), await putProfile(api, GIVEN)]
    assert.deepEqual(once, twice)
    assert.deepEqual(await putProfile(api, {}), { ...NOTHING_SAVED, onboarded: true })
    assert.equal(await isOnboarded(api), true)
  })

  it('keeps lists once each and in order, and text with line breaks of one kind', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const saved = await putProfile(api, {
      programmingLanguages: ['matlab', 'python', 'matlab'],
      projectGoals: ['career', 'ros2'],
      projectGoalsText: '  one\r\ntwo 🤖 ',
    })
    assert.deepEqual(saved.programmingLanguages, ['python', 'matlab'])
    assert.deepEqual(saved.projectGoals, ['ros2', 'career'])
    assert.equal(saved.projectGoalsText, 'one\ntwo 🤖')
    assert.deepEqual(await profileOf(api), saved)
  })

  it('has what was saved on the pages', async () => {
    const { browser, api } = await inBoth('Ada')
    await passAll(browser)
    assert.deepEqual(await profileOf(api), NOTHING_SAVED)
    assert.equal(await isOnboarded(api), false)
    assert.equal((await saveAnswers(browser)).status, 303)
    assert.deepEqual(await profileOf(api), { ...answersOf(PROFILE), onboarded: true })
    assert.equal(await isOnboarded(api), true)

    await send(browser, '/profile', { ...PROFILE, ...{ primaryFocus: 'humanoid' } })
    assert.equal((await profileOf(api)).primaryFocus, 'humanoid')
  })

  it('is onboarded when everything was skipped on the pages and saved', async () => {
    const { browser, api } = await inBoth('Ada')
    await passAll(browser, [])
    assert.equal(await isOnboarded(api), false)
    await saveAnswers(browser)
    assert.equal(await isOnboarded(api), true)
    assert.deepEqual(await profileOf(api), { ...NOTHING_SAVED, onboarded: true })
  })

  it('shows on the pages what was saved here, and drops what waited there to be saved', async () => {
    const { browser, api } = await inBoth('Ada')
    await send(browser, '/onboarding/programming', ANSWERS.programming ?? {})
    await putProfile(api, GIVEN)
    const filled = filledIn((await browser.get('/profile')).text)
    for (const [name, value] of Object.entries(GIVEN)) assert.equal(String(filled[name]), String(value), name)
  })
})

describe('recommendations', () => {
  const wire = ({ lesson, missing, assumed, ...rest }: Advice) => ({
    ...rest,
    id: lesson.id,
    title: lesson.title,
    outcome: lesson.outcome,
    size: lesson.size,
    module: lesson.module,
    missing: missing.map(({ id }) => id),
    assumed: assumed.map(({ id }) => id),
  })

  const MARKS = { f2: 'started', r2: 'done', r3: 'known', r5: 'dismissed' } as const
  for (const [who, answers, marks] of [
    ['somebody who answered nothing', {}, {}],
    ['somebody who answered everything', GIVEN, {}],
    ['somebody on the way', GIVEN, MARKS],
    ['somebody past the first level', { ...GIVEN, skillLevel: 'advanced' }, { f1: 'started' }],
  ] as const) {
    it(`are those of the model, and the first is that of the plan and the dashboard: ${who}`, async () => {
      const { browser, api } = await inBoth('Ada')
      if (Object.keys(answers).length > 0) await putProfile(api, answers)
      for (const [id, state] of Object.entries(marks)) await putProgress(api, id, state)
      const { startNow, afterwards, modelVersion } = advise(answers, marks)
      const { catalogueVersion, ...told } = await recommendationsOf(api)
      assert.deepEqual(told, { modelVersion, startNow: startNow.map(wire), afterwards: afterwards.map(wire) })
      assert.equal(Number.isInteger(catalogueVersion), true)
      for (const { module } of told.startNow) assert.ok(module in MODULES, module)
      for (const { state } of told.startNow) assert.equal(state, 'ready')
      for (const { state } of told.afterwards) assert.equal(state, 'locked')

      const page = parse((await browser.get('/dashboard')).text)
      const plan = (await api.get('/api/plan')).body
      assert.equal(plan.first, told.startNow[0]?.id)
      assert.equal(page.querySelector('.first')?.id, `lesson-${plan.first}`)
    })
  }

  it('follow each answer and each mark at once', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const first = async () => (await recommendationsOf(api)).startNow.map(({ id }: { id: string }) => id).join(' ')
    assert.equal(await first(), 'f1')
    await putProgress(api, 'f1', 'done')
    assert.equal(await first(), 'f2 r1')
    await putProgress(api, 'f2', 'dismissed')
    assert.equal(await first(), 'r1')
    await putProfile(api, { skillLevel: 'advanced' })
    assert.equal(await first(), 'r5 s3 r4 r6')
    await putProgress(api, 'f2', 'none')
    await putProgress(api, 'f1', 'none')
    await putProfile(api, {})
    assert.equal(await first(), 'f1')
  })

  it('are not touched by progress with a lesson that has left the catalogue, which is kept', async () => {
    const { person, api } = await apiLearner(app, 'Ada')
    const before = await recommendationsOf(api)
    await app.sql`
      insert into progress (user_id, lesson_id, state, updated_at)
      select id, 'z9', 'done', now() from users where email = ${person.email}`
    assert.deepEqual(await recommendationsOf(api), before)
    assert.equal((await api.get('/api/progress/z9')).body.code, 'LESSON_NOT_FOUND')
    await putProgress(api, 'f1', 'done')
    await putProfile(api, GIVEN)
    const [left] = await app.sql<{ count: number }>`select count(*)::int as count from progress where lesson_id = 'z9'`
    assert.equal(left?.count, 1)
  })
})
