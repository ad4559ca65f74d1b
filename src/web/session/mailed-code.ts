/** The cookie of a browser that has asked for a code by mail. A browser holds one at a time: asking again replaces it. */
import type { Request, Response } from 'express'
import type { Deps } from '../../deps.ts'
import { COOKIES, cookieName, readCookie, sessionCookie } from './cookies.ts'

const nameOf = ({ config }: Deps): string => cookieName(COOKIES.code, config.secureCookies)

export function keepCodeRequest(res: Response, deps: Deps, request: string): void {
  const attributes = { ...sessionCookie(deps.config.secureCookies), maxAge: COOKIES.code.lastsMs }
  res.cookie(nameOf(deps), request, attributes)
}

export const codeRequestOf = (req: Request, deps: Deps): string | undefined => readCookie(req, nameOf(deps))

export function forgetCodeRequest(res: Response, deps: Deps): void {
  res.clearCookie(nameOf(deps), sessionCookie(deps.config.secureCookies))
}
