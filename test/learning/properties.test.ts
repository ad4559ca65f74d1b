/** What holds for every learner: 2,688 combinations of answers, some of them also with progress. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NO_ANSWERS } from '../../src/learning/answers.ts'
import { CATALOGUE } from '../../src/learning/catalogue.ts'
import { PROGRESS_STATES, type ProgressState } from '../../src/learning/progress.ts'
import { type Advice, MODEL_VERSION, type Recommendations, recommend } from '../../src/learning/recommendations.ts'
import { answersOf, codesOf, DEVICES, FOCUSES, idsOf, KITS, PROFILES, progressOf } from '../support/profiles.ts'

type States = Record<string, ProgressState>

/** Marks about every third lesson, in a different pattern for each learner. */
const marksOf = (learner: number): States =>
  Object.fromEntries(
    CATALOGUE.lessons.flatMap(({ id }, index) => {
      const state = PROGRESS_STATES[(Math.imul(learner * 32 + index, 0x9e3779b1) >>> 8) % 13]
      return state === undefined ? [] : [[id, state]]
    }),
  )

const FRESH = PROFILES.map((answers) => ({ answers, marks: {} as States }))
const MARKED = PROFILES.map((answers, learner) => ({ answers, marks: marksOf(learner) })).filter(
  (_, at) => at % 5 === 0,
)
const adviseAll = (learners: typeof FRESH) =>
  learners.map(({ answers, marks }) => ({
    answers,
    marks,
    advice: recommend(CATALOGUE, answers, progressOf(marks)),
    name: JSON.stringify({ answers, marks }),
  }))

const fresh = adviseAll(FRESH)
const everybody = [...fresh, ...adviseAll(MARKED)]

const listed = ({ startNow, afterwards }: Recommendations): Advice[] => [...startNow, ...afterwards]
const isSorted = (list: readonly Advice[]) =>
  list.every((one, index) => {
    const next = list[index + 1]
    return !next || one.score > next.score || (one.score === next.score && one.lesson.order < next.lesson.order)
  })

describe('recommendations', () => {
  it('are looked at for 2,688 learners who begin and 538 who have marked lessons, all different', () => {
    assert.equal(fresh.length, 2688)
    assert.equal(new Set(everybody.map(({ name }) => name)).size, 2688 + 538)
    const marks = everybody.flatMap((one) => Object.values(one.marks))
    for (const state of PROGRESS_STATES) assert.ok(marks.filter((mark) => mark === state).length > 1000, state)
  })

  it('are the same for the same input, and change nothing of it', () => {
    const before = JSON.stringify(CATALOGUE.lessons)
    for (const { answers, marks, advice, name } of everybody.filter((_, index) => index % 11 === 0)) {
      const progress = progressOf(Object.fromEntries(Object.entries(marks).reverse()))
      assert.deepEqual(recommend(CATALOGUE, Object.freeze({ ...answers }), progress), advice, name)
    }
    assert.equal(JSON.stringify(CATALOGUE.lessons), before)
  })

  it('name the version of the model', () => {
    for (const { advice } of everybody) assert.equal(advice.modelVersion, MODEL_VERSION)
  })

  it('have something to start with for everybody who begins', () => {
    for (const { advice, name } of fresh) assert.ok(advice.startNow.length > 0, name)
  })

  it('are five at most to start with and five for then, no lesson twice', () => {
    for (const { advice, name } of everybody) {
      assert.ok(advice.startNow.length <= 5 && advice.afterwards.length <= 5, name)
      assert.equal(new Set(idsOf(listed(advice))).size, listed(advice).length, name)
    }
    const lengths = new Set(everybody.map(({ advice }) => `${advice.startNow.length} ${advice.afterwards.length}`))
    assert.ok(lengths.has('5 5'), [...lengths].join(', '))
  })

  it('tell of every lesson, in the order of the course', () => {
    const course = CATALOGUE.lessons.map(({ id }) => id)
    for (const { advice, name } of everybody) assert.deepEqual(idsOf(advice.all), course, name)
  })

  it('start with lessons for which everything is done, put aside or taken as known', () => {
    for (const { answers, marks, advice, name } of everybody) {
      for (const { lesson, state, missing } of advice.startNow) {
        assert.equal(state, 'ready', name)
        if (marks[lesson.id] === 'started') continue
        assert.deepEqual(missing, [], name)
        for (const id of lesson.prereqs) {
          const level = CATALOGUE.byId.get(id)?.level
          const assumed =
            (answers.skillLevel === 'advanced' && level === 1) ||
            (answers.skillLevel === 'intermediate' && ['f1', 'r1'].includes(id))
          const behind = ['done', 'known', 'dismissed'].includes(marks[id] ?? '')
          assert.ok(behind || (assumed && marks[id] === undefined), `${id} before ${lesson.id}: ${name}`)
        }
      }
    }
  })

  it('go on with locked lessons, each open once those before it are done', () => {
    for (const { answers, marks, advice, name } of everybody.filter((_, index) => index % 17 === 0)) {
      const done: States = { ...marks }
      for (const id of idsOf(advice.startNow)) done[id] = 'done'
      for (const { lesson, state, missing } of advice.afterwards) {
        assert.equal(state, 'locked', name)
        assert.ok(missing.length > 0, name)
        const now = recommend(CATALOGUE, answers, progressOf(done)).all.find((one) => one.lesson === lesson)
        assert.equal(now?.state, 'ready', `${lesson.id}: ${name}`)
        done[lesson.id] = 'done'
      }
    }
  })

  it('hold nothing that is done, taken as known, put aside or without its bench', () => {
    for (const { marks, advice, name } of everybody) {
      for (const { lesson, state } of listed(advice)) {
        assert.ok(!['done', 'known', 'dismissed'].includes(marks[lesson.id] ?? ''), `${lesson.id}: ${name}`)
        assert.ok(state === 'ready' || state === 'locked', `${lesson.id}: ${name}`)
      }
    }
  })

  it('are the best that is open, by score and then by the course', () => {
    for (const { marks, advice, name } of everybody) {
      // In these tests all was begun at the same time.
      const [begun, fresh] = [true, false].map((isBegun) =>
        advice.startNow.filter(({ lesson }) => (marks[lesson.id] === 'started') === isBegun),
      )
      assert.deepEqual(advice.startNow, [...(begun ?? []), ...(fresh ?? [])], name)
      assert.ok(isSorted(begun ?? []) && isSorted(fresh ?? []), name)
      const open = advice.all.filter(({ state }) => state === 'ready')
      assert.equal(advice.startNow.length, Math.min(5, open.length), name)
      const last = advice.startNow.at(-1)
      for (const other of open.filter((one) => !idsOf(advice.startNow).includes(one.lesson.id))) {
        const isLastBegun = last && marks[last.lesson.id] === 'started' && marks[other.lesson.id] !== 'started'
        assert.ok(last && (isLastBegun || isSorted([last, other])), `${other.lesson.id}: ${name}`)
      }
    }
  })

  it('say why, for each lesson and in whole words', () => {
    for (const { advice, name } of everybody) {
      for (const { lesson, reasons, cautions } of advice.all) {
        assert.ok(reasons.length > 0, `${lesson.id}: ${name}`)
        for (const { text } of [...reasons, ...cautions]) assert.match(text, /^[A-Z][^_]*[^.]$/)
      }
    }
  })
})

