/** The way to the capstone in weeks, and the days of the last week. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CATALOGUE, type Lesson } from '../../src/learning/catalogue.ts'
import {
  HOURS,
  lastSevenDays,
  startOfWeek,
  untilCapstone,
  WEEKLY_HOURS,
  weeksFor,
  weeksOf,
} from '../../src/learning/plan.ts'
import type { LessonProgress, ProgressState } from '../../src/learning/progress.ts'
import { pathOf } from '../../src/learning/recommendations.ts'
import { answersOf, PROFILES, progressOf } from '../support/profiles.ts'

const WEDNESDAY = Date.parse('2026-12-02T18:30:00Z')
const named = (...ids: string[]): Lesson[] => ids.flatMap((id) => CATALOGUE.byId.get(id) ?? assert.fail(id))
const SOME = PROFILES.filter((_, index) => index % 37 === 0)

describe('the weeks that a way takes', () => {
  it('are none when nothing is left', () => {
    for (const hours of WEEKLY_HOURS) assert.equal(weeksFor([], hours), undefined)
  })

  it('follow from the sizes: a small, a middle and a large lesson', () => {
    assert.deepEqual(HOURS, { S: { from: 1, to: 2 }, M: { from: 3, to: 4 }, L: { from: 6, to: 8 } })
    assert.deepEqual(weeksFor(named('f1'), 2), { from: 1, to: 1 })
    assert.deepEqual(weeksFor(named('f1', 'f2', 'r3'), 2), { from: 5, to: 7 })
    assert.deepEqual(weeksFor(named('f1', 'f2', 'r3'), 10), { from: 1, to: 2 })
  })

  it('are about those of the course itself for somebody with ten hours', () => {
    const { from, to } = weeksFor(untilCapstone(CATALOGUE.lessons).lessons, 10) ?? assert.fail()
    assert.ok(from <= 13 && to >= 13 && to <= 18, `${from} to ${to}`)
  })

  it('are never negative, never the wrong way round, and never more with more hours', () => {
    for (const answers of SOME) {
      const { lessons } = untilCapstone(pathOf(CATALOGUE, answers, new Map()))
      let before = { from: Infinity, to: Infinity }
      for (const hours of WEEKLY_HOURS) {
        const weeks = weeksFor(lessons, hours) ?? assert.fail()
        assert.ok(weeks.from >= 1 && weeks.from <= weeks.to)
        assert.ok(weeks.from <= before.from && weeks.to <= before.to)
        before = weeks
      }
    }
  })

  it('never become more as one goes on by the first lesson each time, until they are none', () => {
    for (const answers of SOME) {
      const marks: Record<string, ProgressState> = {}
      let before = { from: Infinity, to: Infinity }
      for (let steps = 0; ; steps += 1) {
        const path = pathOf(CATALOGUE, answers, progressOf(marks))
        const { goal, lessons } = untilCapstone(path)
        const weeks = weeksFor(lessons, 4)
        if (weeks === undefined || goal === 'course') break
        assert.ok(weeks.from <= before.from && weeks.to <= before.to, `${JSON.stringify(answers)} after ${steps}`)
        before = weeks
        marks[path[0]?.id ?? ''] = 'done'
      }
      assert.ok(before.from <= 2, 'the last one before the capstone')
    }
  })

  it('lead to the end of the course once the capstone is behind', () => {
    const path = pathOf(CATALOGUE, answersOf({}), progressOf({ x1: 'done' }))
    assert.deepEqual(untilCapstone(path), { goal: 'course', lessons: path })
    const whole = pathOf(CATALOGUE, answersOf({}), new Map())
    assert.equal(untilCapstone(whole).goal, 'capstone')
    assert.ok(!untilCapstone(whole).lessons.some(({ id }) => id === 'x1'))
  })
})

describe('the path', () => {
  it('begins with the same lesson as the suggestions, holds none twice, and each after those before it', () => {
    for (const answers of SOME) {
      const path = pathOf(CATALOGUE, answers, new Map())
      const ids = path.map(({ id }) => id)
      assert.equal(new Set(ids).size, ids.length)
      for (const [index, { before }] of path.entries()) {
        assert.ok(ids.slice(index).every((later) => !before.has(later)))
      }
    }
  })
})

describe('the weeks of a plan', () => {
  it('begin with this one, on its Monday, and go on without a gap', () => {
    const weeks = weeksOf(named('f1', 'f2', 'r3', 'r4'), 4, WEDNESDAY)
    assert.deepEqual(
      weeks.map(({ start, lessons }) => [
        start.toISOString(),
        ...lessons.map(({ lesson, goesOn }) => `${lesson.id}${goesOn ? ' goes on' : ''}`),
      ]),
      [
        ['2026-11-30T00:00:00.000Z', 'f1', 'f2'],
        ['2026-12-07T00:00:00.000Z', 'f2 goes on', 'r3'],
        ['2026-12-14T00:00:00.000Z', 'r3 goes on'],
        ['2026-12-21T00:00:00.000Z', 'r4'],
      ],
    )
  })

  it('hold each lesson, in order, begun once', () => {
    for (const answers of SOME) {
      const path = pathOf(CATALOGUE, answers, new Map())
      for (const hours of WEEKLY_HOURS) {
        const weeks = weeksOf(path, hours, WEDNESDAY)
        const begun = weeks.flatMap(({ lessons }) => lessons).filter(({ goesOn }) => !goesOn)
        assert.deepEqual(
          begun.map(({ lesson }) => lesson),
          path,
        )
        assert.ok(weeks.every(({ lessons }) => lessons.length > 0))
        const most = weeksFor(path, hours)
        assert.ok(most && weeks.length >= most.from && weeks.length <= most.to, `${weeks.length} weeks`)
      }
    }
  })

  it('are none when nothing is left', () => assert.deepEqual(weeksOf([], 4, WEDNESDAY), []))

  it('start on Monday at any moment of the week, also across a change of clocks and of the year', () => {
    const rows: [now: string, monday: string][] = [
      ['2026-11-30T00:00:00.000Z', '2026-11-30'],
      ['2026-12-06T23:59:59.999Z', '2026-11-30'],
      ['2026-12-07T00:00:00.000Z', '2026-12-07'],
      ['2026-10-25T01:30:00.000Z', '2026-10-19'],
      ['2027-01-01T12:00:00.000Z', '2026-12-28'],
      ['2028-02-29T12:00:00.000Z', '2028-02-28'],
    ]
    for (const [now, monday] of rows) {
      assert.equal(startOfWeek(Date.parse(now)).toISOString(), `${monday}T00:00:00.000Z`, now)
    }
  })
})

describe('the last seven days', () => {
  const mark = (state: ProgressState, beganAt: string | undefined, updatedAt: string): LessonProgress => ({
    state,
    before: undefined,
    beganAt: beganAt === undefined ? undefined : new Date(beganAt),
    updatedAt: new Date(updatedAt),
    isReplacing: false,
  })
  const active = (...marks: LessonProgress[]) =>
    lastSevenDays(new Map(marks.map((one, index) => [`f${index}`, one])), WEDNESDAY)
      .map(({ isActive }) => (isActive ? 'x' : '-'))
      .join('')

  it('end today, in UTC', () => {
    const days = lastSevenDays(new Map(), WEDNESDAY).map(({ day }) => day.toISOString())
    assert.deepEqual([days.length, days[0], days[6]], [7, '2026-11-26T00:00:00.000Z', '2026-12-02T00:00:00.000Z'])
  })

  it('are active when a lesson was begun or done on them', () => {
    assert.equal(active(), '-------')
    assert.equal(active(mark('done', '2026-11-26T00:00:00Z', '2026-12-02T18:30:00Z')), 'x-----x')
    assert.equal(active(mark('started', undefined, '2026-11-30T23:59:59Z')), '----x--')
    assert.equal(active(mark('done', '2026-11-01T00:00:00Z', '2026-11-25T23:59:59Z')), '-------')
  })

  it('are not active by what was known or put aside', () => {
    const today = '2026-12-02T10:00:00Z'
    assert.equal(active(mark('known', today, today), mark('dismissed', today, today)), '-------')
  })
})
