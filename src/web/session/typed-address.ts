/**
 * The email address that somebody typed, for the page that says where a mail was sent. It is kept in a short-lived cookie,
 * since in the URL it would stay in the browser's history.
 */
import type { Request, Response } from 'express'
import type { Deps } from '../../deps.ts'
import { COOKIES, cookieName, readCookie, sessionCookie } from './cookies.ts'
import type { LinkPage } from './opened-links.ts'

const nameOf = ({ config }: Deps): string => cookieName(COOKIES.sentTo, config.secureCookies)
const KEPT = /^[\w-]{1,400}$/

export function keepAddress(res: Response, deps: Deps, page: LinkPage, email: string): void {
  const value = Buffer.from(email).toString('base64url')
  res.cookie(nameOf(deps), value, {
    ...sessionCookie(deps.config.secureCookies),
    path: page,
    maxAge: COOKIES.sentTo.lastsMs,
  })
}

export function keptAddress(req: Request, deps: Deps): string | undefined {
  const value = readCookie(req, nameOf(deps)) ?? ''
  return KEPT.test(value) ? Buffer.from(value, 'base64url').toString() : undefined
}

/** Removes the cookie, so that the page names no address: nobody has typed the one that the mail goes to. */
export function forgetAddress(res: Response, deps: Deps, page: LinkPage): void {
  res.clearCookie(nameOf(deps), { ...sessionCookie(deps.config.secureCookies), path: page })
}
