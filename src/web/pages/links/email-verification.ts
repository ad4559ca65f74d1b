import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { CurrentPassword } from '../../../accounts/fields.ts'
import { isDone, type Link } from '../../../accounts/links/email-links.ts'
import { confirmAddress, disownAccount, requestVerification } from '../../../accounts/links/email-verification.ts'
import { claimAccount } from '../../../accounts/links/password-reset.ts'
import { findMailStatus } from '../../../accounts/mail-status.ts'
import { confirmPassword } from '../../../accounts/passwords/password-check.ts'
import type { Deps } from '../../../deps.ts'
import type { Origins } from '../../api/origins.ts'
import { methodNotAllowed, renderError } from '../../middleware/errors.ts'
import { findOpened, renderDeadLink } from '../../presenters/dead-link.ts'
import { blankForm, type FormState, parseForm, refuse } from '../../presenters/form.ts'
import { linkRequests, requireMail, sendLinkAgain } from '../../presenters/link-request.ts'
import { mailInWords } from '../../presenters/mail-status.ts'
import { blankNewPassword, setNewPassword } from '../../presenters/new-password.ts'
import { NOT_CHECKED, refuseTooManyTries, sayBusy } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { forgetLink, openedLink } from '../../session/opened-links.ts'

const PAGE = '/email-verification'
const PURPOSES = ['verify-email', 'change-email'] as const
const CONFIRM_FIELDS = { password: { id: 'current-password', secret: true } } as const
const ConfirmForm = z.object({ password: CurrentPassword })

/**
 * Confirming an address. A mailed link opens a page with a button. Where nobody is logged in to the account, the page also
 * asks for its password: the account may have been made by somebody else, who waits for the owner of the address to
 * confirm it. The owner takes it over with a new password instead, or removes it.
 */
export function emailVerificationPages(deps: Deps, origins: Origins): Router {
  const { passwordMinLength } = deps.config
  const router = Router()
  router.use(
    linkRequests(deps, {
      page: PAGE,
      request: requestVerification,
      view: 'email-verification',
      opensAt: 'confirm',
      ownAddress: ({ user }) => user?.email,
      facts: async ({ user }) => {
        const status = user && !user.emailVerified ? await findMailStatus(deps.sql, user.id) : undefined
        return { status: status && mailInWords(status) }
      },
    }),
  )

  const openLink = (req: Request, res: Response) => findOpened(req, res, deps, PURPOSES)

  const again = ({ purpose, user }: Link) =>
    purpose === 'verify-email' && !user.emailVerified
      ? { action: `${PAGE}/again`, label: 'Send me a new link' }
      : undefined

  const isOwn = (req: Request, { user }: Link) => req.user?.id === user.id

  const mayClaim = ({ state, purpose, user }: Link) =>
    state === 'good' && purpose === 'verify-email' && !user.emailVerified

  const showConfirm = (req: Request, res: Response, link: Link, form: FormState) =>
    res.render('email-verification-confirm', { link, form, isOwn: isOwn(req, link), email: link.user.email })

  /**
   * Whether whoever pressed the button may confirm: they are logged in to the account, or have typed its password. If not,
   * sends the answer and returns undefined.
   */
  async function proven(req: Request, res: Response, link: Link): Promise<{ passwordVersion?: number } | undefined> {
    if (link.state !== 'good' || isOwn(req, link)) return {}
    const form = parseForm(CONFIRM_FIELDS, ConfirmForm, req.body)
    if (!form.ok) return void showConfirm(req, res.status(422), link, form.state)
    const confirmation = await confirmPassword(deps, link.user, {
      ...form.data,
      device: deviceOf(req),
      signal: hangUpOf(res),
    }).catch(sayBusy(res, form.state, { field: 'password', words: NOT_CHECKED }))
    if ('busy' in confirmation) return void showConfirm(req, res, link, confirmation.busy)
    if (confirmation.ok) return confirmation
    const refused =
      confirmation.reason === 'wrong'
        ? refuse(form.state, 'password', 'This is not the password of the account')
        : refuseTooManyTries(res, form.state, confirmation.retryAfterSeconds, 'password')
    if (confirmation.reason === 'wrong') res.status(422)
    return void showConfirm(req, res, link, refused)
  }

  router
    .route(`${PAGE}/confirm`)
    .get(async (req, res) => {
      const open = await openLink(req, res)
      if (open === undefined) return
      const { link } = open
      if (isDone(link)) return res.redirect(303, `${PAGE}/confirmed`)
      if (link.state !== 'good') return renderDeadLink(res, link.state, again(link))
      showConfirm(req, res, link, blankForm(CONFIRM_FIELDS))
    })
    .post(async (req, res) => {
      const open = await openLink(req, res)
      if (open === undefined) return
      const { token, link } = open
      if (isDone(link)) return res.redirect(303, `${PAGE}/confirmed`)
      const proof = await proven(req, res, link)
      if (proof === undefined) return
      const used = await confirmAddress(deps, token, { link, device: deviceOf(req), ...proof })
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

  /** The opened link, for somebody who is not logged in to its account and may take it over. Otherwise as `openLink`. */
  async function claimableLink(req: Request, res: Response) {
    const open = await openLink(req, res)
    if (open === undefined) return undefined
    const { link } = open
    // Whoever is logged in to the account has signed up themselves. For leaving there is another page.
    if (isOwn(req, link)) return void res.redirect(303, `${PAGE}/confirm`)
    if (!mayClaim(link)) return void renderDeadLink(res, link.state === 'good' ? 'taken' : link.state, again(link))
    return open
  }

  const showNew = (res: Response, { email }: Link, form: FormState) =>
    res.render('email-verification-new-password', { form, passwordMinLength, email })

  router
    .route(`${PAGE}/new-password`)
    .get(async (req, res) => {
      const open = await claimableLink(req, res)
      if (open === undefined) return
      showNew(res, open.link, blankNewPassword())
    })
    .post(async (req, res) => {
      const open = await claimableLink(req, res)
      if (open === undefined) return
      const claimed = await setNewPassword(req, res, deps, {
        ...open,
        maySetEmpty: true,
        set: claimAccount,
        show: (form) => showNew(res, open.link, form),
      })
      if (claimed === undefined) return
      if (!claimed.ok) return renderDeadLink(res, claimed.reason, undefined)
      res.redirect(303, '/login?done=account-claimed')
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/disown`)
    .post(async (req, res) => {
      const open = await claimableLink(req, res)
      if (open === undefined) return
      if (!(await disownAccount(deps, open.link))) return renderDeadLink(res, 'taken', undefined)
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
