/** The dashboard: one lesson first, then where the learner stands, then what comes after. */
import { dayInWords, weekday } from '../../base/dates.ts'
import { CATALOGUE, MODULES, type Module } from '../../learning/catalogue.ts'
import { lastSevenDays } from '../../learning/plan.ts'
import { drafted, type Profile } from '../../learning/profiles.ts'
import { completion, type Progress } from '../../learning/progress.ts'
import { QUESTIONS } from '../../learning/questions.ts'
import { type LessonState, type Recommendations, recommend } from '../../learning/recommendations.ts'
import type { LearnerRecord } from '../../learning/records.ts'
import type { Reason } from '../../learning/scores.ts'
import { unanswered } from './answer-form.ts'
import { describeLesson } from './lesson.ts'
import { courseWeeks, describePlan } from './plan.ts'

const LISTED_MAX = 5
const REASONS_MAX = 2
const WEAK_REASONS = ['level.stretch', 'level.below']
const AWAY_MS = 28 * 24 * 60 * 60_000

export function dashboardOf(
  record: LearnerRecord,
  { now, lessonBaseUrl }: { now: number; lessonBaseUrl?: string | undefined },
) {
  const { profile, progress } = record
  const advice = recommend(CATALOGUE, profile.answers, progress)
  const { path, ...plan } = describePlan(record, now)
  const [first] = advice.startNow
  return {
    advice,
    first: first && describeFirst(describeLesson(first, progress), { lessonBaseUrl, isVeryFirst: progress.size === 0 }),
    ending: endingOf(advice),
    lead: leadFor({ profile, progress, advice, now }),
    invitation: invitationFor(profile),
    completion: completion(CATALOGUE, progress),
    days: daysOf(progress, now),
    parts: partsOf(progress),
    plan,
    next: path.slice(1, 1 + LISTED_MAX).map((lesson) => ({
      lesson,
      hint: [plan.weekOf(lesson), `In the course: ${courseWeeks(lesson)}`].filter(Boolean).join('. '),
    })),
    assumed: advice.all.filter(({ state }) => state === 'assumed').map(({ lesson }) => lesson),
  }
}

/** The lesson to do now, with its one button. */
function describeFirst(
  lesson: ReturnType<typeof describeLesson>,
  { lessonBaseUrl, isVeryFirst }: { lessonBaseUrl: string | undefined; isVeryFirst: boolean },
) {
  const { id } = lesson.lesson
  const isBegun = lesson.marked === 'started'
  const begin = isVeryFirst ? 'Begin with' : 'Next'
  return {
    ...lesson,
    isBegun,
    caption: isBegun ? 'Go on with' : begin,
    /** Where to go on; undefined where it has to be begun first. */
    href: isBegun ? `${lessonBaseUrl ?? '/lessons'}/${id}` : undefined,
    /** What the button to begin with sends: it opens the lesson, where there is one to open. */
    begins: lessonBaseUrl === undefined ? 'started' : 'opened',
    because: reasonsToTell(lesson.reasons),
    otherActions: lesson.actions.filter(({ state }) => state !== 'started'),
  }
}

/** The strongest. That a lesson is a little too easy or too hard only counts as one where there is no other. */
function reasonsToTell(reasons: readonly Reason[]): string[] {
  const strong = reasons.filter(({ code }) => !WEAK_REASONS.includes(code))
  return (strong.length > 0 ? strong : reasons).slice(0, REASONS_MAX).map(({ text }) => text)
}

type Situation = { profile: Profile; progress: Progress; advice: Recommendations; now: number }

/** What is true of this learner in particular; undefined for somebody in the middle of it. */
function leadFor({ profile, progress, advice, now }: Situation): string | undefined {
  const last = latestMark(progress)
  if (advice.startNow.length === 0) return undefined
  if (last === undefined) {
    return unanswered(profile.answers) < QUESTIONS.length
      ? 'Your way through the course begins here.'
      : 'You have told us nothing about yourself yet, so you begin where everybody can.'
  }
  if (now - last.at.getTime() < AWAY_MS) return undefined
  return `Everything is as you left it. The last lesson that you marked was “${last.title}”, on ${dayInWords(last.at, now)}.`
}

/** What stands in the place of the first lesson when there is none; undefined when there is one. */
function endingOf({ startNow, all }: Recommendations) {
  if (startNow.length > 0) return undefined
  const left = (...states: LessonState[]) =>
    all.filter(({ state }) => states.includes(state)).map(({ lesson }) => lesson)
  const [open, aside] = [left('assumed', 'needs_equipment', 'locked'), left('dismissed')]
  if (aside.length === all.length) {
    return {
      title: 'Nothing is open at the moment',
      text: 'You have put all lessons aside. Open one to take it up again:',
      lessons: aside.slice(0, LISTED_MAX),
    }
  }
  if (open.length > 0) {
    return {
      title: 'You have done all that was suggested',
      text: 'What is left you are taken to know, or it needs equipment that you did not name. You can open it all the same:',
      lessons: open.slice(0, LISTED_MAX),
    }
  }
  return {
    title: 'You have come to the end of the course',
    text: `What you built stays yours, and each lesson stays open on the map.${aside.length > 0 ? ' These you have put aside:' : ''}`,
    lessons: aside.slice(0, LISTED_MAX),
  }
}

function latestMark(progress: Progress): { title: string; at: Date } | undefined {
  const marks = CATALOGUE.lessons.flatMap(({ id, title }) => {
    const mark = progress.get(id)
    return mark ? [{ title, at: mark.updatedAt }] : []
  })
  return marks.toSorted((one, other) => other.at.getTime() - one.at.getTime())[0]
}

function daysOf(progress: Progress, now: number) {
  const days = lastSevenDays(progress, now).map(({ day, isActive }) => ({ name: weekday(day), isActive }))
  const active = days.filter(({ isActive }) => isActive).map(({ name }) => name)
  return {
    days,
    inWords: active.length > 0 ? `: you studied on ${active.join(', ')}` : '',
  }
}

/** How far the learner is with each part of the course. What was put aside does not count. */
function partsOf(progress: Progress) {
  return (Object.entries(MODULES) as [Module, string][]).map(([module, label]) => {
    const lessons = CATALOGUE.lessons.filter((one) => one.module === module)
    return { module, label, ...completion({ lessons }, progress) }
  })
}

/** The line that invites the learner to answer questions; undefined when there is nothing to ask. */
function invitationFor(profile: Profile): { text: string; href: string; link: string } | undefined {
  const open = unanswered(drafted(profile))
  if (profile.savedAt === undefined) {
    const begun = Object.keys(profile.draft).length > 0
    return begun
      ? { text: 'Your answers are kept.', href: '/onboarding', link: 'Carry on with the questions' }
      : { text: 'For suggestions that fit you,', href: '/onboarding', link: 'answer a few short questions' }
  }
  if (Object.keys(profile.draft).length > 0) {
    return {
      text: 'You changed your answers and have not saved them.',
      href: '/onboarding/check',
      link: 'Look through them',
    }
  }
  if (open === 0) return undefined
  const questions = open === 1 ? '1 more question' : `${open} more questions`
  return { text: '', href: '/profile', link: `Answer ${questions} for better suggestions` }
}
