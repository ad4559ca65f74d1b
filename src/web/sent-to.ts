/** The address that somebody typed, for the page that says where a mail went: in a short cookie, since an address stays. */
import type { Request, Response } from 'express'
import type { Deps } from '../deps.ts'
import { readCookie } from './cookies.ts'
import type { LinkPage } from './mailed-links.ts'
import { sessionCookie } from './session.ts'

const KEPT_MS = 10 * 60_000
const NAME = 'matricula-sent-to'
const KEPT = /^[\w-]{1,400}$/

export function keepAddress(res: Response, { config }: Deps, page: LinkPage, email: string): void {
  const value = Buffer.from(email).toString('base64url')
  res.cookie(NAME, value, { ...sessionCookie(config.secureCookies), path: page, maxAge: KEPT_MS })
}

export function keptAddress(req: Request): string | undefined {
  const value = readCookie(req, NAME) ?? ''
  return KEPT.test(value) ? Buffer.from(value, 'base64url').toString() : undefined
}

/** For a mail that goes to an address nobody typed. */
export function forgetAddress(res: Response, { config }: Deps, page: LinkPage): void {
  res.clearCookie(NAME, { ...sessionCookie(config.secureCookies), path: page })
}
