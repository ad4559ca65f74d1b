import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { newPasswordOf } from '../../../accounts/fields.ts'
import { type Link, lookAtLink } from '../../../accounts/links/email-links.ts'
import { requestReset, resetPasswordByLink } from '../../../accounts/links/password-reset.ts'
import { BREACHED_PASSWORD } from '../../../accounts/passwords/breached-passwords.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed, renderError } from '../../middleware/errors.ts'
import { renderDeadLink } from '../../presenters/dead-link.ts'
import { blankForm, type FormState, parseForm, refuse } from '../../presenters/form.ts'
import { linkRequests, requireMail, sendLinkAgain } from '../../presenters/link-request.ts'
import { NOT_CHANGED, sayBusy, tooManyTries } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { rememberDevice } from '../../session/known-device.ts'
import { openedLink } from '../../session/opened-links.ts'

const PAGE = '/password-reset'
const NEW_FIELDS = {
  password: { id: 'new-password', secret: true },
  startEmpty: { id: 'start-empty' },
} as const
const AGAIN = { action: `${PAGE}/again`, label: 'Send me a new link' }

/** A forgotten password: ask for a link, open it, choose a new password. No page tells whether an address has an account. */
export function passwordResetPages(deps: Deps): Router {
  const { passwordMinLength } = deps.config
  const router = Router()
  router.use(
    linkRequests(deps, {
      page: PAGE,
      request: requestReset,
      view: 'password-reset',
      opensAt: 'new',
    }),
  )

  /** The opened link, if it is good. Otherwise sends the answer and returns undefined. */
  async function goodLink(req: Request, res: Response) {
    const token = openedLink(req, deps)?.token ?? ''
    const look = await lookAtLink(deps, { token, purposes: ['reset-password'], ip: req.ip ?? '' })
    if (!look.ok && look.reason === 'too-many-tries') return void tooManyTries(req, res, look.retryAfterSeconds)
    if (!look.ok) return void renderDeadLink(res, 'unknown', undefined)
    if (look.link.state !== 'good') return void renderDeadLink(res, look.link.state, AGAIN)
    return { token, link: look.link }
  }

  /** While the address is not confirmed, somebody else may have made the account, and the page asks about what is in it. */
  const showNew = (res: Response, { email, user }: Link, form: FormState) =>
    res.render('password-reset-new', { form, passwordMinLength, email, maySetEmpty: !user.emailVerified })

  router
    .route(`${PAGE}/new`)
    .get(async (req, res) => {
      const open = await goodLink(req, res)
      if (open) showNew(res, open.link, blankForm(NEW_FIELDS, { startEmpty: 'yes' }))
    })
    .post(async (req, res) => {
      const open = await goodLink(req, res)
      if (open === undefined) return
      const { token, link } = open
      const form = parseForm(NEW_FIELDS, z.object({ password: newPasswordOf(link.user, passwordMinLength) }), req.body)
      const again = (state: FormState) => showNew(res, link, state)
      if (!form.ok) {
        res.status(422)
        return again(form.state)
      }
      const reset = await resetPasswordByLink(deps, token, {
        link,
        password: form.data.password,
        startEmpty: !link.user.emailVerified && req.body.startEmpty === 'yes',
        device: deviceOf(req),
        signal: hangUpOf(res),
      }).catch(sayBusy(res, form.state, { field: 'password', words: NOT_CHANGED }))
      if ('busy' in reset) return again(reset.busy)
      if (!reset.ok && reset.reason === 'breached') {
        res.status(422)
        return again(refuse(form.state, 'password', BREACHED_PASSWORD))
      }
      if (!reset.ok) return renderDeadLink(res, reset.reason, AGAIN)
      rememberDevice(req, res, deps, { user: link.user, passwordVersion: reset.passwordVersion })
      res.redirect(303, '/login?done=password-reset')
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/again`)
    .post(requireMail(deps), async (req, res) => {
      const token = openedLink(req, deps)?.token ?? ''
      const look = await lookAtLink(deps, { token, purposes: ['reset-password'], ip: req.ip ?? '' })
      if (!look.ok) return res.redirect(303, PAGE)
      await sendLinkAgain(req, res, deps, { page: PAGE, request: requestReset, email: look.link.user.email })
    })
    .all(methodNotAllowed)

  router.use(PAGE, (req, res) => renderError(req, res, 404))
  return router
}
