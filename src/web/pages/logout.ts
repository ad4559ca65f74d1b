import { type ErrorRequestHandler, type RequestHandler, Router } from 'express'
import { Unavailable } from '../../base/failures.ts'
import type { Deps } from '../../deps.ts'
import type { Csrf } from '../middleware/csrf.ts'
import { methodNotAllowed, renderError } from '../middleware/errors.ts'
import { forgetOnDevice, logOut } from '../session/identity.ts'

export function logoutPages(deps: Deps): Router {
  const router = Router()
  router
    .route('/logout')
    .get((req, res) => res.render(req.user ? 'logout' : 'logged-out'))
    .post(async (req, res) => {
      await logOut(req, res, deps)
      res.redirect(303, '/logout')
    })
    .all(methodNotAllowed)
  return router
}

/** Logging out without being logged in, for example on a page that was left open, is no mistake. */
export const logoutOfNobody: RequestHandler = (req, res, next) => {
  if (req.method === 'POST' && req.path === '/logout' && !req.user) res.redirect(303, '/logout')
  else next()
}

/**
 * Logging out while the database is away: the browser forgets the session, and the page says that the server has not. The
 * form's token is checked here, because the request did not get as far as the usual check.
 */
export function unfinishedLogout(deps: Deps, { hasSessionToken }: Csrf): ErrorRequestHandler {
  return (error, req, res, next) => {
    const wanted = req.method === 'POST' && req.path === '/logout' && hasSessionToken(req)
    if (!wanted || !(error instanceof Unavailable) || res.headersSent) return next(error)
    deps.log.warn({ err: error, requestId: req.id }, 'logout not finished')
    forgetOnDevice(res, deps)
    res.set('Retry-After', String(error.retryAfterSeconds))
    renderError(req, res, 503, {
      title: 'You are not fully logged out yet',
      text: 'This browser has forgotten your session, but the server could not be reached, so the session may still be open there. It ends by itself.',
    })
  }
}
