/**
 * What to study next, and why. A pure function of the catalogue, the answers and the progress, without clock or chance.
 * Each answer changes the score in one way only, so that each suggestion can be explained. A lesson whose equipment is missing is not
 * hidden: it is ranked lower and says what its lab needs.
 */
import type { Answers } from './answers.ts'
import type { Catalogue, Lesson } from './catalogue.ts'
import { isFinished, type Progress } from './progress.ts'
import { QUESTIONS } from './questions.ts'
import { hasEquipment, judge, type Reason } from './scores.ts'

/** Increased whenever the same input may give another result. */
export const MODEL_VERSION = 1
const LIST_LENGTH = 5

export const LESSON_STATES = ['done', 'assumed', 'dismissed', 'locked', 'needs_equipment', 'ready'] as const
export type LessonState = (typeof LESSON_STATES)[number]

export type Advice = {
  lesson: Lesson
  state: LessonState
  score: number
  reasons: Reason[]
  cautions: Reason[]
  /** Prerequisites that are not done yet. */
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
  const { ranked, judgements } = judgedBy(answers, catalogue)
  const assumed = assumedLessons(catalogue, answers, progress)
  // A lesson that was put aside does not block the lessons that build on it.
  const behind = lessons.filter(({ id }) => isFinished(progress, id) || progress.get(id)?.state === 'dismissed')
  const passed = new Set([...behind.map(({ id }) => id), ...assumed])
  const inOrder = (ids: readonly string[]) =>
    ids.length < 2 ? ids : lessons.map(({ id }) => id).filter((id) => ids.includes(id))
  const named = (ids: readonly string[]) => inOrder(ids).flatMap((id) => catalogue.byId.get(id) ?? [])

  const advise = (lesson: Lesson): Advice => ({
    lesson,
    state: stateOf(lesson, { known: passed, assumed, answers, progress }),
    ...(judgements.get(lesson.id) ?? { score: 0, reasons: [], cautions: [] }),
    missing: named(lesson.prereqs.filter((id) => !passed.has(id))),
    assumed: named([...assumed].filter((id) => lesson.before.has(id))),
  })
  const all = lessons.map(advise)
  const advice = new Map(all.map((one) => [one.lesson.id, one]))
  const adviceFor = (some: readonly Lesson[]) => some.flatMap(({ id }) => advice.get(id) ?? [])

  const ready = (known: ReadonlySet<string>): Lesson[] =>
    ranked.filter(
      (lesson) => !known.has(lesson.id) && stateOf(lesson, { known, assumed, answers, progress }) === 'ready',
    )

  const open = ready(passed)
  const startNow = open.slice(0, LIST_LENGTH)
  const afterwards: Lesson[] = []
  // Each is chosen as if the ones before were done, so that a beginner with one open lesson sees a path too.
  const reached = new Set([...passed, ...startNow.map(({ id }) => id)])
  while (afterwards.length < LIST_LENGTH) {
    const next = ready(reached).find((lesson) => !open.includes(lesson))
    if (next === undefined) break
    reached.add(next.id)
    afterwards.push(next)
  }
  return { modelVersion: MODEL_VERSION, startNow: adviceFor(startNow), afterwards: adviceFor(afterwards), all }
}

type Judged = { judgements: ReadonlyMap<string, ReturnType<typeof judge>>; ranked: readonly Lesson[] }

/** What was worked out for these answers before. It depends on nothing else, and answers rarely change. */
const kept = new WeakMap<Catalogue, Map<string, Judged>>()
const KEPT_MAX = 200

/** The scores of all lessons for these answers, and the lessons with the best first. */
function judgedBy(answers: Answers, catalogue: Catalogue): Judged {
  const known = kept.get(catalogue) ?? new Map<string, Judged>()
  kept.set(catalogue, known)
  // Without free texts: they do not count, and must not stay in memory.
  const key = JSON.stringify(QUESTIONS.map(({ name }) => answers[name]))
  const earlier = known.get(key)
  if (earlier) return earlier
  const judgements = new Map(catalogue.lessons.map((lesson) => [lesson.id, judge(lesson, catalogue, answers)]))
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

function stateOf(
  lesson: Lesson,
  {
    known,
    assumed,
    answers,
    progress,
  }: { known: ReadonlySet<string>; assumed: ReadonlySet<string>; answers: Answers; progress: Progress },
): LessonState {
  if (isFinished(progress, lesson.id)) return 'done'
  if (progress.get(lesson.id)?.state === 'dismissed') return 'dismissed'
  if (assumed.has(lesson.id)) return 'assumed'
  if (lesson.prereqs.some((id) => !known.has(id))) return 'locked'
  if (lesson.labOnly && !lesson.hardware.every((need) => hasEquipment(answers, need))) return 'needs_equipment'
  return 'ready'
}
