import { z } from 'zod'
import { deleteAccount } from '../../../accounts/account-deletion.ts'
import { Image } from '../../../accounts/fields.ts'
import { confirmPassword } from '../../../accounts/passwords/password-check.ts'
import { updateUser } from '../../../accounts/users.ts'
import type { Deps } from '../../../deps.ts'
import { deviceOf } from '../../session/device.ts'
import { hangUpOf } from '../../session/hang-up.ts'
import { forgetOnDevice, isConfirmed, isStepped } from '../../session/identity.ts'
import { type Endpoint, frequentEndpoint, learnerEndpoint } from '../endpoint.ts'
import { Refusal } from '../refusals.ts'
import { CallbackUrl, Done, Name, toUser, User } from '../wire.ts'
import { refuseWrongPassword } from '../wrong-password.ts'

const Account = z.object({
  accountId: z.string(),
  providerId: z.literal('credential'),
  userId: z.string(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  id: z.string(),
  scopes: z.array(z.string()),
})

export function userEndpoints(deps: Deps): Endpoint[] {
  const { sql } = deps
  return [
    frequentEndpoint({
      path: '/api/me',
      access: 'learner',
      summary: 'Who calls, and whether they have finished onboarding',
      answer: z.object({ user: User, onboarded: z.boolean() }),
      handle: ({ learner: { user } }) => ({ user: toUser(user), onboarded: user.onboardedAt !== null }),
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/update-user',
      summary: 'Change name or picture; `image: null` takes the picture away',
      body: z.object({ name: Name.optional(), image: Image.nullable().optional(), email: z.unknown().optional() }),
      answer: Done,
      refusals: ['EMAIL_CAN_NOT_BE_UPDATED', 'NO_FIELDS_TO_UPDATE'],
      async handle({ learner: { user }, body: { name, image, email } }) {
        if (email) return new Refusal('EMAIL_CAN_NOT_BE_UPDATED')
        if (name === undefined && image === undefined) return new Refusal('NO_FIELDS_TO_UPDATE')
        await updateUser(sql, user.id, { name, image })
        return { status: true }
      },
    }),

    learnerEndpoint({
      method: 'get',
      path: '/api/auth/list-accounts',
      summary: 'The ways the learner can sign in: by password, and no other',
      answer: z.array(Account),
      handle: ({ learner: { user } }) => [
        {
          accountId: user.id,
          providerId: 'credential',
          userId: user.id,
          createdAt: user.createdAt,
          updatedAt: user.updatedAt,
          id: user.id,
          scopes: [],
        },
      ],
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/delete-user',
      summary:
        'Delete the account, which its owner can undo for a while by mail. With `password`, or within 10 minutes of typing it.',
      body: z
        .object({
          password: z.string().optional(),
          token: z.string().optional(),
          callbackURL: CallbackUrl.optional(),
        })
        .optional(),
      answer: z.object({ success: z.literal(true), message: z.literal('User deleted') }),
      leadsTo: 'callbackURL',
      refusals: ['INVALID_PASSWORD', 'SESSION_EXPIRED', 'SESSION_NOT_FRESH', 'DELETE_TOKEN_INVALID', 'RATE_LIMITED'],
      async handle({ req, res, learner: { user }, body: { password, token } = {} }) {
        // We never mail tokens to delete an account, so any token is wrong.
        if (token !== undefined) return new Refusal('DELETE_TOKEN_INVALID')
        if (!isStepped(req, deps)) return new Refusal('SESSION_NOT_FRESH')
        if (password !== undefined) {
          const attempt = { password, device: deviceOf(req), signal: hangUpOf(res) }
          const confirmation = await confirmPassword(deps, user, attempt)
          if (!confirmation.ok) return refuseWrongPassword(req, res, deps, confirmation)
        } else if (!isConfirmed(req, deps)) return new Refusal('SESSION_EXPIRED')
        await deleteAccount(deps, user, deviceOf(req))
        forgetOnDevice(res, deps)
        return { success: true, message: 'User deleted' }
      },
    }),
  ]
}
