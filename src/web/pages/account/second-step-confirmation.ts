import { type ErrorRequestHandler, Router } from 'express'
import { confirmCode } from '../../../accounts/second-step/codes.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { unsentForm } from '../../middleware/unsent-form.ts'
import { blankForm, parseForm, refuse } from '../../presenters/form.ts'
import { CODE_FIELD, CodeForm, refuseWrongCode } from '../../presenters/second-step-code.ts'
import { outOfReach } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { userOf } from '../../session/guards.ts'
import { BOTH_STEPS, isStepped, renewSession } from '../../session/identity.ts'
import { accountPage } from '../../session/return-to.ts'

/** The second step once more, before something that only the owner may do. */
export function secondStepConfirmationPages(deps: Deps): Router {
  const router = Router()
  router
    .route('/account/second-step/confirmation')
    .get((req, res) => {
      const next = accountPage(req.query.next)
      if (isStepped(req, deps)) return res.redirect(303, next)
      res.render('second-step-confirmation', { form: blankForm(CODE_FIELD), next })
    })
    .post(async (req, res) => {
      const user = userOf(req)
      const next = accountPage(req.body.next)
      const form = parseForm(CODE_FIELD, CodeForm, req.body)
      if (!form.ok) return res.status(422).render('second-step-confirmation', { form: form.state, next })
      const check = await confirmCode(deps, user, { code: form.data.code, device: deviceOf(req) })
      if (!check.ok && check.reason === 'over') return res.redirect(303, next)
      if (!check.ok) {
        const again = (message: string) =>
          res.render('second-step-confirmation', { form: refuse(form.state, 'code', message), next })
        return refuseWrongCode(req, res, deps, { refused: check, again })
      }
      await renewSession(req, user, deps, { passwordVersion: check.passwordVersion, amr: BOTH_STEPS })
      res.redirect(303, next)
    })
    .all(methodNotAllowed)
  return router
}

/** The page while the database is away: where it leads is kept. */
export const unsentConfirmation = (deps: Deps): ErrorRequestHandler =>
  unsentForm(deps, /^\/account\/second-step\/confirmation\/?$/, ({ body }, res, retryAfterSeconds) => {
    const form = outOfReach(parseForm(CODE_FIELD, CodeForm, body).state, 'code', retryAfterSeconds)
    res.render('second-step-confirmation', { form, next: accountPage(body.next) })
  })
