/** What the pages of mailed links have in common: asking for one, hearing where it went, and opening it. */
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { z } from 'zod'
import { type LinkRequest, requestLink } from '../accounts/by-mail.ts'
import { Email } from '../accounts/fields.ts'
import type { Deps } from '../deps.ts'
import { deviceOf } from './device.ts'
import { methodNotAllowed } from './errors.ts'
import { blankForm, parseForm } from './forms.ts'
import { keepLink, type LinkPage, linkTo } from './mailed-links.ts'
import { forgetAddress, keepAddress, keptAddress } from './sent-to.ts'
import { refuseTooManyTries, tooManyTries } from './throttle.ts'

const FIELDS = { email: { id: 'email' } } as const
const AskForm = z.object({ email: Email })

type Definition = {
  page: LinkPage
  purpose: LinkRequest['purpose']
  views: { ask: string; sent: string }
  /** Where an opened link goes on. */
  opensAt: string
  /** The address that needs no typing, because it is the learner's own. */
  ownAddress?: (req: Request) => string | undefined
}

/** In front of what needs mail: says so where there is none. */
export const requireMail =
  ({ mail, config }: Deps): RequestHandler =>
  (_req, res, next) => {
    if (mail.enabled) next()
    else res.render('no-mail', { supportEmail: config.supportEmail })
  }

/** The page that asks for a link, the one that says where it went, and the address in the mail. */
export function linkRequests(
  deps: Deps,
  { page, purpose, views, opensAt, ownAddress = () => undefined }: Definition,
): Router {
  const router = Router()
  router
    .route(page)
    .get(requireMail(deps), (req, res) => {
      res.render(views.ask, { form: blankForm(FIELDS, { email: ownAddress(req) ?? '' }) })
    })
    .post(requireMail(deps), async (req, res) => {
      const own = ownAddress(req)
      const form = parseForm(FIELDS, AskForm, own === undefined ? req.body : { email: own })
      if (!form.ok) return res.status(422).render(views.ask, { form: form.state })
      const { email } = form.data
      const learner = own === undefined ? undefined : req.user
      const request = { purpose, email, device: deviceOf(req), linkTo: linkTo(deps, page), learner }
      const asked = await requestLink(deps, request)
      if (!asked.ok) {
        return res.render(views.ask, { form: refuseTooManyTries(res, form.state, asked.retryAfterSeconds) })
      }
      keepAddress(res, deps, page, email)
      res.redirect(303, `${page}/sent`)
    })
    .all(methodNotAllowed)

  router
    .route(`${page}/sent`)
    .get((req, res) => res.render(views.sent, { email: keptAddress(req, deps) }))
    .all(methodNotAllowed)

  router
    .route(`${page}/link/:token`)
    .get((req, res) => {
      keepLink(req, res, deps, page)
      res.redirect(303, `${page}/${opensAt}`)
    })
    .all(methodNotAllowed)
  return router
}

/** In place of a link that is dead, a new one to the same account, whose address nobody typed and no page tells. */
export async function sendLinkAgain(
  req: Request,
  res: Response,
  deps: Deps,
  { page, purpose, email }: Pick<Definition, 'page' | 'purpose'> & { email: string },
): Promise<void> {
  const asked = await requestLink(deps, { purpose, email, device: deviceOf(req), linkTo: linkTo(deps, page) })
  if (!asked.ok) return tooManyTries(req, res, asked.retryAfterSeconds)
  forgetAddress(res, deps, page)
  res.redirect(303, `${page}/sent`)
}
