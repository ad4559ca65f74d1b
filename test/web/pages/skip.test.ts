/** “I know this part”: several lessons marked as known at once, corrected before, and taken back whole. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type HTMLElement, parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { mark, markAll } from '../../support/learning.ts'
import { type Browser, learner, problemsOf } from '../../support/people.ts'

const app = await startApp()
const ROS2 = '/plan/skip/ros2'
const ALL = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7']

const open = async (browser: Browser, path = ROS2): Promise<HTMLElement> => parse((await browser.get(path)).text)
const textOf = (element: HTMLElement | null | undefined): string => element?.text.replace(/\s+/g, ' ').trim() ?? ''
const choicesOn = (page: HTMLElement) =>
  page
    .querySelectorAll('#skip-form input[type=checkbox]')
    .map((box) => `${box.getAttribute('value')}${box.hasAttribute('checked') ? ' ticked' : ''}`)
const know = (browser: Browser, lessons: readonly string[], path = ROS2) =>
  browser.submit(path, lessons.map((id) => `lessons=${id}`).join('&'))
const rowsOf = (email: string) => app.sql<Record<string, unknown>>`
  select lesson_id, state, before, began_at::text, g.updated_at::text, replaced::text
  from progress g join users u on u.id = user_id where email = ${email} order by lesson_id`
const statesOf = async (email: string) =>
  Object.fromEntries((await rowsOf(email)).map(({ lessonId, state }) => [lessonId, state]))

/** The button of the message on the dashboard that takes it all back. */
async function undoOn(browser: Browser): Promise<{ action: string; at: string; says: string }> {
  const page = await open(browser, '/dashboard')
  const form = page.querySelector('#undo-form')
  return {
    action: form?.getAttribute('action') ?? '',
    at: form?.querySelector('button[name=at]')?.getAttribute('value') ?? '',
    says: textOf(page.querySelector('.success p')),
  }
}

describe('the page of a part', () => {
  it('has a ticked box for each lesson that is open, and names the others', async () => {
    const { browser } = await learner(app, 'Ada')
    assert.deepEqual(
      choicesOn(await open(browser)),
      ALL.map((id) => `${id} ticked`),
    )
    await mark(browser, 'r1', 'done')
    await mark(browser, 'r2', 'known')
    await mark(browser, 'r3', 'dismissed')
    await mark(browser, 'r4', 'started')
    const page = await open(browser)
    assert.deepEqual(choicesOn(page), ['r4 ticked', 'r5 ticked', 'r6 ticked', 'r7 ticked'])
    assert.deepEqual(
      page.querySelectorAll('main ul a').map((link) => link.getAttribute('href')),
      ['/lessons/r1', '/lessons/r2', '/lessons/r3'],
    )
  })

  it('is there for each part, led to from the first lesson, and for no other', async () => {
    const { browser } = await learner(app, 'Ada')
    assert.ok((await open(browser, '/dashboard')).querySelector('.first details a[href="/plan/skip/foundations"]'))
    assert.ok((await open(browser, '/lessons/r4')).querySelector(`a[href="${ROS2}"]`))
    for (const module of ['foundations', 'simulation', 'isaac', 'edge', 'humanoid', 'vla', 'capstone']) {
      assert.ok(choicesOn(await open(browser, `/plan/skip/${module}`)).length > 0, module)
    }
    for (const module of ['cooking', '__proto__', 'constructor', 'ROS2', '%00']) {
      assert.equal((await browser.get(`/plan/skip/${module}`)).status, 404, module)
    }
  })

  it('comes back with nothing ticked when nothing was, and changes nothing', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const { status, text } = await browser.submit(ROS2, {})
    assert.equal(status, 422)
    assert.deepEqual(problemsOf(text), [{ href: '#lessons', message: 'Tick the lessons that you know' }])
    assert.deepEqual(choicesOn(parse(text)), ALL)
    assert.deepEqual(await statesOf(person.email), {})
  })

  it('takes no lesson of another part, and nothing that is none', async () => {
    const { browser, person } = await learner(app, 'Ada')
    for (const wrong of ['f1', 'z9', '', '__proto__', 'r1,r2']) {
      assert.equal((await know(browser, ['r1', wrong])).status, 422, wrong)
    }
    assert.deepEqual(await statesOf(person.email), {})
  })
})

