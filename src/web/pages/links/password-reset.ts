import { type Request, type Response, Router } from 'express'
import { type Link, lookAtLink } from '../../../accounts/links/email-links.ts'
import { requestReset, resetPasswordByLink } from '../../../accounts/links/password-reset.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed, renderError } from '../../middleware/errors.ts'
import { findGood, renderDeadLink } from '../../presenters/dead-link.ts'
import type { FormState } from '../../presenters/form.ts'
import { linkRequests, requireMail, sendLinkAgain } from '../../presenters/link-request.ts'
import { blankNewPassword, setNewPassword } from '../../presenters/new-password.ts'
import { openedLink } from '../../session/opened-links.ts'

const PAGE = '/password-reset'
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

  const goodLink = (req: Request, res: Response) =>
    findGood(req, res, deps, { purposes: ['reset-password'], again: AGAIN })

  /** While the address is not confirmed, somebody else may have made the account, and the page asks about what is in it. */
  const showNew = (res: Response, { email, user }: Link, form: FormState) =>
    res.render('password-reset-new', { form, passwordMinLength, email, maySetEmpty: !user.emailVerified })

  router
    .route(`${PAGE}/new`)
    .get(async (req, res) => {
      const open = await goodLink(req, res)
      if (open) showNew(res, open.link, blankNewPassword())
    })
    .post(async (req, res) => {
      const open = await goodLink(req, res)
      if (open === undefined) return
      const reset = await setNewPassword(req, res, deps, {
        ...open,
        maySetEmpty: !open.link.user.emailVerified,
        set: resetPasswordByLink,
        show: (form) => showNew(res, open.link, form),
      })
      if (reset === undefined) return
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
      await sendLinkAgain(req, res, deps, { page: PAGE, request: requestReset, email: look.link.user.email })
    })
    .all(methodNotAllowed)

  router.use(PAGE, (req, res) => renderError(req, res, 404))
  return router
}
