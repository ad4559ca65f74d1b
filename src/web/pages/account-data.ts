import { Router } from 'express'
import { z } from 'zod'
import { copyOfAccount } from '../../accounts/copies.ts'
import { CurrentPassword } from '../../accounts/fields.ts'
import { confirmPassword, deleteAccount } from '../../accounts/own-account.ts'
import type { Deps } from '../../deps.ts'
import { forgetOnDevice, requireConfirmed, userOf } from '../auth.ts'
import { refuseConfirmationOnPage } from '../confirmation.ts'
import { deviceOf } from '../device.ts'
import { methodNotAllowed } from '../errors.ts'
import { blankForm, parseForm, refuse } from '../forms.ts'
import { tooManyTries } from '../throttle.ts'

const FIELDS = { password: { id: 'current-password', secret: true }, sure: { id: 'sure' } } as const
const DeleteForm = z.object({
  password: CurrentPassword,
  sure: z.literal('yes', { error: 'Tick the box if you want to delete your account' }),
})
const EXPORT = '/account/export'

/** Taking a copy of everything, and leaving. */
export function accountDataPages(deps: Deps): Router {
  const { sql, now, rateLimits } = deps
  const router = Router()
  router
    .route(EXPORT)
    .get((_req, res) => res.render('account-export'))
    .post(requireConfirmed(deps, EXPORT), async (req, res) => {
      const { id } = userOf(req)
      const count = await rateLimits.count('exportsByUser', id)
      if (!count.allowed) return tooManyTries(req, res, count.retryAfterSeconds)
      const copy = await copyOfAccount(sql, { userId: id, device: deviceOf(req), now: now() })
      const exportedAt = new Date(now()).toISOString()
      res.attachment(`matricula-${exportedAt.slice(0, 10)}.json`)
      res.type('application/json').send(`${JSON.stringify({ exportedAt, ...copy }, null, 2)}\n`)
    })
    .all(methodNotAllowed)

  router
    .route('/account/delete')
    .get((_req, res) => res.render('account-delete', { form: blankForm(FIELDS) }))
    .post(async (req, res) => {
      const user = userOf(req)
      const form = parseForm(FIELDS, DeleteForm, req.body)
      if (!form.ok) return res.status(422).render('account-delete', { form: form.state })
      const confirmation = await confirmPassword(deps, user, { password: form.data.password, device: deviceOf(req) })
      if (!confirmation.ok) {
        const again = (message: string) =>
          res.render('account-delete', { form: refuse(form.state, 'password', message) })
        return refuseConfirmationOnPage(req, res, deps, { refused: confirmation, again })
      }
      await deleteAccount(deps, user)
      forgetOnDevice(res, deps)
      res.redirect(303, '/goodbye')
    })
    .all(methodNotAllowed)
  return router
}
