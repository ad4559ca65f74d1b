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
const idsIn = (page: HTMLElement, list: string): string[] =>
  page.querySelectorAll(`${list} > li`).map(({ id }) => id.replace('lesson-', ''))
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
    assert.match(textOf(page), /You have come to the end of the course/)
    assert.equal(page.querySelectorAll('#start-now, #afterwards').length, 0)
  })

  it('says what to do when all is put aside', async () => {
    const { browser } = await answered('Ada')
    await markAll(browser, LESSONS, 'dismissed')
    const page = await open(browser)
    assert.deepEqual(progressOf(page), ['0 of 0 lessons', '0', '1'])
    assert.match(textOf(page.querySelector('section[aria-labelledby=start-now]')), /Nothing is open at the moment/)
    assert.doesNotMatch(textOf(page), /come to the end/)
  })
})

describe('the dashboard of one learner', () => {
  it('is the same in every browser at once', async () => {
    const { browser, person } = await answered('Ada')
    const phone = openBrowser(app)
    await phone.logIn(person)
    await mark(browser, 'f1', 'done')
    assert.ok(!idsIn(await open(phone), '.suggestions').includes('f1'))
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
