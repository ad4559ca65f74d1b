import { z } from 'zod'
import type { Deps } from '../../../deps.ts'
import { CATALOGUE, SIZES } from '../../../learning/catalogue.ts'
import { HOURS, untilCapstone, WEEKLY_HOURS, type WeeklyHours, weeksFor, weeksOf } from '../../../learning/plan.ts'
import { setWeeklyHours } from '../../../learning/plan-settings.ts'
import { pathOf } from '../../../learning/recommendations.ts'
import { findRecord } from '../../../learning/records.ts'
import { type Endpoint, learnerEndpoint } from '../endpoint.ts'

const HoursPerWeek = z.literal(WEEKLY_HOURS).nullable().meta({
  description: 'Hours a week that the learner has; 10 stands for 10 or more, null for not said',
})

const Range = z.object({ from: z.int(), to: z.int() })

const Plan = z
  .object({
    weeklyHours: HoursPerWeek,
    first: z.string().nullable().meta({ description: 'The lesson to do now; null when there is none' }),
    goal: z.enum(['capstone', 'course']).meta({
      description: 'What `weeksToGoal` leads to: the capstone, or the end of the course where that is behind',
    }),
    weeksToGoal: Range.nullable().meta({
      description: 'Null without `weeklyHours`, and when nothing is before the goal',
    }),
    hours: z.object(Object.fromEntries(SIZES.map((size) => [size, Range]))).meta({
      description: 'Hours for a lesson of each size, by our estimate',
    }),
    weeks: z.array(
      z.object({
        start: z.iso.date().meta({ description: 'Its Monday, in UTC' }),
        lessons: z.array(
          z.object({
            id: z.string(),
            title: z.string(),
            size: z.enum(SIZES),
            courseWeeks: z.string().meta({ description: 'The weeks of the course in which it stands' }),
            goesOn: z.boolean().meta({ description: 'Begun in a week before' }),
          }),
        ),
      }),
    ),
    calendarSince: z.iso.datetime().nullable().meta({ description: 'Since when the calendar has its secret address' }),
  })
  .meta({ id: 'Plan' })

export function planEndpoints({ sql, now }: Deps): Endpoint[] {
  return [
    learnerEndpoint({
      method: 'get',
      path: '/api/plan',
      access: 'learner',
      summary: 'The way to the capstone in weeks, as on the pages',
      answer: Plan,
      handle: ({ learner: { user } }) => planOf(user.id),
    }),

    learnerEndpoint({
      method: 'put',
      path: '/api/plan',
      access: 'learner',
      summary: 'Say how many hours a week the learner has; null takes it back',
      body: z.object({ weeklyHours: HoursPerWeek }),
      answer: Plan,
      async handle({ learner: { user }, body: { weeklyHours } }) {
        await setWeeklyHours(sql, user.id, weeklyHours ?? undefined)
        return planOf(user.id)
      },
    }),
  ]

  async function planOf(userId: string) {
    const { profile, progress, plan } = await findRecord(sql, userId)
    const path = pathOf(CATALOGUE, profile.answers, progress)
    const { goal, lessons } = untilCapstone(path)
    const inWeeks = <Result>(work: (hours: WeeklyHours) => Result) => plan.weeklyHours && work(plan.weeklyHours)
    return {
      weeklyHours: plan.weeklyHours ?? null,
      first: path[0]?.id ?? null,
      goal,
      weeksToGoal: inWeeks((hours) => weeksFor(lessons, hours)) ?? null,
      hours: HOURS,
      weeks: (inWeeks((hours) => weeksOf(path, hours, now())) ?? []).map((week) => ({
        start: week.start.toISOString().slice(0, 10),
        lessons: week.lessons.map(({ lesson: { id, title, size, weeks: courseWeeks }, goesOn }) => ({
          id,
          title,
          size,
          courseWeeks,
          goesOn,
        })),
      })),
      calendarSince: plan.calendarSince ?? null,
    }
  }
}
