/** The last stop of an API call that went wrong. */
import type { ServerResponse } from 'node:http'
import type { ErrorRequestHandler } from 'express'
import { Busy, LearnerGone, Unavailable } from '../../base/failures.ts'
import type { Deps } from '../../deps.ts'
import { HttpError, isForPrograms } from '../middleware/errors.ts'
import { forgetOnDevice } from '../session/identity.ts'
import { type Code, Refusal, sendRefusal } from './refusals.ts'

const BY_STATUS: Record<number, Code> = {
  400: 'BAD_REQUEST',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  421: 'MISDIRECTED_REQUEST',
}

/** Answers with `{ code, message }`, never with a page. */
export function apiErrors(deps: Deps): ErrorRequestHandler {
  return (error, req, res, next) => {
    if (!isForPrograms(req.path)) return next(error)
    // The database is away, so the session stays open on the server. The browser at least can forget it.
    if (asRefusal(error).status === 503 && req.path === '/api/auth/sign-out' && !res.headersSent) {
      forgetOnDevice(res, deps)
    }
    refuseCall(deps, { error, requestId: req.id, res })
  }
}

/** Answers a call that failed with `error`, unless it has an answer already. Our own faults are logged and not shown. */
export function refuseCall(
  { log }: Pick<Deps, 'log'>,
  { error, requestId, res }: { error: unknown; requestId: string; res: ServerResponse },
): void {
  const refusal = asRefusal(error)
  // In a storm there are hundreds who come too early. Each has a line of its request, and it is no fault.
  if (refusal.status >= 500 && !(error instanceof Busy)) {
    log[refusal.status === 503 ? 'warn' : 'error']({ err: error, requestId }, 'request failed')
  }
  if (res.writableEnded) return
  if (res.headersSent) res.destroy()
  else sendRefusal(res, refusal)
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof LearnerGone) return new Refusal('UNAUTHORIZED')
  if (error instanceof Unavailable) {
    return new Refusal('SERVICE_UNAVAILABLE', { retryAfterSeconds: error.retryAfterSeconds })
  }
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  const isMistake = status >= 400 && status < 500
  const code = BY_STATUS[status] ?? (isMistake ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR')
  return new Refusal(code, error instanceof HttpError && error.detail ? { detail: error.detail } : {})
}
