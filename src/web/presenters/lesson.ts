/** A lesson as a page shows it: its state, why it is suggested, and its buttons. */
import { CATALOGUE, type Lesson, MODULES } from '../../learning/catalogue.ts'
import { isFinished, type Progress, type ProgressState } from '../../learning/progress.ts'
import { PRIMARY_FOCUS, PROJECT_GOALS } from '../../learning/questions.ts'
import type { Advice, LessonState, Recommendations } from '../../learning/recommendations.ts'
import { EQUIPMENT_NAMES } from '../../learning/scores.ts'
import type { takeFlash } from '../session/flash.ts'
import { courseWeeks, hoursInWords } from './plan.ts'

const LEVELS = ['', 'First steps', 'Builds on the basics', 'Advanced']

const MARKED: Record<ProgressState, string> = {
  started: 'started',
  done: 'done',
  known: 'known already',
  dismissed: 'put aside',
}

const STATES: Record<LessonState, string> = {
  done: 'Done',
  assumed: 'Taken as known',
  dismissed: 'Put aside',
  locked: 'Later',
  needs_equipment: 'Needs equipment',
  ready: 'Open',
}

type Action = { state: ProgressState | 'opened' | 'none'; label: string }

/** Where the lessons themselves stand, if the operator has said so. */
type Place = { href: string | undefined }

/** The buttons for each state. “Undo” goes back to the state before. */
function actionsIn(state: ProgressState | undefined, before: ProgressState | undefined, place?: Place): Action[] {
  const start = startAt(place)
  const done = { state: 'done', label: 'Mark as done' } as const
  const known = { state: 'known', label: 'I already know this' } as const
  const dismiss = { state: 'dismissed', label: 'Put aside' } as const
  if (state === undefined) return [start, done, known, dismiss]
  if (state === 'started') return [done, known, dismiss, { state: 'none', label: 'Undo start' }]
  return [{ state: before === 'started' ? 'started' : 'none', label: 'Undo' }]
}

/** The button that begins a lesson: it opens the lesson, where that is known, and otherwise says that it only makes a note. */
function startAt(place: Place | undefined): Action {
  if (place?.href !== undefined) return { state: 'opened', label: 'Open the lesson' }
  return { state: 'started', label: place === undefined ? 'Start' : 'I have begun' }
}

export function stateInWords(advice: Pick<Advice, 'lesson' | 'state'>, progress: Progress): string {
  const marked = progress.get(advice.lesson.id)?.state
  if (marked === 'started') return 'Started'
  return marked === 'known' ? 'Known already' : STATES[advice.state]
}

export function describeLesson(advice: Advice, progress: Progress, place?: Place) {
  const { lesson } = advice
  const marked = progress.get(lesson.id)
  const labels = (options: readonly { value: string; label: string }[], values: readonly string[]) =>
    options.filter(({ value }) => value !== 'balanced' && values.includes(value)).map(({ label }) => label)
  return {
    ...advice,
    level: LEVELS[lesson.level] ?? '',
    weeks: courseWeeks(lesson),
    hours: hoursInWords(lesson),
    /** To stand after “Afterwards you can”. */
    outcome: lesson.outcome.charAt(0).toLowerCase() + lesson.outcome.slice(1),
    marked: marked?.state,
    words: stateInWords(advice, progress),
    about: labels(PRIMARY_FOCUS, lesson.focus),
    helpsWith: labels(PROJECT_GOALS, lesson.goals),
    needs: lesson.hardware.map((need) => EQUIPMENT_NAMES[need]),
    canUse: lesson.hardwareOptional.map((need) => EQUIPMENT_NAMES[need]),
    isMarked: marked !== undefined,
    actions: actionsIn(marked?.state, marked?.before, place),
  }
}

/**
 * The message after a redirect. About a lesson it says the new state, what that has opened, and offers to undo it.
 * `undo` is a button of a form.
 */
export function messageAbout(flash: ReturnType<typeof takeFlash>, { all }: Recommendations, progress: Progress) {
  if (flash?.known) return messageAboutKnown(flash.known)
  if (flash?.lessonId === undefined) return flash?.text === undefined ? undefined : { text: flash.text }
  const lesson = CATALOGUE.byId.get(flash.lessonId)
  if (lesson === undefined) return undefined
  const marked = progress.get(lesson.id)
  if (marked === undefined) return { text: `“${lesson.title}” is back among your lessons.` }
  const undo = actionsIn(marked.state, marked.before).find(({ label }) => label.startsWith('Undo'))
  const isDone = isFinished(progress, lesson.id)
  return {
    text: `“${lesson.title}” is ${MARKED[marked.state]}.`,
    undo: undo && { action: `/lessons/${lesson.id}/progress`, name: 'state', value: undo.state },
    opened: isDone
      ? all.filter((one) => one.state === 'ready' && one.lesson.prereqs.includes(lesson.id)).map((one) => one.lesson)
      : [],
    completed: isDone && isWhole(lesson, progress) ? MODULES[lesson.module] : undefined,
  }
}

/** Whether nothing is left of the lesson's part of the course. */
const isWhole = ({ module }: Lesson, progress: Progress): boolean =>
  CATALOGUE.lessons.every(
    ({ id, module: other }) => other !== module || isFinished(progress, id) || progress.get(id)?.state === 'dismissed',
  )

function messageAboutKnown({ module, at, count }: { module: string; at: number; count: number }) {
  const label = MODULES[module as keyof typeof MODULES]
  return {
    text: `${count === 1 ? '1 lesson' : `${count} lessons`} of “${label}” ${count === 1 ? 'is' : 'are'} marked as known.`,
    undo: { action: `/plan/skip/${module}/undo`, name: 'at', value: String(at) },
  }
}
