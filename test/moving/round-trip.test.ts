/** What somebody has here goes out and comes in again as it was. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { answer, mark, PROFILE, passAll, send } from '../support/learning.ts'
import { moveInLines, moveOut } from '../support/moving.ts'
import { comingBack, learner, openBrowser } from '../support/people.ts'

const app = await startApp()

/** All rows of people, with times to the millisecond. */
async function rowsOf({ sql }: TestApp): Promise<Record<string, unknown>> {
  const [row] = await sql<{ rows: Record<string, unknown> }>`
    select json_build_object(
      'users', (
        select json_agg(to_jsonb(u) - 'sign_up_form' - 'password_hash' || jsonb_build_object(
          'created_at', date_trunc('milliseconds', created_at), 'updated_at', date_trunc('milliseconds', updated_at)
        ) order by id)
        from users u
      ),
      'hashes', (select json_agg(password_hash order by id) from users),
      'profiles', (select json_agg(p order by user_id) from profiles p),
      'progress', (select json_agg(g order by user_id, lesson_id) from progress g),
      'plans', (select json_agg(l order by user_id) from plans l)) as rows`
  return row?.rows ?? assert.fail()
}

describe('somebody who has learned here', async () => {
  const { person, browser: ada } = await learner(app, 'Ada')
  await passAll(ada)
  await send(ada, '/profile', PROFILE)
  await answer(ada, 'focus')
  for (const state of ['started', 'done']) await mark(ada, 'f1', state)
  await mark(ada, 'r1', 'started')
  await ada.submit('/plan/skip/ros2', 'lessons=r1&lessons=r2')
  await ada.submit('/plan', { hours: '4' })
  await ada.submitTo('/plan', '/plan/calendar')
  const { browser: ben } = await learner(app, 'Ben')
  await answer(ben, 'experience')
  await learner(app, 'Carl')
  const lines = await moveOut(app)

  it('finds answers, progress and plan where they move in', async () => {
    const next = await startApp()
    const report = await moveInLines(next, lines)
    assert.deepEqual([report.taken, report.leftOut, report.entries], [3, 0, []])
    const [before, after] = [await rowsOf(app), await rowsOf(next)]
    assert.ok(JSON.stringify(before.progress).includes('"replaced"'), 'there is a lot to be lost')
    assert.deepEqual(after, before)
    assert.equal((await comingBack(() => openBrowser(next).logIn(person))).status, 303)
  })

  it('is not in the export while their account is being deleted', async () => {
    const { person: gone } = await learner(app, 'Gone')
    await app.sql`update all_users set delete_at = now() + interval '1 day' where email = ${gone.email}`
    const text = (await moveOut(app)).join('\n')
    assert.equal(text.includes(gone.email), false)
    assert.equal(text.includes(person.email), true)
  })

  it('keeps what is known here, where the questions have changed meanwhile', async () => {
    const next = await startApp()
    const [line = ''] = lines.filter((text) => text.includes(person.email))
    const old = JSON.parse(line)
    old.profile.answers.primaryFocus = 'an option of before'
    old.profile.answers.aQuestionOfBefore = ['yes']
    assert.equal((await moveInLines(next, [old])).taken, 1)
    const [row] = await next.sql`select primary_focus, skill_level from profiles`
    assert.deepEqual({ ...row }, { primaryFocus: null, skillLevel: PROFILE.skillLevel })
  })

  it('brings nothing along that would make a row here wrong', async () => {
    const next = await startApp()
    const [line = ''] = lines.filter((text) => text.includes(person.email))
    const made = JSON.parse(line)
    const wrong: [string, object][] = [
      ['progress.0.state', { progress: [{ lesson: 'f1', state: 'perfect', updatedAt: '2024-01-01' }] }],
      ['plan.weeklyHours', { plan: { weeklyHours: 99 } }],
      ['profile.answers', { profile: { answers: 'all' } }],
    ]
    for (const [place, change] of wrong) {
      const { taken, entries } = await moveInLines(next, [{ ...made, ...change }])
      assert.equal(taken, 0)
      assert.equal(entries[0]?.detail, `${place} is not understood`)
    }
    const twice = [made.progress[0], made.progress[0]]
    assert.equal((await moveInLines(next, [{ ...made, progress: twice }])).taken, 1)
  })
})