describe('lessons that are marked together', () => {
  it('are known, those that were ticked and no others, and the dashboard says how many', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const { status, headers } = await know(browser, ['r1', 'r2', 'r4', 'r4'])
    assert.deepEqual([status, headers.location], [303, '/dashboard'])
    assert.deepEqual(await statesOf(person.email), { r1: 'known', r2: 'known', r4: 'known' })
    const { says } = await undoOn(browser)
    assert.equal(says, '3 lessons of “The robotic nervous system: ROS 2” are marked as known.')
    assert.equal((await undoOn(browser)).says, '')
  })

  it('are taken back in one press, so that exactly that stands there which stood there before', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await markAll(browser, ['f1', 'r1'], 'done')
    // Done, and then taken up again: what an undo went back to is a part of what is there.
    await mark(browser, 'r2', 'done')
    await mark(browser, 'r2', 'started')
    await mark(browser, 'r3', 'started')
    await app.sql`update progress set updated_at = updated_at - interval '3 days 0.000007 seconds', began_at = null
      where user_id = (select id from users where email = ${person.email}) and lesson_id = 'r3'`
    const before = [...(await rowsOf(person.email))]
    await know(browser, ['r2', 'r3', 'r4', 'r5'])
    const { r1, r2, r3, r4 } = await statesOf(person.email)
    assert.deepEqual([r1, r2, r3, r4], ['done', 'known', 'known', 'known'])
    const { action, at } = await undoOn(browser)
    assert.equal(action, `${ROS2}/undo`)
    for (let presses = 0; presses < 2; presses += 1) {
      const { status, headers } = await browser.submitTo('/dashboard', action, { at })
      assert.deepEqual([status, headers.location], [303, '/dashboard'])
      assert.deepEqual([...(await rowsOf(person.email))], before)
    }
  })

  it('can be taken back later too, on the page of the part, each time those of the last time', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await know(browser, ['r1', 'r2'])
    app.advance(60_000)
    await know(browser, ['r5'])
    const takeBack = async () => {
      const button = (await open(browser)).querySelector('#take-back-form button')
      const at = button?.getAttribute('value') ?? ''
      await browser.submitTo(ROS2, `${ROS2}/undo`, { at })
      return textOf(button)
    }
    assert.equal(await takeBack(), 'Take back the lesson')
    assert.deepEqual(await statesOf(person.email), { r1: 'known', r2: 'known' })
    assert.equal(await takeBack(), 'Take back the 2 lessons')
    assert.deepEqual(await statesOf(person.email), {})
    assert.equal((await open(browser)).querySelector('#take-back-form'), null)
  })

  it('leave alone what was done, known or put aside meanwhile in another window', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await mark(browser, 'r1', 'done')
    await mark(browser, 'r2', 'dismissed')
    await browser.get('/dashboard')
    const before = [...(await rowsOf(person.email))]
    await know(browser, ['r1', 'r2'])
    assert.deepEqual([...(await rowsOf(person.email))], before)
    assert.equal((await undoOn(browser)).says, '')
  })

  it('are no longer taken back where the learner has marked them anew', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await know(browser, ['r1', 'r2'])
    const { action, at } = await undoOn(browser)
    await mark(browser, 'r1', 'done')
    await browser.submitTo('/dashboard', action, { at })
    assert.deepEqual(await statesOf(person.email), { r1: 'done' })
    assert.equal((await open(browser)).querySelector('#take-back-form'), null)
  })

  it('are taken back for nobody else, and not by a time that is none', async () => {
    const { browser: ada, person } = await learner(app, 'Ada')
    await know(ada, ['r1'])
    const { action, at } = await undoOn(ada)
    const { browser: ben } = await learner(app, 'Ben')
    assert.equal((await ben.submitTo('/dashboard', action, { at })).status, 303)
    for (const wrong of ['x', '-1', '9e99', '1.5']) {
      assert.equal((await ada.submitTo('/dashboard', action, { at: wrong })).status, 422, wrong)
    }
    assert.equal((await ada.submitTo('/dashboard', action)).status, 422)
    assert.deepEqual(await statesOf(person.email), { r1: 'known' })
  })

  it('sent five times at once are marked once, and taken back whole', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await mark(browser, 'r3', 'started')
    const before = [...(await rowsOf(person.email))]
    const responses = await Promise.all(Array.from({ length: 5 }, () => know(browser, ALL)))
    for (const { status } of responses) assert.equal(status, 303)
    const [first] = await rowsOf(person.email)
    assert.ok(first)
    const at = (await open(browser)).querySelector('#take-back-form button')?.getAttribute('value') ?? ''
    await browser.submitTo(ROS2, `${ROS2}/undo`, { at })
    assert.deepEqual([...(await rowsOf(person.email))], before)
  })
})
