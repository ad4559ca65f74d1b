import { Router } from 'express'
import { COURSE_MAP } from '../course-map.ts'
import { methodNotAllowed } from '../errors.ts'

export function homePages(): Router {
  const router = Router()
  router
    .route('/')
    .get((_req, res) => res.render('home', { map: COURSE_MAP }))
    .all(methodNotAllowed)
  return router
}
