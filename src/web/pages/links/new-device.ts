import { type Request, type Response, Router } from 'express'
import { lookAtLink } from '../../../accounts/links/email-links.ts'
import { letDeviceIn, requestDeviceLink } from '../../../accounts/links/new-device.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed, renderError } from '../../middleware/errors.ts'
import { findGood, renderDeadLink } from '../../presenters/dead-link.ts'
import { linkRequests, requireMail, sendLinkAgain } from '../../presenters/link-request.ts'
import { deviceOf } from '../../session/device.ts'
import { deviceCookieOf, keepDeviceCookie } from '../../session/known-device.ts'
import { forgetLink, openedLink } from '../../session/opened-links.ts'

const PAGE = '/new-device'
const AGAIN = { action: `${PAGE}/again`, label: 'Send me a new link' }

/**
 * Logging in from a device that an account does not know, after too many wrong passwords from such devices: ask for a
 * link, open it, press its button. The password is then taken again. No page tells whether an address has an account.
 */
export function newDevicePages(deps: Deps): Router {
  const router = Router()
  router.use(linkRequests(deps, { page: PAGE, request: requestDeviceLink, view: 'new-device', opensAt: 'confirm' }))

  const goodLink = (req: Request, res: Response) => findGood(req, res, deps, { purposes: ['new-device'], again: AGAIN })

  router
    .route(`${PAGE}/confirm`)
    .get(async (req, res) => {
      const open = await goodLink(req, res)
      if (open) res.render('new-device-confirm', { email: open.link.email })
    })
    .post(async (req, res) => {
      const open = await goodLink(req, res)
      if (open === undefined) return
      const letIn = await letDeviceIn(deps, open.token, {
        link: open.link,
        deviceCookie: deviceCookieOf(req, deps),
        device: deviceOf(req),
      })
      if (!letIn.ok) return renderDeadLink(res, letIn.reason, AGAIN)
      forgetLink(res, deps, PAGE)
      keepDeviceCookie(res, deps, letIn.deviceCookie)
      res.redirect(303, '/login?done=new-device')
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/again`)
    .post(requireMail(deps), async (req, res) => {
      const token = openedLink(req, deps)?.token ?? ''
      const look = await lookAtLink(deps, { token, purposes: ['new-device'], ip: req.ip ?? '' })
      if (!look.ok) return res.redirect(303, PAGE)
      await sendLinkAgain(req, res, deps, { page: PAGE, request: requestDeviceLink, email: look.link.user.email })
    })
    .all(methodNotAllowed)

  router.use(PAGE, (req, res) => renderError(req, res, 404))
  return router
}
