import { Router } from 'express'
import { z } from 'zod'
import { findPendingEmail } from '../../../accounts/email-change.ts'
import { DisplayName } from '../../../accounts/fields.ts'
import { setLoginNotices, wantsLoginNotices } from '../../../accounts/links/new-device.ts'
import { updateUser } from '../../../accounts/users.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { blankForm, type FormState, parseForm } from '../../presenters/form.ts'
import { deviceOf } from '../../session/device.ts'
import { saveFlash, takeMessage } from '../../session/flash.ts'
import { requireConfirmed, userOf } from '../../session/guards.ts'
import { takeKeptForm, textOf } from '../../session/kept-forms.ts'

const FIELDS = { name: { id: 'name' } } as const
const NOTICE_FIELDS = { loginNotices: { id: 'login-notices' } } as const
const NameForm = z.object({ name: DisplayName })

/** The name, and links to everything else that belongs to the account. */
export function accountPages(deps: Deps): Router {
  const { sql, now, mail } = deps
  const router = Router()
  const facts = async (userId: string, form: FormState) => {
    const [pendingEmail, loginNotices] = await Promise.all([
      findPendingEmail(sql, userId, now()),
      wantsLoginNotices(sql, userId),
    ])
    const notices = blankForm(NOTICE_FIELDS, { loginNotices: loginNotices ? 'yes' : '' })
    return { form, notices, pendingEmail, mailEnabled: mail.enabled }
  }
  router
    .route('/account')
    .get(async (req, res) => {
      const { id, name } = userOf(req)
      const kept = takeKeptForm(req, deps)
      const page = await facts(id, blankForm(FIELDS, { name: textOf(kept, 'name') ?? name }))
      res.render('account', { ...page, message: takeMessage(req), kept })
    })
    .post(async (req, res) => {
      const { id } = userOf(req)
      const form = parseForm(FIELDS, NameForm, req.body)
      if (!form.ok) return res.status(422).render('account', await facts(id, form.state))
      await updateUser(sql, id, form.data)
      await saveFlash(req, 'name-saved')
      res.redirect(303, '/account')
    })
    .all(methodNotAllowed)

  router
    .route('/account/login-notices')
    // Whoever has a session and no password must not be able to come back unheard.
    .post(requireConfirmed(deps, '/account'), async (req, res) => {
      const wanted = req.body.loginNotices === 'yes'
      await setLoginNotices(sql, userOf(req).id, wanted, { device: deviceOf(req), now: now() })
      await saveFlash(req, wanted ? 'login-notices-on' : 'login-notices-off')
      res.redirect(303, '/account')
    })
    .all(methodNotAllowed)
  return router
}
