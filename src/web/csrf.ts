/**
 * Forms are taken from our own pages only (ASVS 3.5.1): by what the browser says of where they come from, and by a token
 * bound to the session, or before there is one to a signed cookie, so that an anonymous page writes no row.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import type { Deps } from '../deps.ts'
import { COOKIES, cookieName, readCookie } from './cookies.ts'
import { renderError } from './errors.ts'
import { blankForm } from './forms.ts'
import { isMarkOf, ownerMark, sealForm } from './kept-forms.ts'
import { LOGIN_FIELDS } from './login-form.ts'
import { loginPathFor, safeReturnTo } from './return-to.ts'
import { isSameText } from './same-text.ts'
import { sessionCookie, sessionCookieName } from './session.ts'

declare global {
  namespace Express {
    interface Request {
      /** Names the form page a visitor has open. */
      formId?: string | undefined
    }
  }
}

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS', 'TRACE']
const CSRF_FIELD = '_csrf'

export type Csrf = ReturnType<typeof csrf>

export function csrf(deps: Deps) {
  const { config } = deps
  const keys = config.keys('csrf')
  const formCookie = cookieName(COOKIES.form, config.secureCookies)
  const sign = (text: string, key = keys[0] ?? '') => createHmac('sha256', key).update(text).digest('base64url')
  const isSigned = (text: string, signature: string) => keys.some((key) => isSameText(sign(text, key), signature))
  /** The origin that the browser asked for, which may be another name of this site. */
  const askedOrigin = (req: Request) => `${req.protocol}://${req.get('Host')}`

  function readFormId(req: Request): string | undefined {
    const [id = '', signature = ''] = (readCookie(req, formCookie) ?? '').split('.')
    return isSigned(`form ${id}`, signature) ? id : undefined
  }

  /** What a token is bound to: the session of a learner, the form cookie of a visitor. */
  const owner = (req: Request) => (req.user ? `session ${req.sessionID}` : `visitor ${req.formId}`)

  function token(req: Request, res: Response): string {
    if (!req.user) {
      req.formId ??= readFormId(req)
      if (req.formId === undefined) {
        req.formId = randomBytes(16).toString('base64url')
        res.cookie(formCookie, `${req.formId}.${sign(`form ${req.formId}`)}`, sessionCookie(config.secureCookies))
      }
    }
    return req.user ? `${sign(owner(req))}.${ownerMark(deps, req.user.id)}` : sign(owner(req))
  }

  /** The two parts of a token: the signature, and in a form of a learner whose it is. */
  function tokenSent(req: Request): [signature: string, mark: string] {
    const sent: unknown = req.body?.[CSRF_FIELD]
    const [signature = '', mark = ''] = typeof sent === 'string' ? sent.split('.', 2) : []
    return [signature, mark]
  }

  /** `Sec-Fetch-Site` first, then `Origin`, compared as a whole. What neither tells is left to the token. */
  function comesFromElsewhere(req: Request): boolean {
    const site = req.get('Sec-Fetch-Site')
    if (site !== undefined && site !== 'same-origin' && site !== 'none') return true
    const origin = req.get('Origin')
    // A page under `no-referrer` sends `null` for its own forms too; then only the browser's word above vouches for it.
    if (origin === 'null') return site !== 'same-origin'
    return origin !== undefined && origin !== (config.publicOrigin ?? askedOrigin(req))
  }

  const hasToken = (req: Request, owner: string) => isSigned(owner, tokenSent(req)[0])

  /** Before the body is read and the session is looked up: refuses what another site sends, at no cost. */
  const refuseOtherSites: RequestHandler = (req, res, next) => {
    if (SAFE_METHODS.includes(req.method) || !comesFromElsewhere(req)) return next()
    const title = 'This form was not sent from Matricula'
    // The same site under another name than the public one: a host's own address, or `www`.
    if (config.publicOrigin !== undefined && req.get('Origin') === askedOrigin(req)) {
      const text = `This site is at ${config.publicOrigin}. Nothing was changed. Open the page there and send the form again.`
      return renderError(req, res, 403, { title, text, links: [{ href: config.publicOrigin, label: 'Open it there' }] })
    }
    renderError(req, res, 403, { title, text: 'Nothing was changed. Open the page here and send the form again.' })
  }

  const requireToken: RequestHandler = (req, res, next) => {
    res.locals.csrfToken = () => token(req, res)
    // Forms are sent by POST and by nothing else: other methods end at their 405.
    if (req.method !== 'POST') return next()
    req.formId = readFormId(req)
    if (hasToken(req, owner(req))) return next()
    if (!keepForm(req, res, next)) renderError(req, res, 403, explainRefusal(req))
  }

  /** A form whose session has ended is not lost: the login page carries it. Whoever is logged in again sees it at once. */
  function keepForm(req: Request, res: Response, next: NextFunction): boolean {
    const [, mark] = tokenSent(req)
    if (req.user && !isMarkOf(deps, mark, req.user.id)) return false
    const kept = sealForm(req, deps, mark)
    if (kept === undefined) return false
    if (req.user) {
      req.session.kept = kept
      req.session.save((error?: unknown) => (error ? next(error) : res.redirect(303, safeReturnTo(req.path))))
    } else {
      res.status(403).render('login', { form: blankForm(LOGIN_FIELDS, { next: safeReturnTo(req.path), kept }) })
    }
    return true
  }

  function explainRefusal(req: Request) {
    // A path like `//host` would lead away.
    const page = { href: /^(\/[\w-]+)+$/.test(req.path) ? req.path : '/', label: 'Open the form again' }
    if (req.user) {
      const text = 'You have logged in since this page was opened, so nothing was changed.'
      return {
        title: 'This form is out of date',
        text,
        links: [{ href: '/dashboard', label: 'Go to your dashboard' }, page],
      }
    }
    if (readCookie(req, sessionCookieName(config.secureCookies)) !== undefined) {
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
