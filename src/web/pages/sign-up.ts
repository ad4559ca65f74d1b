import { randomUUID } from 'node:crypto'
import { type ErrorRequestHandler, Router } from 'express'
import { signUpFields } from '../../accounts/fields.ts'
import { BREACHED_PASSWORD } from '../../accounts/passwords/breached-passwords.ts'
import { register } from '../../accounts/sign-up.ts'
import type { Deps } from '../../deps.ts'
import { methodNotAllowed } from '../middleware/errors.ts'
import { unsentForm } from '../middleware/unsent-form.ts'
import { ASKED_FIELD, askAboutAddress } from '../presenters/address-question.ts'
import { blankForm, parseForm, refuse } from '../presenters/form.ts'
import { outOfReach, refuseTooManyTries, sayBusy } from '../presenters/too-many-tries.ts'
import { deviceOf } from '../session/device.ts'
import { requireGuest } from '../session/guards.ts'
import { hangUpOf } from '../session/hang-up.ts'
import { enter } from '../session/identity.ts'
import { linkTo } from '../session/opened-links.ts'
import { signUpSessionId } from '../session/session-cookie.ts'

const FIELDS = {
  name: { id: 'name' },
  email: { id: 'email' },
  password: { id: 'new-password', secret: true },
  ...ASKED_FIELD,
} as const

/**
 * How long presses of the button count as one, and begin one session. Not for as long as they make one account: a session
 * that its learner has ended by then must not be brought back.
 */
const SAME_PRESS_MS = 60_000

/** A class on its first day. */
const MANY_SIGN_UP = 'Many people are signing up or logging in'

export function signUpPages(deps: Deps): Router {
  const { passwordMinLength } = deps.config
  const SignUpForm = signUpFields(passwordMinLength)
  const router = Router()
  router
    .route('/sign-up')
    .get(requireGuest, (_req, res) => res.render('sign-up', { form: blankForm(FIELDS), passwordMinLength }))
    .post(async (req, res) => {
      const form = parseForm(FIELDS, SignUpForm, req.body)
      const question = askAboutAddress(form.state)
      if (question) return res.status(422).render('sign-up', { form: question, passwordMinLength })
      if (!form.ok) return res.status(422).render('sign-up', { form: form.state, passwordMinLength })

      const formId = req.formId ?? randomUUID()
      const registration = await register(deps, {
        ...form.data,
        device: deviceOf(req),
        signal: hangUpOf(res),
        form: formId,
        linkTo: linkTo(deps, '/email-verification'),
      }).catch(sayBusy(res, form.state, { field: 'email', words: MANY_SIGN_UP }))
      if ('busy' in registration) return res.render('sign-up', { form: registration.busy, passwordMinLength })
      if (registration.ok) {
        const { user, passwordVersion } = registration
        const isSamePress = deps.now() - user.createdAt.getTime() < SAME_PRESS_MS
        const sessionId = isSamePress ? signUpSessionId(deps, formId, user.id) : undefined
        const session = { next: '/onboarding', flash: 'account-created', remembered: false, sessionId } as const
        const wayIn = { amr: ['pwd'], passwordVersion, isNoted: true, ...session } as const
        const { path } = await enter(req, res, deps, user, wayIn)
        return res.redirect(303, path)
      }
      if (registration.reason === 'too-many-tries') {
        const state = refuseTooManyTries(res, form.state, registration.retryAfterSeconds)
        return res.render('sign-up', { form: state, passwordMinLength })
      }
      if (registration.reason === 'breached') {
        const state = refuse(form.state, 'password', BREACHED_PASSWORD)
        return res.status(422).render('sign-up', { form: state, passwordMinLength })
      }
      const state = refuse(form.state, 'email', 'There is already an account with this email address')
      res.status(422).render('sign-up', { form: state, passwordMinLength, addressTaken: true })
    })
    .all(methodNotAllowed)
  return router
}

/** The same form while the database is away. Sent again, it is the same sign-up. */
export const unsentSignUp = (deps: Deps): ErrorRequestHandler =>
  unsentForm(deps, /^\/sign-up\/?$/, (req, res, retryAfterSeconds) => {
    const { passwordMinLength } = deps.config
    const { state } = parseForm(FIELDS, signUpFields(passwordMinLength), req.body)
    res.render('sign-up', { form: outOfReach(state, 'email', retryAfterSeconds), passwordMinLength })
  })
