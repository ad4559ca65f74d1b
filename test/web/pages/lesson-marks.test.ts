/** The marks that a learner gives a lesson: saved, undone, never lost and never stored twice. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type HTMLElement, parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { encode, LESSONS, mark, markAll, PROFILE, pressButton, send } from '../../support/learning.ts'
import { type Browser, learner, openBrowser } from '../../support/people.ts'

const app = await startApp()
/** Another process of the same installation. */
const elsewhere = await startApp({}, { databaseUrl: app.databaseUrl })

const open = async (browser: Browser, id: string): Promise<HTMLElement> =>
  parse((await browser.get(`/lessons/${id}`)).text)
const textOf = (element: HTMLElement | null | undefined): string => element?.text.replace(/\s+/g, ' ').trim() ?? ''

type Kept = { lessonId: string; state: string; before: string | null; updatedAt: Date }

/** The marks of a person, as stored. */
const marksOf = async (email: string): Promise<Kept[]> => [
  ...(await app.sql<Kept>`
    select lesson_id, state, before, progress.updated_at from progress join users on users.id = user_id
    where email = ${email} order by lesson_id`),
]
const statesOf = async (email: string) =>
  Object.fromEntries((await marksOf(email)).map(({ lessonId, state }) => [lessonId, state]))

async function answered(name: string, answers = PROFILE) {
  const someone = await learner(app, name)
  await send(someone.browser, '/profile', answers)
  return someone
}

