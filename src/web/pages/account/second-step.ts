import { type Request, type Response, Router } from 'express'
import { toString as qrPicture } from 'qrcode'
import { forgetRememberedDevices } from '../../../accounts/second-step/remembered-devices.ts'
import {
  beginSecondStep,
  findSecondStep,
  findSetUp,
  maySetUp,
  renewRecoveryCodes,
  switchSecondStepOn,
} from '../../../accounts/second-step/second-steps.ts'
import { switchSecondStepOff } from '../../../accounts/second-step/switching-off.ts'
import { secretInWords, uriOf } from '../../../accounts/second-step/totp.ts'
import { open, seal } from '../../../base/sealing.ts'
import type { Deps } from '../../../deps.ts'
import { HttpError, methodNotAllowed } from '../../middleware/errors.ts'
import { blankForm, type FormState, parseForm, refuse } from '../../presenters/form.ts'
import { CODE_FIELD, CODE_REFUSED, CodeForm } from '../../presenters/second-step-code.ts'
import { refuseTooManyTries } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { saveFlash, takeFlash } from '../../session/flash.ts'
import { requireConfirmed, userOf } from '../../session/guards.ts'
import { BOTH_STEPS, renewSession } from '../../session/identity.ts'

const PAGE = '/account/second-step'
const SETUP = `${PAGE}/setup`
/** New recovery codes wait for the next page under this name. */
const SEALED_AS = 'recovery codes'

/** The second step of the account: setting it up, its recovery codes, switching it off. */
export function secondStepPages(deps: Deps): Router {
  const { sql, now, secondStepKeys } = deps
  const router = Router()
  const sealedCodes = (codes: readonly string[]) =>
    `codes:${seal(Buffer.from(codes.join(' ')), SEALED_AS, secondStepKeys)}` as const

  router
    .route(PAGE)
    .get(async (req, res) => {
      const user = userOf(req)
      const { text, codes } = takeFlash(req, { withCodes: true }) ?? {}
      const shown = codes && open(codes, SEALED_AS, secondStepKeys)?.secret.toString().split(' ')
      res.render('second-step', {
        step: user.secondStep ? await findSecondStep(sql, user.id) : undefined,
        maySetUp: maySetUp(deps, user),
        codes: shown,
        message: text === undefined ? undefined : { text },
      })
    })
    .post(requireConfirmed(deps, PAGE), async (req, res) => {
      const user = userOf(req)
      const secret = maySetUp(deps, user) ? await beginSecondStep(deps, user) : undefined
      res.redirect(303, secret ? SETUP : PAGE)
    })
    .all(methodNotAllowed)

  /** The secret that is being set up. Nobody sees it again once the second step is on. */
  async function showSetUp(req: Request, res: Response, form: FormState): Promise<void> {
    const user = userOf(req)
    const secret = await findSetUp(deps, user)
    if (secret === undefined) return res.redirect(303, PAGE)
    res.render('second-step-setup', { form, secret: secretInWords(secret), uri: uriOf(secret, user) })
  }

  router
    .route(SETUP)
    .all(requireConfirmed(deps, SETUP))
    .get((req, res) => showSetUp(req, res, blankForm(CODE_FIELD)))
    .post(async (req, res) => {
      const form = parseForm(CODE_FIELD, CodeForm, req.body)
      if (!form.ok) {
        res.status(422)
        return showSetUp(req, res, form.state)
      }
      const { handle = '' } = req.session
      const on = await switchSecondStepOn(deps, userOf(req), { ...form.data, handle, device: deviceOf(req) })
      if (!on.ok && on.reason === 'over') return res.redirect(303, PAGE)
      if (!on.ok && on.reason === 'too-many-tries') {
        return showSetUp(req, res, refuseTooManyTries(res, form.state, on.retryAfterSeconds, 'code'))
      }
      if (!on.ok) {
        res.status(422)
        return showSetUp(req, res, refuse(form.state, 'code', CODE_REFUSED.wrong))
      }
      const { user, passwordVersion } = on
      await renewSession(req, user, deps, { passwordVersion, amr: BOTH_STEPS, flash: sealedCodes(on.codes) })
      res.redirect(303, PAGE)
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/qr.svg`)
    .get(requireConfirmed(deps, SETUP), async (req, res) => {
      const user = userOf(req)
      const secret = await findSetUp(deps, user)
      if (secret === undefined) throw new HttpError(404)
      // Dark on light whatever the colours of the page are, since not every camera reads the reverse.
      res.type('svg').send(await qrPicture(uriOf(secret, user), { type: 'svg', errorCorrectionLevel: 'M' }))
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/recovery-codes`)
    .post(requireConfirmed(deps, PAGE), async (req, res) => {
      const codes = await renewRecoveryCodes(deps, userOf(req), deviceOf(req))
      if (codes) await saveFlash(req, sealedCodes(codes))
      res.redirect(303, PAGE)
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/forget-devices`)
    .post(requireConfirmed(deps, PAGE), async (req, res) => {
      await forgetRememberedDevices(sql, userOf(req).id, { device: deviceOf(req), now: now() })
      await saveFlash(req, 'second-step-devices-forgotten')
      res.redirect(303, PAGE)
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/off`)
    .post(requireConfirmed(deps, PAGE), async (req, res) => {
      await switchSecondStepOff(deps, userOf(req), deviceOf(req))
      await saveFlash(req, 'second-step-off')
      res.redirect(303, PAGE)
    })
    .all(methodNotAllowed)
  return router
}
