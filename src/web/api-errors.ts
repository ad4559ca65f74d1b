import type { ErrorRequestHandler } from 'express'
import type { Deps } from '../deps.ts'
import { LearnerGone } from '../learner-gone.ts'
import { Unavailable } from '../unavailable.ts'
import { forgetOnDevice } from './auth.ts'
import { type Code, Refusal, sendRefusal } from './refusals.ts'

const BY_STATUS: Record<number, Code> = {
  400: 'BAD_REQUEST',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
}

/** What programs ask for, in any spelling: there nothing is answered with a page. A base address may end in a slash. */
export const isForPrograms = (path: string): boolean => /^\/{1,2}(api|\.well-known)\/./i.test(path)

/** Under `/api` nothing is ever answered with a page. Faults of ours are logged and never shown. */
export function apiErrors(deps: Deps): ErrorRequestHandler {
  return (error, req, res, next) => {
    if (!isForPrograms(req.path)) return next(error)
    const refusal = asRefusal(error)
    if (refusal.status >= 500) {
      deps.log[refusal.status === 503 ? 'warn' : 'error']({ err: error, requestId: req.id }, 'request failed')
    }
    if (res.writableEnded) return
    if (res.headersSent) return void res.destroy()
    // Whoever signs out while the database is away is at least forgotten by the browser.
    if (refusal.status === 503 && req.path === '/api/auth/sign-out') forgetOnDevice(res, deps)
    sendRefusal(res, refusal)
  }
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof LearnerGone) return new Refusal('UNAUTHORIZED')
  if (error instanceof Unavailable) {
    return new Refusal('SERVICE_UNAVAILABLE', { retryAfterSeconds: error.retryAfterSeconds })
  }
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  return new Refusal(BY_STATUS[status] ?? (status >= 400 && status < 500 ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR'))
}
