/** The form for a new password by a link: of a reset, or of an account that somebody else made with one's address. */
import type { Request, Response } from 'express'
import { z } from 'zod'
import { newPasswordOf } from '../../accounts/fields.ts'
import type { Link } from '../../accounts/links/email-links.ts'
import type { resetPasswordByLink } from '../../accounts/links/password-reset.ts'
import { BREACHED_PASSWORD } from '../../accounts/passwords/breached-passwords.ts'
import type { Deps } from '../../deps.ts'
import { deviceOf } from '../session/device.ts'
import { hangUpOf } from '../session/hang-up.ts'
import { rememberDevice } from '../session/known-device.ts'
import { blankForm, type FormState, parseForm, refuse } from './form.ts'
import { NOT_CHANGED, sayBusy } from './too-many-tries.ts'

const FIELDS = {
  password: { id: 'new-password', secret: true },
  startEmpty: { id: 'start-empty' },
} as const

export const blankNewPassword = (): FormState => blankForm(FIELDS, { startEmpty: 'yes' })

type NewPassword = {
  token: string
  link: Link
  /** Whether the form asks about what is in the account. */
  maySetEmpty: boolean
  set: typeof resetPasswordByLink
  show: (form: FormState) => void
}
type Dead = Exclude<Awaited<ReturnType<typeof resetPasswordByLink>>, { ok: true } | { reason: 'breached' }>

/**
 * Sets the password of the sent form. The device is known to the account then. Shows the form again, with what is wrong, and
 * returns undefined when it cannot be set.
 */
export async function setNewPassword(
  req: Request,
  res: Response,
  deps: Deps,
  { token, link, maySetEmpty, set, show }: NewPassword,
): Promise<{ ok: true } | Dead | undefined> {
  const schema = z.object({ password: newPasswordOf(link.user, deps.config.passwordMinLength) })
  const form = parseForm(FIELDS, schema, req.body)
  const again = (state: FormState) => {
    res.status(422)
    show(state)
    return undefined
  }
  if (!form.ok) return again(form.state)
  const changed = await set(deps, token, {
    link,
    password: form.data.password,
    startEmpty: maySetEmpty && req.body.startEmpty === 'yes',
    device: deviceOf(req),
    signal: hangUpOf(res),
  }).catch(sayBusy(res, form.state, { field: 'password', words: NOT_CHANGED }))
  if ('busy' in changed) return void show(changed.busy)
  if (changed.ok) rememberDevice(req, res, deps, { user: link.user, passwordVersion: changed.passwordVersion })
  else if (changed.reason === 'breached') return again(refuse(form.state, 'password', BREACHED_PASSWORD))
  return changed.ok ? { ok: true } : changed
}
