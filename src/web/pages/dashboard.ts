import { Router } from 'express'
import { methodNotAllowed } from '../errors.ts'
import { takeFlash } from '../flash.ts'

export function dashboardPages(): Router {
  const router = Router()
  router
    .route('/dashboard')
    .get((req, res) => {
      // A HEAD request shows nobody the message.
      const flash = req.method === 'GET' ? takeFlash(req) : undefined
      res.render('dashboard', { flash, remembered: req.session.remembered })
    })
    .all(methodNotAllowed)
  return router
}
