import { Router } from 'express'
import type { Deps } from '../../deps.ts'
import { findRecord } from '../../learning/records.ts'
import { methodNotAllowed } from '../middleware/errors.ts'
import { dashboardOf } from '../presenters/dashboard.ts'
import { messageAbout } from '../presenters/lesson.ts'
import { courseFor } from '../presenters/map/course-list.ts'
import { COURSE_MAP } from '../presenters/map/course-map.ts'
import { takeFlash } from '../session/flash.ts'
import { userOf } from '../session/guards.ts'

export function dashboardPages({ sql, mail, now, config }: Deps): Router {
  const router = Router()
  router
    .route('/dashboard')
    .get(async (req, res) => {
      const record = await findRecord(sql, userOf(req).id)
      const { advice, ...shown } = dashboardOf(record, { now: now(), lessonBaseUrl: config.lessonBaseUrl })
      res.render('dashboard', {
        ...shown,
        message: messageAbout(takeFlash(req), advice, record.progress),
        map: COURSE_MAP,
        course: courseFor(advice, record.progress),
        mailEnabled: mail.enabled,
      })
    })
    .all(methodNotAllowed)
  return router
}
