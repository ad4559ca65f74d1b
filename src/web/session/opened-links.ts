/**
 * Opening the links in mails. That changes nothing, because mail scanners open links too: the token goes from the address
 * into a cookie of the page at once (ASVS 14.2.1), and only a button on the page uses it.
 */
import type { Request, Response } from 'express'
import type { Deps } from '../../deps.ts'
import { forgetCookie, heldCookie, keepCookie } from './cookies.ts'

/** The pages that links lead to. */
export type LinkPage =
  | '/password-reset'
  | '/email-verification'
  | '/new-device'
  | '/deletion-undo'
  | '/not-me'
  | '/login/code'

const CALLBACK_MAX_LENGTH = 2_000

export type MailedLink = { token: string; callbackURL: string | undefined }

/** Makes the address of a link from its token. */
export const linkTo =
  ({ mail }: Deps, page: LinkPage, callbackURL?: string) =>
  (token: string): string =>
    `${mail.origin}${page}/link/${token}${callbackURL ? `?callbackURL=${encodeURIComponent(callbackURL)}` : ''}`

/** Keeps what was in the link, for the page. */
export function keepLink(req: Request, res: Response, deps: Deps, page: LinkPage): void {
  const { token = '' } = req.params as { token?: string }
  const { callbackURL } = req.query
  const kept = typeof callbackURL === 'string' && callbackURL.length <= CALLBACK_MAX_LENGTH ? callbackURL : ''
  keepToken(res, deps, page, { token: token.slice(0, 64), callbackURL: kept })
}

/** The same without a link, for a page that leads to another one. */
export function keepToken(
  res: Response,
  deps: Deps,
  page: LinkPage,
  { token, callbackURL = '' }: { token: string; callbackURL?: string },
): void {
  const value = Buffer.from(JSON.stringify([token, callbackURL])).toString('base64url')
  // After this time, the link has to be opened again.
  keepCookie(res, deps, 'link', value, page)
}

/** What was in the link that was opened last; undefined if none was. */
export function openedLink(req: Request, deps: Deps): MailedLink | undefined {
  const value = heldCookie(req, deps, 'link')
  if (value === undefined) return undefined
  try {
    const [token, callbackURL]: unknown[] = JSON.parse(Buffer.from(value, 'base64url').toString())
    if (typeof token !== 'string' || typeof callbackURL !== 'string') return undefined
    return { token, callbackURL: callbackURL || undefined }
  } catch {
    return undefined
  }
}

export const forgetLink = (res: Response, deps: Deps, page: LinkPage): void => forgetCookie(res, deps, 'link', page)
