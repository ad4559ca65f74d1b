/** The only code that decides who is logged in: it starts, renews and ends sessions. */
import { promisify } from 'node:util'
import type { Request, Response } from 'express'
import { noteLogin } from '../../accounts/links/new-device.ts'
import type { Passkey } from '../../accounts/passkeys/passkeys.ts'
import { knownDevice } from '../../accounts/passwords/known-devices.ts'
import type { User } from '../../accounts/users.ts'
import { newId } from '../../base/ids.ts'
import type { Deps } from '../../deps.ts'
import { absoluteEndOf, type Term } from '../../sessions/lifetimes.ts'
import { sessionCookie, sessionCookieName } from './cookies.ts'
import { deviceOf } from './device.ts'
import { type FlashMessage, setFlash } from './flash.ts'
import { deviceCookieOf, rememberDevice } from './known-device.ts'
import { safeReturnTo } from './return-to.ts'
import { keepTicket, SECOND_STEP_PAGE, skipsSecondStep } from './second-step.ts'
import { rememberOnDevice } from './session-cookie.ts'

/** What may travel into a new session: a message for the next page, and a form that waits for its learner. */
type Luggage = { flash?: FlashMessage | undefined; kept?: string | undefined }

/** How somebody has shown who they are (RFC 8176). `mfa` stands there when it was by two things of different kinds. */
export type Amr = 'pwd' | 'otp' | 'hwk' | 'swk' | 'user' | 'mfa'

/** What a code of the second step adds to the first one. */
export const BOTH_STEPS = ['otp', 'mfa'] as const satisfies Amr[]

/**
 * A passkey with user verification is both steps by itself. One that its maker copies to other devices leaves the hardware it was made
 * in, so it does not count as held by any.
 */
export const byPasskey = ({ backupEligible }: Pick<Passkey, 'backupEligible'>): Amr[] => [
  backupEligible ? 'swk' : 'hwk',
  'user',
  'mfa',
]

/** What lets somebody do what the password is asked for once more: it, or a passkey. A code by mail does not, not even with a second step. */
const CONFIRMING: readonly Amr[] = ['pwd', 'user']

type Start = Term &
  Luggage & {
    amr: string[]
    confirmedAt: number
    steppedAt: number
    passwordVersion: number
    endsOld?: boolean
    replaces?: string | undefined
    sessionId?: string | undefined
  }

/** A way in: how somebody has shown who they are, and what they have asked for with it. */
export type WayIn = Luggage & {
  amr: readonly Amr[]
  /** The version of the password when that was checked. A session starts only while it is the current one. */
  passwordVersion: number
  remembered: boolean
  /** Where they wanted to go. */
  next?: string | undefined
  /**
   * A login through the API: one client may hold several sessions, so the one that the request came with stays open, though the
   * client loses it where a second step follows.
   */
  beside?: boolean
  /** The owner's list of events has the login already. */
  isNoted?: boolean
  sessionId?: string | undefined
}

/** `path` is where to go: with a session to the page that was wanted, without one to the second step. */
export type Entered = { path: string } & ({ ok: true; handle: string } | { ok: false; reason: 'second-step' })

/**
 * The one way to a session: every login and every sign-up goes through here, on pages and in the API. An account with a second
 * step gets a ticket for that instead, unless both steps are done or this device need not do it. Nothing is logged in then.
 *
 * A session starts under a new id, since an id known from before the login must be worthless (ASVS 7.2.4). Resolves only when
 * it is saved: a redirect that overtakes it would end on the login page. Several requests may begin the session with the same
 * `sessionId`: then there is one.
 * @throws {Unavailable} when the account has changed since the password was checked.
 */
