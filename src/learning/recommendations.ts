/**
 * What to study next, and why. A pure function of the catalogue, the answers and the progress, without clock or chance.
 * Each answer changes the score in one way only, so that each suggestion can be explained. A lesson whose equipment is missing is not
 * hidden: it is ranked lower and says what its lab needs.
 */
import type { Answers } from './answers.ts'
import type { Catalogue, Lesson } from './catalogue.ts'
import { isFinished, type Progress } from './progress.ts'
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
  const assumed = assumedLessons(catalogue, answers, progress)
  // A lesson that was put aside does not block the lessons that build on it.
  const behind = lessons.filter(({ id }) => isFinished(progress, id) || progress.get(id)?.state === 'dismissed')
  const passed = new Set([...behind.map(({ id }) => id), ...assumed])
  const judged = new Map(lessons.map((lesson) => [lesson.id, judge(lesson, catalogue, answers)]))

  const advise = (lesson: Lesson, known: ReadonlySet<string>): Advice => {
    const named = (ids: readonly string[]) => lessons.filter(({ id }) => ids.includes(id))
    return {
      lesson,
      state: stateOf(lesson, { known, assumed, answers, progress }),
      ...(judged.get(lesson.id) ?? { score: 0, reasons: [], cautions: [] }),
      missing: named(lesson.prereqs.filter((id) => !known.has(id))),
      assumed: named([...lesson.before].filter((id) => assumed.has(id))),
    }
  }

  const best = (known: ReadonlySet<string>): Advice[] =>
    lessons
      .filter(({ id }) => !known.has(id))
      .map((lesson) => advise(lesson, known))
      .filter(({ state }) => state === 'ready')
      .sort((a, b) => b.score - a.score || a.lesson.order - b.lesson.order)

  const startNow = best(passed).slice(0, LIST_LENGTH)
  const afterwards: Advice[] = []
  // Each is chosen as if the ones before were done, so that a beginner with one open lesson sees a path too.
  const reached = new Set([...passed, ...startNow.map(({ lesson }) => lesson.id)])
  const later = new Set(best(passed).map(({ lesson }) => lesson.id))
  while (afterwards.length < LIST_LENGTH) {
    const [next] = best(reached).filter(({ lesson }) => !later.has(lesson.id))
    if (next === undefined) break
    reached.add(next.lesson.id)
    afterwards.push(advise(next.lesson, passed))
  }
  return { modelVersion: MODEL_VERSION, startNow, afterwards, all: lessons.map((lesson) => advise(lesson, passed)) }
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
