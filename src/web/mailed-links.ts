/**
 * Where the links of mails lead. Opening one changes nothing, since mail scanners open them: its token moves from the
 * address into a cookie of that page at once (ASVS 14.2.1), and a button uses it.
 */
import type { CookieOptions, Request, Response } from 'express'
import type { Deps } from '../deps.ts'
import { COOKIES, cookieName, readCookie } from './cookies.ts'
import { sessionCookie } from './session.ts'

/** The pages that a link may lead to. */
export type LinkPage = '/password-reset' | '/email-verification'

const CALLBACK_MAX_LENGTH = 2_000

export type MailedLink = { token: string; callbackURL: string | undefined }

/** The address of a mailed link, by its token. */
export const linkTo =
  ({ mail }: Deps, page: LinkPage, callbackURL?: string) =>
  (token: string): string =>
    `${mail.origin}${page}/link/${token}${callbackURL ? `?callbackURL=${encodeURIComponent(callbackURL)}` : ''}`

const linkCookie = ({ config }: Deps): string => cookieName(COOKIES.link, config.secureCookies)

const cookieOf = ({ config }: Deps, page: LinkPage): CookieOptions => ({
  ...sessionCookie(config.secureCookies),
  path: page,
})

/** Keeps what the link carried for the page. */
export function keepLink(req: Request, res: Response, deps: Deps, page: LinkPage): void {
  const { token = '' } = req.params as { token?: string }
  const { callbackURL } = req.query
  const kept = typeof callbackURL === 'string' && callbackURL.length <= CALLBACK_MAX_LENGTH ? callbackURL : ''
  const value = Buffer.from(JSON.stringify([token.slice(0, 64), kept])).toString('base64url')
  // The page stays usable for so long after the link was opened.
  res.cookie(linkCookie(deps), value, { ...cookieOf(deps, page), maxAge: COOKIES.link.lastsMs })
}

/** What the opened link carried, or undefined when none is open. */
export function openedLink(req: Request, deps: Deps): MailedLink | undefined {
  const value = readCookie(req, linkCookie(deps))
  if (value === undefined) return undefined
  try {
    const [token, callbackURL]: unknown[] = JSON.parse(Buffer.from(value, 'base64url').toString())
    if (typeof token !== 'string' || typeof callbackURL !== 'string') return undefined
    return { token, callbackURL: callbackURL || undefined }
  } catch {
    return undefined
  }
}

export function forgetLink(res: Response, deps: Deps, page: LinkPage): void {
  res.clearCookie(linkCookie(deps), cookieOf(deps, page))
}

const DEAD = {
  expired: { status: 410, title: 'This link has expired', text: 'Links of emails work for a limited time.' },
  used: { status: 410, title: 'This link has been used', text: 'Each link works once.' },
  superseded: {
    status: 410,
    title: 'This link has been replaced',
    text: 'A newer one was asked for, or the account has changed since. Look for the newest email.',
  },
  cancelled: { status: 410, title: 'This change was cancelled', text: 'The address of the account stays as it is.' },
  taken: {
    status: 410,
    title: 'This link cannot be used any more',
    text: 'The account or the address has changed since.',
  },
  gone: { status: 410, title: 'This account is gone', text: 'It was deleted, and its links with it.' },
  unknown: {
    status: 404,
    title: 'This link does not work',
    text: 'Part of it may be missing. Open it from the email, or copy the whole line.',
  },
} as const

export type DeadLink = keyof typeof DEAD

/** Says what became of a link; `again` is where a button asks for a new one. */
export function renderDeadLink(
  res: Response,
  reason: DeadLink,
  again: { action: string; label: string } | undefined,
): void {
  const { status, ...words } = DEAD[reason]
  res.status(status).render('dead-link', { ...words, again })
}
