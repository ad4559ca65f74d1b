import { z } from 'zod'
import { isSamePassword, newPasswordOf, SAME_PASSWORD } from '../../../accounts/fields.ts'
import { changePassword } from '../../../accounts/password-change.ts'
import { confirmPassword } from '../../../accounts/passwords/password-check.ts'
import type { Deps } from '../../../deps.ts'
import { deviceOf } from '../../session/device.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { isStepped, markConfirmed, renewSession } from '../../session/identity.ts'
import { rememberDevice } from '../../session/known-device.ts'
import { type Endpoint, learnerEndpoint } from '../endpoint.ts'
import { passwordRefusal, Refusal } from '../refusals.ts'
import { Done, PasswordToSet, toUser, User } from '../wire.ts'
import { refuseWrongPassword } from '../wrong-password.ts'

export function passwordEndpoints(deps: Deps): Endpoint[] {
  const { passwordMinLength } = deps.config

  return [
    learnerEndpoint({
      method: 'post',
      path: '/api/auth/change-password',
      summary:
        'Set a new password. With `revokeOtherSessions` all sessions end and this one goes on under a new token.',
      body: z.object({
        currentPassword: z.string(),
        newPassword: PasswordToSet(passwordMinLength),
        revokeOtherSessions: z.boolean().optional(),
      }),
      answer: z.object({ token: z.string().nullable(), user: User }),
      refusals: [
        'PASSWORD_TOO_SHORT',
        'PASSWORD_TOO_LONG',
        'PASSWORD_COMPROMISED',
        'INVALID_PASSWORD',
        'SESSION_NOT_FRESH',
        'RATE_LIMITED',
      ],
      async handle({
        req,
        res,
        learner: { user },
        body: { currentPassword, newPassword, revokeOtherSessions = false },
      }) {
        const next = newPasswordOf(user, passwordMinLength)
          .refine((text) => !isSamePassword(currentPassword, text), { error: SAME_PASSWORD })
          .safeParse(newPassword)
        if (!next.success) return passwordRefusal(next.error, 'newPassword')
        if (!isStepped(req, deps)) return new Refusal('SESSION_NOT_FRESH')

        const change = {
          current: currentPassword,
          next: next.data,
          endSessions: revokeOtherSessions,
          device: deviceOf(req),
          signal: hangUpOf(res),
        }
        const changed = await changePassword(deps, user, change)
        if (!changed.ok && changed.reason === 'breached') return new Refusal('PASSWORD_COMPROMISED')
        if (!changed.ok) return refuseWrongPassword(req, res, deps, changed)
        if (!revokeOtherSessions) rememberDevice(req, res, deps, { user, ...changed })
        const renewal = { ...changed, hasEnded: true }
        return { token: revokeOtherSessions ? await renewSession(req, user, deps, renewal) : null, user: toUser(user) }
      },
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/verify-password',
      summary: 'Whether this is the password of the learner. If so, nothing asks for it again for 10 minutes.',
      body: z.object({ password: z.string() }),
      answer: Done,
      refusals: ['INVALID_PASSWORD', 'RATE_LIMITED'],
      async handle({ req, res, learner: { user }, body: { password } }) {
        const confirmation = await confirmPassword(deps, user, {
          password,
          device: deviceOf(req),
          signal: hangUpOf(res),
        })
        if (!confirmation.ok) return refuseWrongPassword(req, res, deps, confirmation)
        await markConfirmed(req, deps)
        return { status: true }
      },
    }),
  ]
}