export async function enter(req: Request, res: Response, deps: Deps, user: User, wayIn: WayIn): Promise<Entered> {
  const { amr, passwordVersion, remembered, next, beside = false, isNoted = false, kept, flash, sessionId } = wayIn
  const path = safeReturnTo(next)
  const isBoth = amr.includes('mfa')
  if (user.secondStep && !isBoth && !(await skipsSecondStep(req, deps, { user, passwordVersion }))) {
    await keepTicket(res, deps, user, { passwordVersion, amr, remembered, next: path, kept })
    // In an open session the API would take the code that follows for one of that, perhaps of another account.
    if (beside && req.user) forgetOnDevice(res, deps)
    return { ok: false, reason: 'second-step', path: SECOND_STEP_PAGE }
  }
  const now = deps.now()
  const device = deviceOf(req)
  const isKnown = knownDevice(deps, deviceCookieOf(req, deps), { user, passwordVersion }) !== undefined
  const handle = await startSession(req, user, deps, {
    ...{ amr: [...new Set(amr)], passwordVersion, remembered, kept, flash, sessionId, endsOld: !beside },
    ...{
      loggedInAt: now,
      confirmedAt: amr.some((one) => CONFIRMING.includes(one)) ? now : 0,
      steppedAt: isBoth ? now : 0,
    },
  })
  if (!isNoted) await noteLogin(deps, user, { isKnown, device, amr })
  // With both steps it is counted by the second one.
  if (user.secondStep && !isBoth) deps.meter.outcome('login', 'ok')
  return { ok: true, handle, path }
}

type Renewal = {
  passwordVersion: number
  flash?: FlashMessage
  amr?: readonly Amr[]
  /** All sessions have been ended, this one too. By itself it must still be open. */
  hasEnded?: boolean
}

/**
 * Gives the session a new id and handle after its learner has shown the password, or done the second step: then `amr` says
 * how. Its limits stay the same, so this makes no session longer. Returns the new handle.
 * @throws {Unavailable} when the session has been ended meanwhile from another device, or the account has changed.
 */
export function renewSession(
  req: Request,
  user: User,
  deps: Deps,
  { passwordVersion, flash, amr = [], hasEnded = false }: Renewal,
): Promise<string> {
  const { remembered = false, loggedInAt = 0, confirmedAt = 0, steppedAt = 0, kept } = req.session
  const now = deps.now()
  return startSession(req, user, deps, {
    ...{ remembered, loggedInAt, flash, kept, passwordVersion, endsOld: false },
    replaces: hasEnded || req.openSession === undefined ? undefined : req.sessionID,
    amr: [...new Set([...(req.session.amr ?? []), ...amr])],
    confirmedAt: amr.length === 0 ? now : confirmedAt,
    steppedAt: amr.includes('mfa') ? now : steppedAt,
  })
}

/** After somebody has typed their password, it is not asked for again for this long (ASVS 7.5.1). */
const CONFIRMED_MS = 10 * 60_000

/** Whether whoever uses the session has typed the password recently. */
export const isConfirmed = ({ session }: Request, { now }: Deps): boolean =>
  now() - (session.confirmedAt ?? 0) < CONFIRMED_MS

/** Whether whoever uses the session has done the second step recently, where the account has one. */
export const isStepped = ({ session, user }: Request, { now }: Deps): boolean =>
  user?.secondStep !== true || now() - (session.steppedAt ?? 0) < CONFIRMED_MS

/** Notes that the password was shown. For the API, whose clients go on using the name of their session. */
export async function markConfirmed(req: Request, { now }: Deps): Promise<void> {
  req.session.confirmedAt = now()
  await promisify(req.session.save).call(req.session)
}

/** Notes that the second step was done. For the API, whose clients go on using the name of their session. */
export async function markStepped(req: Request, { now }: Deps): Promise<void> {
  req.session.steppedAt = now()
  req.session.amr = [...new Set([...(req.session.amr ?? []), ...BOTH_STEPS])]
  await promisify(req.session.save).call(req.session)
}

async function startSession(
  req: Request,
  user: User,
  deps: Deps,
  { remembered, loggedInAt, flash, kept, endsOld = true, sessionId, ...identity }: Start,
): Promise<string> {
  try {
    req.nextSessionId = sessionId
    if (endsOld) await regenerate(req)
    else req.sessionStore.generate(req)
    const handle = newId()
    const of = { userId: user.id, secondStep: user.secondStep, remembered, loggedInAt, handle, ...deviceOf(req) }
    Object.assign(req.session, of, identity, kept === undefined ? {} : { kept })
    if (remembered) rememberOnDevice(req.session.cookie, absoluteEndOf({ remembered, loggedInAt }) - deps.now())
    if (flash) setFlash(req, flash)
    await promisify(req.session.save).call(req.session)
    if (req.res) rememberDevice(req, req.res, deps, { user, passwordVersion: identity.passwordVersion })
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
