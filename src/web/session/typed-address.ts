/**
 * The email address that somebody typed, for the page that says where a mail was sent. It is kept in a short-lived cookie,
 * since in the URL it would stay in the browser's history.
 */
import type { Request, Response } from 'express'
import type { Deps } from '../../deps.ts'
import { forgetCookie, heldCookie, keepCookie } from './cookies.ts'
import type { LinkPage } from './opened-links.ts'

const KEPT = /^[\w-]{1,400}$/

export const keepAddress = (res: Response, deps: Deps, page: LinkPage, email: string): void =>
  keepCookie(res, deps, 'sentTo', Buffer.from(email).toString('base64url'), page)

export function keptAddress(req: Request, deps: Deps): string | undefined {
  const value = heldCookie(req, deps, 'sentTo') ?? ''
  return KEPT.test(value) ? Buffer.from(value, 'base64url').toString() : undefined
}

/** Removes the cookie, so that the page names no address: nobody has typed the one that the mail goes to. */
export const forgetAddress = (res: Response, deps: Deps, page: LinkPage): void =>
  forgetCookie(res, deps, 'sentTo', page)
