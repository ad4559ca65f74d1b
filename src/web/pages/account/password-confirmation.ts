import { Router } from 'express'
import { z } from 'zod'
import { CurrentPassword } from '../../../accounts/fields.ts'
import { confirmPassword } from '../../../accounts/passwords/password-check.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { blankForm, parseForm, refuse } from '../../presenters/form.ts'
import { NOT_CHECKED, sayBusy } from '../../presenters/too-many-tries.ts'
import { refuseWrongPassword } from '../../presenters/wrong-password.ts'
import { deviceOf } from '../../session/device.ts'
import { userOf } from '../../session/guards.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { renewSession } from '../../session/identity.ts'
import { accountPage } from '../../session/return-to.ts'

const FIELDS = { password: { id: 'current-password', secret: true } } as const
const ConfirmationForm = z.object({ password: CurrentPassword })

/** “Confirm it is you”: asks for the password once more before something that only the owner may do. */
export function passwordConfirmationPages(deps: Deps): Router {
  const router = Router()
  router
    .route('/account/password-confirmation')
    .get((req, res) =>
      res.render('password-confirmation', { form: blankForm(FIELDS), next: accountPage(req.query.next) }),
    )
    .post(async (req, res) => {
      const user = userOf(req)
      const next = accountPage(req.body.next)
      const form = parseForm(FIELDS, ConfirmationForm, req.body)
      if (!form.ok) return res.status(422).render('password-confirmation', { form: form.state, next })
      const { password } = form.data
      const confirmation = await confirmPassword(deps, user, {
        password,
        device: deviceOf(req),
        signal: hangUpOf(res),
      }).catch(sayBusy(res, form.state, { field: 'password', words: NOT_CHECKED }))
      if ('busy' in confirmation) return res.render('password-confirmation', { form: confirmation.busy, next })
      if (!confirmation.ok) {
        const again = (message: string) =>
          res.render('password-confirmation', { form: refuse(form.state, 'password', message), next })
        return refuseWrongPassword(req, res, deps, { refused: confirmation, again })
      }
      await renewSession(req, user, deps, confirmation)
      res.redirect(303, next)
    })
    .all(methodNotAllowed)
  return router
}
