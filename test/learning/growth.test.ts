/** What finished lessons change about the next ones, and that what was begun stays first. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CATALOGUE } from '../../src/learning/catalogue.ts'
import type { Progress, ProgressState } from '../../src/learning/progress.ts'
import { pathOf, recommend } from '../../src/learning/recommendations.ts'
import { adviceOn, advise, answersOf, codesOf, idsOf, progressOf } from '../support/profiles.ts'

const done = (...ids: string[]): Record<string, ProgressState> => Object.fromEntries(ids.map((id) => [id, 'done']))
const BASICS = ['f1', 'f2', 'r1', 'r2', 'r3', 's1', 's2']

describe('what a learner has grown into', () => {
  const OF_LEVEL_2 = ['r4', 'r5', 'r6', 'r7', 's3']

  it('counts after five lessons of a level: the next level is a stretch, and no longer far above', () => {
    const cautions = (...ids: string[]) => codesOf(adviceOn('i5', {}, done(...BASICS, ...ids)).cautions)
    assert.ok(cautions(...OF_LEVEL_2.slice(1)).includes('level.far'))
    assert.ok(!cautions(...OF_LEVEL_2).includes('level.far'))
    const { reasons } = adviceOn('i5', {}, done(...BASICS, ...OF_LEVEL_2))
    assert.ok(codesOf(reasons).includes('level.stretch'))
  })

  it('counts after five lessons with as much programming', () => {
    const given = { softwareExperience: 'none' } as const
    const codes = (...ids: string[]) => codesOf(adviceOn('r4', given, done(...ids)).cautions)
    assert.ok(codes(...BASICS.slice(0, 6)).includes('coding.far'))
    assert.ok(codes(...BASICS, 'r5').includes('coding.above'))
  })

  it('makes no lesson below it less fitting', () => {
    const marks = done('r4', 'r5', 'r6', 'r7', 's3', 's4')
    for (const id of BASICS) assert.ok(adviceOn(id, {}, marks).score >= adviceOn(id, {}).score, id)
  })
})

describe('what was begun', () => {
  const begunAt = (times: Record<string, string>, marks: Record<string, ProgressState> = {}): Progress =>
    new Map(
      [
        ...progressOf({ ...marks, ...Object.fromEntries(Object.keys(times).map((id) => [id, 'started' as const])) }),
      ].map(([id, mark]) => [id, { ...mark, updatedAt: new Date(times[id] ?? mark.updatedAt) }]),
    )
  const first = (progress: Progress) => idsOf(recommend(CATALOGUE, answersOf({}), progress).startNow)

  it('comes first, the latest before the others', () => {
    const marks = done(...BASICS.slice(0, 5))
    assert.equal(first(begunAt({}, marks))[0], 's1')
    assert.deepEqual(first(begunAt({ r5: '2026-11-01', r6: '2026-11-03' }, marks)).slice(0, 3), ['r6', 'r5', 's1'])
    assert.deepEqual(first(begunAt({ r5: '2026-11-04', r6: '2026-11-03' }, marks)).slice(0, 3), ['r5', 'r6', 's1'])
  })

  it('comes first also where something should have come before, and is not held back for want of equipment', () => {
    assert.deepEqual(first(begunAt({ x1: '2026-11-01' })), ['x1', 'f1'])
    assert.deepEqual(first(begunAt({ e1: '2026-11-01' })), ['e1', 'f1'])
    const { state, missing } = adviceOn('x1', {}, { x1: 'started' })
    assert.deepEqual([state, missing.map(({ id }) => id)], ['ready', ['i5', 'h3', 'v2']])
  })

  it('makes place when it is done or put aside', () => {
    for (const state of ['done', 'known', 'dismissed'] as const) {
      assert.notEqual(idsOf(advise({}, { x1: state }).startNow)[0], 'x1')
    }
  })
})

describe('the capstone', () => {
  it('comes last for somebody who wants the whole course, of what they can do', () => {
    const answers = answersOf({
      softwareExperience: 'advanced',
      programmingLanguages: ['python', 'csharp'],
      hardwareAccess: ['rtx_24gb', 'jetson_orin'],
      primaryFocus: 'balanced',
    })
    assert.equal(pathOf(CATALOGUE, answers, new Map()).at(-1)?.id, 'x1')
  })
})

describe('the reasons', () => {
  it('are told with the strongest first', () => {
    const { reasons } = adviceOn('f1', { primaryFocus: 'vla', projectGoals: ['career'] })
    assert.deepEqual(codesOf(reasons), ['level.same', 'focus.leads', 'goals.career', 'coding.within'])
  })
})
