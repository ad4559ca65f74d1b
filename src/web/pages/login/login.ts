import { type ErrorRequestHandler, type Request, Router } from 'express'
import { z } from 'zod'
import { CurrentPassword, Email } from '../../../accounts/fields.ts'
import { authenticate } from '../../../accounts/login.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { unsentForm } from '../../middleware/unsent-form.ts'
import { parseForm, refuse } from '../../presenters/form.ts'
import { LOGIN_FIELDS, showLogin } from '../../presenters/login-form.ts'
import {
  inWords,
  MANY_LOG_IN,
  outOfReach,
  refuseStrangers,
  refuseTooManyTries,
  sayBusy,
} from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { requireGuest } from '../../session/guards.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { enter } from '../../session/identity.ts'
import { keptFor } from '../../session/kept-forms.ts'
import { deviceCookieOf } from '../../session/known-device.ts'
import { safeReturnTo } from '../../session/return-to.ts'

const TICKED = ['on', 'yes', 'true', '1']
const NOT_TICKED = ['', 'off', 'no', 'false', '0']

const LoginForm = z.object({
  email: Email,
  password: CurrentPassword,
  remember: z
    .enum([...TICKED, ...NOT_TICKED], { error: 'Tick the box to stay logged in, or leave it empty' })
    .optional()
    .transform((value) => value !== undefined && TICKED.includes(value)),
})

/** What was done on the page before, by the name in the address. */
const DONE = new Map<unknown, { text: string }>([
  ['password-reset', { text: 'Your password is changed. Log in with the new one.' }],
  ['account-claimed', { text: 'The account is yours and your address is confirmed. Log in with your new password.' }],
  ['new-device', { text: 'Your account knows this device now. Log in with your password.' }],
  [
    'second-step-over',
    { text: 'That login took longer than ten minutes, or the account has changed since. Log in again.' },
  ],
  ['deletion-undone', { text: 'Your account is kept, with everything in it. Log in as before.' }],
])

/** From this many tries left on, the page warns of the pause. */
const WARN_FROM_TRIES_LEFT = 3

export function loginPages(deps: Deps): Router {
  const router = Router()
  router
    .route('/login')
    .get(requireGuest, (req, res) => {
      showLogin(res, { next: safeReturnTo(req.query.next) }, DONE.get(req.query.done))
    })
    .post(async (req, res) => {
      const form = readLogin(req)
      const next = safeReturnTo(req.body.next)
      if (!form.ok) return res.status(422).render('login', { form: form.state })

      const login = await authenticate(deps, {
        ...form.data,
        device: deviceOf(req),
        deviceCookie: deviceCookieOf(req, deps),
        signal: hangUpOf(res),
      }).catch(sayBusy(res, form.state, { field: 'email', words: MANY_LOG_IN }))
      if ('busy' in login) return res.render('login', { form: login.busy })
      if (login.ok) {
        const { user, passwordVersion, isNoted } = login
        const kept = req.body.kept ? keptFor(deps, user.id, req.body.kept) : undefined
        const wayIn = { amr: ['pwd'], remembered: form.data.remember, next, passwordVersion, kept, isNoted } as const
        const { path } = await enter(req, res, deps, user, wayIn)
        return res.redirect(303, path)
      }
      if (login.reason === 'suspended') {
        return res.status(403).render('suspended', { supportEmail: deps.config.supportEmail })
      }
      if (login.reason === 'too-many-tries') {
        const state = refuseTooManyTries(res, form.state, login.retryAfterSeconds)
        return res.render('login', { form: state, wayIn: deps.mail.enabled && 'sooner' })
      }
      if (login.reason === 'too-many-failures') {
        const state = refuseStrangers(res, form.state, login.retryAfterSeconds)
        return res.render('login', { form: state, wayIn: deps.mail.enabled && 'only' })
      }
      res.status(422).render('login', {
        form: refuse(form.state, 'email', 'Email or password is incorrect'),
        warning: login.triesLeft <= WARN_FROM_TRIES_LEFT && {
          triesLeft: login.triesLeft,
          pause: inWords(60 * login.pauseMinutes),
        },
      })
    })
    .all(methodNotAllowed)
  return router
}

function readLogin({ body }: Request) {
  const form = parseForm(LOGIN_FIELDS, LoginForm, body)
  const remember = TICKED.find((value) => value === body.remember) ?? ''
  Object.assign(form.state.values, { next: safeReturnTo(body.next), remember })
  return form
}

/** The login page while the database is away: the address and the choice are kept. */
export const unsentLogin = (deps: Deps): ErrorRequestHandler =>
  unsentForm(deps, /^\/login\/?$/, (req, res, retryAfterSeconds) => {
    res.render('login', { form: outOfReach(readLogin(req).state, 'email', retryAfterSeconds) })
  })
