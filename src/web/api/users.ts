import { z } from 'zod'
import { updateUser } from '../../accounts/users.ts'
import type { Deps } from '../../deps.ts'
import { type Endpoint, learnerEndpoint } from '../endpoint.ts'
import { Refusal } from '../refusals.ts'
import { Done, EmailAddress, Image, Name, Success, toUser, User } from '../wire.ts'

const Account = z.object({
  accountId: z.string(),
  providerId: z.literal('credential'),
  userId: z.string(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  id: z.string(),
  scopes: z.array(z.string()),
})

export function userEndpoints({ sql }: Deps): Endpoint[] {
  return [
    learnerEndpoint({
      method: 'get',
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
      path: '/api/auth/change-email',
      summary: 'Switched off until this server can send mail',
      body: z.object({ newEmail: EmailAddress, callbackURL: z.string().optional() }),
      answer: Done,
      refusals: ['CHANGE_EMAIL_DISABLED'],
      handle: () => new Refusal('CHANGE_EMAIL_DISABLED'),
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/delete-user',
      summary: 'Switched off until this server can send mail: 404 without a body',
      body: z
        .object({
          password: z.string().optional(),
          token: z.string().optional(),
          callbackURL: z.string().optional(),
        })
        .optional(),
      answer: Success,
      refusals: ['FEATURE_OFF'],
      handle: () => new Refusal('FEATURE_OFF'),
    }),
  ]
}
