/** What the dashboard says about lessons: which come next and why, and the whole course. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type HTMLElement, parse } from 'node-html-parser'
import { CATALOGUE } from '../../../src/learning/catalogue.ts'
import { startApp } from '../../support/app.ts'
import { LESSONS, mark, markAll, PROFILE, send } from '../../support/learning.ts'
import { type Browser, learner, openBrowser } from '../../support/people.ts'

const app = await startApp()
const elsewhere = await startApp(
  { LESSON_BASE_URL: 'https://course.example.org/lessons/' },
  { databaseUrl: app.databaseUrl },
)

const open = async (browser: Browser): Promise<HTMLElement> => parse((await browser.get('/dashboard')).text)
const textOf = (element: HTMLElement | null | undefined): string => element?.text.replace(/\s+/g, ' ').trim() ?? ''
/** The id of the lesson that comes first. */
const firstOf = (page: HTMLElement): string | undefined => page.querySelector('.first[id]')?.id.replace('lesson-', '')
const nextOf = (page: HTMLElement) =>
  page.querySelectorAll('.after li').map((item) => item.getAttribute('data-lesson') ?? '')

/** Somebody whose answers are saved. */
async function answered(name: string, answers = PROFILE) {
  const someone = await learner(app, name)
  await send(someone.browser, '/profile', answers)
  await someone.browser.get('/dashboard')
  return someone
}

describe('the first lesson', () => {
  it('says what one can do afterwards, and the two strongest reasons in the words of the answers', async () => {
    const { browser } = await answered('Ada', { ...PROFILE, primaryFocus: 'isaac', hardwareAccess: 'laptop_cpu' })
    await markAll(browser, ['f1', 'f2', 'r1', 'r2', 'r3', 'r5', 's1', 's2', 's3', 's4'], 'done')
    await mark(browser, 'i1', 'started')
    const page = await open(browser)
    assert.equal(firstOf(page), 'i1')
    assert.equal(
      textOf(page.querySelector('.outcome')),
      'Afterwards you can install Isaac Sim and Isaac ROS, and check that your graphics card and driver carry them.',
    )
    assert.deepEqual(page.querySelectorAll('.because li').map(textOf), [
      'Part of your focus: NVIDIA Isaac',
      'The programming is within your reach',
      'Mind: Read only for now: the lab needs an RTX graphics card',
    ])
    assert.match(textOf(page.querySelector('.go')), /About 6 to 8 hours in all, by our estimate$/)
  })

  it('has one button, and the rest behind “Something else”', async () => {
    const { browser } = await answered('Ada')
    const title = ': Introduction to Physical AI and embodied intelligence'
    const fresh = await open(browser)
    assert.deepEqual(fresh.querySelectorAll('.go button').map(textOf), [`Start${title}`])
    const others = (page: HTMLElement) =>
      page.querySelectorAll('.first details button').map((button) => button.getAttribute('value'))
    assert.deepEqual(others(fresh), ['done', 'known', 'dismissed'])
    assert.ok(!fresh.querySelector('.first details')?.hasAttribute('open'))

    await mark(browser, 'f1', 'started')
    const begun = await open(browser)
    assert.equal(begun.querySelectorAll('.go button').length, 0)
    const go = begun.querySelector('.go a')
    assert.deepEqual([textOf(go), go?.getAttribute('href')], [`Continue${title}`, '/lessons/f1'])
    assert.deepEqual(others(begun), ['done', 'known', 'dismissed', 'none'])
  })

  it('goes on where the course is, if that is known', async () => {
    const { browser, person } = await answered('Ada')
    await mark(browser, 'f1', 'started')
    const reader = openBrowser(elsewhere)
    await reader.logIn(person)
    const go = (await open(reader)).querySelector('.go a')
    assert.equal(go?.getAttribute('href'), 'https://course.example.org/lessons/f1')
  })

  it('opens by its one button, which also marks it as begun, if it is known where the course is', async () => {
    const { person } = await learner(app, 'Ada')
    const there = openBrowser(elsewhere)
    await there.logIn(person)
    const page = await open(there)
    const button = page.querySelector('.go button')
    const { status, headers } = await there.submitTo('/dashboard', `/lessons/${firstOf(page)}/progress`, {
      state: button?.getAttribute('value') ?? '',
      from: 'lesson',
    })
    assert.deepEqual([status, headers.location], [303, `https://course.example.org/lessons/${firstOf(page)}`])
    assert.match(textOf((await open(there)).querySelector('.go')), /^Continue/)
  })

  it('is the one that was last worked on, until it is done or put aside', async () => {
    const { browser } = await answered('Ada')
    await mark(browser, 'f1', 'done')
    const best = firstOf(await open(browser))
    for (const [other, end] of [
      ['f2', 'done'],
      ['x1', 'dismissed'],
    ] as const) {
      app.advance(60_000)
      await mark(browser, other, 'started')
      assert.equal(firstOf(await open(browser)), other)
      await mark(browser, other, end)
      assert.equal(firstOf(await open(browser)), best)
    }
  })

  it('moves on when it is marked, says so once with the way back, and comes back with it', async () => {
    const { browser } = await answered('Ada')
    for (const [state, says] of [
      ['done', 'is done.'],
      ['known', 'is known already.'],
    ] as const) {
      await mark(browser, 'f1', state)
      const page = await open(browser)
      assert.notEqual(firstOf(page), 'f1')
      const banner = page.querySelector('.success')
      assert.match(textOf(banner), new RegExp(`“Introduction to Physical AI and embodied intelligence” ${says}`))
      const form = page.querySelector('#undo-form')
      assert.equal(form?.getAttribute('action'), '/lessons/f1/progress')
      const undo = form?.querySelector('button')?.getAttribute('value') ?? ''
      assert.equal((await open(browser)).querySelector('.success'), null)
      await mark(browser, 'f1', undo)
      const back = await open(browser)
      assert.match(textOf(back.querySelector('.success')), /is back among your lessons\./)
      assert.equal(firstOf(back), 'f1')
    }
  })

  it('says, when it is done, what it has opened, and when it was the last of its part', async () => {
    const { browser } = await answered('Ada')
    const says = async () => textOf((await open(browser)).querySelector('.success p'))
    await mark(browser, 'f1', 'done')
    assert.match(await says(), /It has opened Sensor systems: .*, Why ROS 2\? The evolution of robotic control\.$/)
    await mark(browser, 'f2', 'started')
    assert.doesNotMatch(await says(), /opened/)
    await mark(browser, 'f2', 'done')
    assert.match(await says(), /That was the last of “Foundations”: its line is full\.$/)
    await mark(browser, 'r5', 'done')
    assert.match(await says(), /is done\.( It has opened Humanoid kinematics and dynamics\.)?$/)
  })
})