describe('a further device', () => {
  it('lowers the score of no lesson: 8 focuses, 7 kits, 12 devices', () => {
    let compared = 0
    for (const primaryFocus of FOCUSES) {
      for (const kit of KITS) {
        const own = kit.filter((device) => device !== 'none')
        const scores = scoresWith(primaryFocus, own.length > 0 ? own : ['none'])
        for (const device of DEVICES) {
          const more = scoresWith(primaryFocus, [...own, device])
          scores.forEach((score, index) => {
            compared += 1
            assert.ok((more[index] ?? -Infinity) >= score, `${primaryFocus}, ${own} and ${device}: lesson ${index}`)
          })
        }
      }
    }
    assert.equal(compared, 8 * 7 * 12 * 32)
  })

  function scoresWith(primaryFocus: (typeof FOCUSES)[number], hardwareAccess: (typeof DEVICES)[number][]) {
    const answers = answersOf({ ...NO_ANSWERS, primaryFocus, hardwareAccess })
    return recommend(CATALOGUE, answers, new Map()).all.map(({ score }) => score)
  }
})

describe('each answer', () => {
  const EFFECTS = {
    focus: 'primaryFocus',
    goals: 'projectGoals',
    level: 'skillLevel',
    coding: 'softwareExperience',
    languages: 'programmingLanguages',
    equipment: 'hardwareAccess',
  } as const

  it('has the same effect on a lesson whatever the other answers are, and none on their reasons', () => {
    const seen = new Map<string, string>()
    for (const { answers, advice, name } of fresh) {
      for (const { lesson, reasons, cautions } of advice.all) {
        const said = [...reasons, ...cautions]
        for (const [prefix, answer] of Object.entries(EFFECTS)) {
          const own = said
            .filter(({ code }) => code.startsWith(`${prefix}.`))
            .map(({ code, text }) => `${code} ${text}`)
          const cause = `${lesson.id} ${answer} ${answers[answer]}`
          assert.equal(own.join('; '), seen.get(cause) ?? own.join('; '), `${cause}: ${name}`)
          seen.set(cause, own.join('; '))
        }
      }
    }
    assert.ok(new Set(seen.values()).size > 50, 'reasons of many kinds')
  })

  it('is the only source of reasons, but for a lesson that no answer speaks for', () => {
    const prefixes = [...Object.keys(EFFECTS), 'course']
    let bare = 0
    for (const { advice, name } of everybody) {
      for (const { lesson, reasons, cautions } of advice.all) {
        const [codes, warnings] = [codesOf(reasons), codesOf(cautions)]
        for (const code of [...codes, ...warnings]) assert.ok(prefixes.includes(code.split('.')[0] ?? ''), code)
        assert.ok(!codes.includes('course.next') || codes.length === 1, `${lesson.id}: ${name}`)
        assert.ok(!warnings.some((code) => code.startsWith('course')), name)
        if (codes.includes('course.next')) bare += 1
      }
    }
    assert.ok(bare > 0, 'there is such a lesson')
  })
})
