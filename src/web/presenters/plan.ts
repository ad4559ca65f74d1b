/** The plan in words: how long the way is, what each week holds, what can be answered. */
import { dayInWords } from '../../base/dates.ts'
import { CATALOGUE, type Lesson } from '../../learning/catalogue.ts'
import { HOURS, type Range, untilCapstone, WEEKLY_HOURS, weeksFor, weeksOf } from '../../learning/plan.ts'
import { pathOf } from '../../learning/recommendations.ts'
import type { LearnerRecord } from '../../learning/records.ts'

const WEEKS_IN_FULL = 2

const rangeInWords = ({ from, to }: Range, unit: string): string =>
  from === to ? `${from} ${unit}${from === 1 ? '' : 's'}` : `${from} to ${to} ${unit}s`

/** “weeks 3 to 5” */
export const courseWeeks = ({ weeks }: Lesson): string =>
  weeks.includes('-') ? `weeks ${weeks.replace('-', ' to ')}` : `week ${weeks}`

export const hoursInWords = ({ size }: Pick<Lesson, 'size'>): string => rangeInWords(HOURS[size], 'hour')

export function describePlan({ profile, progress, plan: { weeklyHours, calendarSince } }: LearnerRecord, now: number) {
  const path = pathOf(CATALOGUE, profile.answers, progress)
  const weeks = weeklyHours === undefined ? [] : weeksOf(path, weeklyHours, now)
  const titleOf = (start: Date, index: number) =>
    ['This week', 'Next week'][index] ?? `Week of ${dayInWords(start, now)}`
  const titled = weeks.map(({ start, lessons }, index) => ({
    title: titleOf(start, index),
    lessons: lessons.map((one) => ({ ...one, courseWeeks: courseWeeks(one.lesson) })),
  }))
  return {
    path,
    outlook: weeklyHours === undefined ? undefined : outlookOf(path, weeklyHours),
    comingWeeks: titled.slice(0, WEEKS_IN_FULL),
    /** What begins after the coming weeks, with the week in which it does. */
    later: titled
      .slice(WEEKS_IN_FULL)
      .flatMap(({ title, lessons }) => lessons.filter(({ goesOn }) => !goesOn).map((one) => ({ ...one, title }))),
    /** In which week a lesson begins; undefined while nobody knows. */
    weekOf: (lesson: Lesson) => titled.find(({ lessons }) => lessons.some((one) => one.lesson === lesson))?.title,
    pace: weeklyHours && paceInWords(weeklyHours),
    choices: [...WEEKLY_HOURS, undefined].map((hours) => ({
      value: hours === undefined ? '' : String(hours),
      label: hours === undefined ? 'I would rather not say' : paceInWords(hours),
      isChosen: hours === weeklyHours,
    })),
    calendarSince: calendarSince && dayInWords(calendarSince, now),
  }
}

const paceInWords = (hours: number): string =>
  hours === WEEKLY_HOURS.at(-1) ? `${hours} hours or more` : `${hours} hours`

/** What to expect at this pace, in one sentence; undefined when nothing is left. */
function outlookOf(path: readonly Lesson[], weeklyHours: number): string | undefined {
  const { goal, lessons } = untilCapstone(path)
  const weeks = weeksFor(lessons, weeklyHours)
  if (weeks === undefined) return goal === 'capstone' ? 'The capstone is next.' : undefined
  const end = goal === 'capstone' ? 'the capstone' : 'the end of the course'
  const orSooner = weeklyHours === WEEKLY_HOURS.at(-1) ? ', or sooner' : ''
  return `At this pace: ${end} in about ${rangeInWords(weeks, 'week')}${orSooner}.`
}
