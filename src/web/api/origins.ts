/**
 * Who may call the API with a learner's cookie (ASVS 3.4.2, 3.5.1): scripts from this origin and from those in
 * TRUSTED_ORIGINS, compared as a whole. A call without a cookie can do no harm, except that another site must not log a
 * browser in.
 */
import type { Request, RequestHandler } from 'express'
import type { Deps } from '../../deps.ts'
import { LENGTH_MAX, pathHere } from '../session/return-to.ts'
import { Refusal } from './refusals.ts'

const PREFLIGHT_SECONDS = 600

const LOGGED_MAX = 200

const MUST_NAME =
  'A call that carries a cookie, or that signs in from a browser, must name where it comes from: send the Origin header.'
const MUST_BE_TRUSTED =
  'Calls that carry a cookie, or that sign in from a browser, are taken from the origin of this site and from those that its operator lists in TRUSTED_ORIGINS: scheme, host and port must be the same.'

export type Origins = ReturnType<typeof origins>

export function origins({ config, log }: Deps) {
  /** The public origin; in development, where there is none, the one that the browser asked for. */
  const ownOrigin = (req: Request) => config.publicOrigin ?? `${req.protocol}://${req.get('Host')}`
  const isTrusted = (req: Request, origin: string) =>
    origin === ownOrigin(req) || config.trustedOrigins.includes(origin)

  /** Lets scripts from trusted origins read the answers, and answers their preflight requests. */
  const allowReading: RequestHandler = (req, res, next) => {
    res.set('Vary', 'Cookie, Origin')
    const origin = req.get('Origin')
    if (origin === undefined || !config.trustedOrigins.includes(origin)) return next()
    res.set({
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Allow-Credentials': 'true',
      'Access-Control-Expose-Headers': 'set-auth-jwt, x-retry-after, retry-after',
    })
    if (req.method !== 'OPTIONS' || req.get('Access-Control-Request-Method') === undefined) return next()
    res.set({
      'Access-Control-Allow-Methods': 'GET, POST, PUT',
      'Access-Control-Allow-Headers': 'content-type, authorization',
      'Access-Control-Max-Age': String(PREFLIGHT_SECONDS),
    })
    res.status(204).end()
  }

  /** @throws {Refusal} 403 */
  function mustBeTrusted(req: Request): void {
    const given = req.get('Origin') ?? originOf(req.get('Referer'))
    if (given === 'null' && req.get('Sec-Fetch-Site') === 'same-origin') return
    const isMissing = given === undefined || given === 'null'
    if (!isMissing && isTrusted(req, given)) return
    const expected = [ownOrigin(req), ...config.trustedOrigins]
    log.warn({ requestId: req.id, received: given?.slice(0, LOGGED_MAX) ?? null, expected }, 'origin refused')
    throw isMissing
      ? new Refusal('MISSING_OR_NULL_ORIGIN', { detail: MUST_NAME })
      : new Refusal('INVALID_ORIGIN', { detail: MUST_BE_TRUSTED })
  }

  return {
    allowReading,

    /** @throws {Refusal} 403 for a call that another site makes a browser send. `logsIn`: the call sets a cookie. */
    refuseForeign(req: Request, { logsIn = false } = {}): void {
      const [site, mode, destination] = ['Site', 'Mode', 'Dest'].map((what) => req.get(`Sec-Fetch-${what}`))
      if (req.get('Cookie') !== undefined) {
        mustBeTrusted(req)
        return
      }
      if (!logsIn) return
      if (site === 'cross-site' && mode === 'navigate') throw new Refusal('CROSS_SITE_NAVIGATION_LOGIN_BLOCKED')
      const fromBrowser = Boolean(site || mode || destination)
      if (fromBrowser || req.get('Origin') !== undefined || req.get('Referer') !== undefined) mustBeTrusted(req)
    },

    /** Whether a link may lead to this address: a path on this site, or an address at a trusted origin (CWE-601). */
    mayLeadTo(req: Request, url: string): boolean {
      if (pathHere(url) !== undefined) return true
      return url.length <= LENGTH_MAX && /^https?:\/\/[^\\\p{Cc}]+$/u.test(url) && isTrusted(req, originOf(url) ?? '')
    },

    ownOrigin,
  }
}

function originOf(url: string | undefined): string | undefined {
  if (url === undefined) return undefined
  return URL.canParse(url) ? new URL(url).origin : 'unreadable'
}
