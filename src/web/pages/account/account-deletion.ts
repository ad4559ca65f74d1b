import { Router } from 'express'
import { z } from 'zod'
import { deleteAccount, graceEnd } from '../../../accounts/account-deletion.ts'
import { CurrentPassword } from '../../../accounts/fields.ts'
import { confirmPassword } from '../../../accounts/passwords/password-check.ts'
import { dayInWords } from '../../../base/dates.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { blankForm, parseForm, refuse } from '../../presenters/form.ts'
import { NOT_CHANGED, sayBusy } from '../../presenters/too-many-tries.ts'
import { refuseWrongPassword } from '../../presenters/wrong-password.ts'
import { deviceOf } from '../../session/device.ts'
import { requireStep, userOf } from '../../session/guards.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { forgetOnDevice } from '../../session/identity.ts'

const FIELDS = { password: { id: 'current-password', secret: true }, sure: { id: 'sure' } } as const
const DeletionForm = z.object({
  password: CurrentPassword,
  sure: z.literal('yes', { error: 'Tick the box if you want to delete your account' }),
})

/** Deleting the account, which asks for the password and a tick. */
export function accountDeletionPages(deps: Deps): Router {
  const until = () => {
    const end = graceEnd(deps)
    return end && dayInWords(end)
  }
  const router = Router()
  router
    .route('/account/account-deletion')
    .all(requireStep(deps, '/account/account-deletion'))
    .get((_req, res) => res.render('account-deletion', { until: until(), form: blankForm(FIELDS) }))
    .post(async (req, res) => {
      const user = userOf(req)
      const form = parseForm(FIELDS, DeletionForm, req.body)
      if (!form.ok) return res.status(422).render('account-deletion', { until: until(), form: form.state })
      const { password } = form.data
      const confirmation = await confirmPassword(deps, user, {
        password,
        device: deviceOf(req),
        signal: hangUpOf(res),
      }).catch(sayBusy(res, form.state, { field: 'password', words: NOT_CHANGED }))
      if ('busy' in confirmation) return res.render('account-deletion', { until: until(), form: confirmation.busy })
      if (!confirmation.ok) {
        const again = (message: string) =>
          res.render('account-deletion', { until: until(), form: refuse(form.state, 'password', message) })
        return refuseWrongPassword(req, res, deps, { refused: confirmation, again })
      }
      await deleteAccount(deps, user, deviceOf(req))
      forgetOnDevice(res, deps)
      res.redirect(303, '/goodbye')
    })
    .all(methodNotAllowed)
  return router
}
