/** Progress over the API, and that nobody can see or change another learner's data. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PROGRESS_STATES } from '../../../src/learning/progress.ts'
import { type ApiClient, apiLearner, apiOf, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { mark, NOTHING_SAVED } from '../../support/learning.ts'
import { learner } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })

const MINUTE = 60_000
const GIVEN = {
  skillLevel: 'intermediate',
  primaryFocus: 'perception',
  projectGoalsText: 'A robot that waters plants.',
}

const profileOf = async (api: ApiClient) => (await api.get('/api/profile')).body
const progressOf = async (api: ApiClient, id: string) => (await api.get(`/api/progress/${id}`)).body
const recommendationsOf = async (api: ApiClient) => (await api.get('/api/recommendations')).body

async function putProgress(api: ApiClient, id: string, state: string) {
  const response = await api.put(`/api/progress/${id}`, { state })
  assert.equal(response.status, 200, response.text)
  return response.body
}

describe('progress', () => {
  it('is none before, each state after, and none again', async () => {
    const { api } = await apiLearner(app, 'Ada')
    assert.deepEqual(await progressOf(api, 'f1'), { lessonId: 'f1', state: 'none', updatedAt: null })
    for (const state of PROGRESS_STATES) {
      const answer = await putProgress(api, 'f1', state)
      assert.deepEqual([answer.lessonId, answer.state], ['f1', state])
      assert.ok(Math.abs(Date.parse(answer.updatedAt) - app.deps.now()) < MINUTE, answer.updatedAt)
      assert.deepEqual(await progressOf(api, 'f1'), answer)
      assert.equal((await progressOf(api, 'f2')).state, 'none')
    }
    for (let times = 0; times < 2; times += 1) {
      assert.deepEqual(await putProgress(api, 'f1', 'none'), { lessonId: 'f1', state: 'none', updatedAt: null })
    }
  })

  it('set again changes nothing, not even the time or what an undo goes back to', async () => {
    const { browser } = await learner(app, 'Ada')
    const api = apiOf(app, browser)
    await putProgress(api, 'f1', 'started')
    const once = await putProgress(api, 'f1', 'done')
    app.advance(MINUTE)
    assert.deepEqual(await putProgress(api, 'f1', 'done'), once)
    const [row] = await app.sql<{ before: string }>`
      select before from progress where updated_at = ${new Date(once.updatedAt)} and lesson_id = 'f1'`
    assert.equal(row?.before, 'started')
    const later = await putProgress(api, 'f1', 'known')
    assert.ok(Date.parse(later.updatedAt) >= Date.parse(once.updatedAt) + MINUTE, later.updatedAt)
    assert.match((await browser.get('/lessons/f1')).text, /Known already/)
  })

  it('sent many times at once ends in one of the states, without a fault', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const states = [...PROGRESS_STATES, 'none', ...PROGRESS_STATES, 'none']
    await Promise.all(states.map((state) => putProgress(api, 'f1', state)))
    assert.ok(states.includes((await progressOf(api, 'f1')).state))
  })

  it('is that of the pages', async () => {
    const { browser } = await learner(app, 'Ada')
    const api = apiOf(app, browser)
    await mark(browser, 'f1', 'done')
    assert.equal((await progressOf(api, 'f1')).state, 'done')
    await putProgress(api, 'f2', 'dismissed')
    assert.match((await browser.get('/dashboard')).text, /1 of 31 lessons/)
  })
})

describe('what is of one learner', () => {
  it('is neither seen nor changed by another', async () => {
    const { api: ada } = await apiLearner(app, 'Ada')
    await ada.put('/api/profile', GIVEN)
    await putProgress(ada, 'f1', 'done')
    const own = async () => [await profileOf(ada), await recommendationsOf(ada), await progressOf(ada, 'f1')]
    const before = await own()
    const { id } = (await ada.get('/api/me')).body.user

    const { api: carl } = await apiLearner(app, 'Carl')
    assert.deepEqual(await profileOf(carl), NOTHING_SAVED)
    assert.equal((await progressOf(carl, 'f1')).state, 'none')
    for (const query of ['', `?userId=${id}`, `?user_id=${id}`]) {
      assert.deepEqual((await carl.get(`/api/profile${query}`)).body.primaryFocus, null)
      await carl.put(`/api/profile${query}`, { userId: id, user_id: id, id })
      await carl.put(`/api/progress/f1${query}`, { state: 'dismissed', userId: id, user_id: id })
    }
    assert.equal((await progressOf(carl, 'f1')).state, 'dismissed')
    await putProgress(carl, 'f1', 'none')
    assert.equal((await progressOf(carl, 'f1')).state, 'none')
    assert.deepEqual(await own(), before)
  })

  it('goes with the account, and the token with it', async () => {
    const { person, api } = await apiLearner(app, 'Ada')
    const token = await api.token()
    await api.put('/api/profile', GIVEN)
    await putProgress(api, 'f1', 'done')
    const rows = async () => {
      const [row] = await app.sql<{ count: number }>`
        select ((select count(*) from profiles) + (select count(*) from progress))::int as count`
      return row?.count ?? 0
    }
    const before = await rows()
    await app.sql`delete from users where email = ${person.email}`
    assert.equal(await rows(), before - 2)
    for (const path of ['/api/profile', '/api/recommendations', '/api/progress/f1']) {
      assert.equal((await openApi(app).get(path, bearer(token))).status, 401)
      assert.equal((await api.get(path)).status, 401)
    }
    assert.equal((await api.put('/api/profile', GIVEN)).status, 401)
    assert.equal(await rows(), before - 2)
  })
})