describe('marking a lesson', () => {
  it('leads back to where it was pressed, at the lesson', async () => {
    const { browser } = await answered('Ada')
    const FROM: [from: Record<string, string>, to: string][] = [
      [{ from: 'lesson' }, '/lessons/r4'],
      [{ from: 'dashboard' }, '/dashboard'],
      [{}, '/dashboard'],
      [{ from: '//evil.test' }, '/dashboard'],
      [{ from: 'https://evil.test/' }, '/dashboard'],
      [{ next: '//evil.test', action: '/login' }, '/dashboard'],
    ]
    for (const [from, to] of FROM) {
      const { status, headers } = await mark(browser, 'r4', 'started', from)
      assert.deepEqual([status, headers.location], [303, to])
    }
  })

  it('works from the buttons of its own page, and says so there, once', async () => {
    const { browser } = await answered('Ada')
    await mark(browser, 'f1', 'started', { from: 'lesson' })
    const page = await open(browser, 'f1')
    assert.match(
      textOf(page.querySelector('.success')),
      /“Introduction to Physical AI and embodied intelligence” is started\./,
    )
    assert.equal((await open(browser, 'f1')).querySelector('.success'), null)
  })

  it('twice is the same as once, even to the time', async () => {
    const { browser, person } = await answered('Ada')
    for (const state of ['started', 'done', 'known', 'dismissed']) {
      await mark(browser, 'f1', state)
      const once = await marksOf(person.email)
      app.advance(60_000)
      const { status } = await mark(browser, 'f1', state)
      assert.equal(status, 303)
      assert.deepEqual(await marksOf(person.email), once)
    }
  })

  it('is taken back to what was before', async () => {
    for (const [marks, after] of [
      [['started'], {}],
      [['done'], {}],
      [['known'], {}],
      [['dismissed'], {}],
      [['started', 'done'], { f1: 'started' }],
      [['started', 'known'], { f1: 'started' }],
      [['started', 'dismissed'], { f1: 'started' }],
      [['started', 'done', 'done'], { f1: 'started' }],
    ] as const) {
      const { browser, person } = await answered('Ada')
      for (const state of marks) await mark(browser, 'f1', state)
      // The message about the mark has this button, and so has the page of the lesson.
      const message = await open(browser, 'f1')
      const undo = message.querySelector('#undo-form button')?.getAttribute('value')
      const [, own] = [undo, message.querySelectorAll('.progress-form button').at(-1)?.getAttribute('value')]
      assert.equal(undo, own)
      for (let presses = 0; presses < 2; presses += 1) {
        assert.equal((await mark(browser, 'f1', undo ?? '')).status, 303)
        assert.deepEqual(await statesOf(person.email), after, marks.join(', '))
      }
    }
  })

  it('of ten lessons at once, at two processes, loses none', async () => {
    const { browser, person } = await answered('Ada')
    const other = openBrowser(elsewhere)
    await other.logIn(person)
    const ten = LESSONS.slice(0, 10)
    const states = ['started', 'done', 'known', 'dismissed']
    const responses = await Promise.all(
      ten.map((lesson, index) => mark(index % 2 ? other : browser, lesson, states[index % 4] ?? '')),
    )
    for (const { status } of responses) assert.equal(status, 303)
    assert.deepEqual(
      await statesOf(person.email),
      Object.fromEntries(ten.map((lesson, index) => [lesson, states[index % 4]])),
    )
  })

  it('ten times at once is one mark, that an undo takes back whole', async () => {
    const { browser, person } = await answered('Ada')
    await mark(browser, 'f1', 'started')
    const responses = await Promise.all(Array.from({ length: 10 }, () => mark(browser, 'f1', 'done')))
    for (const { status } of responses) assert.equal(status, 303)
    const [kept, ...more] = await marksOf(person.email)
    assert.deepEqual([kept?.state, kept?.before, more.length], ['done', 'started', 0])
    await Promise.all(Array.from({ length: 5 }, () => mark(browser, 'f1', 'started')))
    assert.deepEqual(await statesOf(person.email), { f1: 'started' })
  })

  it('with what is no mark is refused, and changes nothing', async () => {
    const { browser, person } = await answered('Ada')
    await mark(browser, 'f1', 'started')
    const before = await marksOf(person.email)
    const bodies = [
      ...['', 'finished', 'DONE', 'done ', 'done\u0000', '__proto__', 'constructor', 'null'].map((state) => ({
        state,
      })),
      {},
      { state: ['done', 'known'] },
      { state: ['done', 'done'] },
      { 'state[]': 'done' },
      { state: 'done', from: ['lesson', 'dashboard'] },
    ]
    for (const body of bodies) {
      const { status, text } = await send(browser, '/lessons/f1/progress', body)
      assert.equal(status, 422, JSON.stringify(body))
      assert.equal(parse(text).querySelector('h1')?.text, 'That cannot be done')
    }
    assert.deepEqual(await marksOf(person.email), before)
  })

  it('needs the token of the session, from our own pages, by POST', async () => {
    const { browser, person } = await answered('Ada')
    const path = '/lessons/f1/progress'
    assert.equal((await browser.post(path, encode({ state: 'done' }))).status, 403)
    const body = encode({ state: 'done', _csrf: await browser.token('/help') })
    assert.equal((await browser.post(path, body, { Origin: 'https://evil.test' })).status, 403)
    const { status, headers } = await browser.get(path)
    assert.deepEqual([status, headers.allow], [405, 'POST'])
    assert.deepEqual(await statesOf(person.email), {})
  })

  it('is nobody else’s mark', async () => {
    const { browser: ada } = await answered('Ada')
    const { browser: ben, person } = await answered('Ben')
    await markAll(ada, ['f1', 'f2'], 'done')
    assert.equal(textOf((await open(ben, 'f1')).querySelector('#lesson-f1')), 'Open, one of your next lessons')
    assert.deepEqual(await statesOf(person.email), {})
  })

  it('can be undone by the button of its message, wherever it is shown', async () => {
    for (const page of ['/dashboard', '/lessons/f1', '/lessons/x1']) {
      const { browser, person } = await answered('Ada')
      await mark(browser, 'f1', 'dismissed')
      const opened = parse((await browser.get(page)).text)
      const form = opened.querySelector('#undo-form')
      assert.equal(textOf(form?.querySelector('button')), 'Undo')
      const fields = {
        _csrf: await browser.token('/help'),
        state: form?.querySelector('button')?.getAttribute('value') ?? '',
      }
      assert.equal((await browser.post(form?.getAttribute('action') ?? '', encode(fields))).status, 303)
      assert.deepEqual(await statesOf(person.email), {})
    }
  })
})

it('a form without its button is refused and not guessed at', async () => {
  const { browser, person } = await answered('Ada')
  assert.equal((await pressButton(browser, '/lessons/f1', '#progress-f1')).status, 422)
  assert.deepEqual(await statesOf(person.email), {})
})
