import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { lookAtLink, resetByLink } from '../../accounts/by-mail.ts'
import { newPasswordOf } from '../../accounts/fields.ts'
import type { Deps } from '../../deps.ts'
import { deviceOf } from '../device.ts'
import { methodNotAllowed, renderError } from '../errors.ts'
import { blankForm, parseForm } from '../forms.ts'
import { linkRequests, requireMail, sendLinkAgain } from '../link-requests.ts'
import { openedLink, renderDeadLink } from '../mailed-links.ts'
import { tooManyTries } from '../throttle.ts'

const PAGE = '/password-reset'
const NEW_FIELDS = { password: { id: 'new-password', secret: true } } as const
const AGAIN = { action: `${PAGE}/again`, label: 'Send me a new link' }

/** A forgotten password: ask for a link, open it, choose a new one. No page tells whether an address has an account. */
export function passwordResetPages(deps: Deps): Router {
  const { passwordMinLength } = deps.config
  const router = Router()
  router.use(
    linkRequests(deps, {
      page: PAGE,
      purpose: 'reset-password',
      views: { ask: 'password-reset', sent: 'reset-sent' },
      opensAt: 'new',
    }),
  )

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
    .post(requireMail(deps), async (req, res) => {
      const token = openedLink(req, deps)?.token ?? ''
      const look = await lookAtLink(deps, { token, purposes: ['reset-password'], ip: req.ip ?? '' })
      if (!look.ok) return res.redirect(303, PAGE)
      await sendLinkAgain(req, res, deps, { page: PAGE, purpose: 'reset-password', email: look.link.user.email })
    })
    .all(methodNotAllowed)

  // Nothing here but what is named above.
  router.use(PAGE, (req, res) => renderError(req, res, 404))
  return router
}
