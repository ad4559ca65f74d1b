import { type ErrorRequestHandler, type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { Email } from '../../../accounts/fields.ts'
import { requestCode } from '../../../accounts/mailed-codes/code-request.ts'
import { type CodeLogin, loginByCode, loginByLink } from '../../../accounts/mailed-codes/login-by-code.ts'
import { lookAtCodeLink } from '../../../accounts/mailed-codes/mailed-codes.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed, renderError } from '../../middleware/errors.ts'
import { unsentForm } from '../../middleware/unsent-form.ts'
import { renderDeadLink } from '../../presenters/dead-link.ts'
import { blankForm, type FormState, parseForm, refuse } from '../../presenters/form.ts'
import { requireMail } from '../../presenters/link-request.ts'
import { CODE_OVER, MAILED_CODE_FIELD, MailedCodeForm, wrongCodeInWords } from '../../presenters/mailed-code.ts'
import { outOfReach, refuseTooManyTries, tooManyTries } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { requireGuest } from '../../session/guards.ts'
import { enter } from '../../session/identity.ts'
import { keptFor, openForm } from '../../session/kept-forms.ts'
import { codeRequestOf, forgetCodeRequest, keepCodeRequest } from '../../session/mailed-code.ts'
import { forgetLink, keepLink, linkTo, openedLink } from '../../session/opened-links.ts'
import { HOME_OF_LEARNERS, safeReturnTo } from '../../session/return-to.ts'
import { forgetAddress, keepAddress, keptAddress } from '../../session/typed-address.ts'

const PAGE = '/login/code'
const ASK_FIELDS = { email: { id: 'email' }, next: { id: 'next' }, kept: { id: 'kept' } } as const
const ENTER_FIELDS = { ...MAILED_CODE_FIELD, remember: { id: 'remember' }, next: { id: 'next' } } as const
const AskForm = z.object({ email: Email })

/** The page, which leads to `next` in the end. */
const onTo = (page: string, next: string): string =>
  next === HOME_OF_LEARNERS ? page : `${page}?next=${encodeURIComponent(next)}`

/**
 * Logging in by a code that is mailed: ask for one, type it. The link in the same mail shows a button, in the browser that has
 * asked and in no other: somebody may have asked with the address of whoever reads the mail, and wait for them to press it.
 */
export function loginCodePages(deps: Deps): Router {
  const router = Router()

  const showEnter = (req: Request, res: Response, form: FormState) =>
    res.render('login-code-enter', { form, email: keptAddress(req, deps), again: onTo(PAGE, form.values.next ?? '') })

  const showOver = (res: Response, reason: keyof typeof CODE_OVER, next: string) =>
    res.status(410).render('login-code-over', { ...CODE_OVER[reason], again: onTo(PAGE, next) })

  router
    .route(PAGE)
    .get(requireMail(deps), requireGuest, (req, res) => {
      res.render('login-code', { form: blankForm(ASK_FIELDS, { next: safeReturnTo(req.query.next) }) })
    })
    .post(requireMail(deps), async (req, res) => {
      const form = parseForm(ASK_FIELDS, AskForm, req.body)
      const next = safeReturnTo(req.body.next)
      const kept = openForm(req.body.kept, deps) ? String(req.body.kept) : undefined
      Object.assign(form.state.values, { next, kept })
      // The button of a login page with a form that waits: too long for an address, so it comes along like this.
      const isFirst = req.body.email === undefined && req.body.kept !== undefined
      if (isFirst) return res.render('login-code', { form: { ...form.state, errors: [] } })
      if (!form.ok) return res.status(422).render('login-code', { form: form.state })
      const { email } = form.data
      const asked = await requestCode(deps, {
        ...{ purpose: 'sign-in', email, device: deviceOf(req), linkTo: linkTo(deps, PAGE) },
        ...{ onwards: { next, kept }, former: codeRequestOf(req, deps) },
      })
      if (!asked.ok) {
        return res.render('login-code', { form: refuseTooManyTries(res, form.state, asked.retryAfterSeconds) })
      }
      keepCodeRequest(res, deps, asked.request)
      keepAddress(res, deps, PAGE, email)
      res.redirect(303, onTo(`${PAGE}/enter`, next))
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/enter`)
    .get(requireGuest, (req, res) => {
      const next = safeReturnTo(req.query.next)
      if (codeRequestOf(req, deps) === undefined) return res.redirect(303, onTo(PAGE, next))
      showEnter(req, res, blankForm(ENTER_FIELDS, { next }))
    })
    .post(async (req, res) => {
      const form = readCode(req)
      if (!form.ok) return showEnter(req, res.status(422), form.state)
      const login = await loginByCode(deps, {
        ...{ request: codeRequestOf(req, deps), code: form.data.code, device: deviceOf(req) },
      })
      if (login.ok) return goIn(req, res, login)
      const { next = '' } = form.state.values
      switch (login.reason) {
        case 'wrong':
          if (login.triesLeft === 0) return showOver(res, 'exhausted', next)
          return showEnter(req, res.status(422), refuse(form.state, 'code', wrongCodeInWords(login.triesLeft)))
        case 'too-many-tries':
          return showEnter(req, res, refuseTooManyTries(res, form.state, login.retryAfterSeconds, 'code'))
        case 'suspended':
          return showSuspended(res)
        default:
          showOver(res, login.reason, next)
      }
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/link/:token`)
    .get((req, res) => {
      keepLink(req, res, deps, PAGE)
      res.redirect(303, `${PAGE}/confirm`)
    })
    .all(methodNotAllowed)

  /** The opened link and this browser's part of it, if both are good. Otherwise sends the answer and returns undefined. */
  async function goodLink(req: Request, res: Response) {
    const linkToken = openedLink(req, deps)?.token ?? ''
    const request = codeRequestOf(req, deps)
    const look = await lookAtCodeLink(deps, { token: linkToken, request, ip: req.ip ?? '' })
    if (!look.ok && look.reason === 'too-many-tries') return void tooManyTries(req, res, look.retryAfterSeconds)
    if (!look.ok) return void renderDeadLink(res, 'unknown', undefined)
    const { state, email } = look.link
    if (state === 'elsewhere') return void res.status(403).render('login-code-elsewhere')
    if (state !== 'good' || request === undefined) return void showOver(res, state === 'expired' ? state : 'over', '')
    return { email, linkToken, request }
  }

  router
    .route(`${PAGE}/confirm`)
    .get(async (req, res) => {
      const good = await goodLink(req, res)
      if (good) res.render('login-code-confirm', { form: blankForm(ENTER_FIELDS), email: good.email })
    })
    .post(async (req, res) => {
      const good = await goodLink(req, res)
      if (good === undefined) return
      const login = await loginByLink(deps, { ...good, device: deviceOf(req) })
      if (login.ok) return goIn(req, res, login)
      if (login.reason === 'suspended') return showSuspended(res)
      showOver(res, 'over', '')
    })
    .all(methodNotAllowed)

  const showSuspended = (res: Response) =>
    res.status(403).render('suspended', { supportEmail: deps.config.supportEmail, by: 'code' })

  async function goIn(req: Request, res: Response, login: Extract<CodeLogin, { ok: true }>): Promise<void> {
    const { user, passwordVersion, isClaimed, next } = login
    const kept = login.kept === null ? undefined : keptFor(deps, user.id, login.kept)
    forgetCodeRequest(res, deps)
    forgetLink(res, deps, PAGE)
    forgetAddress(res, deps, PAGE)
    const { path } = await enter(req, res, deps, user, {
      ...{ amr: ['otp'], passwordVersion, remembered: req.body.remember === 'yes', next: next ?? undefined, kept },
      flash: isClaimed ? 'claimed-by-code' : undefined,
    })
    res.redirect(303, path)
  }

  router.use(PAGE, (req, res) => renderError(req, res, 404))
  return router
}

function readCode({ body }: Request) {
  const form = parseForm(ENTER_FIELDS, MailedCodeForm, body)
  Object.assign(form.state.values, { next: safeReturnTo(body.next), remember: body.remember === 'yes' ? 'yes' : '' })
  return form
}

/** The form for a code while the database is away. The code has to be typed again. */
export const unsentLoginCode = (deps: Deps): ErrorRequestHandler =>
  unsentForm(deps, /^\/login\/code\/enter\/?$/, (req, res, retryAfterSeconds) => {
    const form = outOfReach(readCode(req).state, 'code', retryAfterSeconds)
    res.render('login-code-enter', { form, again: onTo(PAGE, form.values.next ?? '') })
  })
