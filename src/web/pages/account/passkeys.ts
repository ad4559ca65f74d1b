import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { DisplayName } from '../../../accounts/fields.ts'
import { credentialIn, Registration } from '../../../accounts/passkeys/credentials.ts'
import {
  addPasskey,
  listPasskeys,
  PASSKEYS_MAX,
  removePasskey,
  renamePasskey,
} from '../../../accounts/passkeys/passkeys.ts'
import { maySetUp } from '../../../accounts/second-step/second-steps.ts'
import { deviceName } from '../../../base/device-name.ts'
import type { Deps } from '../../../deps.ts'
import { HttpError, methodNotAllowed } from '../../middleware/errors.ts'
import { blankForm, type FormState, parseForm, refuse } from '../../presenters/form.ts'
import { refuseTooManyTries } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { saveFlash, takeMessage } from '../../session/flash.ts'
import { requireConfirmed, userOf } from '../../session/guards.ts'
import { heldBrowser } from '../../session/passkey.ts'

const PAGE = '/account/passkeys'
const FIELDS = { name: { id: 'passkey-name' } } as const
const ADD = { add: { id: 'add-passkey' } } as const
const NameForm = z.object({ name: DisplayName })

const REFUSED = {
  refused: 'That passkey was not added. Try it again',
  over: 'That took more than five minutes, or was for another account, so the passkey was not added. Try it again',
  known: 'That passkey is in the list already',
  'too-many': `There are ${PASSKEYS_MAX} passkeys already. Remove one that you do not use`,
} as const

/** The passkeys of the account: the list, adding (which a script does), naming and removing. */
export function passkeyPages(deps: Deps): Router {
  const { sql } = deps
  const router = Router()

  async function show(req: Request, res: Response, form: FormState = blankForm(FIELDS)): Promise<void> {
    const user = userOf(req)
    const passkeys = await listPasskeys(sql, user.id)
    const isFull = passkeys.length >= PASSKEYS_MAX
    const message = takeMessage(req)
    res.render('passkeys', { passkeys, form, isFull, mayAdd: maySetUp(deps, user), message })
  }

  router
    .route(PAGE)
    .all(requireConfirmed(deps, PAGE))
    .get((req, res) => show(req, res))
    .post(async (req, res) => {
      const user = userOf(req)
      const device = deviceOf(req)
      const registration = credentialIn(Registration, req.body.credential)
      const added =
        registration && maySetUp(deps, user)
          ? await addPasskey(deps, user, {
              ...{ registration, device, browser: heldBrowser(req, deps) },
              name: deviceName(device.userAgent),
            })
          : ({ ok: false, reason: 'refused' } as const)
      if (!added.ok && added.reason === 'too-many-tries') {
        return show(req, res, refuseTooManyTries(res, blankForm(ADD), added.retryAfterSeconds, 'add'))
      }
      if (!added.ok) {
        res.status(422)
        return show(req, res, refuse(blankForm(ADD), 'add', REFUSED[added.reason]))
      }
      await saveFlash(req, 'passkey-added')
      res.redirect(303, `${PAGE}/${added.passkey.id}`)
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/:id`)
    .all(requireConfirmed(deps, PAGE))
    .get(async (req, res) => {
      const passkey = await passkeyOf(req)
      res.render('passkey', { passkey, form: blankForm(FIELDS, { name: passkey.name }), message: takeMessage(req) })
    })
    .post(async (req, res) => {
      const form = parseForm(FIELDS, NameForm, req.body)
      if (!form.ok) {
        return res.status(422).render('passkey', { passkey: await passkeyOf(req), form: form.state })
      }
      const named = await renamePasskey(sql, userOf(req).id, { id: idOf(req), name: form.data.name })
      if (named === undefined) throw new HttpError(404)
      await saveFlash(req, 'passkey-named')
      res.redirect(303, PAGE)
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/:id/remove`)
    .post(requireConfirmed(deps, PAGE), async (req, res) => {
      const removed = await removePasskey(deps, userOf(req), { id: idOf(req), device: deviceOf(req) })
      if (!removed.ok && removed.reason === 'last-way-in') {
        const passkey = await passkeyOf(req)
        return res
          .status(422)
          .render('passkey', { passkey, form: blankForm(FIELDS, { name: passkey.name }), isLast: true })
      }
      // One that is gone already, for example from another tab, is what was wanted.
      await saveFlash(req, 'passkey-removed')
      res.redirect(303, PAGE)
    })
    .all(methodNotAllowed)

  const idOf = (req: Request): string => String(req.params.id)

  async function passkeyOf(req: Request) {
    const passkey = (await listPasskeys(sql, userOf(req).id)).find(({ id }) => id === idOf(req))
    if (passkey === undefined) throw new HttpError(404)
    return passkey
  }
  return router
}
