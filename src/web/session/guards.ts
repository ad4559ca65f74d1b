/** What stands in front of pages that are not for everybody. */
import type { Request, RequestHandler } from 'express'
import type { User } from '../../accounts/users.ts'
import type { Deps } from '../../deps.ts'
import { isConfirmed, isStepped } from './identity.ts'
import { HOME_OF_LEARNERS, loginPathFor } from './return-to.ts'

/** Sends visitors to the login page, which leads them back afterwards. */
export const requireUser: RequestHandler = (req, res, next) => {
  if (req.user) next()
  else res.redirect(303, ['GET', 'HEAD'].includes(req.method) ? loginPathFor(req.originalUrl) : '/login')
}

/** Who is logged in, on a page behind `requireUser`. */
export function userOf({ user }: Request): User {
  if (user === undefined) throw new Error('This page must stand behind requireUser')
  return user
}

/** Sends learners who are logged in away from pages that are only for visitors. */
export const requireGuest: RequestHandler = (req, res, next) => {
  if (req.user) res.redirect(303, HOME_OF_LEARNERS)
  else next()
}

/** Asks for the password first, and for the second step where there is one, unless that was recent; then leads back to `page`. */
export const requireConfirmed =
  (deps: Deps, page: string): RequestHandler =>
  (req, res, next) => {
    if (isConfirmed(req, deps)) requireStep(deps, page)(req, res, next)
    else res.redirect(303, `/account/password-confirmation?next=${encodeURIComponent(page)}`)
  }

/** The same for pages that ask for the password themselves. */
export const requireStep =
  (deps: Deps, page: string): RequestHandler =>
  (req, res, next) => {
    if (isStepped(req, deps)) next()
    else res.redirect(303, `/account/second-step/confirmation?next=${encodeURIComponent(page)}`)
  }
