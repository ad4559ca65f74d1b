/** What the dashboard says about lessons: which come next and why, and the whole course. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type HTMLElement, parse } from 'node-html-parser'
import { CATALOGUE } from '../../../src/learning/catalogue.ts'
import { startApp } from '../../support/app.ts'
import { LESSONS, mark, markAll, PROFILE, passAll, send } from '../../support/learning.ts'
import { type Browser, learner } from '../../support/people.ts'

const app = await startApp()

const open = async (browser: Browser): Promise<HTMLElement> => parse((await browser.get('/dashboard')).text)
const textOf = (element: HTMLElement | null | undefined): string => element?.text.replace(/\s+/g, ' ').trim() ?? ''
const idsIn = (page: HTMLElement, list: string): string[] =>
  page.querySelectorAll(`${list} > li`).map(({ id }) => id.replace('lesson-', ''))
const suggestion = (page: HTMLElement, id: string): HTMLElement =>
  page.querySelector(`.suggestions > #lesson-${id}`) ?? assert.fail(`${id} is not suggested`)

/** Somebody whose answers are saved. */
async function answered(name: string, answers = PROFILE) {
  const someone = await learner(app, name)
  await send(someone.browser, '/profile', answers)
  await someone.browser.get('/dashboard')
  return someone
}

describe('the suggestions', () => {
  it('are a list in its order, five at most, each with its reasons, cautions and buttons', async () => {
    const { browser } = await answered('Ada', { ...PROFILE, primaryFocus: 'isaac', hardwareAccess: 'laptop_cpu' })
    await markAll(browser, ['f1', 'f2', 'r1', 'r2', 'r3', 'r5', 's1', 's2', 's3', 's4'], 'done')
    const page = await open(browser)
    assert.equal(page.querySelector('.suggestions')?.rawTagName, 'ol')
    const ids = idsIn(page, '.suggestions')
    assert.ok(ids.length > 1 && ids.length <= 5, `${ids.length} suggestions`)
    assert.ok(ids.includes('i1'), 'the lesson that the focus is about')
    for (const id of ids) {
      const item = suggestion(page, id)
      assert.equal(item.querySelector('h3 a')?.getAttribute('href'), `/lessons/${id}`)
      const reasons = item.querySelectorAll('details li').map(textOf)
      assert.ok(reasons.length > 0)
      assert.ok(textOf(item.querySelector('.hint')).includes(reasons[0] ?? '-'), 'the best reason is shown at once')
      assert.equal(textOf(item.querySelector('details > summary')), 'Why this?')
      assert.ok(!item.querySelector('details')?.hasAttribute('open'))
    }
    const isaac = suggestion(page, 'i1')
    assert.match(textOf(isaac.querySelector('.hint')), /^Part of your focus: NVIDIA Isaac\. /)
    const cautions = isaac.querySelectorAll('details .caution').map(textOf)
    assert.ok(cautions.includes('Mind: Read only for now: the lab needs an RTX graphics card'), cautions.join(', '))
  })

  it('show five more that come later, also to somebody with one lesson to start with', async () => {
    const { browser } = await answered('Ada')
    const page = await open(browser)
    assert.deepEqual(idsIn(page, '.suggestions'), ['f1'])
    assert.equal(page.querySelector('.afterwards')?.rawTagName, 'ol')
    assert.equal(idsIn(page, '.afterwards').length, 5)
  })

  it('have the buttons of their state', async () => {
    const { browser } = await answered('Ada')
    const buttons = async () =>
      suggestion(await open(browser), 'f1')
        .querySelectorAll('button')
        .map((button) => [textOf(button), button.getAttribute('value')])
    const [title] = [': Introduction to Physical AI and embodied intelligence']
    const more = [
      [`Mark as done${title}`, 'done'],
      [`I already know this${title}`, 'known'],
      [`Not interested${title}`, 'dismissed'],
    ]
    assert.deepEqual(await buttons(), [[`Start${title}`, 'started'], ...more])
    await mark(browser, 'f1', 'started')
    assert.deepEqual(await buttons(), [...more, [`Undo start${title}`, 'none']])
    assert.match(textOf(suggestion(await open(browser), 'f1').querySelector('.hint')), /^Started\. /)
  })

  it('move on when a lesson is marked, say so once with the way back, and come back with it', async () => {
    const { browser } = await answered('Ada')
    const before = idsIn(await open(browser), '.suggestions')
    for (const [state, says] of [
      ['done', 'is done.'],
      ['known', 'is known already.'],
    ] as const) {
      await mark(browser, 'f1', state)
      const page = await open(browser)
      assert.deepEqual(idsIn(page, '.suggestions').includes('f1'), false)
      const banner = page.querySelector('.success')
      assert.match(textOf(banner), new RegExp(`“Introduction to Physical AI and embodied intelligence” ${says}`))
      const form = page.querySelector('#undo-form')
      assert.equal(form?.getAttribute('action'), '/lessons/f1/progress')
      const undo = form?.querySelector('button')?.getAttribute('value') ?? ''
      assert.equal((await open(browser)).querySelector('.success'), null)
      await mark(browser, 'f1', undo)
      const back = await open(browser)
      assert.match(textOf(back.querySelector('.success')), /is back among your lessons\./)
      assert.deepEqual(idsIn(back, '.suggestions'), before)
    }
  })

  it('name what is taken as known, with the way to it', async () => {
    const { browser } = await answered('Ada', { ...PROFILE, skillLevel: 'intermediate' })
    const page = await open(browser)
    const known = page.querySelectorAll('section[aria-labelledby=assumed] a')
    assert.deepEqual(
      known.map((link) => link.getAttribute('href')),
      ['/lessons/f1', '/lessons/r1'],
    )
    assert.equal(textOf(known[0]), 'Show me: Introduction to Physical AI and embodied intelligence')
    const { browser: beginner } = await answered('Ben')
    assert.equal((await open(beginner)).querySelector('section[aria-labelledby=assumed]'), null)
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
    const suggested = idsIn(page, '.suggestions')
    assert.deepEqual(
      Object.keys(marks).filter((id) => marks[id] === 'here'),
      suggested.slice(0, 1),
    )
    assert.deepEqual(
      Object.keys(marks).filter((id) => marks[id] === 'next'),
      LESSONS.filter((id) => suggested.slice(1).includes(id)),
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

  it('has the place that a marked lesson leads to exactly once, wherever it stands', async () => {
    const { browser } = await answered('Ada')
    await passAll(browser)
    for (const state of ['started', 'done', 'dismissed']) {
      await markAll(browser, ['f1', 'i7'], state)
      const page = await open(browser)
      for (const id of LESSONS) assert.equal(page.querySelectorAll(`#lesson-${id}`).length, 1, `${id} when ${state}`)
    }
  })
})
