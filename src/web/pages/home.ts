import { Router } from 'express'
import { methodNotAllowed } from '../errors.ts'

export function homePages(): Router {
  const router = Router()
  router
    .route('/')
    .get((_req, res) => res.render('home'))
    .all(methodNotAllowed)
  return router
}
