/** A page for each lesson: its place in the course, what it needs, why it is suggested, and how far the learner is. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type HTMLElement, parse } from 'node-html-parser'
import { CATALOGUE, MODULES } from '../../../src/learning/catalogue.ts'
import { startApp } from '../../support/app.ts'
import { LESSONS, mark, PROFILE, send } from '../../support/learning.ts'
import { type Browser, learner, openBrowser } from '../../support/people.ts'

const app = await startApp()
const elsewhere = await startApp(
  { LESSON_BASE_URL: 'https://course.example.org/lessons/' },
  { databaseUrl: app.databaseUrl },
)

const open = async (browser: Browser, id: string): Promise<HTMLElement> =>
  parse((await browser.get(`/lessons/${id}`)).text)
/** How the pages write the weeks that the catalogue gives in digits. */
const WEEKS: Record<string, string> = {
  '1-2': 'weeks 1 to 2',
  '3-5': 'weeks 3 to 5',
  '6-7': 'weeks 6 to 7',
  '8-10': 'weeks 8 to 10',
  '8-13': 'weeks 8 to 13',
  '11-12': 'weeks 11 to 12',
  '13': 'week 13',
}
const textOf = (element: HTMLElement | null | undefined): string => element?.text.replace(/\s+/g, ' ').trim() ?? ''
const hrefsUnder = (page: HTMLElement, heading: string): string[] => {
  const title = page.querySelectorAll('main h2').find(({ text }) => text === heading)
  return title?.nextElementSibling?.querySelectorAll('a').map((link) => link.getAttribute('href') ?? '') ?? []
}

async function answered(name: string, answers = PROFILE) {
  const someone = await learner(app, name)
  await send(someone.browser, '/profile', answers)
  return someone
}

describe('the page of a lesson', async () => {
  const { browser } = await answered('Ada')

  it('is there for every lesson of the course, and says where it stands in it', async () => {
    assert.deepEqual(
      CATALOGUE.lessons.map(({ id }) => id),
      LESSONS,
    )
    for (const { id, title, module, weeks, prereqs } of CATALOGUE.lessons) {
      const page = await open(browser, id)
      assert.equal(page.querySelector('h1')?.text, title)
      assert.equal(page.querySelector('.caption')?.text, `${MODULES[module]}, ${WEEKS[weeks]}`)
      assert.equal(page.querySelector('nav[aria-label=Back] a')?.getAttribute('href'), '/dashboard')
      assert.deepEqual(
        hrefsUnder(page, 'What comes before').sort(),
        prereqs.map((prerequisite) => `/lessons/${prerequisite}`).sort(),
      )
      const leadsTo = CATALOGUE.lessons.filter((lesson) => lesson.prereqs.includes(id))
      assert.deepEqual(
        hrefsUnder(page, 'What it leads to'),
        leadsTo.map((lesson) => `/lessons/${lesson.id}`),
      )
      assert.ok(page.querySelectorAll('.why li').length > 0, 'says why')
      assert.equal(page.querySelectorAll(`#lesson-${id}`).length, 1)
    }
  })

  it('says what the lab needs, and that the text can be read without, where there is one', async () => {
    const needs = async (id: string) =>
      textOf(await open(browser, id)).match(/For the lab ?(.*?)(?=Of use|What comes|$)/)?.[1]
    assert.equal((await needs('f1'))?.startsWith('Nothing: it can be read anywhere'), true)
    assert.equal((await needs('i1'))?.trim(), 'an RTX graphics card. The text can be read without.')
    assert.equal((await needs('e1'))?.trim(), 'a Jetson. All of it is work with that.')
  })

  it('leads to the lesson where the course is, if that is known', async () => {
    const { person } = await answered('Ben')
    const reader = openBrowser(elsewhere)
    await reader.logIn(person)
    const [first] = (await open(reader, 'r4')).querySelectorAll('main .button')
    assert.equal(textOf(first), 'Open the lesson: ROS 2 services: request and response')
    await mark(reader, 'r4', 'started')
    const link = (await open(reader, 'r4')).querySelector('main a.button')
    assert.deepEqual(
      [link?.text, link?.getAttribute('href')],
      ['Open the lesson', 'https://course.example.org/lessons/r4'],
    )
    assert.equal((await open(browser, 'r4')).querySelector('main a.button'), null)
  })

  it('of a lesson that is not there is not there', async () => {
    const ids = [
      'z9',
      'F1',
      'f01',
      'f1%20',
      'f1%00',
      '__proto__',
      'constructor',
      '%2e%2e',
      '..%2fdashboard',
      'f1/x',
      '',
    ]
    for (const id of ids) {
      assert.equal((await browser.get(`/lessons/${id}`)).status, 404, id)
      assert.equal((await mark(browser, id, 'done')).status, 404, id)
    }
    assert.equal((await browser.get('/lessons/%ff')).status, 400)
  })

  it('leads a visitor to the login and back', async () => {
    const { person } = await learner(app, 'Cleo')
    const visitor = openBrowser(app)
    const { status, headers } = await visitor.get('/lessons/f1')
    assert.deepEqual([status, headers.location], [303, '/login?next=%2Flessons%2Ff1'])
    assert.equal((await visitor.logIn(person, { next: '/lessons/f1' })).headers.location, '/lessons/f1')
    const posted = await openBrowser(app).submitTo('/login', '/lessons/f1/progress', { state: 'done' })
    assert.deepEqual([posted.status, posted.headers.location], [303, '/login'])
  })
})

