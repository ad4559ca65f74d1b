import { type Request, type Response, Router } from 'express'
import { confirmAddress, disownAccount, lookAtLink } from '../../accounts/by-mail.ts'
import { isDone, type Link } from '../../accounts/email-tokens.ts'
import type { Deps } from '../../deps.ts'
import { deviceOf } from '../device.ts'
import { methodNotAllowed, renderError } from '../errors.ts'
import { linkRequests, requireMail, sendLinkAgain } from '../link-requests.ts'
import { forgetLink, openedLink, renderDeadLink } from '../mailed-links.ts'
import type { Origins } from '../origins.ts'
import { tooManyTries } from '../throttle.ts'

const PAGE = '/email-verification'
const PURPOSES = ['verify-email', 'change-email'] as const

/** Confirming an address: by the button of a page that a mailed link opens, on any device, logged in or not. */
export function emailVerificationPages(deps: Deps, origins: Origins): Router {
  const router = Router()
  router.use(
    linkRequests(deps, {
      page: PAGE,
      purpose: 'verify-email',
      views: { ask: 'email-verification', sent: 'verification-sent' },
      opensAt: 'confirm',
      ownAddress: ({ user }) => user?.email,
    }),
  )

  /** The link that is open, whatever became of it; undefined when the answer has been given. */
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
      res.render('confirm-email', {
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
      res.render('email-confirmed', {
        onwards: wanted !== undefined && origins.mayLeadTo(req, wanted) ? wanted : undefined,
      })
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/disown`)
    .post(async (req, res) => {
      const open = await openLink(req, res)
      if (open === undefined) return
      // Whoever is logged in there signed up, and leaves by the page for that.
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
    .get((_req, res) => res.render('email-disowned'))
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/again`)
    .post(requireMail(deps), async (req, res) => {
      const open = await openLink(req, res)
      if (open === undefined) return
      await sendLinkAgain(req, res, deps, { page: PAGE, purpose: 'verify-email', email: open.link.user.email })
    })
    .all(methodNotAllowed)

  router.use(PAGE, (req, res) => renderError(req, res, 404))
  return router
}
