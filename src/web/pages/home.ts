import { Router } from 'express'
import { methodNotAllowed } from '../middleware/errors.ts'
import { COURSE } from '../presenters/map/course-list.ts'
import { COURSE_MAP } from '../presenters/map/course-map.ts'

export function homePages(): Router {
  const router = Router()
  router
    .route('/')
    .get((_req, res) => res.render('home', { map: COURSE_MAP, course: COURSE }))
    .all(methodNotAllowed)
  return router
}
