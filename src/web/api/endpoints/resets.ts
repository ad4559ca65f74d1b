import { z } from 'zod'
import { newPassword, newPasswordOf } from '../../../accounts/fields.ts'
import { lookAtLink } from '../../../accounts/links/email-links.ts'
import { requestReset, resetPasswordByLink } from '../../../accounts/links/password-reset.ts'
import type { Deps } from '../../../deps.ts'
import { deviceOf } from '../../session/device.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { linkTo } from '../../session/opened-links.ts'
import { type Endpoint, endpoint, Redirect } from '../endpoint.ts'
import type { Origins } from '../origins.ts'
import { passwordRefusal, Refusal } from '../refusals.ts'
import { CallbackUrl, Done, EmailAddress, PasswordToSet } from '../wire.ts'

const PURPOSES = ['reset-password'] as const

/** A link that leads on to a page of the caller, with its token. */
const linkToCaller =
  ({ mail }: Deps, callbackURL: string) =>
  (token: string): string =>
    `${mail.origin}/api/auth/reset-password/${token}?callbackURL=${encodeURIComponent(callbackURL)}`

/** A forgotten password, by the contract of Better Auth: with `redirectTo`, the link leads to a page of the caller. */
export function resetEndpoints(deps: Deps, origins: Origins): Endpoint[] {
  const { passwordMinLength } = deps.config
  return [
    endpoint({
      method: 'post',
      path: '/api/auth/request-password-reset',
      summary: 'Mail a link to reset the password, if the address has an account; the answer is the same if not',
      body: z.object({ email: EmailAddress, redirectTo: CallbackUrl.optional() }),
      answer: z.object({ status: z.literal(true), message: z.string() }),
      leadsTo: 'redirectTo',
      refusals: ['RESET_PASSWORD_DISABLED', 'RATE_LIMITED'],
      async handle({ req, body: { email, redirectTo } }) {
        if (!deps.mail.enabled) return new Refusal('RESET_PASSWORD_DISABLED')
        const asked = await requestReset(deps, {
          email,
          device: deviceOf(req),
          linkTo: redirectTo ? linkToCaller(deps, redirectTo) : linkTo(deps, '/password-reset'),
        })
        if (!asked.ok) return new Refusal('RATE_LIMITED', asked)
        return {
          status: true,
          message: 'If this email exists in our system, check your email for the reset link',
        }
      },
    }),

    endpoint({
      method: 'get',
      path: '/api/auth/reset-password/:token',
      summary:
        'Where a link of a mail leads to: on to `callbackURL` with `token`, or with `error=INVALID_TOKEN`. Uses nothing up.',
      query: z.object({ callbackURL: CallbackUrl }),
      redirects: true,
      leadsTo: 'callbackURL',
      refusals: ['RATE_LIMITED'],
      async handle({ req, query: { callbackURL } }) {
        // The caller's page asks for the new password. Without one the link would be useless.
        if (callbackURL === '') return new Refusal('INVALID_CALLBACK_URL')
        const { token = '' } = req.params as { token?: string }
        const look = await lookAtLink(deps, { token, purposes: PURPOSES, ip: req.ip ?? '' })
        if (!look.ok && look.reason === 'too-many-tries') return new Refusal('RATE_LIMITED', look)
        const target = new URL(callbackURL, origins.ownOrigin(req))
        if (look.ok && look.link.state === 'good') target.searchParams.set('token', token)
        else target.searchParams.set('error', 'INVALID_TOKEN')
        return new Redirect(target.href)
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/reset-password',
      summary: 'Set a new password by the token of a mail, once. All sessions end; nobody is signed in.',
      body: z.object({ newPassword: PasswordToSet(passwordMinLength), token: z.string().optional() }),
      query: z.object({ token: z.string().optional() }),
      answer: Done,
      refusals: [
        'PASSWORD_TOO_SHORT',
        'PASSWORD_TOO_LONG',
        'PASSWORD_COMPROMISED',
        'RESET_TOKEN_INVALID',
        'RATE_LIMITED',
      ],
      async handle({ req, res, body, query }) {
        const allowed = newPassword(passwordMinLength).safeParse(body.newPassword)
        if (!allowed.success) return passwordRefusal(allowed.error, 'newPassword')
        const token = body.token ?? query.token ?? ''
        const look = await lookAtLink(deps, { token, purposes: PURPOSES, ip: req.ip ?? '' })
        if (!look.ok && look.reason === 'too-many-tries') return new Refusal('RATE_LIMITED', look)
        if (!look.ok) return new Refusal('RESET_TOKEN_INVALID')
        const { link } = look
        // Only whoever has a good link may learn that a password is the learner's own name.
        const own = newPasswordOf(link.user, passwordMinLength).safeParse(body.newPassword)
        if (link.state === 'good' && !own.success) return passwordRefusal(own.error, 'newPassword')
        const reset = await resetPasswordByLink(deps, token, {
          link,
          password: allowed.data,
          device: deviceOf(req),
          signal: hangUpOf(res),
        })
        if (!reset.ok && reset.reason === 'breached') return new Refusal('PASSWORD_COMPROMISED')
        return reset.ok ? { status: true } : new Refusal('RESET_TOKEN_INVALID')
      },
    }),
  ]
}
