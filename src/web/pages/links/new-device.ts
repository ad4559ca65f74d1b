import { type Request, type Response, Router } from 'express'
import { lookAtLink } from '../../../accounts/links/email-links.ts'
import { letDeviceIn, requestDeviceLink } from '../../../accounts/links/new-device.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed, renderError } from '../../middleware/errors.ts'
import { renderDeadLink } from '../../presenters/dead-link.ts'
import { linkRequests, requireMail, sendLinkAgain } from '../../presenters/link-request.ts'
import { tooManyTries } from '../../presenters/too-many-tries.ts'
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

  const lookAtOpened = (req: Request) =>
    lookAtLink(deps, { token: openedLink(req, deps)?.token ?? '', purposes: ['new-device'], ip: req.ip ?? '' })

  /** The opened link, if it is good. Otherwise sends the answer and returns undefined. */
  async function goodLink(req: Request, res: Response) {
    const look = await lookAtOpened(req)
    if (!look.ok && look.reason === 'too-many-tries') return void tooManyTries(req, res, look.retryAfterSeconds)
    if (!look.ok) return void renderDeadLink(res, 'unknown', undefined)
    if (look.link.state !== 'good') return void renderDeadLink(res, look.link.state, AGAIN)
    return look.link
  }

  router
    .route(`${PAGE}/confirm`)
    .get(async (req, res) => {
      const link = await goodLink(req, res)
      if (link) res.render('new-device-confirm', { email: link.email })
    })
    .post(async (req, res) => {
      const link = await goodLink(req, res)
      if (link === undefined) return
      const token = openedLink(req, deps)?.token ?? ''
      const letIn = await letDeviceIn(deps, token, {
        link,
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
      const look = await lookAtOpened(req)
      if (!look.ok) return res.redirect(303, PAGE)
      await sendLinkAgain(req, res, deps, { page: PAGE, request: requestDeviceLink, email: look.link.user.email })
    })
    .all(methodNotAllowed)

  router.use(PAGE, (req, res) => renderError(req, res, 404))
  return router
}