describe('the state of a lesson', () => {
  const buttonsOf = (page: HTMLElement) =>
    page.querySelectorAll('.progress-form button').map((button) => button.getAttribute('value'))
  const ALL = ['started', 'done', 'known', 'dismissed']

  const STATES: { name: string; lesson: string; marks: string[]; says: string; buttons: string[] }[] = [
    { name: 'open', lesson: 'f1', marks: [], says: 'Open, one of your next lessons', buttons: ALL },
    {
      name: 'later',
      lesson: 'x1',
      marks: [],
      says: 'Later, after Nav2 navigation for humanoid robots, Manipulation, grasping and human-robot interaction, Cognitive planning: from language to ROS 2 actions',
      buttons: ALL,
    },
    {
      name: 'started',
      lesson: 'f1',
      marks: ['started'],
      says: 'Started, one of your next lessons',
      buttons: ['done', 'known', 'dismissed', 'none'],
    },
    { name: 'done', lesson: 'f1', marks: ['done'], says: 'Done', buttons: ['none'] },
    { name: 'known already', lesson: 'f1', marks: ['known'], says: 'Known already', buttons: ['none'] },
    { name: 'put aside', lesson: 'f1', marks: ['dismissed'], says: 'Put aside', buttons: ['none'] },
    { name: 'done after a start', lesson: 'f1', marks: ['started', 'done'], says: 'Done', buttons: ['started'] },
    {
      name: 'put aside after a start',
      lesson: 'f1',
      marks: ['started', 'dismissed'],
      says: 'Put aside',
      buttons: ['started'],
    },
  ]

  for (const { name, lesson, marks, says, buttons } of STATES) {
    it(`${name}: is said in words, with what can be done`, async () => {
      const { browser } = await answered('Ada')
      for (const state of marks) await mark(browser, lesson, state)
      const page = await open(browser, lesson)
      assert.equal(textOf(page.querySelector(`#lesson-${lesson}`)), says)
      assert.deepEqual(buttonsOf(page), buttons)
    })
  }

  it('later: leads to what comes first', async () => {
    const { browser } = await answered('Ada')
    const links = async () =>
      (await open(browser, 'r7')).querySelectorAll('#lesson-r7 a').map((link) => [link.text, link.getAttribute('href')])
    const r4 = ['ROS 2 services: request and response', '/lessons/r4']
    assert.deepEqual(await links(), [r4, ['Launch files and parameters', '/lessons/r6']])
    await mark(browser, 'r6', 'done')
    assert.deepEqual(await links(), [r4])
  })

  it('taken as known, or without its equipment, is said too', async () => {
    const { browser } = await answered('Ada', { ...PROFILE, skillLevel: 'advanced' })
    const words = async (id: string) => textOf((await open(browser, id)).querySelector(`#lesson-${id}`))
    assert.equal(await words('f1'), 'Taken as known')
    assert.equal(await words('e1'), 'Needs equipment')
    assert.match(
      textOf(await open(browser, 'r4')),
      /ROS 2 development environment and your first Python package \(taken as known\)/,
    )
    await mark(browser, 'f1', 'started')
    assert.equal(await words('f1'), 'Started, one of your next lessons')
  })
})
