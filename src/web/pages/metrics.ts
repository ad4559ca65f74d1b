import { Router } from 'express'
import { Unavailable } from '../../base/failures.ts'
import type { Deps } from '../../deps.ts'
import { methodNotAllowed } from '../middleware/errors.ts'
import { isOperator } from '../middleware/operators.ts'

/**
 * The metrics for Prometheus. On the site they are there only with a token, and without METRICS_PORT. `isOwnPort`: on a port
 * of their own, where the token is asked for if there is one.
 */
export function metricsPages(deps: Deps, { isOwnPort = false } = {}): Router {
  const { metrics, config } = deps
  const router = Router()
  const isHere = isOwnPort || config.metrics?.port === undefined
  if (metrics === undefined || !isHere) return router
  const isOpen = isOwnPort && config.metrics?.token === undefined
  router
    .route('/metrics')
    .get(async (req, res) => {
      if (!isOpen && !isOperator(deps, req)) {
        res.set('WWW-Authenticate', 'Bearer realm="metrics"').status(401).json({ status: 'unauthorized' })
        return
      }
      try {
        const text = await metrics.text()
        res.set('Content-Type', metrics.contentType).send(text)
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error
        res.status(503).json({ status: 'failing' })
      }
    })
    .all(methodNotAllowed)
  return router
}
