/** The plan in weeks on the pages: hours, outlook, weeks. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type HTMLElement, parse } from 'node-html-parser'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { LESSONS, markAll, PROFILE, send } from '../../support/learning.ts'
import { type Browser, learner, openBrowser } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })

const open = async (browser: Browser, path = '/plan'): Promise<HTMLElement> => parse((await browser.get(path)).text)
const textOf = (element: HTMLElement | null | undefined): string => element?.text.replace(/\s+/g, ' ').trim() ?? ''
const outlookOn = async (browser: Browser, path: string) =>
  textOf((await open(browser, path)).querySelector('.outlook, .intro'))
const chosenOn = (page: HTMLElement) => page.querySelector('input[name=hours][checked]')?.getAttribute('value')

async function answered(name: string) {
  const { browser, person } = await learner(app, name)
  await send(browser, '/profile', PROFILE)
  await browser.get('/dashboard')
  return { browser, person, api: apiOf(app, browser) }
}
const have = (browser: Browser, hours: string, from = 'plan') => browser.submit('/plan', { hours, from })

describe('the hours of a week', () => {
  it('are asked for, none is chosen before, and nothing is foretold', async () => {
    const { browser } = await answered('Ada')
    for (const path of ['/dashboard', '/plan']) {
      const page = await open(browser, path)
      assert.deepEqual(page.querySelectorAll('#hours-form .choice').map(textOf), [
        '2 hours',
        '4 hours',
        '6 hours',
        '10 hours or more',
        'I would rather not say',
      ])
      assert.equal(chosenOn(page), '')
      assert.equal(await outlookOn(browser, path), '')
    }
  })

  it('are saved where they stand, lead back there, and can be taken back', async () => {
    const { browser } = await answered('Ada')
    for (const [from, to] of [
      ['plan', '/plan'],
      ['dashboard', '/dashboard#plan'],
      ['//evil.test', '/dashboard#plan'],
    ] as const) {
      const { status, headers } = await have(browser, '4', from)
      assert.deepEqual([status, headers.location], [303, to])
      const page = await open(browser)
      assert.equal(textOf(page.querySelector('.success p')), 'Your plan is saved.')
      assert.equal(chosenOn(page), '4')
    }
    await have(browser, '')
    assert.equal(chosenOn(await open(browser)), '')
    assert.equal(await outlookOn(browser, '/dashboard'), '')
  })

  it('that are not offered are refused, and nothing changes', async () => {
    const { browser } = await answered('Ada')
    await have(browser, '6')
    for (const hours of ['3', '4.0', ' 4', '-4', '1e1', 'undefined', 'NaN', '__proto__']) {
      assert.equal((await have(browser, hours)).status, 422, hours)
    }
    assert.equal((await browser.submit('/plan', 'hours=2&hours=4')).status, 422)
    assert.equal((await browser.submit('/plan', {})).status, 422)
    assert.equal(chosenOn(await open(browser)), '6')
  })
})

describe('the outlook', () => {
  it('is a range to the capstone on both pages, less with more hours and with each lesson done', async () => {
    const { browser } = await answered('Ada')
    const weeks = async (hours: string) => {
      await have(browser, hours)
      const says = await outlookOn(browser, '/plan')
      assert.ok((await outlookOn(browser, '/dashboard')).startsWith(says), says)
      const [, from, to] =
        /^At this pace: the capstone in about (\d+) to (\d+) weeks(?:, or sooner)?\.$/.exec(says) ?? []
      return [Number(from), Number(to)] as const
    }
    let before: readonly [number, number] = [Infinity, Infinity]
    for (const hours of ['2', '4', '6', '10']) {
      const now = await weeks(hours)
      assert.ok(now[0] < before[0] && now[1] < before[1] && now[0] < now[1], `${hours}: ${now}`)
      before = now
    }
    const [fresh] = await weeks('2')
    await markAll(browser, ['f1', 'r1', 'r2', 'r3'], 'done')
    assert.ok((await weeks('2'))[0] < fresh)
  })

  it('says when the capstone is next, then looks to the end of the course, and then to nothing', async () => {
    const { browser } = await answered('Ada')
    await have(browser, '10')
    await markAll(browser, LESSONS.slice(0, -1), 'done')
    assert.equal(await outlookOn(browser, '/plan'), 'The capstone is next.')
    await markAll(browser, ['x1'], 'done')
    assert.equal(await outlookOn(browser, '/plan'), '')
    await markAll(browser, ['s7'], 'none')
    assert.equal(await outlookOn(browser, '/plan'), 'At this pace: the end of the course in about 1 week, or sooner.')
  })

  it('says that the sizes are an estimate of ours', async () => {
    const { browser } = await answered('Ada')
    assert.match(textOf(await open(browser)), /No source says how long a lesson takes, so this is our estimate/)
    assert.match(textOf(await open(browser, '/dashboard')), /by our estimate/)
  })
})

describe('the weeks', () => {
  it('are this one and the next in full, then each lesson once, with the weeks of the course beside', async () => {
    const { browser, api } = await answered('Ada')
    await have(browser, '4')
    const page = await open(browser)
    assert.deepEqual(page.querySelectorAll('.reading h2').map(textOf).slice(0, 3), [
      'This week',
      'Next week',
      'After that',
    ])
    const lists = page.querySelectorAll('.afterwards').map((list) => list.querySelectorAll('li'))
    assert.deepEqual(lists[0]?.map(textOf), [
      'Introduction to Physical AI and embodied intelligence Size S. In the course: weeks 1 to 2',
      'Why ROS 2? The evolution of robotic control Size S. In the course: weeks 3 to 5',
      'ROS 2 communication: topics, services and actions Size M. In the course: weeks 3 to 5',
    ])
    assert.match(textOf(lists[1]?.[0]), /^ROS 2 communication: .* Goes on\. Size M\./)
    const { weeks } = (await api.get('/api/plan')).body
    const named = page
      .querySelectorAll('.afterwards a')
      .map((link) => link.getAttribute('href')?.replace('/lessons/', ''))
    type Week = { lessons: { id: string; goesOn: boolean }[] }
    assert.deepEqual(
      named,
      weeks.flatMap(({ lessons }: Week, index: number) =>
        lessons.filter(({ goesOn }) => index < 2 || !goesOn).map(({ id }) => id),
      ),
    )
    const days = lists[2]?.map((item) => /Week of (\d+ \w+(?: \d{4})?)\./.exec(textOf(item))?.[1])
    for (const day of days ?? []) assert.ok(day, 'each names its week')
  })

  it('stand on the dashboard beside what comes after', async () => {
    const { browser } = await answered('Ada')
    const hints = async () => (await open(browser, '/dashboard')).querySelectorAll('.after .hint').map(textOf)
    assert.equal((await hints())[0], 'In the course: weeks 3 to 5')
    await have(browser, '4')
    assert.equal((await hints())[0], 'This week. In the course: weeks 3 to 5')
    assert.match((await hints())[2] ?? '', /^Next week\. /)
    assert.match((await hints())[4] ?? '', /^Week of \d+ \w+( \d{4})?\. /)
  })

  it('begin anew when somebody comes back, without a word about it', async () => {
    const { browser } = await answered('Ada')
    await have(browser, '4')
    const before = await outlookOn(browser, '/plan')
    await app.sql`update progress set updated_at = updated_at - interval '60 days'`
    assert.equal(await outlookOn(browser, '/plan'), before)
    assert.doesNotMatch(textOf(await open(browser)), /\b(late|behind|missed|overdue|should have)\b/)
  })
})

describe('the plan', () => {
  it('is of one learner alone, and needs a login', async () => {
    const { browser: ada } = await answered('Ada')
    const { browser: ben } = await answered('Ben')
    await have(ada, '2')
    assert.equal(chosenOn(await open(ben)), '')
    const visitor = openBrowser(app)
    for (const path of [
      '/plan',
      '/plan/calendar',
      '/plan/calendar/withdraw',
      '/plan/skip/ros2',
      '/plan/skip/ros2/undo',
    ]) {
      const { status, headers } = await visitor.submitTo('/login', path)
      assert.deepEqual([status, headers.location], [303, '/login'], path)
    }
  })
})
