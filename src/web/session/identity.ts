/** The only code that decides who is logged in: it starts, renews and ends sessions. */
import { promisify } from 'node:util'
import type { Request, Response } from 'express'
import type { User } from '../../accounts/users.ts'
import { newId } from '../../base/ids.ts'
import type { Deps } from '../../deps.ts'
import { absoluteEndOf, type Term } from '../../sessions/lifetimes.ts'
import { sessionCookie, sessionCookieName } from './cookies.ts'
import { deviceOf } from './device.ts'
import { type FlashMessage, setFlash } from './flash.ts'
import { rememberDevice } from './known-device.ts'
import { safeReturnTo } from './return-to.ts'
import { rememberOnDevice } from './store.ts'

/** What may travel into a new session: a message for the next page, and a form that waits for its learner. */
type Luggage = { flash?: FlashMessage | undefined; kept?: string | undefined }

type Start = Term &
  Luggage & { confirmedAt: number; passwordVersion: number; endsOld?: boolean; sessionId?: string | undefined }

/**
 * Starts a session under a new id, since an id known from before the login must be worthless (ASVS 7.2.4), and ends the
 * old one. Resolves only when the session is saved: a redirect that overtakes it would end on the login page. Several
 * requests may begin the session with the same `sessionId`: then there is one. Returns the path to go to.
 */
export async function logIn(
  req: Request,
  user: User,
  deps: Deps,
  {
    remember = false,
    next,
    ...start
  }: Luggage & {
    remember?: boolean
    next?: string | undefined
    passwordVersion: number
    sessionId?: string | undefined
  },
): Promise<string> {
  const now = deps.now()
  await startSession(req, user, deps, { ...start, remembered: remember, loggedInAt: now, confirmedAt: now })
  return safeReturnTo(next)
}

/**
 * A login through the API. One client may hold several sessions, so the session that the request came with stays open.
 * Returns the handle of the new one.
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
 * Gives the session a new id and handle after its learner has shown the password. Its limits stay the same, so this makes
 * no session longer. Returns the new handle.
 */
export function renewSession(
  req: Request,
  user: User,
  deps: Deps,
  { passwordVersion, flash }: { passwordVersion: number; flash?: FlashMessage },
): Promise<string> {
  const { remembered = false, loggedInAt = 0, kept } = req.session
  const term = { remembered, loggedInAt }
  return startSession(req, user, deps, { ...term, confirmedAt: deps.now(), flash, kept, passwordVersion })
}

/** After somebody has typed their password, it is not asked for again for this long (ASVS 7.5.1). */
const CONFIRMED_MS = 10 * 60_000

/** Whether whoever uses the session has typed the password recently. */
export const isConfirmed = ({ session }: Request, { now }: Deps): boolean =>
  now() - (session.confirmedAt ?? 0) < CONFIRMED_MS

/** Notes that the password was shown. For the API, whose clients go on using the name of their session. */
export async function markConfirmed(req: Request, { now }: Deps): Promise<void> {
  req.session.confirmedAt = now()
  await promisify(req.session.save).call(req.session)
}

async function startSession(
  req: Request,
  user: User,
  deps: Deps,
  { remembered, loggedInAt, confirmedAt, flash, kept, passwordVersion, endsOld = true, sessionId }: Start,
): Promise<string> {
  try {
    req.nextSessionId = sessionId
    if (endsOld) await regenerate(req)
    else req.sessionStore.generate(req)
    const handle = newId()
    const identity = { userId: user.id, remembered, loggedInAt, confirmedAt, passwordVersion, handle, ...deviceOf(req) }
    Object.assign(req.session, identity, kept === undefined ? {} : { kept })
    if (remembered) rememberOnDevice(req.session.cookie, absoluteEndOf({ remembered, loggedInAt }) - deps.now())
    if (flash) setFlash(req, flash)
    await promisify(req.session.save).call(req.session)
    if (req.res) rememberDevice(req, req.res, deps, { user, passwordVersion })
    return handle
  } catch (error) {
    // express-session would try to save this session again after the error page, and so log in behind it.
    Reflect.deleteProperty(req, 'session')
    req.user = undefined
    throw error
  }
}

const regenerate = (req: Request): Promise<void> =>
  promisify(req.session.regenerate).call(req.session) as Promise<never>

/** Ends the session on the server, then in the browser, and empties what the browser has cached. */
export async function logOut(req: Request, res: Response, deps: Deps): Promise<void> {
  await promisify(req.session.destroy).call(req.session)
  forgetOnDevice(res, deps)
}

/** Removes the cookie from the browser, even if the session could not be ended on the server. */
export function forgetOnDevice(res: Response, { config }: Deps): void {
  res.clearCookie(sessionCookieName(config.secureCookies), sessionCookie(config.secureCookies))
  res.set('Clear-Site-Data', '"cache"')
}
