/** All our cookies: name, purpose and lifetime. The page about cookies shows this list. */
import type { Request, RequestHandler, Response } from 'express'
import { REQUEST_LASTS_MS } from '../../accounts/mailed-codes/mailed-codes.ts'
import { CHALLENGE_LASTS_MS } from '../../accounts/passkeys/challenges.ts'
import { KNOWN_FOR_MS } from '../../accounts/passwords/known-devices.ts'
import { TICKET_LASTS_MS } from '../../accounts/second-step/login-tickets.ts'
import { REMEMBERED_DEVICE_MS } from '../../accounts/second-step/remembered-devices.ts'
import type { Deps } from '../../deps.ts'
import { REMEMBERED_MS } from '../../sessions/lifetimes.ts'

const MINUTE = 60_000

type Cookie = {
  name: string
  /** Browsers accept a cookie with this prefix only over TLS; with `__Host-` also only for this host and all paths. */
  prefix: '__Host-' | '__Secure-'
  purpose: string
  /** How long the browser keeps it, in milliseconds. Undefined if it ends with the browser. */
  lastsMs?: number
  life: string
}

export const COOKIES = {
  session: {
    name: 'matricula',
    prefix: '__Host-',
    purpose: 'Keeps you logged in.',
    lastsMs: REMEMBERED_MS,
    life: 'Until you log out or close the browser. If you asked to stay logged in: 30 days.',
  },
  device: {
    name: 'matricula-device',
    prefix: '__Host-',
    purpose:
      'Tells an account that you have logged in from this device before, so that strangers who guess at the password cannot keep you out, and you get no email about a new device. It does not log anybody in.',
    lastsMs: KNOWN_FOR_MS,
    life: '1 year from your last login. Logging out keeps it. A new password, or signing out all other devices, makes it worthless.',
  },
  ticket: {
    name: 'matricula-ticket',
    prefix: '__Host-',
    purpose:
      'Between the two steps of a login: tells that you have done the first, by password or by a code. It does not log anybody in.',
    lastsMs: TICKET_LASTS_MS,
    life: '10 minutes, or until you are logged in.',
  },
  code: {
    name: 'matricula-code',
    prefix: '__Host-',
    purpose:
      'Tells that this browser has asked for a code by email, so that the code works in no other one. It does not log anybody in.',
    lastsMs: REQUEST_LASTS_MS,
    life: '1 hour, or until the code is used.',
  },
  rememberedDevice: {
    name: 'matricula-second-step',
    prefix: '__Host-',
    purpose:
      'If you asked for it: tells an account that this device need not do the second step. It does not log anybody in.',
    lastsMs: REMEMBERED_DEVICE_MS,
    life: '30 days. A new password, signing out all other devices, or a button on your account makes it worthless.',
  },
  passkey: {
    name: 'matricula-passkey',
    prefix: '__Host-',
    purpose:
      'Makes sure that the answer of a passkey comes from the browser that asked for it. It does not log anybody in.',
    lastsMs: CHALLENGE_LASTS_MS,
    life: '5 minutes after a page has asked for a passkey.',
  },
  form: {
    name: 'matricula-form',
    prefix: '__Host-',
    purpose: 'Makes sure that a form was sent from our page, before you are logged in.',
    life: 'Until you close the browser.',
  },
  link: {
    name: 'matricula-link',
    prefix: '__Secure-',
    purpose: 'Holds the link of an email that you opened, so that it does not stand in the address line.',
    lastsMs: 60 * MINUTE,
    life: '1 hour.',
  },
  sentTo: {
    name: 'matricula-sent-to',
    prefix: '__Secure-',
    purpose: 'Holds the address you typed, for the page that says where an email went.',
    lastsMs: 10 * MINUTE,
    life: '10 minutes.',
  },
} as const satisfies Record<string, Cookie>

/** The name as it is sent: over TLS with the prefix, which browsers would refuse on plain http. */
export const cookieName = ({ name, prefix }: Pick<Cookie, 'name' | 'prefix'>, secure: boolean): string =>
  secure ? prefix + name : name

/** The first cookie with that name, which is the one that express-session reads too. */
export function readCookie(req: Request, name: string): string | undefined {
  const pairs = (req.get('Cookie') ?? '').split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

export const sessionCookieName = (secure: boolean): string => cookieName(COOKIES.session, secure)

/** The attributes for setting and clearing a cookie, which must be the same. */
export const sessionCookie = (secure: boolean) => ({ path: '/', httpOnly: true, sameSite: 'lax', secure }) as const

/** Those of fixed life whose value we make ourselves. The others belong to express-session and to the check of forms. */
type Kept = Exclude<keyof typeof COOKIES, 'session' | 'form'>

/** What this browser holds under that name. */
export const heldCookie = (req: Request, { config }: Deps, cookie: Kept): string | undefined =>
  readCookie(req, cookieName(COOKIES[cookie], config.secureCookies))

/** Has the browser keep a value, as long as the list says. `path` is where it is sent: everywhere, if none is named. */
export function keepCookie(res: Response, { config }: Deps, cookie: Kept, value: string, path = '/'): void {
  const attributes = { ...sessionCookie(config.secureCookies), path, maxAge: COOKIES[cookie].lastsMs }
  res.cookie(cookieName(COOKIES[cookie], config.secureCookies), value, attributes)
}

export function forgetCookie(res: Response, { config }: Deps, cookie: Kept, path = '/'): void {
  res.clearCookie(cookieName(COOKIES[cookie], config.secureCookies), { ...sessionCookie(config.secureCookies), path })
}

/**
 * Two different cookies of the session's name are none. A page of a neighbouring host or port can set one beside ours where
 * the `__Host-` prefix cannot be used, and the browser does not say which is whose: with the first one a learner could
 * be working in somebody else's account.
 */
export function refuseRivalSessions({ config }: Deps): RequestHandler {
  const name = sessionCookieName(config.secureCookies)
  return (req, _res, next) => {
    const { cookie } = req.headers
    // The header itself stays, even if empty: calls with cookies are checked more strictly.
    if (cookie !== undefined) req.headers.cookie = withoutRivals(cookie, name)
    next()
  }
}

/** The header without the cookies of this name, if they differ. Spaces are read as express-session reads them. */
function withoutRivals(header: string, name: string): string {
  const pairs = header.split(';').map((pair) => pair.split(/=(.*)/s, 2).map((part) => part.trim()))
  const isNamed = ([given, value]: string[]) => given === name && value !== undefined
  const values = new Set(pairs.filter(isNamed).map(([, value]) => value))
  if (values.size < 2) return header
  return pairs.flatMap((pair) => (isNamed(pair) ? [] : [pair.join('=')])).join('; ')
}
