/** The only writer of identity: who is logged in is decided here and nowhere else. */
import { promisify } from 'node:util'
import type { Request, RequestHandler, Response } from 'express'
import type { User } from '../accounts/users.ts'
import type { Deps } from '../deps.ts'
import { type FlashMessage, setFlash } from './flash.ts'
import { HOME_OF_LEARNERS, loginPathFor, safeReturnTo } from './return-to.ts'
import { rememberOnDevice, sessionCookie, sessionCookieName } from './session.ts'

/**
 * Starts a session under a new id, so that an id known from before the login is worth nothing (ASVS 7.2.4), and ends
 * the one there was. Saved before anything is answered: a redirect that outruns its session would land on the login
 * page. Returns the path to go to.
 */
export async function logIn(
  req: Request,
  user: User,
  { now }: Deps,
  { remember = false, next, flash }: { remember?: boolean; next?: string; flash?: FlashMessage } = {},
): Promise<string> {
  try {
    await regenerate(req)
    req.session.userId = user.id
    req.session.remembered = remember
    req.session.loggedInAt = now()
    if (remember) rememberOnDevice(req.session.cookie)
    if (flash) setFlash(req, flash)
    await promisify(req.session.save).call(req.session)
  } catch (error) {
    // Left in place, express-session would save it once more with the error page, and log in behind it.
    Reflect.deleteProperty(req, 'session')
    req.user = undefined
    throw error
  }
  return safeReturnTo(next)
}

/** Ends the session on the server, then in the browser, with what the browser has cached of it. */
export async function logOut(req: Request, res: Response, deps: Deps): Promise<void> {
  await promisify(req.session.destroy).call(req.session)
  forgetOnDevice(res, deps)
}

/** Takes the cookie from the browser, whatever becomes of the session on the server. */
export function forgetOnDevice(res: Response, { config }: Deps): void {
  res.clearCookie(sessionCookieName(config.secureCookies), sessionCookie(config.secureCookies))
  res.set('Clear-Site-Data', '"cache"')
}

/** Leads a visitor to the login page and back afterwards. */
export const requireUser: RequestHandler = (req, res, next) => {
  if (req.user) next()
  else res.redirect(303, ['GET', 'HEAD'].includes(req.method) ? loginPathFor(req.originalUrl) : '/login')
}

/** Sign-up and login are not for someone who is logged in. */
export const requireGuest: RequestHandler = (req, res, next) => {
  if (req.user) res.redirect(303, HOME_OF_LEARNERS)
  else next()
}

const regenerate = (req: Request): Promise<void> =>
  promisify(req.session.regenerate).call(req.session) as Promise<never>
