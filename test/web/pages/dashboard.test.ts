/** The dashboard: what is left to answer, how far the learner is, and that it shows nobody else's data. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type HTMLElement, parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { answer, LESSONS, mark, markAll, PROFILE, STEPS, saveAnswers, send, skip } from '../../support/learning.ts'
import { type Browser, learner, openBrowser } from '../../support/people.ts'

const app = await startApp()

const open = async (browser: Browser): Promise<HTMLElement> => parse((await browser.get('/dashboard')).text)
const textOf = (element: HTMLElement | null | undefined): string => element?.text.replace(/\s+/g, ' ').trim() ?? ''
const linksIn = (page: HTMLElement, place: string) =>
  page.querySelectorAll(`${place} a`).map((link) => link.getAttribute('href'))
const firstOf = (page: HTMLElement): string | undefined => page.querySelector('.first[id]')?.id
/** Somebody whose answers are saved. */
async function answered(name: string, answers = PROFILE) {
  const someone = await learner(app, name)
  await send(someone.browser, '/profile', answers)
  await someone.browser.get('/dashboard')
  return someone
}

describe('the line that invites to answer', () => {
  const FEW = 'For suggestions that fit you, answer a few short questions.'
  const invitation = async (browser: Browser) => {
    const page = await open(browser)
    const lines = page.querySelectorAll('.invitation')
    assert.ok(lines.length <= 1, `${lines.length} lines invite`)
    const links = lines[0]?.querySelectorAll('a') ?? []
    assert.equal(links.length, lines.length)
    return [textOf(lines[0]), links[0]?.getAttribute('href')]
  }

  it('is one at most, says how far one is, and is gone when nothing is left to ask', async () => {
    const { browser } = await learner(app, 'Ada')
    assert.deepEqual(await invitation(browser), [FEW, '/onboarding'])
    const [first = '', ...others] = STEPS
    await skip(browser, first)
    assert.deepEqual(await invitation(browser), ['Your answers are kept. Carry on with the questions.', '/onboarding'])
    for (const step of others) await skip(browser, step)
    await saveAnswers(browser)
    assert.deepEqual(await invitation(browser), ['Answer 6 more questions for better suggestions', '/profile'])
    await answer(browser, 'programming')
    assert.deepEqual(await invitation(browser), [
      'You changed your answers and have not saved them. Look through them.',
      '/onboarding/check',
    ])
    for (const step of others.slice(0, 4)) await answer(browser, step)
    await saveAnswers(browser)
    assert.deepEqual(await invitation(browser), ['Answer 1 more question for better suggestions', '/profile'])
    await answer(browser, 'goals', { projectGoalsText: 'Walk' })
    await saveAnswers(browser)
    assert.deepEqual(await invitation(browser), ['', undefined])
  })

  it('counts “none of these” as an answer', async () => {
    const none = { programmingLanguages: 'none', hardwareAccess: 'none' }
    const { browser } = await answered('Ada', { ...PROFILE, ...none })
    assert.deepEqual(await invitation(browser), ['', undefined])
  })
})

describe('the progress', () => {
  const progressOf = (page: HTMLElement) => {
    const bar = page.querySelector('progress')
    assert.equal(page.querySelectorAll(`label[for=${bar?.id}]`).length, 1)
    const label = textOf(page.querySelector(`label[for=${bar?.id}]`))
    return [label, bar?.getAttribute('value'), bar?.getAttribute('max')]
  }

  it('counts what is done or known, of what is not put aside', async () => {
    const { browser } = await answered('Ada')
    assert.deepEqual(progressOf(await open(browser)), ['0 of 32 lessons', '0', '32'])
    await mark(browser, 'f1', 'started')
    assert.deepEqual(progressOf(await open(browser)), ['0 of 32 lessons', '0', '32'])
    await mark(browser, 'f1', 'done')
    await mark(browser, 'x1', 'known')
    assert.deepEqual(progressOf(await open(browser)), ['2 of 32 lessons', '2', '32'])
    await markAll(browser, ['s1', 's2'], 'dismissed')
    await mark(browser, 'x1', 'dismissed')
    assert.deepEqual(progressOf(await open(browser)), ['1 of 29 lessons', '1', '29'])
  })

  it('does not count a lesson that has left the course, and forgets nothing', async () => {
    const { browser, person } = await answered('Ada')
    await app.sql`insert into progress (user_id, lesson_id, state, updated_at)
      select id, 'z9', 'done', now() from users where email = ${person.email}`
    assert.deepEqual(progressOf(await open(browser)), ['0 of 32 lessons', '0', '32'])
    assert.equal((await app.sql`select 1 from progress where lesson_id = 'z9'`).length, 1)
  })

  it('says when all is done, and suggests nothing more', async () => {
    const { browser } = await answered('Ada')
    await markAll(browser, LESSONS, 'done')
    const page = await open(browser)
    assert.deepEqual(progressOf(page), ['32 of 32 lessons', '32', '32'])
    assert.equal(textOf(page.querySelector('.first h2')), 'You have come to the end of the course')
    assert.equal(page.querySelectorAll('.first[id], .after, .button, #hours-form').length, 0)
    await mark(browser, 's7', 'dismissed')
    assert.deepEqual(linksIn(await open(browser), '.first'), ['/lessons/s7'])
  })

  it('says what to do when all is put aside', async () => {
    const { browser } = await answered('Ada')
    await markAll(browser, LESSONS, 'dismissed')
    const page = await open(browser)
    assert.deepEqual(progressOf(page), ['0 of 0 lessons', '0', '1'])
    assert.equal(textOf(page.querySelector('.first h2')), 'Nothing is open at the moment')
    assert.deepEqual(
      linksIn(page, '.first'),
      LESSONS.slice(0, 5).map((id) => `/lessons/${id}`),
    )
  })

  it('says so when only that is left which one is taken to know, or which needs equipment', async () => {
    const { browser } = await answered('Ada', { ...PROFILE, skillLevel: 'intermediate' })
    await markAll(
      browser,
      LESSONS.filter((id) => !['f1', 'r1', 'e1'].includes(id)),
      'done',
    )
    const page = await open(browser)
    assert.equal(textOf(page.querySelector('.first h2')), 'You have done all that was suggested')
    assert.deepEqual(linksIn(page, '.first'), ['/lessons/f1', '/lessons/r1', '/lessons/e1'])
  })
})

