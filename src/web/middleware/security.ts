/** The headers of every answer, errors and files included. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestHandler } from 'express'
import helmet from 'helmet'
import type { Deps } from '../../deps.ts'
import { HttpError, isForPrograms } from './errors.ts'

const MUST_FORWARD =
  'This server is reached over https only. The proxy in front of it must send "X-Forwarded-Proto: https", and TRUST_PROXY must count that proxy; a program beside the server sends the header itself.'

const YEAR_SECONDS = 31_536_000

/** The same for every answer, so helmet computes them once, on a response that only records them. */
export function constantHeaders({ config }: Pick<Deps, 'config'>): [name: string, value: string][] {
  const headers = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        // No script of ours asks for anything. Lighthouse fetches /robots.txt from within the page, and was refused.
        connectSrc: ["'self'"],
        // Chromium also asks this when the answer to a form leads on: “Open the lesson” leads to where the lessons are.
        formAction: ["'self'", ...(config.lessonBaseUrl ? [new URL(config.lessonBaseUrl).origin] : [])],
        baseUri: ["'none'"],
        objectSrc: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // With `no-referrer`, helmet's default, browsers send `Origin: null` with our own forms.
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity: config.secureCookies ? { maxAge: YEAR_SECONDS, includeSubDomains: true } : false,
    xFrameOptions: { action: 'deny' },
  })
  const constant = new Map([['Permissions-Policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()']])
  const note = { setHeader: (name: string, value: string) => constant.set(name, value), removeHeader: () => {} }
  headers({} as IncomingMessage, note as unknown as ServerResponse, () => {})
  return [...constant]
}

export function securityHeaders(deps: Deps): RequestHandler {
  const all = constantHeaders(deps)
  return (_req, res, next) => {
    for (const [name, value] of all) res.setHeader(name, value)
    next()
  }
}

/** Pages are personal or contain a form, so no cache may store them. */
export const noStore: RequestHandler = (_req, res, next) => {
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('Vary', 'Cookie')
  next()
}

/** When the public address is https, redirects plain requests there, and refuses plain forms and API calls. */
export function requireTls({ config: { secureCookies, publicOrigin } }: Deps): RequestHandler {
  return (req, res, next) => {
    if (!secureCookies || req.secure) return next()
    const isReading = ['GET', 'HEAD'].includes(req.method)
    // Not redirected: whoever writes the program should notice the mistake.
    if (isForPrograms(req.path)) throw new HttpError(400, { detail: MUST_FORWARD })
    if (!isReading) throw new HttpError(400)
    // Only path and query are used, because a request line may name another host.
    if (!URL.canParse(req.originalUrl, publicOrigin)) throw new HttpError(400)
    const { pathname, search } = new URL(req.originalUrl, publicOrigin)
    res.redirect(308, `${publicOrigin}${pathname}${search}`)
  }
}
