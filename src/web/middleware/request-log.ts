/** Gives every request an id and logs one line for it, with the pattern of the route: an address may contain a secret. */
import { randomUUID } from 'node:crypto'
import type { RequestHandler } from 'express'
import { pseudonym } from '../../base/log.ts'
import type { Deps } from '../../deps.ts'

declare global {
  namespace Express {
    interface Request {
      id: string
    }
  }
}

const WELL_FORMED_ID = /^[\w.-]{8,64}$/

export function requestLog({ log }: Deps): RequestHandler {
  return (req, res, next) => {
    const start = performance.now()
    const given = req.get('X-Request-Id')
    req.id = given !== undefined && WELL_FORMED_ID.test(given) ? given : randomUUID()
    res.set('X-Request-Id', req.id)
    // Health checks come every few seconds and would hide everything else.
    if (req.path.startsWith('/health/')) return next()
    res.once('close', () => {
      log.info({
        requestId: req.id,
        method: req.method,
        route: patternOf(req.route?.path),
        status: res.headersSent ? res.statusCode : null,
        finished: res.writableFinished,
        ms: Math.round(performance.now() - start),
        ...(req.user ? { user: pseudonym(req.user.id) } : {}),
      })
    })
    next()
  }
}

/** The first of a route's addresses; null for a handler that catches everything. */
function patternOf(path: unknown): string | null {
  const [first] = [path].flat()
  return typeof first === 'string' ? first : null
}