describe('what is true of one learner', () => {
  const situation = async (browser: Browser) => textOf((await open(browser)).querySelector('.situation'))

  it('is said to somebody who begins, with and without answers', async () => {
    const { browser } = await learner(app, 'Ada')
    assert.match(await situation(browser), /^You have told us nothing about yourself yet/)
    await send(browser, '/profile', PROFILE)
    assert.equal(await situation(browser), 'Your way through the course begins here.')
    assert.equal(textOf((await open(browser)).querySelector('.first .caption')), 'Begin with')
    await mark(browser, 'f1', 'started')
    assert.equal(await situation(browser), '')
    assert.equal(textOf((await open(browser)).querySelector('.first .caption')), 'Go on with')
  })

  it('is said to somebody who has marked nothing for four weeks, and no longer once they go on', async () => {
    const { browser, person } = await answered('Ada')
    await markAll(browser, ['f1', 'r1'], 'done')
    const movedBack = (days: number) => app.sql`
      update progress set updated_at = '2026-10-03T12:00:00Z'::timestamptz - ${days} * interval '1 day'
      where user_id = (select id from users where email = ${person.email}) and lesson_id = 'r1'`
    await app.sql`update progress set updated_at = '2025-01-01'
      where user_id = (select id from users where email = ${person.email})`
    await movedBack(0)
    const year = new Date(app.deps.now()).getUTCFullYear() === 2026 ? '' : ' 2026'
    assert.equal(
      await situation(browser),
      `Everything is as you left it. The last lesson that you marked was “Why ROS 2? The evolution of robotic control”, on 3 October${year}.`,
    )
    await mark(browser, 'r2', 'started')
    assert.equal(await situation(browser), '')
  })

  it('holds no account data', async () => {
    const { browser, person } = await answered('Ada')
    assert.ok(!(await browser.get('/dashboard')).text.includes(person.email))
  })
})

describe('the last seven days', () => {
  const dotsOf = async (browser: Browser) =>
    (await open(browser)).querySelectorAll('.day').map(({ classList }) => classList.contains('day-active'))

  it('are seven dots, filled for each day on which a lesson was begun or done, and say so in words', async () => {
    const { browser, person } = await answered('Ada')
    assert.deepEqual(await dotsOf(browser), Array(7).fill(false))
    await mark(browser, 'f1', 'started')
    await app.sql`update progress set began_at = began_at - interval '3 days'
      where user_id = (select id from users where email = ${person.email})`
    await mark(browser, 'f1', 'done')
    await mark(browser, 'f2', 'known')
    assert.deepEqual(await dotsOf(browser), [false, false, false, true, false, false, true])
    const words = textOf((await open(browser)).querySelector('.days-words'))
    assert.match(words, /^The last seven days: you studied on [A-Z]\w+day, [A-Z]\w+day$/)
  })
})

describe('the parts of the course', () => {
  it('are lines that are filled as far as their lessons are behind the learner, each with the way to skip ahead', async () => {
    const { browser } = await answered('Ada')
    await markAll(browser, ['f1', 'f2', 'r1'], 'done')
    await mark(browser, 'r2', 'dismissed')
    const parts = (await open(browser))
      .querySelectorAll('.parts li')
      .map((part) => [
        part.querySelector('a')?.getAttribute('href'),
        part.querySelector('progress')?.getAttribute('value'),
        textOf(part.querySelector('.hint')),
      ])
    assert.deepEqual(parts.slice(0, 2), [
      ['/plan/skip/foundations', '2', '2 of 2'],
      ['/plan/skip/ros2', '1', '1 of 6'],
    ])
    assert.equal(parts.length, 8)
  })
})

describe('the dashboard of one learner', () => {
  it('is the same in every browser at once', async () => {
    const { browser, person } = await answered('Ada')
    const phone = openBrowser(app)
    await phone.logIn(person)
    await mark(browser, 'f1', 'done')
    assert.notEqual(firstOf(await open(phone)), 'lesson-f1')
    await mark(phone, 'r1', 'done')
    assert.match(textOf(await open(browser)), /2 of 32 lessons/)
  })

  it('shows nothing of another', async () => {
    const { browser: ada } = await answered('Ada')
    const { browser: ben } = await answered('Ben')
    await markAll(ada, ['f1', 'f2'], 'done')
    assert.match(textOf(await open(ben)), /0 of 32 lessons/)
    assert.equal((await open(ben)).querySelector('.success'), null)
  })

  it('is a page to look at, and no more', async () => {
    const { browser } = await answered('Ada')
    for (const method of ['post', 'put'] as const) {
      const response = await (method === 'post'
        ? send(browser, '/dashboard', {})
        : browser.agent.put('/dashboard').ok(() => true))
      assert.deepEqual([response.status, response.headers.allow], [405, 'GET, HEAD'])
    }
  })
})
