/** The only writer of identity: who is logged in is decided here and nowhere else. */
import { promisify } from 'node:util'
import type { Request, RequestHandler, Response } from 'express'
import { newId } from '../accounts/ids.ts'
import { absoluteEndOf, type Term } from '../accounts/sessions.ts'
import type { User } from '../accounts/users.ts'
import type { Deps } from '../deps.ts'
import { deviceOf } from './device.ts'
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
  deps: Deps,
  {
    remember = false,
    next,
    flash,
    kept,
    passwordVersion,
  }: { remember?: boolean; next?: string; flash?: FlashMessage; kept?: string | undefined; passwordVersion: number },
): Promise<string> {
  const now = deps.now()
  await startSession(req, user, deps, {
    remembered: remember,
    loggedInAt: now,
    confirmedAt: now,
    flash,
    kept,
    passwordVersion,
  })
  return safeReturnTo(next)
}

/**
 * A login through the API: a client may hold several, so the session that the request came with stays open. Returns the
 * handle of the new one.
 */
export async function logInBeside(
  req: Request,
  user: User,
  deps: Deps,
  { remembered, passwordVersion }: { remembered: boolean; passwordVersion: number },
): Promise<string> {
  const now = deps.now()
  return startSession(req, user, deps, {
    remembered,
    loggedInAt: now,
    confirmedAt: now,
    passwordVersion,
    endsOld: false,
  })
}

/**
 * The same login under a new id and a new handle, for a person who has just shown their password. Its limits stay where
 * they were: that makes no session longer. Returns the handle.
 */
export function renewSession(
  req: Request,
  user: User,
  deps: Deps,
  { passwordVersion, flash }: { passwordVersion: number; flash?: FlashMessage },
): Promise<string> {
  const { remembered = false, loggedInAt = 0 } = req.session
  return startSession(req, user, deps, { remembered, loggedInAt, confirmedAt: deps.now(), flash, passwordVersion })
}

/** For this long after a password was typed, nobody is asked for it again (ASVS 7.5.1). */
const CONFIRMED_MS = 10 * 60_000

/** Whether the person at the session has typed the password lately. */
export const isConfirmed = ({ session }: Request, { now }: Deps): boolean =>
  now() - (session.confirmedAt ?? 0) < CONFIRMED_MS

/** The person at the session has shown the password: said through the API, whose clients keep the session's name. */
export async function markConfirmed(req: Request, { now }: Deps): Promise<void> {
  req.session.confirmedAt = now()
  await promisify(req.session.save).call(req.session)
}

/** In front of what only the person themselves may do: asks for the password first, and leads back to `page`. */
export const requireConfirmed =
  (deps: Deps, page: string): RequestHandler =>
  (req, res, next) => {
    if (isConfirmed(req, deps)) next()
    else res.redirect(303, `/account/confirm?next=${encodeURIComponent(page)}`)
  }

async function startSession(
  req: Request,
  user: User,
  { now }: Deps,
  {
    remembered,
    loggedInAt,
    confirmedAt,
    flash,
    kept,
    passwordVersion,
    endsOld = true,
  }: Term & {
    confirmedAt: number
    flash?: FlashMessage | undefined
    kept?: string | undefined
    passwordVersion: number
    endsOld?: boolean
  },
): Promise<string> {
  try {
    if (endsOld) await regenerate(req)
    else req.sessionStore.generate(req)
    const handle = newId()
    const identity = { userId: user.id, remembered, loggedInAt, confirmedAt, passwordVersion, handle, ...deviceOf(req) }
    Object.assign(req.session, identity, kept === undefined ? {} : { kept })
    if (remembered) rememberOnDevice(req.session.cookie, absoluteEndOf({ remembered, loggedInAt }) - now())
    if (flash) setFlash(req, flash)
    await promisify(req.session.save).call(req.session)
    return handle
  } catch (error) {
    // Left in place, express-session would save it once more with the error page, and log in behind it.
    Reflect.deleteProperty(req, 'session')
    req.user = undefined
    throw error
  }
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

/** Who is logged in, on a page behind `requireUser`. */
export function userOf({ user }: Request): User {
  if (user === undefined) throw new Error('This page stands in front of requireUser')
  return user
}

/** Sign-up and login are not for someone who is logged in. */
export const requireGuest: RequestHandler = (req, res, next) => {
  if (req.user) res.redirect(303, HOME_OF_LEARNERS)
  else next()
}

const regenerate = (req: Request): Promise<void> =>
  promisify(req.session.regenerate).call(req.session) as Promise<never>
