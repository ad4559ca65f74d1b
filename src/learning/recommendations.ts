/**
 * What to study next, and why. What was begun stays first until it is done or put aside. A pure function of the catalogue, the answers and the progress, without clock or chance.
 * Each answer changes the score in one way only, so that each suggestion can be explained. A lesson whose equipment is missing is not
 * hidden: it is ranked lower and says what its lab needs.
 */
import type { Answers } from './answers.ts'
import type { Catalogue, Lesson } from './catalogue.ts'
import { isFinished, isStarted, type Progress } from './progress.ts'
import { QUESTIONS } from './questions.ts'
import { type Grown, grownBy, hasEquipment, judge, type Reason } from './scores.ts'

/** Increased whenever the same input may give another result. */
export const MODEL_VERSION = 2
const LIST_LENGTH = 5

export const LESSON_STATES = ['done', 'assumed', 'dismissed', 'locked', 'needs_equipment', 'ready'] as const
export type LessonState = (typeof LESSON_STATES)[number]

export type Advice = {
  lesson: Lesson
  state: LessonState
  score: number
  reasons: Reason[]
  cautions: Reason[]
  /** Prerequisites that are not done yet. Somebody who did not wait for them may have begun the lesson all the same. */
  missing: Lesson[]
  /** Prerequisites that count as known because of the learner's level. */
  assumed: Lesson[]
}

export type Recommendations = {
  modelVersion: number
  startNow: Advice[]
  afterwards: Advice[]
  /** Every lesson, in the order of the course. */
  all: Advice[]
}

export function recommend(catalogue: Catalogue, answers: Answers, progress: Progress): Recommendations {
  const { lessons } = catalogue
  const standing = standingOf(catalogue, answers, progress)
  const { judgements, assumed, passed } = standing
  const inOrder = (ids: readonly string[]) =>
    ids.length < 2 ? ids : lessons.map(({ id }) => id).filter((id) => ids.includes(id))
  const named = (ids: readonly string[]) => inOrder(ids).flatMap((id) => catalogue.byId.get(id) ?? [])

  const advise = (lesson: Lesson): Advice => ({
    lesson,
    state: stateOf(lesson, standing),
    ...(judgements.get(lesson.id) ?? { score: 0, reasons: [], cautions: [] }),
    missing: named(lesson.prereqs.filter((id) => !passed.has(id))),
    assumed: named([...lesson.before].filter((id) => assumed.has(id))),
  })
  const all = lessons.map(advise)
  const advice = new Map(all.map((one) => [one.lesson.id, one]))
  const adviceFor = (some: readonly Lesson[]) => some.flatMap(({ id }) => advice.get(id) ?? [])

  const open = openLessons(standing)
  const startNow = open.slice(0, LIST_LENGTH)
  const afterwards: Lesson[] = []
  // Each is chosen as if the ones before were done, so that a beginner with one open lesson sees a path too.
  const reached = new Set([...passed, ...startNow.map(({ id }) => id)])
  while (afterwards.length < LIST_LENGTH) {
    const next = openLessons({ ...standing, passed: reached }).find((lesson) => !open.includes(lesson))
    if (next === undefined) break
    reached.add(next.id)
    afterwards.push(next)
  }
  return { modelVersion: MODEL_VERSION, startNow: adviceFor(startNow), afterwards: adviceFor(afterwards), all }
}

/** All lessons that can be done, in the order in which somebody does them who always takes the first that is suggested. */
export function pathOf(catalogue: Catalogue, answers: Answers, progress: Progress): Lesson[] {
  const path: Lesson[] = []
  const finished = finishedLessons(catalogue, progress)
  const now = standingOf(catalogue, answers, progress)
  const passed = new Set(now.passed)
  let ahead: Standing = { ...now, passed }
  let grown = grownBy(finished)
  for (let [next] = openLessons(ahead); next !== undefined; [next] = openLessons(ahead)) {
    path.push(next)
    passed.add(next.id)
    finished.push(next)
    const after = grownBy(finished)
    if (after.level !== grown.level || after.coding !== grown.coding) {
      ahead = { ...ahead, ...judgedBy(answers, catalogue, after) }
      grown = after
    }
  }
  return path
}

