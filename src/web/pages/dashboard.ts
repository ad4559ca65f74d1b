import { Router } from 'express'
import { methodNotAllowed } from '../errors.ts'
import { takeFlash } from '../flash.ts'

export function dashboardPages(): Router {
  const router = Router()
  router
    .route('/dashboard')
    .get((req, res) => res.render('dashboard', { flash: takeFlash(req), remembered: req.session.remembered }))
    .all(methodNotAllowed)
  return router
}
