/** The states of a lesson for a learner (taken as known, locked, open, put aside), and the progress in the course. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CATALOGUE } from '../../src/learning/catalogue.ts'
import { completion, type ProgressState } from '../../src/learning/progress.ts'
import { LESSON_STATES, type LessonState } from '../../src/learning/recommendations.ts'
import { adviceOn, advise, type Device, idsOf, LEVELS, PROFILES, progressOf } from '../support/profiles.ts'

const ALL = CATALOGUE.lessons.map(({ id }) => id)
const LEVEL_ONE = ['f1', 'f2', 'r1', 'r2', 'r3', 's1', 's2']

const inState = (state: LessonState, ...[given, marks]: Parameters<typeof advise>): string[] =>
  idsOf(advise(given, marks).all.filter((one) => one.state === state))

const marking = (ids: readonly string[], state: ProgressState) => Object.fromEntries(ids.map((id) => [id, state]))

describe('lessons taken as known', () => {
  const expected = { beginner: [], intermediate: ['f1', 'r1'], advanced: LEVEL_ONE }

  for (const skillLevel of LEVELS) {
    it(`are those of the level: ${skillLevel}`, () => {
      assert.deepEqual(inState('assumed', { skillLevel }), expected[skillLevel])
      for (const { programmingLanguages, hardwareAccess, primaryFocus } of PROFILES.filter((_, at) => at % 97 === 0)) {
        const given = { skillLevel, programmingLanguages, hardwareAccess, primaryFocus }
        assert.deepEqual(inState('assumed', given), expected[skillLevel])
      }
    })
  }

  it('are none where the question was skipped', () => {
    assert.deepEqual(inState('assumed', {}), [])
  })

  it('are named with each lesson that builds on them, however far, in the order of the course', () => {
    const assumed = (id: string, skillLevel: (typeof LEVELS)[number]) =>
      idsOfLessons(adviceOn(id, { skillLevel }).assumed)
    assert.deepEqual(assumed('r2', 'intermediate'), ['f1', 'r1'])
    assert.deepEqual(assumed('x1', 'intermediate'), ['f1', 'r1'])
    assert.deepEqual(assumed('f2', 'intermediate'), ['f1'])
    assert.deepEqual(assumed('r5', 'advanced'), ['f1', 'r1', 'r2', 'r3'])
    assert.deepEqual(assumed('x1', 'advanced'), LEVEL_ONE)
    assert.deepEqual(assumed('x1', 'beginner'), [])
  })

  it('are so no longer once they are started: the learner wants to do them first', () => {
    const [before, after] = [{}, { r1: 'started' }] as const
    assert.ok(idsOf(advise({ skillLevel: 'intermediate' }, before).startNow).includes('r2'), 'open before')
    const { all, startNow } = advise({ skillLevel: 'intermediate' }, after)
    assert.deepEqual(idsOf(all.filter(({ state }) => state === 'assumed')), ['f1'])
    assert.ok(idsOf(startNow).includes('r1'), 'suggested')
    const r2 = adviceOn('r2', { skillLevel: 'intermediate' }, after)
    assert.deepEqual([r2.state, idsOfLessons(r2.missing), idsOfLessons(r2.assumed)], ['locked', ['r1'], ['f1']])
  })

  it('are done when they are marked as done, and no longer taken for it', () => {
    for (const state of ['done', 'known'] as const) {
      assert.equal(adviceOn('f1', { skillLevel: 'advanced' }, { f1: state }).state, 'done')
      assert.deepEqual(inState('assumed', { skillLevel: 'intermediate' }, { f1: state }), ['r1'])
    }
  })
})

describe('a lesson', () => {
  it('is locked until each of its prerequisites is done or put aside, and names those that are missing', () => {
    const missing = (marks: Record<string, ProgressState>) => {
      const { state, missing } = adviceOn('r7', {}, marks)
      return [state, ...idsOfLessons(missing)]
    }
    assert.deepEqual(missing({}), ['locked', 'r4', 'r6'])
    assert.deepEqual(missing({ r4: 'done', r6: 'started' }), ['locked', 'r6'])
    assert.deepEqual(missing({ r4: 'done', r6: 'dismissed' }), ['ready'])
    assert.deepEqual(missing({ r4: 'done', r6: 'known' }), ['ready'])
    assert.deepEqual(missing({ r4: 'done', r6: 'done', r7: 'started' }), ['ready'])
  })

  it('that was put aside leaves a beginner with something to start', () => {
    assert.deepEqual(idsOf(advise({}, { f1: 'dismissed' }).startNow), ['f2', 'r1'])
  })

  it('that was put aside is suggested nowhere, and comes back when that is taken back', () => {
    const { startNow, afterwards } = advise({}, { f1: 'done', f2: 'dismissed' })
    assert.ok(![...idsOf(startNow), ...idsOf(afterwards)].includes('f2'), 'f2 is suggested')
    assert.equal(adviceOn('f2', {}, { f1: 'done', f2: 'dismissed' }).state, 'dismissed')
    assert.ok(idsOf(advise({}, { f1: 'done' }).startNow).includes('f2'), 'f2 is not back')
  })

  it('waits for equipment only where there is nothing to read: the bench of the edge kit', () => {
    const done = marking(['f1', 'f2', 'r1', 'r2', 'r3'], 'done')
    const state = (hardwareAccess: Device[], marks: typeof done = done) =>
      adviceOn('e1', { hardwareAccess }, marks).state
    assert.equal(state(['none']), 'needs_equipment')
    assert.equal(state(['rtx_24gb', 'depth_camera', 'microphone', 'raspberry_pi']), 'needs_equipment')
    assert.equal(state(['jetson_orin']), 'ready')
    assert.equal(state(['none'], {}), 'locked')
    assert.equal(state(['none'], { ...done, e1: 'done' }), 'done')
    assert.ok(!idsOf(advise({}, done).startNow).includes('e1'), 'e1 is suggested')
    const everythingElse = marking(
      ALL.filter((id) => id !== 'e1'),
      'done',
    )
    for (const profile of PROFILES.filter((_, index) => index % 61 === 0)) {
      const waiting = inState('needs_equipment', profile, everythingElse)
      assert.deepEqual(waiting, profile.hardwareAccess.includes('jetson_orin') ? [] : ['e1'])
    }
    for (const id of ALL.filter((id) => id !== 'e1')) {
      const { [id]: _, ...others } = everythingElse
      assert.equal(adviceOn(id, { hardwareAccess: ['none'] }, others).state, 'ready', id)
    }
  })

  it('is in one of the states that the API names', () => {
    assert.deepEqual([...LESSON_STATES].sort(), ['assumed', 'dismissed', 'done', 'locked', 'needs_equipment', 'ready'])
  })
})

describe('completion', () => {
  const of = (marks: Record<string, ProgressState>) => completion(CATALOGUE, progressOf(marks))

  const rows: [what: string, marks: Record<string, ProgressState>, finished: number, of: number][] = [
    ['nothing', {}, 0, 32],
    ['a lesson that is started as not finished', { f1: 'started' }, 0, 32],
    ['what is done and what was known', { f1: 'done', f2: 'known' }, 2, 32],
    ['what was put aside neither as finished nor as to do', { f1: 'done', f2: 'dismissed', r1: 'dismissed' }, 1, 30],
    ['lessons that have left the catalogue not at all', { f1: 'done', z1: 'done', z2: 'dismissed' }, 1, 32],
    ['everything', marking(ALL, 'done'), 32, 32],
    ['a course put aside as nothing', marking(ALL, 'dismissed'), 0, 0],
  ]
  for (const [what, marks, finished, all] of rows) {
    it(`counts ${what}`, () => assert.deepEqual(of(marks), { finished, of: all }))
  }

  it('does not touch the advice by lessons that have left the catalogue', () => {
    assert.deepEqual(advise({}, { z1: 'done', z2: 'started' }), advise({}))
  })
})

function idsOfLessons(lessons: readonly { id: string }[]): string[] {
  return lessons.map(({ id }) => id)
}