describe('what comes after', () => {
  it('is the way of somebody who always takes the first, five lessons at most, as links without buttons', async () => {
    const { browser } = await answered('Ada')
    const page = await open(browser)
    const way = [firstOf(page), ...nextOf(page)]
    assert.deepEqual(way, ['f1', 'r1', 'r2', 'r3', 's1', 'f2'])
    assert.equal(page.querySelectorAll('.after button').length, 0)
    for (const id of way.slice(0, 3)) {
      assert.equal(firstOf(await open(browser)), id)
      await mark(browser, id ?? '', 'done')
    }
    assert.deepEqual(
      page.querySelectorAll('.after a').map((link) => link.getAttribute('href')),
      way.slice(1).map((id) => `/lessons/${id}`),
    )
  })

  it('names what is taken as known, with the way to it', async () => {
    const { browser } = await answered('Ada', { ...PROFILE, skillLevel: 'intermediate' })
    const known = (await open(browser)).querySelectorAll('.assumed a')
    assert.deepEqual(
      known.map((link) => link.getAttribute('href')),
      ['/lessons/f1', '/lessons/r1'],
    )
    assert.equal(textOf(known[0]), 'Show me: Introduction to Physical AI and embodied intelligence')
    const { browser: beginner } = await answered('Ben')
    assert.equal((await open(beginner)).querySelector('.assumed'), null)
  })
})

