import { Router } from 'express'
import { z } from 'zod'
import { CurrentPassword, isSamePassword, newPasswordOf, SAME_PASSWORD } from '../../../accounts/fields.ts'
import { changePassword } from '../../../accounts/password-change.ts'
import { BREACHED_PASSWORD } from '../../../accounts/passwords/breached-passwords.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { blankForm, type FormState, parseForm, refuse } from '../../presenters/form.ts'
import { NOT_CHANGED, sayBusy } from '../../presenters/too-many-tries.ts'
import { refuseWrongPassword } from '../../presenters/wrong-password.ts'
import { deviceOf } from '../../session/device.ts'
import { requireStep, userOf } from '../../session/guards.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { renewSession } from '../../session/identity.ts'

const FIELDS = {
  currentPassword: { id: 'current-password', secret: true },
  newPassword: { id: 'new-password', secret: true },
  endOthers: { id: 'end-others' },
} as const

/** A new password, set by somebody who knows the current one. */
export function passwordChangePages(deps: Deps): Router {
  const { passwordMinLength } = deps.config
  const router = Router()
  router
    .route('/account/password-change')
    .all(requireStep(deps, '/account/password-change'))
    .get((_req, res) => {
      res.render('password-change', { form: blankForm(FIELDS, { endOthers: 'yes' }), passwordMinLength })
    })
    .post(async (req, res) => {
      const user = userOf(req)
      const schema = z
        .object({ currentPassword: CurrentPassword, newPassword: newPasswordOf(user, passwordMinLength) })
        .refine(({ currentPassword, newPassword }) => !isSamePassword(currentPassword, newPassword), {
          path: ['newPassword'],
          error: SAME_PASSWORD,
        })
      const form = parseForm(FIELDS, schema, req.body)
      const again = (state: FormState) => res.render('password-change', { form: state, passwordMinLength })
      if (!form.ok) {
        res.status(422)
        return again(form.state)
      }
      const { currentPassword: current, newPassword: next } = form.data
      const endSessions = req.body.endOthers === 'yes'
      const changed = await changePassword(deps, user, {
        current,
        next,
        endSessions,
        device: deviceOf(req),
        signal: hangUpOf(res),
      }).catch(sayBusy(res, form.state, { field: 'currentPassword', words: NOT_CHANGED }))
      if ('busy' in changed) return again(changed.busy)
      if (!changed.ok && changed.reason === 'breached') {
        res.status(422)
        return again(refuse(form.state, 'newPassword', BREACHED_PASSWORD))
      }
      if (!changed.ok) {
        return refuseWrongPassword(req, res, deps, {
          refused: changed,
          again: (message) => again(refuse(form.state, 'currentPassword', message)),
        })
      }
      await renewSession(req, user, deps, { ...changed, hasEnded: endSessions, flash: 'password-saved' })
      res.redirect(303, '/account')
    })
    .all(methodNotAllowed)
  return router
}
