/** For other backends without a learner: their nightly jobs. */
import { z } from 'zod'
import { listDeletedUsers } from '../../../accounts/deleted-users.ts'
import type { Deps } from '../../../deps.ts'
import { Answers } from '../../../learning/answers.ts'
import { listSavedProfiles } from '../../../learning/profiles.ts'
import { type Endpoint, endpoint } from '../endpoint.ts'

const PROFILES_AT_ONCE = 200

const SavedProfile = Answers.extend({ userId: z.string(), savedAt: z.iso.datetime() }).meta({ id: 'SavedProfile' })

export function serviceEndpoints({ sql }: Deps): Endpoint[] {
  return [
    endpoint({
      method: 'get',
      path: '/api/profiles',
      access: 'service',
      right: 'profiles',
      summary: `The saved answers of all learners, ${PROFILES_AT_ONCE} at once. Null and empty lists are not answered.`,
      query: z.object({
        after: z
          .string()
          .max(100)
          // No text of PostgreSQL holds one.
          .refine((text) => !text.includes('\0'), 'A NUL character is in no id')
          .optional()
          .meta({ description: '`next` of the page before; left out for the first' }),
      }),
      answer: z.object({
        profiles: z.array(SavedProfile),
        next: z.string().nullable().meta({ description: 'For the next page; null on the last' }),
      }),
      async handle({ query: { after = '' } }) {
        const found = await listSavedProfiles(sql, after, PROFILES_AT_ONCE)
        const profiles = found.map(({ userId, savedAt, answers }) => ({ userId, savedAt, ...answers }))
        const next = profiles.length < PROFILES_AT_ONCE ? null : (profiles.at(-1)?.userId ?? null)
        return { profiles, next }
      },
    }),

    endpoint({
      method: 'get',
      path: '/api/users/deleted',
      access: 'service',
      right: 'deleted',
      summary: 'Which accounts were deleted for good in the last 90 days, the oldest first',
      query: z.object({
        since: z.iso.datetime().optional().meta({ description: '`until` of the last call; left out for all' }),
      }),
      answer: z.object({
        ids: z.array(z.string()).meta({ description: 'Those of the last minutes may come again' }),
        until: z.iso.datetime().meta({ description: 'To ask with next' }),
        more: z.boolean().meta({ description: 'Whether to ask again at once' }),
      }),
      handle: ({ query: { since } }) => listDeletedUsers(sql, new Date(since ?? 0)),
    }),
  ]
}
