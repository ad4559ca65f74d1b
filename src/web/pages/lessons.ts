import { type Request, Router } from 'express'
import { z } from 'zod'
import type { Deps } from '../../deps.ts'
import { CATALOGUE, type Lesson, MODULES } from '../../learning/catalogue.ts'
import { PROGRESS_STATES, setProgress } from '../../learning/progress.ts'
import { recommend } from '../../learning/recommendations.ts'
import { findRecord } from '../../learning/records.ts'
import { HttpError, methodNotAllowed } from '../middleware/errors.ts'
import { describeLesson, messageAbout } from '../presenters/lesson.ts'
import { saveFlash, takeFlash } from '../session/flash.ts'
import { userOf } from '../session/guards.ts'
import { HOME_OF_LEARNERS } from '../session/return-to.ts'

const ProgressForm = z.object({ state: z.enum([...PROGRESS_STATES, 'opened', 'none']), from: z.string().optional() })

export function lessonPages({ sql, now, config }: Deps): Router {
  const router = Router()
  const hrefOf = ({ id }: Lesson) => config.lessonBaseUrl && `${config.lessonBaseUrl}/${id}`

  router
    .route('/lessons/:lesson')
    .get(async (req, res) => {
      const lesson = lessonOf(req)
      const { id } = userOf(req)
      const { profile, progress } = await findRecord(sql, id)
      const recommendations = recommend(CATALOGUE, profile.answers, progress)
      const { all, startNow } = recommendations
      const advice = all.find((one) => one.lesson === lesson)
      if (advice === undefined) throw new HttpError(404)
      const leadsTo = CATALOGUE.lessons.filter(({ prereqs }) => prereqs.includes(lesson.id))
      const prerequisites = CATALOGUE.lessons.filter(({ id }) => lesson.prereqs.includes(id))
      const href = hrefOf(lesson)
      res.render('lesson', {
        ...describeLesson(advice, progress, { href }),
        module: MODULES[lesson.module],
        isOpen: !['done', 'dismissed'].includes(advice.state),
        isNext: startNow.some((one) => one.lesson === lesson),
        prerequisites: prerequisites.map(({ id, title }) => ({
          id,
          title,
          state: all.find((one) => one.lesson.id === id)?.state ?? 'ready',
        })),
        leadsTo,
        href,
        message: messageAbout(takeFlash(req), recommendations, progress),
        back: { href: '/dashboard', label: 'Your dashboard' },
      })
    })
    .all(methodNotAllowed)

  router
    .route('/lessons/:lesson/progress')
    .post(async (req, res) => {
      const lesson = lessonOf(req)
      const form = ProgressForm.safeParse(req.body)
      if (!form.success) throw new HttpError(422)
      const { state: wanted, from } = form.data
      const state = wanted === 'opened' ? 'started' : wanted
      await setProgress(sql, { userId: userOf(req).id, lessonId: lesson.id, state, now: now() })
      await saveFlash(req, `lesson:${lesson.id}`)
      const href = hrefOf(lesson)
      if (wanted === 'opened' && href !== undefined) return res.redirect(303, href)
      // Both pages say at their top what has become of it.
      res.redirect(303, from === 'lesson' ? `/lessons/${lesson.id}` : HOME_OF_LEARNERS)
    })
    .all(methodNotAllowed)
  return router
}

function lessonOf({ params }: Request): Lesson {
  const lesson = CATALOGUE.byId.get(String(params.lesson))
  if (lesson === undefined) throw new HttpError(404)
  return lesson
}
