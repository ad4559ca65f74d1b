import { Router } from 'express'
import { z } from 'zod'
import { requestEmailChange } from '../../accounts/by-mail.ts'
import { cancelEmailChange, findPendingEmail } from '../../accounts/email-tokens.ts'
import { Email } from '../../accounts/fields.ts'
import type { Deps } from '../../deps.ts'
import { requireConfirmed, userOf } from '../auth.ts'
import { deviceOf } from '../device.ts'
import { methodNotAllowed } from '../errors.ts'
import { saveFlash, takeMessage } from '../flash.ts'
import { blankForm, parseForm, refuse } from '../forms.ts'
import { takeKeptForm, textOf } from '../kept-forms.ts'
import { requireMail } from '../link-requests.ts'
import { linkTo } from '../mailed-links.ts'
import { refuseTooManyTries } from '../throttle.ts'

const FIELDS = { email: { id: 'email' } } as const
const EmailForm = z.object({ email: Email })
const PAGE = '/account/email'

/** Another address: it waits until it is confirmed from there, and may be cancelled until then. */
export function accountEmailPages(deps: Deps): Router {
  const { sql, now } = deps
  const router = Router()
  const pending = (userId: string) => findPendingEmail(sql, userId, now())

  // Cancelling only makes things safer, so it asks for nothing: somebody else's change is to be stopped at once.
  router
    .route(`${PAGE}/cancel`)
    .post(async (req, res) => {
      await cancelEmailChange(sql, { userId: userOf(req).id, device: deviceOf(req), now: now() })
      await saveFlash(req, 'email-change-cancelled')
      res.redirect(303, '/account')
    })
    .all(methodNotAllowed)

  router
    .route(PAGE)
    .all(requireMail(deps))
    .get(requireConfirmed(deps, PAGE), async (req, res) => {
      const pendingEmail = await pending(userOf(req).id)
      const kept = takeKeptForm(req, deps)
      const form = blankForm(FIELDS, { email: textOf(kept, 'email') ?? '' })
      res.render('account-email', { form, pendingEmail, message: takeMessage(req), kept })
    })
    .post(requireConfirmed(deps, PAGE), async (req, res) => {
      const user = userOf(req)
      const form = parseForm(FIELDS, EmailForm, req.body)
      const same = form.ok && form.data.email === user.email
      if (!form.ok || same) {
        const state = same ? refuse(form.state, 'email', 'This is your address already. Enter another one') : form.state
        return res.status(422).render('account-email', { form: state, pendingEmail: await pending(user.id) })
      }
      const { email } = form.data
      const asked = await requestEmailChange(deps, user, {
        email,
        handle: req.session.handle ?? '',
        device: deviceOf(req),
        linkTo: linkTo(deps, '/email-verification'),
      })
      if (!asked.ok) {
        const state = refuseTooManyTries(res, form.state, asked.retryAfterSeconds)
        return res.render('account-email', { form: state, pendingEmail: await pending(user.id) })
      }
      await saveFlash(req, 'email-change-sent')
      res.redirect(303, '/account')
    })
    .all(methodNotAllowed)
  return router
}
