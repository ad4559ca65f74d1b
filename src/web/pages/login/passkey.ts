import { Router } from 'express'
import { Assertion, credentialIn } from '../../../accounts/passkeys/credentials.ts'
import { logInByPasskey } from '../../../accounts/passkeys/passkey-login.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { blankForm, refuse } from '../../presenters/form.ts'
import { LOGIN_FIELDS } from '../../presenters/login-form.ts'
import { refuseTooManyTries } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { byPasskey, enter } from '../../session/identity.ts'
import { keptFor, openForm } from '../../session/kept-forms.ts'
import { heldBrowser } from '../../session/passkey.ts'
import { safeReturnTo } from '../../session/return-to.ts'

const REFUSED = {
  unknown: 'That passkey belongs to no account here. Log in with your password',
  over: 'That took more than five minutes, so you are not logged in. Use the passkey once more, or log in with your password',
  wrong: 'That passkey did not log you in. Try it again, or log in with your password',
} as const

/** What the script of the login page sends, once a browser has given it a passkey. */
export function loginPasskeyPages(deps: Deps): Router {
  const router = Router()
  router
    .route('/login/passkey')
    .get((_req, res) => res.redirect(303, '/login'))
    .post(async (req, res) => {
      const next = safeReturnTo(req.body.next)
      const remembered = req.body.remember === 'yes'
      const kept = openForm(req.body.kept, deps) ? String(req.body.kept) : ''
      const form = blankForm(LOGIN_FIELDS, { next, remember: remembered ? 'yes' : '', kept })
      const assertion = credentialIn(Assertion, req.body.credential)
      const login = assertion
        ? await logInByPasskey(deps, { assertion, browser: heldBrowser(req, deps), device: deviceOf(req) })
        : ({ ok: false, reason: 'wrong' } as const)
      if (login.ok) {
        const { user, passkey, passwordVersion } = login
        const wayIn = { amr: byPasskey(passkey), passwordVersion, remembered, next, kept: keptFor(deps, user.id, kept) }
        const { path } = await enter(req, res, deps, user, wayIn)
        return res.redirect(303, path)
      }
      if (login.reason === 'suspended') {
        return res.status(403).render('suspended', { supportEmail: deps.config.supportEmail })
      }
      if (login.reason === 'too-many-tries') {
        return res.render('login', { form: refuseTooManyTries(res, form, login.retryAfterSeconds) })
      }
      res.status(422).render('login', { form: refuse(form, 'email', REFUSED[login.reason]) })
    })
    .all(methodNotAllowed)
  return router
}
