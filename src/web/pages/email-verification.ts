import { type Request, type Response, Router } from 'express'
import { isDone, type Link, lookAtLink } from '../../accounts/email-links.ts'
import { confirmAddress, disownAccount, requestVerification } from '../../accounts/email-verification.ts'
import type { Deps } from '../../deps.ts'
import type { Origins } from '../api/origins.ts'
import { methodNotAllowed, renderError } from '../middleware/errors.ts'
import { renderDeadLink } from '../presenters/dead-link.ts'
import { linkRequests, requireMail, sendLinkAgain } from '../presenters/link-request.ts'
import { tooManyTries } from '../presenters/too-many-tries.ts'
import { deviceOf } from '../session/device.ts'
import { forgetLink, openedLink } from '../session/opened-links.ts'

const PAGE = '/email-verification'
const PURPOSES = ['verify-email', 'change-email'] as const

/** Confirming an address. A mailed link opens a page with a button, on any device, logged in or not. */
export function emailVerificationPages(deps: Deps, origins: Origins): Router {
  const router = Router()
  router.use(
    linkRequests(deps, {
      page: PAGE,
      request: requestVerification,
      view: 'email-verification',
      opensAt: 'confirm',
      ownAddress: ({ user }) => user?.email,
    }),
  )

  /** The opened link, good or not. If there is none, sends the answer and returns undefined. */
  async function openLink(req: Request, res: Response) {
    const opened = openedLink(req, deps)
    const look = await lookAtLink(deps, { token: opened?.token ?? '', purposes: PURPOSES, ip: req.ip ?? '' })
    if (look.ok) return { token: opened?.token ?? '', link: look.link }
    if (look.reason === 'too-many-tries') return void tooManyTries(req, res, look.retryAfterSeconds)
    return void renderDeadLink(res, 'unknown', undefined)
  }

  const again = ({ purpose, user }: Link) =>
    purpose === 'verify-email' && !user.emailVerified
      ? { action: `${PAGE}/again`, label: 'Send me a new link' }
      : undefined

  router
    .route(`${PAGE}/confirm`)
    .get(async (req, res) => {
      const open = await openLink(req, res)
      if (open === undefined) return
      const { link } = open
      if (isDone(link)) return res.redirect(303, `${PAGE}/confirmed`)
      if (link.state !== 'good') return renderDeadLink(res, link.state, again(link))
      const isOwn = req.user?.id === link.user.id
      res.render('email-verification-confirm', {
        link,
        mayDisown: link.purpose === 'verify-email' && !isOwn && !link.user.emailVerified,
      })
    })
    .post(async (req, res) => {
      const open = await openLink(req, res)
      if (open === undefined) return
      const { token, link } = open
      if (isDone(link)) return res.redirect(303, `${PAGE}/confirmed`)
      const used = await confirmAddress(deps, token, { link, device: deviceOf(req) })
      if (!used.ok && used.reason === 'used') return res.redirect(303, `${PAGE}/confirm`)
      if (!used.ok) return renderDeadLink(res, used.reason, again(link))
      res.redirect(303, `${PAGE}/confirmed`)
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/confirmed`)
    .get((req, res) => {
      const wanted = openedLink(req, deps)?.callbackURL
      res.render('email-verification-confirmed', {
        onwards: wanted !== undefined && origins.mayLeadTo(req, wanted) ? wanted : undefined,
      })
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/disown`)
    .post(async (req, res) => {
      const open = await openLink(req, res)
      if (open === undefined) return
      // Whoever is logged in to the account has signed up themselves. For leaving there is another page.
      if (req.user?.id === open.link.user.id) return res.redirect(303, `${PAGE}/confirm`)
      if (!(await disownAccount(deps, open.link))) {
        return renderDeadLink(res, open.link.state === 'good' ? 'taken' : open.link.state, undefined)
      }
      forgetLink(res, deps, PAGE)
      res.redirect(303, `${PAGE}/disowned`)
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/disowned`)
    .get((_req, res) => res.render('email-verification-disowned'))
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/again`)
    .post(requireMail(deps), async (req, res) => {
      const open = await openLink(req, res)
      if (open === undefined) return
      await sendLinkAgain(req, res, deps, { page: PAGE, request: requestVerification, email: open.link.user.email })
    })
    .all(methodNotAllowed)

  router.use(PAGE, (req, res) => renderError(req, res, 404))
  return router
}
