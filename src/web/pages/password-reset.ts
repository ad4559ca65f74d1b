import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { lookAtLink, requestPasswordReset, resetByLink } from '../../accounts/by-mail.ts'
import { Email, newPasswordOf } from '../../accounts/fields.ts'
import type { Deps } from '../../deps.ts'
import { deviceOf } from '../device.ts'
import { methodNotAllowed, renderError } from '../errors.ts'
import { blankForm, parseForm } from '../forms.ts'
import { keepLink, linkTo, openedLink, renderDeadLink } from '../mailed-links.ts'
import { forgetAddress, keepAddress, keptAddress } from '../sent-to.ts'
import { refuseTooManyTries, tooManyTries } from '../throttle.ts'

const PAGE = '/password-reset'
const ASK_FIELDS = { email: { id: 'email' } } as const
const NEW_FIELDS = { password: { id: 'new-password', secret: true } } as const
const AskForm = z.object({ email: Email })
const AGAIN = { action: `${PAGE}/again`, label: 'Send me a new link' }

/** A forgotten password: ask for a link, open it, choose a new one. No page tells whether an address has an account. */
export function passwordResetPages(deps: Deps): Router {
  const { config } = deps
  const { passwordMinLength, supportEmail } = config
  const router = Router()

  router
    .route(PAGE)
    .get((_req, res) => {
      if (deps.mail.enabled) res.render('password-reset', { form: blankForm(ASK_FIELDS) })
      else res.render('no-mail', { supportEmail })
    })
    .post(async (req, res) => {
      if (!deps.mail.enabled) return res.render('no-mail', { supportEmail })
      const form = parseForm(ASK_FIELDS, AskForm, req.body)
      if (!form.ok) return res.status(422).render('password-reset', { form: form.state })
      const { email } = form.data
      const asked = await requestPasswordReset(deps, { email, device: deviceOf(req), linkTo: linkTo(deps, PAGE) })
      if (!asked.ok) {
        return res.render('password-reset', { form: refuseTooManyTries(res, form.state, asked.retryAfterSeconds) })
      }
      keepAddress(res, deps, PAGE, email)
      res.redirect(303, `${PAGE}/sent`)
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/sent`)
    .get((req, res) => res.render('reset-sent', { email: keptAddress(req) }))
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/link/:token`)
    .get((req, res) => {
      keepLink(req, res, deps, PAGE)
      res.redirect(303, `${PAGE}/new`)
    })
    .all(methodNotAllowed)

  /** The link that is open and good; undefined when the answer has been given. */
  async function goodLink(req: Request, res: Response) {
    const token = openedLink(req, deps)?.token ?? ''
    const look = await lookAtLink(deps, { token, purposes: ['reset-password'], ip: req.ip ?? '' })
    if (!look.ok && look.reason === 'too-many-tries') return void tooManyTries(req, res, look.retryAfterSeconds)
    if (!look.ok) return void renderDeadLink(res, 'unknown', undefined)
    if (look.link.state !== 'good') return void renderDeadLink(res, look.link.state, AGAIN)
    return { token, link: look.link }
  }

  router
    .route(`${PAGE}/new`)
    .get(async (req, res) => {
      const open = await goodLink(req, res)
      if (open === undefined) return
      res.render('new-password', { form: blankForm(NEW_FIELDS), passwordMinLength, email: open.link.email })
    })
    .post(async (req, res) => {
      const open = await goodLink(req, res)
      if (open === undefined) return
      const { token, link } = open
      const form = parseForm(NEW_FIELDS, z.object({ password: newPasswordOf(link.user, passwordMinLength) }), req.body)
      if (!form.ok) {
        return res.status(422).render('new-password', { form: form.state, passwordMinLength, email: link.email })
      }
      const reset = await resetByLink(deps, token, { link, password: form.data.password, device: deviceOf(req) })
      if (!reset.ok) return renderDeadLink(res, reset.reason, AGAIN)
      res.redirect(303, '/login?done=password-reset')
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/again`)
    .post(async (req, res) => {
      if (!deps.mail.enabled) return res.render('no-mail', { supportEmail })
      const token = openedLink(req, deps)?.token ?? ''
      const look = await lookAtLink(deps, { token, purposes: ['reset-password'], ip: req.ip ?? '' })
      if (!look.ok) return res.redirect(303, PAGE)
      const { email } = look.link.user
      const asked = await requestPasswordReset(deps, { email, device: deviceOf(req), linkTo: linkTo(deps, PAGE) })
      if (!asked.ok) return tooManyTries(req, res, asked.retryAfterSeconds)
      forgetAddress(res, deps, PAGE)
      res.redirect(303, `${PAGE}/sent`)
    })
    .all(methodNotAllowed)

  // Nothing here but what is named above.
  router.use(PAGE, (req, res) => renderError(req, res, 404))
  return router
}