const finishedLessons = ({ lessons }: Catalogue, progress: Progress): Lesson[] =>
  lessons.filter(({ id }) => isFinished(progress, id))

type Standing = Judged & {
  answers: Answers
  progress: Progress
  /** Lessons that count as known because of the learner's level. */
  assumed: ReadonlySet<string>
  /** Lessons that are behind the learner. */
  passed: ReadonlySet<string>
}

function standingOf(catalogue: Catalogue, answers: Answers, progress: Progress): Standing {
  const finished = finishedLessons(catalogue, progress)
  const assumed = assumedLessons(catalogue, answers, progress)
  // A lesson that was put aside does not block the lessons that build on it.
  const aside = catalogue.lessons.filter(({ id }) => progress.get(id)?.state === 'dismissed')
  const passed = new Set([...finished.map(({ id }) => id), ...aside.map(({ id }) => id), ...assumed])
  return { ...judgedBy(answers, catalogue, grownBy(finished)), answers, progress, assumed, passed }
}

/** What can be done now: what was begun, the latest first, and then the rest, the best first. */
function openLessons(standing: Standing): Lesson[] {
  const { ranked, passed, progress } = standing
  const open = ranked.filter((lesson) => !passed.has(lesson.id) && stateOf(lesson, standing) === 'ready')
  const begun = open.filter(({ id }) => isStarted(progress, id))
  if (begun.length === 0) return open
  const markedAt = ({ id }: Lesson) => progress.get(id)?.updatedAt.getTime() ?? 0
  begun.sort((one, other) => markedAt(other) - markedAt(one))
  return [...begun, ...open.filter((lesson) => !begun.includes(lesson))]
}

type Judged = { judgements: ReadonlyMap<string, ReturnType<typeof judge>>; ranked: readonly Lesson[] }

/** What was worked out before, by answers and growth. It depends on nothing else, and they rarely change. */
const kept = new WeakMap<Catalogue, Map<string, Judged>>()
const KEPT_MAX = 400

/** The scores of all lessons for these answers, and the lessons with the best first. */
function judgedBy(answers: Answers, catalogue: Catalogue, grown: Grown): Judged {
  const known = kept.get(catalogue) ?? new Map<string, Judged>()
  kept.set(catalogue, known)
  // Without free texts: they do not count, and must not stay in memory.
  const key = JSON.stringify([...QUESTIONS.map(({ name }) => answers[name]), grown.level, grown.coding])
  const earlier = known.get(key)
  if (earlier) return earlier
  const judgements = new Map(catalogue.lessons.map((lesson) => [lesson.id, judge(lesson, catalogue, answers, grown)]))
  const scoreOf = ({ id }: Lesson) => judgements.get(id)?.score ?? 0
  const ranked = catalogue.lessons.toSorted((a, b) => scoreOf(b) - scoreOf(a) || a.order - b.order)
  const [oldest = ''] = known.keys()
  if (known.size >= KEPT_MAX) known.delete(oldest)
  known.set(key, { judgements, ranked })
  return { judgements, ranked }
}

/** Lessons that count as known because of the learner's level, unless they have marked them themselves. */
function assumedLessons({ lessons }: Catalogue, { skillLevel }: Answers, progress: Progress): Set<string> {
  const basics = ['f1', 'r1']
  const fits = ({ id, level }: Lesson) =>
    (skillLevel === 'advanced' && level === 1) || (skillLevel === 'intermediate' && basics.includes(id))
  return new Set(lessons.filter((lesson) => fits(lesson) && !progress.has(lesson.id)).map(({ id }) => id))
}

function stateOf(lesson: Lesson, { passed, assumed, answers, progress }: Standing): LessonState {
  if (isFinished(progress, lesson.id)) return 'done'
  if (progress.get(lesson.id)?.state === 'dismissed') return 'dismissed'
  if (assumed.has(lesson.id)) return 'assumed'
  // Whoever has begun it is in the middle of it, whatever should have come before.
  if (isStarted(progress, lesson.id)) return 'ready'
  if (lesson.prereqs.some((id) => !passed.has(id))) return 'locked'
  if (lesson.labOnly && !lesson.hardware.every((need) => hasEquipment(answers, need))) return 'needs_equipment'
  return 'ready'
}
