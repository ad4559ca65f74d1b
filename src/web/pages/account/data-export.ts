import { Router } from 'express'
import { copyOfAccount } from '../../../accounts/data-export.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { tooManyTries } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { requireConfirmed, userOf } from '../../session/guards.ts'

const PAGE = '/account/data-export'

/** Downloading a copy of everything that is stored about the learner. */
export function dataExportPages(deps: Deps): Router {
  const { now, rateLimits } = deps
  const router = Router()
  router
    .route(PAGE)
    .get((_req, res) => res.render('data-export'))
    .post(requireConfirmed(deps, PAGE), async (req, res) => {
      const user = userOf(req)
      const count = await rateLimits.count('exportsByUser', user.id)
      if (!count.ok) return tooManyTries(req, res, count.retryAfterSeconds)
      const copy = await copyOfAccount(deps, user, deviceOf(req))
      const exportedAt = new Date(now()).toISOString()
      res.attachment(`matricula-${exportedAt.slice(0, 10)}.json`)
      res.type('application/json').send(`${JSON.stringify({ exportedAt, ...copy }, null, 2)}\n`)
    })
    .all(methodNotAllowed)
  return router
}
