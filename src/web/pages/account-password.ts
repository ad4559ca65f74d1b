import { Router } from 'express'
import { z } from 'zod'
import { CurrentPassword, newPasswordOf } from '../../accounts/fields.ts'
import { changePassword, confirmPassword } from '../../accounts/own-account.ts'
import type { Deps } from '../../deps.ts'
import { renewSession, userOf } from '../auth.ts'
import { refuseConfirmationOnPage } from '../confirmation.ts'
import { deviceOf } from '../device.ts'
import { methodNotAllowed } from '../errors.ts'
import { blankForm, type FormState, parseForm, refuse } from '../forms.ts'
import { safeReturnTo } from '../return-to.ts'

const CHANGE_FIELDS = {
  currentPassword: { id: 'current-password', secret: true },
  newPassword: { id: 'new-password', secret: true },
  endOthers: { id: 'end-others' },
} as const
const CONFIRM_FIELDS = { password: { id: 'current-password', secret: true } } as const
const ConfirmForm = z.object({ password: CurrentPassword })

/** Where “Confirm it is you” may lead: pages of the account and nothing else. */
const accountPage = (next: unknown): string => {
  const path = safeReturnTo(next)
  return /^\/account(\/|$)/.test(path) ? path : '/account'
}

/** Changing the password, and showing it once more before something that only its owner may do. */
export function accountPasswordPages(deps: Deps): Router {
  const { passwordMinLength } = deps.config
  const router = Router()

  router
    .route('/account/password')
    .get((_req, res) => {
      res.render('account-password', { form: blankForm(CHANGE_FIELDS, { endOthers: 'yes' }), passwordMinLength })
    })
    .post(async (req, res) => {
      const user = userOf(req)
      const schema = z.object({ currentPassword: CurrentPassword, newPassword: newPasswordOf(user, passwordMinLength) })
      const form = parseForm(CHANGE_FIELDS, schema, req.body)
      const again = (state: FormState) => res.render('account-password', { form: state, passwordMinLength })
      if (!form.ok) {
        res.status(422)
        return again(form.state)
      }
      const { currentPassword: current, newPassword: next } = form.data
      const endSessions = req.body.endOthers === 'yes'
      const changed = await changePassword(deps, user, { current, next, endSessions, device: deviceOf(req) })
      if (!changed.ok) {
        return refuseConfirmationOnPage(req, res, deps, {
          refused: changed,
          again: (message) => again(refuse(form.state, 'currentPassword', message)),
        })
      }
      await renewSession(req, user, deps, { ...changed, flash: 'password-saved' })
      res.redirect(303, '/account')
    })
    .all(methodNotAllowed)

  router
    .route('/account/confirm')
    .get((req, res) =>
      res.render('account-confirm', { form: blankForm(CONFIRM_FIELDS), next: accountPage(req.query.next) }),
    )
    .post(async (req, res) => {
      const user = userOf(req)
      const next = accountPage(req.body.next)
      const form = parseForm(CONFIRM_FIELDS, ConfirmForm, req.body)
      if (!form.ok) return res.status(422).render('account-confirm', { form: form.state, next })
      const confirmation = await confirmPassword(deps, user, { password: form.data.password, device: deviceOf(req) })
      if (!confirmation.ok) {
        const again = (message: string) =>
          res.render('account-confirm', { form: refuse(form.state, 'password', message), next })
        return refuseConfirmationOnPage(req, res, deps, { refused: confirmation, again })
      }
      await renewSession(req, user, deps, confirmation)
      res.redirect(303, next)
    })
    .all(methodNotAllowed)

  return router
}
