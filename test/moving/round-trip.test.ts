/** What somebody has here goes out and comes in again as it was. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp, type TestApp } from '../support/app.ts'
import { answer, mark, PROFILE, passAll, send } from '../support/learning.ts'
import { moveInLines, moveOut } from '../support/moving.ts'
import { comingBack, learner, openBrowser } from '../support/people.ts'
import { careful, enterCode, firstStep, nextCode, PAGE as SECOND_STEP } from '../support/second-step.ts'

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
      'second steps', (select json_agg(to_jsonb(s) || jsonb_build_object(
          'created_at', date_trunc('milliseconds', created_at), 'confirmed_at', date_trunc('milliseconds', confirmed_at)
        )) from second_steps s where confirmed_at is not null),
      'recovery codes', (select json_agg(to_jsonb(c) || jsonb_build_object(
          'used_at', date_trunc('milliseconds', used_at)) order by code_hash) from recovery_codes c),
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
  const { person: carl } = await learner(app, 'Carl')
  await app.sql`update users set suspended_at = '2026-01-02 03:04:05Z' where email = ${carl.email}`
  const dora = await careful(app, 'Dora')
  await dora.browser.logOut()
  await firstStep(dora.browser, dora.person)
  await enterCode(dora.browser, dora.codes[0] ?? '', { with: 'recovery-code' })
  const { browser: halfway } = await learner(app, 'Eve')
  await halfway.submitTo(SECOND_STEP, SECOND_STEP)
  const lines = await moveOut(app)

  it('finds answers, progress and plan where they move in', async () => {
    const next = await startApp()
    const report = await moveInLines(next, lines)
    assert.deepEqual([report.taken, report.leftOut, report.entries], [5, 0, []])
    const [before, after] = [await rowsOf(app), await rowsOf(next)]
    assert.ok(JSON.stringify(before.progress).includes('"replaced"'), 'there is a lot to be lost')
    assert.deepEqual(after, before)
    assert.equal((await comingBack(() => openBrowser(next).logIn(person))).status, 303)
  })

  it('is asked there for the second step, and stays suspended', async () => {
    const next = await startApp()
    await moveInLines(next, lines)
    const browser = openBrowser(next)
    await firstStep(browser, dora.person)
    assert.equal((await enterCode(browser, dora.codes[0] ?? '', { with: 'recovery-code' })).status, 422, 'used here')
    assert.equal((await enterCode(browser, nextCode(next, dora.secret))).status, 303)
    assert.equal(await browser.whoAmI(), 'Dora')
    assert.equal((await openBrowser(next).logIn(carl)).status, 403)
  })

  it('is not taken where nobody can open the second step, rather than without it', async () => {
    const next = await startApp({ APP_SECRETS: 'another-secret-of-the-tests-0123456789abcdef' })
    const line = JSON.parse(lines.find((text) => text.includes(dora.person.email)) ?? '')
    const { taken, entries } = await moveInLines(next, [{ ...line, passwordHash: null }])
    assert.deepEqual([taken, entries[0]?.reason], [0, 'second-step-of-others'])
    const without = { ...line, passwordHash: null, secondStep: undefined }
    assert.equal((await moveInLines(next, [without])).taken, 1)
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
