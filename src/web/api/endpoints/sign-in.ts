import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { CurrentPassword, Email, Image, newPasswordOf } from '../../../accounts/fields.ts'
import { authenticate } from '../../../accounts/login.ts'
import { register } from '../../../accounts/sign-up.ts'
import type { Deps } from '../../../deps.ts'
import { deviceOf } from '../../session/device.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { enter, forgetOnDevice, logOut } from '../../session/identity.ts'
import { deviceCookieOf } from '../../session/known-device.ts'
import { linkTo } from '../../session/opened-links.ts'
import { type Endpoint, endpoint } from '../endpoint.ts'
import { passwordRefusal, Refusal } from '../refusals.ts'
import {
  CallbackUrl,
  EmailAddress,
  EmailToSignIn,
  Name,
  PasswordToSet,
  PasswordToSignIn,
  SECOND_STEP,
  SecondStep,
  Success,
  toUser,
  User,
} from '../wire.ts'

const RememberMe = z
  .boolean()
  .optional()
  .meta({ description: 'false: a session of this browser, 24 hours at most. Else 30 days.' })

const signUp = (passwordMinLength: number) =>
  z.object({
    name: Name,
    email: EmailAddress,
    password: PasswordToSet(passwordMinLength),
    image: Image.optional(),
    callbackURL: CallbackUrl.optional(),
    rememberMe: RememberMe,
  })

const SignIn = z.object({
  email: EmailToSignIn,
  password: PasswordToSignIn,
  callbackURL: CallbackUrl.optional(),
  rememberMe: RememberMe,
})

export function signInEndpoints(deps: Deps): Endpoint[] {
  return [
    endpoint({
      method: 'post',
      path: '/api/auth/sign-up/email',
      access: 'visitor',
      summary: 'Create an account and sign in',
      takesForm: true,
      logsIn: true,
      leadsTo: 'callbackURL',
      body: signUp(deps.config.passwordMinLength),
      answer: z.union([z.object({ token: z.string(), user: User }), SecondStep]),
      refusals: [
        'PASSWORD_TOO_SHORT',
        'PASSWORD_TOO_LONG',
        'PASSWORD_COMPROMISED',
        'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL',
        'RATE_LIMITED',
      ],
      async handle({ req, res, body: { rememberMe, callbackURL, ...body } }) {
        const password = newPasswordOf(body, deps.config.passwordMinLength).safeParse(body.password)
        if (!password.success) return passwordRefusal(password.error, 'password')

        const registration = await register(deps, {
          ...body,
          device: deviceOf(req),
          signal: hangUpOf(res),
          form: randomUUID(),
          linkTo: linkTo(deps, '/email-verification', callbackURL),
        })
        if (registration.ok) {
          const { user, passwordVersion } = registration
          const how = { amr: ['pwd'], passwordVersion, remembered: rememberMe ?? true } as const
          const entered = await enter(req, res, deps, user, { ...how, beside: true, isNoted: true })
          return entered.ok ? { token: entered.handle, user: toUser(user) } : SECOND_STEP
        }
        if (registration.reason === 'breached') return new Refusal('PASSWORD_COMPROMISED')
        return registration.reason === 'too-many-tries'
          ? new Refusal('RATE_LIMITED', registration)
          : new Refusal('USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL')
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/sign-in/email',
      access: 'visitor',
      summary: 'Sign in',
      takesForm: true,
      logsIn: true,
      leadsTo: 'callbackURL',
      body: SignIn,
      answer: z.union([
        z.object({ redirect: z.boolean(), token: z.string(), url: z.string().optional(), user: User }),
        SecondStep,
      ]),
      refusals: ['INVALID_EMAIL', 'PASSWORD_TOO_LONG', 'INVALID_EMAIL_OR_PASSWORD', 'BANNED_USER', 'RATE_LIMITED'],
      async handle({ req, res, body: { email: typed, password, callbackURL, rememberMe } }) {
        const email = Email.safeParse(typed)
        if (!email.success) return new Refusal('INVALID_EMAIL')
        // An empty password is just wrong. One that is too long is not even checked.
        if (password !== '' && !CurrentPassword.safeParse(password).success) return new Refusal('PASSWORD_TOO_LONG')

        const login = await authenticate(deps, {
          email: email.data,
          password,
          device: deviceOf(req),
          deviceCookie: deviceCookieOf(req, deps),
          signal: hangUpOf(res),
        })
        if (login.ok) {
          const { user, passwordVersion, isNoted } = login
          const how = { amr: ['pwd'], passwordVersion, remembered: rememberMe ?? true } as const
          const entered = await enter(req, res, deps, user, { ...how, beside: true, isNoted })
          if (!entered.ok) return SECOND_STEP
          if (callbackURL) res.location(callbackURL)
          return {
            redirect: Boolean(callbackURL),
            token: entered.handle,
            ...(callbackURL ? { url: callbackURL } : {}),
            user: toUser(user),
          }
        }
        if (login.reason === 'wrong') return new Refusal('INVALID_EMAIL_OR_PASSWORD')
        if (login.reason === 'suspended') return new Refusal('BANNED_USER')
        const { reason, retryAfterSeconds } = login
        const detail = `Too many wrong passwords from devices that this account does not know. ${deps.mail.origin}/new-device sends its owner a link to log in from a new one.`
        return new Refusal('RATE_LIMITED', { retryAfterSeconds, ...(reason === 'too-many-failures' ? { detail } : {}) })
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/sign-out',
      access: 'visitor',
      summary: 'End the session of the cookie, with its refresh tokens',
      body: z.object({}).optional(),
      answer: Success,
      async handle({ req, res, learner }) {
        if (learner) await logOut(req, res, deps)
        else forgetOnDevice(res, deps)
        return { success: true }
      },
    }),
  ]
}
