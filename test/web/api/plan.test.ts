/** The plan over the API: the same as on the pages. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ApiClient, apiLearner, apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { LESSONS, PROFILE } from '../../support/learning.ts'
import { learner } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })
const planOf = async (api: ApiClient) => (await api.get('/api/plan')).body

describe('the plan', () => {
  it('of somebody who has said nothing has a first lesson and no weeks', async () => {
    const { api } = await apiLearner(app, 'Ada')
    assert.deepEqual(await planOf(api), {
      weeklyHours: null,
      first: 'f1',
      goal: 'capstone',
      weeksToGoal: null,
      hours: { S: { from: 1, to: 2 }, M: { from: 3, to: 4 }, L: { from: 6, to: 8 } },
      weeks: [],
      calendarSince: null,
    })
  })

  it('takes the hours, answers with the weeks, and forgets them again', async () => {
    const { api } = await apiLearner(app, 'Ada')
    await api.put('/api/profile', { ...PROFILE })
    const { status, body } = await api.put('/api/plan', { weeklyHours: 4 })
    assert.equal(status, 200)
    assert.deepEqual(await planOf(api), body)
    assert.equal(body.weeklyHours, 4)
    assert.ok(body.weeksToGoal.from < body.weeksToGoal.to)
    assert.match(body.weeks[0].start, /^\d{4}-\d\d-\d\d$/)
    assert.equal(new Date(body.weeks[0].start).getUTCDay(), 1)
    assert.deepEqual(body.weeks[0].lessons[0], {
      id: 'f1',
      title: 'Introduction to Physical AI and embodied intelligence',
      size: 'S',
      courseWeeks: '1-2',
      goesOn: false,
    })
    assert.equal((await api.put('/api/plan', { weeklyHours: null })).body.weeksToGoal, null)
  })

  it('is told by an access token as well, and follows each mark', async () => {
    const { api } = await apiLearner(app, 'Ada')
    await api.put('/api/plan', { weeklyHours: 10 })
    const before = await planOf(api)
    await api.put('/api/progress/f1', { state: 'done' })
    const after = await planOf(api)
    const recommended = (await api.get('/api/recommendations')).body.startNow[0].id
    assert.deepEqual([before.first, after.first], ['f1', recommended])
    assert.ok(after.weeksToGoal.to <= before.weeksToGoal.to)
    for (const id of LESSONS) await api.put(`/api/progress/${id}`, { state: 'done' })
    const { first, goal, weeksToGoal, weeks } = await planOf(api)
    assert.deepEqual({ first, goal, weeksToGoal, weeks }, { first: null, goal: 'course', weeksToGoal: null, weeks: [] })
  })

  it('takes no other hours', async () => {
    const { api } = await apiLearner(app, 'Ada')
    for (const weeklyHours of [0, 3, -2, 11, 4.5, '4', true, [4], undefined]) {
      const { status, body } = await api.put('/api/plan', { weeklyHours })
      assert.deepEqual([status, body.code], [400, 'VALIDATION_ERROR'], String(weeklyHours))
    }
    assert.equal((await planOf(api)).weeklyHours, null)
  })

  it('says since when there is a calendar, and never its address', async () => {
    const { browser } = await learner(app, 'Ada')
    const api = apiOf(app, browser)
    await browser.submitTo('/plan', '/plan/calendar')
    const { calendarSince } = await planOf(api)
    assert.ok(Math.abs(Date.parse(calendarSince) - app.deps.now()) < 60_000)
    assert.doesNotMatch(JSON.stringify(await planOf(api)), /[A-Za-z0-9]{32}/)
  })
})
