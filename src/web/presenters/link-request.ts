/** What password reset and email verification share: asking for a link, reading where it was sent, opening it. */
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { z } from 'zod'
import { Email } from '../../accounts/fields.ts'
import type { LinkRequest, Sent } from '../../accounts/links/email-links.ts'
import type { Deps } from '../../deps.ts'
import { methodNotAllowed } from '../middleware/errors.ts'
import { deviceOf } from '../session/device.ts'
import { keepLink, type LinkPage, linkTo } from '../session/opened-links.ts'
import { forgetAddress, keepAddress, keptAddress } from '../session/typed-address.ts'
import { blankForm, parseForm } from './form.ts'
import { refuseTooManyTries, tooManyTries } from './too-many-tries.ts'

const FIELDS = { email: { id: 'email' } } as const
const AskForm = z.object({ email: Email })

type Definition = {
  page: LinkPage
  /** The domain's part: mails the link. */
  request: (deps: Deps, request: LinkRequest) => Promise<Sent>
  /** The template of the page that asks; that of the page after it has the same name with `-sent`. */
  view: string
  /** The last part of the page's address that an opened link leads to. */
  opensAt: string
  /** The learner's own address, which nobody has to type. */
  ownAddress?: (req: Request) => string | undefined
  /** What else the page says to whoever asks. */
  facts?: (req: Request) => Promise<object>
}

/** Stands in front of pages that need mail, and says so if this server sends none. */
export const requireMail =
  ({ mail, config }: Deps): RequestHandler =>
  (_req, res, next) => {
    if (mail.enabled) next()
    else res.render('no-mail', { supportEmail: config.supportEmail })
  }

/** Three pages: asking for a link, reading where it was sent, and the address in the mail. */
export function linkRequests(
  deps: Deps,
  { page, request, view, opensAt, ownAddress = () => undefined, facts = async () => ({}) }: Definition,
): Router {
  const router = Router()
  router
    .route(page)
    .get(requireMail(deps), async (req, res) => {
      res.render(view, { form: blankForm(FIELDS, { email: ownAddress(req) ?? '' }), ...(await facts(req)) })
    })
    .post(requireMail(deps), async (req, res) => {
      const own = ownAddress(req)
      const form = parseForm(FIELDS, AskForm, own === undefined ? req.body : { email: own })
      if (!form.ok) return res.status(422).render(view, { form: form.state })
      const { email } = form.data
      const learner = own === undefined ? undefined : req.user
      const asked = await request(deps, { email, device: deviceOf(req), linkTo: linkTo(deps, page), learner })
      if (!asked.ok) {
        const state = refuseTooManyTries(res, form.state, asked.retryAfterSeconds)
        return res.render(view, { form: state, ...(await facts(req)) })
      }
      keepAddress(res, deps, page, email)
      res.redirect(303, `${page}/sent`)
    })
    .all(methodNotAllowed)

  router
    .route(`${page}/sent`)
    .get((req, res) => res.render(`${view}-sent`, { email: keptAddress(req, deps) }))
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

/** Mails a new link in place of a dead one. Nobody typed the address of the account, so no page shows it. */
export async function sendLinkAgain(
  req: Request,
  res: Response,
  deps: Deps,
  { page, request, email }: Pick<Definition, 'page' | 'request'> & { email: string },
): Promise<void> {
  const asked = await request(deps, { email, device: deviceOf(req), linkTo: linkTo(deps, page) })
  if (!asked.ok) return tooManyTries(req, res, asked.retryAfterSeconds)
  forgetAddress(res, deps, page)
  res.redirect(303, `${page}/sent`)
}
