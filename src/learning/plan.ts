/** How long the way to the capstone may take, and what each week holds. Pure functions; a week is one from Monday to Sunday, UTC. */
import type { Lesson, Size } from './catalogue.ts'
import type { Progress } from './progress.ts'

/** What may be answered to “How many hours a week have you?”. The last stands for so many or more. */
export const WEEKLY_HOURS = [2, 4, 6, 10] as const
export type WeeklyHours = (typeof WEEKLY_HOURS)[number]

export type Range = { from: number; to: number }

/** Hours for a lesson of each size. Our estimate: with ten hours a week, the course takes about its own 13 weeks or a little more. */
export const HOURS: Record<Size, Range> = {
  S: { from: 1, to: 2 },
  M: { from: 3, to: 4 },
  L: { from: 6, to: 8 },
}

const DAY_MS = 24 * 60 * 60_000
const DAYS = 7
const MONDAY = 1

/** What is to be done before the capstone, of all that is still to be done; all of it where the capstone is behind. */
export function untilCapstone(path: readonly Lesson[]): { goal: 'capstone' | 'course'; lessons: readonly Lesson[] } {
  const end = path.findIndex(({ module }) => module === 'capstone')
  return end < 0 ? { goal: 'course', lessons: path } : { goal: 'capstone', lessons: path.slice(0, end) }
}

/** In how many weeks these lessons are done, at least and at most; undefined when there are none. */
export function weeksFor(lessons: readonly Lesson[], weeklyHours: number): Range | undefined {
  if (lessons.length === 0) return undefined
  const weeks = (end: keyof Range) =>
    Math.ceil(lessons.reduce((sum, { size }) => sum + HOURS[size][end], 0) / weeklyHours)
  return { from: weeks('from'), to: weeks('to') }
}

export type Week = {
  /** Its Monday, at 00:00 UTC. */
  start: Date
  /** `goesOn`: it was begun in a week before. */
  lessons: { lesson: Lesson; goesOn: boolean }[]
}

/** The lessons by week, from the week of `now` on: each takes as long as the middle of its range. */
export function weeksOf(path: readonly Lesson[], weeklyHours: number, now: number): Week[] {
  const weeks: Week[] = []
  const weekAt = (index: number): Week => {
    const week = weeks[index] ?? { start: new Date(startOfWeek(now).getTime() + index * DAYS * DAY_MS), lessons: [] }
    weeks[index] = week
    return week
  }
  let spent = 0
  for (const lesson of path) {
    const { from, to } = HOURS[lesson.size]
    const end = spent + (from + to) / 2
    const first = Math.floor(spent / weeklyHours)
    for (let index = first; index * weeklyHours < end; index += 1) {
      weekAt(index).lessons.push({ lesson, goesOn: index > first })
    }
    spent = end
  }
  return weeks
}

/** Monday of the week of this moment. */
export function startOfWeek(now: number): Date {
  const day = startOfDay(now)
  return new Date(day - ((new Date(day).getUTCDay() + DAYS - MONDAY) % DAYS) * DAY_MS)
}

const startOfDay = (now: number): number => Math.floor(now / DAY_MS) * DAY_MS

/**
 * The last seven days, today last, and whether a lesson was begun or finished on each. Days are those of UTC, since we do
 * not know where a learner is. What was marked as known or put aside is no day's work.
 */
export function lastSevenDays(progress: Progress, now: number): { day: Date; isActive: boolean }[] {
  const marks = [...progress.values()].filter(({ state }) => state === 'started' || state === 'done')
  const active = new Set(
    marks.flatMap(({ beganAt, updatedAt }) => [beganAt ?? updatedAt, updatedAt]).map((at) => startOfDay(at.getTime())),
  )
  return Array.from({ length: DAYS }, (_, index) => {
    const day = startOfDay(now) - (DAYS - 1 - index) * DAY_MS
    return { day: new Date(day), isActive: active.has(day) }
  })
}
