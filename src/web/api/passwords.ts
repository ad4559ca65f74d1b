import type { Request, Response } from 'express'
import { z } from 'zod'
import { changePassword, confirmPassword } from '../../accounts/accounts.ts'
import { newPassword, newPasswordOf } from '../../accounts/fields.ts'
import type { Deps } from '../../deps.ts'
import { logOut, renewSession } from '../auth.ts'
import { type Endpoint, endpoint, learnerEndpoint, Redirect } from '../endpoint.ts'
import type { Origins } from '../origins.ts'
import { passwordRefusal, Refusal } from '../refusals.ts'
import { CallbackUrl, Done, EmailAddress, toUser, User } from '../wire.ts'

type Refused = { reason: 'wrong' } | { reason: 'too-many-tries'; retryAfterSeconds: number }

export function passwordEndpoints(deps: Deps, origins: Origins): Endpoint[] {
  const { passwordMinLength } = deps.config

  /** Whoever guesses at an open session does not know the password, so the session ends when the tries are used up. */
  async function refuseConfirmation(req: Request, res: Response, refused: Refused): Promise<Refusal> {
    if (refused.reason === 'wrong') return new Refusal('INVALID_PASSWORD')
    await logOut(req, res, deps)
    return new Refusal('RATE_LIMITED', refused)
  }

  return [
    learnerEndpoint({
      method: 'post',
      path: '/api/auth/change-password',
      summary:
        'Set a new password. With `revokeOtherSessions` all sessions end and this one goes on under a new token.',
      body: z.object({
        currentPassword: z.string(),
        newPassword: z.string().min(1),
        revokeOtherSessions: z.boolean().optional(),
      }),
      answer: z.object({ token: z.string().nullable(), user: User }),
      refusals: ['PASSWORD_TOO_SHORT', 'PASSWORD_TOO_LONG', 'INVALID_PASSWORD', 'RATE_LIMITED'],
      async handle({
        req,
        res,
        learner: { user },
        body: { currentPassword, newPassword, revokeOtherSessions = false },
      }) {
        const next = newPasswordOf(user, passwordMinLength).safeParse(newPassword)
        if (!next.success) return passwordRefusal(next.error, 'newPassword')

        const change = { current: currentPassword, next: next.data, endSessions: revokeOtherSessions }
        const changed = await changePassword(deps, user, change)
        if (!changed.ok) return refuseConfirmation(req, res, changed)
        return { token: revokeOtherSessions ? await renewSession(req, user, deps) : null, user: toUser(user) }
      },
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/verify-password',
      summary: 'Whether this is the password of the learner',
      body: z.object({ password: z.string() }),
      answer: Done,
      refusals: ['INVALID_PASSWORD', 'RATE_LIMITED'],
      async handle({ req, res, learner: { user }, body: { password } }) {
        const confirmation = await confirmPassword(deps, user, password)
        return confirmation.ok ? { status: true } : refuseConfirmation(req, res, confirmation)
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/request-password-reset',
      summary: 'Switched off until this server can send mail',
      body: z.object({ email: EmailAddress, redirectTo: CallbackUrl.optional() }),
      answer: z.object({ status: z.literal(true), message: z.string() }),
      refusals: ['RESET_PASSWORD_DISABLED', 'INVALID_REDIRECT_URL'],
      handle: ({ req, body: { redirectTo } }) =>
        redirectTo && !origins.mayLeadTo(req, redirectTo)
          ? new Refusal('INVALID_REDIRECT_URL')
          : new Refusal('RESET_PASSWORD_DISABLED'),
    }),

    endpoint({
      method: 'get',
      path: '/api/auth/reset-password/:token',
      summary:
        'Where a link of a mail leads to: on to `callbackURL` with `error=INVALID_TOKEN`, as no link is sent yet',
      query: z.object({ callbackURL: CallbackUrl }),
      redirects: true,
      refusals: ['INVALID_CALLBACK_URL'],
      handle({ req, query: { callbackURL } }) {
        if (!origins.mayLeadTo(req, callbackURL)) return new Refusal('INVALID_CALLBACK_URL')
        const target = new URL(callbackURL, origins.ownOrigin(req))
        target.searchParams.set('error', 'INVALID_TOKEN')
        return new Redirect(target.href)
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/reset-password',
      summary: 'Set a new password by the token of a mail. No mail is sent yet, so no token is good.',
      body: z.object({ newPassword: z.string().min(1), token: z.string().optional() }),
      query: z.object({ token: z.string().optional() }),
      answer: Done,
      refusals: ['PASSWORD_TOO_SHORT', 'PASSWORD_TOO_LONG', 'RESET_TOKEN_INVALID'],
      handle({ body }) {
        const next = newPassword(passwordMinLength).safeParse(body.newPassword)
        return next.success ? new Refusal('RESET_TOKEN_INVALID') : passwordRefusal(next.error, 'newPassword')
      },
    }),
  ]
}
