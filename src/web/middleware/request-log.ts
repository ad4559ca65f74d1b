/** Gives every request an id and logs one line for it, with the pattern of the route: an address may contain a secret. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestHandler } from 'express'
import type { User } from '../../accounts/users.ts'
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

/** The id that the caller has given, if it is well formed, or a new one. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && WELL_FORMED_ID.test(given) ? given : randomUUID()
}

/** Logs a line once the answer has gone out. `look` is asked then for what was found out meanwhile. */
export function logOnClose(
  { log, meter, tracing }: Pick<Deps, 'log' | 'meter' | 'tracing'>,
  { requestId, method, res }: { requestId: string; method: string | undefined; res: ServerResponse },
  look: () => { route: string | null; user: User | undefined },
): void {
  const start = performance.now()
  res.once('close', () => {
    const { route, user } = look()
    const status = res.headersSent ? res.statusCode : null
    const milliseconds = performance.now() - start
    meter.request(method, route, status, milliseconds)
    const traceId = tracing?.end(res, { method, route, status })
    log.info({
      requestId,
      method,
      route,
      status,
      finished: res.writableFinished,
      ms: Math.round(milliseconds),
      ...(user ? { user: pseudonym(user.id) } : {}),
      ...(traceId ? { traceId } : {}),
    })
  })
}

export function requestLog(deps: Deps): RequestHandler {
  return (req, res, next) => {
    req.id = requestIdOf(req)
    res.setHeader('X-Request-Id', req.id)
    // Health checks come every few seconds and would hide everything else.
    if (req.path.startsWith('/health/')) return next()
    logOnClose(deps, { requestId: req.id, method: req.method, res }, () => ({
      route: patternOf(req.route?.path),
      user: req.user,
    }))
    next()
  }
}

/** The first of a route's addresses; null for a handler that catches everything. */
function patternOf(path: unknown): string | null {
  const [first] = [path].flat()
  return typeof first === 'string' ? first : null
}
