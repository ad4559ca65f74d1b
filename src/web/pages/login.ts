import { Router } from 'express'
import { z } from 'zod'
import { authenticate } from '../../accounts/accounts.ts'
import { CurrentPassword, Email } from '../../accounts/fields.ts'
import { LOGIN_PAUSE_MINUTES } from '../../accounts/rate-limits.ts'
import type { Deps } from '../../deps.ts'
import { logIn, requireGuest } from '../auth.ts'
import { deviceOf } from '../device.ts'
import { methodNotAllowed } from '../errors.ts'
import { blankForm, parseForm, refuse } from '../forms.ts'
import { isMarkOf, openForm } from '../kept-forms.ts'
import { LOGIN_FIELDS } from '../login-form.ts'
import { safeReturnTo } from '../return-to.ts'
import { refuseTooManyTries } from '../throttle.ts'

const TICKED = ['on', 'yes', 'true', '1']
const NOT_TICKED = ['', 'off', 'no', 'false', '0']

const LoginForm = z.object({
  email: Email,
  password: CurrentPassword,
  remember: z
    .enum([...TICKED, ...NOT_TICKED], { error: 'Tick the box to stay signed in, or leave it empty' })
    .optional()
    .transform((value) => value !== undefined && TICKED.includes(value)),
})

/** Few enough tries left to say so before the pause begins. */
const WARN_FROM_TRIES_LEFT = 3

export function loginPages(deps: Deps): Router {
  /** The form that waits for this person; somebody else's is dropped. */
  function keptFor(userId: string, sealed: unknown): string | undefined {
    const form = openForm(sealed, deps)
    return form && isMarkOf(deps, form.mark, userId) ? String(sealed) : undefined
  }

  const router = Router()
  router
    .route('/login')
    .get(requireGuest, (req, res) => {
      const done =
        req.query.done === 'password-reset' ? 'Your password is changed. Log in with the new one.' : undefined
      res.render('login', { form: blankForm(LOGIN_FIELDS, { next: safeReturnTo(req.query.next) }), done })
    })
    .post(async (req, res) => {
      const form = parseForm(LOGIN_FIELDS, LoginForm, req.body)
      const next = safeReturnTo(req.body.next)
      const remember = TICKED.find((value) => value === req.body.remember) ?? ''
      Object.assign(form.state.values, { next, remember })
      if (!form.ok) return res.status(422).render('login', { form: form.state })

      const login = await authenticate(deps, { ...form.data, device: deviceOf(req) })
      if (login.ok) {
        const { user, passwordVersion } = login
        const kept = keptFor(user.id, req.body.kept)
        return res.redirect(303, await logIn(req, user, deps, { ...form.data, next, passwordVersion, kept }))
      }
      if (login.reason === 'too-many-tries') {
        return res.render('login', { form: refuseTooManyTries(res, form.state, login.retryAfterSeconds) })
      }
      res.status(422).render('login', {
        form: refuse(form.state, 'email', 'Email or password is incorrect'),
        warning: login.triesLeft <= WARN_FROM_TRIES_LEFT && {
          triesLeft: login.triesLeft,
          minutes: LOGIN_PAUSE_MINUTES,
        },
      })
    })
    .all(methodNotAllowed)
  return router
}
