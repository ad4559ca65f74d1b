/**
 * Forms are accepted only from our own pages (ASVS 3.5.1). First the browser's headers must say so, then a token in the
 * form. The token is bound to the session. Visitors have none, so theirs is bound to a signed cookie: a page for visitors
 * must not write a row to the database.
 */
import { createHmac, randomUUID } from 'node:crypto'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { isSameText } from '../../base/same-text.ts'
import type { Deps } from '../../deps.ts'
import { COOKIES, cookieName, readCookie, sessionCookie, sessionCookieName } from '../session/cookies.ts'
import { isMarkOf, ownerMark, sealForm } from '../session/kept-forms.ts'
import { loginPathFor, safeReturnTo } from '../session/return-to.ts'
import { renderError } from './errors.ts'

declare global {
  namespace Express {
    interface Request {
      /** Identifies the form page that a visitor has open. */
      formId?: string | undefined
    }
  }
}

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS', 'TRACE']
const CSRF_FIELD = '_csrf'

export type Csrf = ReturnType<typeof csrf>

/** The login page, shown in place of a form whose session has ended. It carries that form along, sealed. */
type ShowLogin = (res: Response, kept: { next: string; kept: string }) => void

export function csrf(deps: Deps, showLogin: ShowLogin) {
  const { config } = deps
  const keys = config.keys('csrf')
  const formCookie = cookieName(COOKIES.form, config.secureCookies)
  const sign = (text: string, key = keys[0] ?? '') => createHmac('sha256', key).update(text).digest('base64url')
  const isSigned = (text: string, signature: string) => keys.some((key) => isSameText(sign(text, key), signature))
  /** The origin that the browser asked for. It may be another name of this site. */
  const askedOrigin = (req: Request) => `${req.protocol}://${req.get('Host')}`

  function readFormId(req: Request): string | undefined {
    const [id = '', signature = ''] = readCookie(req, formCookie)?.split('.') ?? []
    return id !== '' && isSigned(`form ${id}`, signature) ? id : undefined
  }

  /** What a token is bound to: for learners the session, for visitors the form cookie. */
  const owner = (req: Request) => (req.user ? `session ${req.sessionID}` : `visitor ${req.formId}`)

  function token(req: Request, res: Response): string {
    if (!req.user) {
      req.formId ??= readFormId(req)
      if (req.formId === undefined) {
        req.formId = randomUUID()
        res.cookie(formCookie, `${req.formId}.${sign(`form ${req.formId}`)}`, sessionCookie(config.secureCookies))
      }
    }
    return req.user ? `${sign(owner(req))}.${ownerMark(deps, req.user.id)}` : sign(owner(req))
  }

  /** The two parts of a token: the signature and, in a learner's form, a mark that says whose form it is. */
  function tokenSent(req: Request): [signature: string, mark: string] {
    const sent: unknown = req.body?.[CSRF_FIELD]
    const [signature = '', mark = ''] = typeof sent === 'string' ? sent.split('.', 2) : []
    return [signature, mark]
  }

  /** Checks `Sec-Fetch-Site`, then the whole `Origin`. Where the browser sends neither, the token decides. */
  function comesFromElsewhere(req: Request): boolean {
    const site = req.get('Sec-Fetch-Site')
    if (site !== undefined && site !== 'same-origin' && site !== 'none') return true
    const origin = req.get('Origin')
    // A page with `no-referrer` sends `null` even with its own forms. Then `Sec-Fetch-Site` alone decides.
    if (origin === 'null') return site !== 'same-origin'
    return origin !== undefined && origin !== (config.publicOrigin ?? askedOrigin(req))
  }

  const hasToken = (req: Request, owner: string) => isSigned(owner, tokenSent(req)[0])

  /** Refuses forms of other sites. It stands before the body is read and the session looked up, so this costs nothing. */
  const refuseOtherSites: RequestHandler = (req, res, next) => {
    if (SAFE_METHODS.includes(req.method) || !comesFromElsewhere(req)) return next()
    const title = 'This form was not sent from Matricula'
    // It is our own site, but opened at another address than the public one, for example with `www`.
    if (config.publicOrigin !== undefined && req.get('Origin') === askedOrigin(req)) {
      const text = `This site is at ${config.publicOrigin}. Nothing was changed. Open the page there and send the form again.`
      return renderError(req, res, 403, { title, text, links: [{ href: config.publicOrigin, label: 'Open it there' }] })
    }
    renderError(req, res, 403, { title, text: 'Nothing was changed. Open the page here and send the form again.' })
  }

  const requireToken: RequestHandler = (req, res, next) => {
    res.locals.csrfToken = () => token(req, res)
    // Forms are only sent by POST. Other methods end with 405.
    if (req.method !== 'POST') return next()
    req.formId = readFormId(req)
    if (hasToken(req, owner(req))) return next()
    if (!keepForm(req, res, next)) renderError(req, res, 403, explainRefusal(req))
  }

  /**
   * Keeps a form whose session has ended: the login page carries it along. If its learner is logged in again already, for
   * example in another tab, the form is shown again at once.
   */
  function keepForm(req: Request, res: Response, next: NextFunction): boolean {
    const [, mark] = tokenSent(req)
    if (req.user && !isMarkOf(deps, mark, req.user.id)) return false
    const kept = sealForm(req, deps, mark)
    if (kept === undefined) return false
    if (req.user) {
      req.session.kept = kept
      req.session.save((error?: unknown) => (error ? next(error) : res.redirect(303, safeReturnTo(req.path))))
    } else {
      showLogin(res.status(403), { next: safeReturnTo(req.path), kept })
    }
    return true
  }

  function explainRefusal(req: Request) {
    // A path like `//host` would lead to another site.
    const page = { href: /^(\/[\w-]+)+$/.test(req.path) ? req.path : '/', label: 'Open the form again' }
    if (req.user) {
      const text = 'You have logged in since this page was opened, so nothing was changed.'
      return {
        title: 'This form is out of date',
        text,
        links: [{ href: '/dashboard', label: 'Go to your dashboard' }, page],
      }
    }
    // Logging out takes the cookie away, but a learner's form still says that it is one.
    const [, mark] = tokenSent(req)
    if (mark !== '' || readCookie(req, sessionCookieName(config.secureCookies)) !== undefined) {
      const text = 'You were logged out since this page was opened, so nothing was changed.'
      return { title: 'Your session ended', text, links: [{ href: loginPathFor(req.path), label: 'Log in' }, page] }
    }
    const text = 'It was open for too long, or your browser does not keep cookies. Nothing was changed.'
    return { title: 'This form is out of date', text, links: [page] }
  }

  return {
    refuseOtherSites,
    requireToken,
    hasSessionToken: (req: Request) => hasToken(req, `session ${req.sessionID}`),
  }
}