describe('the course', () => {
  it('names every lesson once on the map, in its order, as a link, with its state in words and its mark', async () => {
    const { browser } = await answered('Ada', { ...PROFILE, skillLevel: 'intermediate' })
    await markAll(browser, ['r2', 'r3'], 'done')
    await mark(browser, 'r4', 'started')
    await mark(browser, 's1', 'dismissed')
    await mark(browser, 'f2', 'known')
    const page = await open(browser)
    const stops = page.querySelectorAll('.map .stop')
    assert.deepEqual(
      stops.map((stop) => [
        stop.getAttribute('value'),
        stop.querySelector('a')?.getAttribute('href'),
        stop.querySelector('a')?.text,
      ]),
      CATALOGUE.lessons.map(({ id, title }, index) => [String(index + 1), `/lessons/${id}`, title]),
    )
    assert.equal(page.querySelectorAll('.stop').length, stops.length, 'the course stands there once')
    const words = Object.fromEntries(
      stops.map((stop, index) => [LESSONS[index] ?? '', textOf(stop.querySelector('.hint'))]),
    )
    const { f1, f2, r2, r4, r6, s1, s5, e1 } = words
    assert.deepEqual(
      { f1, f2, r2, r4, r6, s1, e1 },
      {
        f1: 'Taken as known',
        f2: 'Known already',
        r2: 'Done',
        r4: 'Started',
        r6: 'Next',
        s1: 'Put aside',
        e1: 'Needs equipment',
      },
    )
    assert.equal(s5, 'Later, after Launch files and parameters, Diving into Gazebo: worlds and SDF')
    for (const [id, said] of Object.entries(words)) assert.notEqual(said, '', id)

    const marks = Object.fromEntries(
      stops.map((stop, index) => [LESSONS[index] ?? '', stop.classNames.replace(/^stop stop-| stop-branch/g, '')]),
    )
    assert.deepEqual(
      Object.keys(marks).filter((id) => marks[id] === 'here'),
      [firstOf(page)],
    )
    assert.deepEqual(
      Object.keys(marks).filter((id) => marks[id] === 'next'),
      ['r5', 'r6'],
    )
    assert.deepEqual(
      [marks.f1, marks.f2, marks.r2, marks.s1, marks.e1, marks.x1],
      ['assumed', 'done', 'done', 'dismissed', 'needs_equipment', 'locked'],
    )
    assert.equal(page.querySelector('svg.map-strokes')?.getAttribute('aria-hidden'), 'true')
  })

  it('says beside a name what the lesson needs of other parts, and for the list also what the strokes show', async () => {
    const { browser } = await answered('Ada')
    const page = await open(browser)
    const tags = (id: string, selector: string) =>
      page.querySelectorAll(`[data-lesson=${id}] ${selector}`).map((tag) => [textOf(tag), tag.classNames])
    assert.deepEqual(tags('h1', '.tag'), [['needs Describing robots', 'tag of-ros2']])
    assert.deepEqual(tags('i5', '.tag'), [
      ['needs Simulated sensors', 'tag tag-list of-simulation'],
      ['needs Bridging Python AI agents', 'tag of-ros2'],
    ])
    assert.deepEqual(tags('s3', '.tag'), [], 'its line says it')
  })

  it('is drawn with lines that are filled as far as their lessons are behind the learner', async () => {
    const { browser } = await answered('Ada')
    const filled = async () =>
      (await open(browser))
        .querySelectorAll('.line-done')
        .map((stroke) => `${stroke.getAttribute('data-from')}-${stroke.getAttribute('data-to')}`)
    assert.deepEqual(await filled(), [])
    await markAll(browser, ['f1', 'r1', 'r2'], 'done')
    assert.deepEqual(await filled(), ['r1-r2'])
    await mark(browser, 'f2', 'known')
    assert.deepEqual(await filled(), ['f1-f2', 'r1-r2'])
  })

  it('is on the home page for everybody: all lines filled, no state, and nothing to press', async () => {
    const { browser } = await answered('Ada')
    const home = parse((await browser.get('/')).text)
    assert.equal(home.querySelectorAll('.map .stop').length, LESSONS.length)
    assert.equal(home.querySelectorAll('.map a, .map .hint, .map [id], .map-key').length, 0)
    const strokes = home.querySelectorAll('.line path:not(.line-pattern)')
    assert.deepEqual(new Set(strokes.map(({ classNames }) => classNames)), new Set(['line-done']))
  })

  it('weighs less than 40 KB with the whole dashboard, and less than 10 KB compressed', async () => {
    const { browser } = await answered('Ada')
    for (const done of [[], LESSONS.slice(0, 7), LESSONS.slice(7, 20)]) {
      await markAll(browser, done, 'done')
      const { text } = await browser.get('/dashboard')
      const [plain, compressed] = [Buffer.byteLength(text), gzipSync(text).length]
      assert.ok(plain < 40_000 && compressed < 10_000, `${plain} bytes, ${compressed} compressed`)
    }
  })
})
