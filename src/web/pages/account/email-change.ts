import { Router } from 'express'
import { z } from 'zod'
import { cancelEmailChange, findPendingEmail, requestEmailChange } from '../../../accounts/email-change.ts'
import { Email } from '../../../accounts/fields.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { ASKED_FIELD, askAboutAddress } from '../../presenters/address-question.ts'
import { blankForm, parseForm, refuse } from '../../presenters/form.ts'
import { requireMail } from '../../presenters/link-request.ts'
import { refuseTooManyTries } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { saveFlash, takeMessage } from '../../session/flash.ts'
import { requireConfirmed, userOf } from '../../session/guards.ts'
import { takeKeptForm, textOf } from '../../session/kept-forms.ts'
import { linkTo } from '../../session/opened-links.ts'

const FIELDS = { email: { id: 'email' }, ...ASKED_FIELD } as const
const EmailForm = z.object({ email: Email })
const PAGE = '/account/email-change'

/** Another address for the account. It must be confirmed from there, and can be cancelled until then. */
export function emailChangePages(deps: Deps): Router {
  const { sql, now } = deps
  const router = Router()
  const pending = (userId: string) => findPendingEmail(sql, userId, now())

  // Asks for no password: cancelling only makes the account safer, and a change by somebody else must be stopped quickly.
  router
    .route(`${PAGE}/cancel`)
    .post(async (req, res) => {
      await cancelEmailChange(sql, userOf(req).id, { device: deviceOf(req), now: now() })
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
      res.render('email-change', { form, pendingEmail, message: takeMessage(req), kept })
    })
    .post(requireConfirmed(deps, PAGE), async (req, res) => {
      const user = userOf(req)
      const form = parseForm(FIELDS, EmailForm, req.body)
      const same = form.ok && form.data.email === user.email
      if (!form.ok || same) {
        const state = same ? refuse(form.state, 'email', 'This is your address already. Enter another one') : form.state
        return res.status(422).render('email-change', { form: state, pendingEmail: await pending(user.id) })
      }
      const question = askAboutAddress(form.state)
      if (question) {
        return res.status(422).render('email-change', { form: question, pendingEmail: await pending(user.id) })
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
        return res.render('email-change', { form: state, pendingEmail: await pending(user.id) })
      }
      await saveFlash(req, 'email-change-sent')
      res.redirect(303, '/account')
    })
    .all(methodNotAllowed)
  return router
}
