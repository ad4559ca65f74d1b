import { z } from 'zod'
import type { Deps } from '../../../deps.ts'
import { Answers } from '../../../learning/answers.ts'
import { CATALOGUE, SIZES } from '../../../learning/catalogue.ts'
import { findProfile, saveAnswers } from '../../../learning/profiles.ts'
import { findProgress, PROGRESS_STATES, setProgress } from '../../../learning/progress.ts'
import { type Advice, LESSON_STATES, recommend } from '../../../learning/recommendations.ts'
import { findRecord } from '../../../learning/records.ts'
import { type Endpoint, learnerEndpoint } from '../endpoint.ts'
import { Refusal } from '../refusals.ts'

const Profile = Answers.extend({ onboarded: z.boolean() }).meta({ id: 'Profile' })

const Reason = z.object({ code: z.string(), text: z.string() })

const Size = z.enum(SIZES).meta({ description: 'How much time it takes, by our estimate; see `hours` of a plan' })

const Lesson = z
  .object({
    id: z.string(),
    title: z.string(),
    outcome: z.string().meta({ description: 'What one is able to do afterwards' }),
    size: Size,
    module: z.string(),
    state: z.enum(LESSON_STATES),
    score: z.int().meta({ description: 'For sorting, may be below zero; not for people' }),
    reasons: z.array(Reason).meta({ description: 'The strongest first' }),
    cautions: z.array(Reason),
    missing: z.array(z.string()).meta({ description: 'Lessons to be done before' }),
    assumed: z.array(z.string()).meta({ description: 'Lessons taken as known because of the level' }),
  })
  .meta({ id: 'Lesson' })

const Recommendations = z.object({
  modelVersion: z.int(),
  catalogueVersion: z.int(),
  startNow: z.array(Lesson),
  afterwards: z.array(Lesson),
})

const Progress = z
  .object({
    lessonId: z.string(),
    state: z.enum([...PROGRESS_STATES, 'none']),
    updatedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Progress' })

export function learningEndpoints({ sql, now }: Deps): Endpoint[] {
  return [
    learnerEndpoint({
      method: 'get',
      path: '/api/profile',
      access: 'learner',
      summary: 'The saved answers of the learner; null and empty lists are not answered',
      answer: Profile,
      async handle({ learner: { user } }) {
        const { answers } = await findProfile(sql, user.id)
        return { ...answers, onboarded: user.onboardedAt !== null }
      },
    }),

    learnerEndpoint({
      method: 'put',
      path: '/api/profile',
      access: 'learner',
      summary: 'Replace the answers. What is left out is not answered.',
      body: Answers,
      answer: Profile,
      async handle({ learner: { user }, body }) {
        await saveAnswers(sql, user.id, body, now())
        return { ...body, onboarded: true }
      },
    }),

    learnerEndpoint({
      method: 'get',
      path: '/api/recommendations',
      access: 'learner',
      summary: 'What to study next and why, as on the dashboard',
      answer: Recommendations,
      async handle({ learner: { user } }) {
        const { profile, progress } = await findRecord(sql, user.id)
        const { modelVersion, startNow, afterwards } = recommend(CATALOGUE, profile.answers, progress)
        return {
          modelVersion,
          catalogueVersion: CATALOGUE.version,
          startNow: startNow.map(toLesson),
          afterwards: afterwards.map(toLesson),
        }
      },
    }),

    learnerEndpoint({
      method: 'get',
      path: '/api/progress/:lessonId',
      access: 'learner',
      summary: 'How far the learner is with a lesson',
      answer: Progress,
      refusals: ['LESSON_NOT_FOUND'],
      async handle({ req, learner: { user } }) {
        const lesson = CATALOGUE.byId.get(String(req.params.lessonId))
        if (lesson === undefined) return new Refusal('LESSON_NOT_FOUND')
        return progressOf(sql, user.id, lesson.id)
      },
    }),

    learnerEndpoint({
      method: 'put',
      path: '/api/progress/:lessonId',
      access: 'learner',
      summary: 'Mark a lesson; `none` takes a mark back',
      body: z.object({ state: z.enum([...PROGRESS_STATES, 'none']) }),
      answer: Progress,
      refusals: ['LESSON_NOT_FOUND'],
      async handle({ req, learner: { user }, body: { state } }) {
        const lesson = CATALOGUE.byId.get(String(req.params.lessonId))
        if (lesson === undefined) return new Refusal('LESSON_NOT_FOUND')
        await setProgress(sql, { userId: user.id, lessonId: lesson.id, state, now: now() })
        return progressOf(sql, user.id, lesson.id)
      },
    }),
  ]
}

async function progressOf(sql: Deps['sql'], userId: string, lessonId: string) {
  const progress = (await findProgress(sql, userId)).get(lessonId)
  return { lessonId, state: progress?.state ?? 'none', updatedAt: progress?.updatedAt ?? null }
}

const toLesson = ({ lesson, state, score, reasons, cautions, missing, assumed }: Advice) => ({
  id: lesson.id,
  title: lesson.title,
  outcome: lesson.outcome,
  size: lesson.size,
  module: lesson.module,
  state,
  score,
  reasons,
  cautions,
  missing: missing.map(({ id }) => id),
  assumed: assumed.map(({ id }) => id),
})
