import type { Request } from 'express'
import { z } from 'zod'
import type { User } from '../../../accounts/users.ts'
import { pseudonym } from '../../../base/log.ts'
import type { Deps } from '../../../deps.ts'
import { GOOD_FOR_SECONDS, type TokenSession } from '../../../tokens/access-tokens.ts'
import { endFamilyOf, type IssuedToken, issueRefreshToken, useRefreshToken } from '../../../tokens/refresh-tokens.ts'
import { noteDamagedSession } from '../../session/session-cookie.ts'
import { learnerOf } from '../bearer.ts'
import { type Endpoint, endpoint, frequentEndpoint, learnerEndpoint } from '../endpoint.ts'
import { Refusal } from '../refusals.ts'
import { Done } from '../wire.ts'

const TokenPair = z
  .object({
    token: z.string().meta({ description: 'The access token, a JWT' }),
    refreshToken: z.string(),
    expiresIn: z.int().meta({ description: 'Seconds' }),
    refreshExpiresAt: z.iso.datetime(),
  })
  .meta({ id: 'TokenPair' })

const Introspection = z.object({
  active: z.boolean(),
  sub: z.string().optional(),
  sid: z.string().optional(),
  exp: z.int().optional(),
})

export function tokenEndpoints(deps: Deps): Endpoint[] {
  const { sql, now, log, rateLimits, accessTokens, refreshKeys } = deps

  const pair = async (user: User, session: TokenSession, issued: IssuedToken) => ({
    token: await accessTokens.sign(user, session),
    refreshToken: issued.refreshToken,
    expiresIn: GOOD_FOR_SECONDS,
    refreshExpiresAt: issued.refreshExpiresAt,
  })

  return [
    frequentEndpoint({
      path: '/api/auth/token',
      access: 'session',
      summary:
        'An access token for other backends, good for 15 minutes. Asked again within 30 seconds, it may be the same.',
      answer: z.object({ token: z.string() }),
      handle: async ({ learner: { user, session } }) => ({ token: await accessTokens.recent(user, session) }),
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/refresh-token',
      summary: 'The first refresh token of a new family, bound to this session',
      body: z.object({}).optional(),
      answer: TokenPair,
      refusals: ['RATE_LIMITED'],
      async handle({ req, learner: { user, handle, session } }) {
        const count = await rateLimits.count('refreshFamiliesBySession', handle)
        if (!count.ok) return new Refusal('RATE_LIMITED', count)
        const issued = await issueRefreshToken(sql, { handle, term: termOf(req), now: now() })
        return issued ? pair(user, session, issued) : new Refusal('UNAUTHORIZED')
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/refresh',
      summary:
        'A new pair for a refresh token, which is used up by it. Sent again within 20 seconds it answers with the same pair, later it ends the family.',
      body: z.object({ refreshToken: z.string() }),
      answer: TokenPair,
      refusals: ['INVALID_REFRESH_TOKEN'],
      async handle({ req, body: { refreshToken } }) {
        const refresh = await useRefreshToken(sql, refreshToken, { keys: refreshKeys, now: now() })
        if (refresh.ok) return pair(refresh.user, refresh.session, refresh)
        if (refresh.reason === 'reused') {
          log.warn({ requestId: req.id, user: pseudonym(refresh.userId) }, 'refresh token used twice: family ended')
        }
        if (refresh.reason === 'damaged') noteDamagedSession(deps, refresh.userId)
        return new Refusal('INVALID_REFRESH_TOKEN')
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/revoke',
      summary: 'End the family of a refresh token. An unknown token gets the same answer.',
      body: z.object({ refreshToken: z.string() }),
      answer: Done,
      async handle({ body: { refreshToken } }) {
        await endFamilyOf(sql, refreshToken)
        return { status: true }
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/introspect',
      access: 'backend',
      right: 'introspect',
      takesForm: true,
      summary: 'Whether an access token still counts: not once its session or its user is gone (RFC 7662)',
      body: z.object({
        token: z.string(),
        token_type_hint: z.string().optional().meta({ description: 'Taken and not needed' }),
      }),
      answer: Introspection,
      async handle({ body: { token } }) {
        const learner = await learnerOf(deps, token)
        if (!learner) return { active: false }
        return { active: true, sub: learner.user.id, sid: learner.handle, exp: learner.exp }
      },
    }),
  ]
}

const termOf = ({ session: { remembered = false, loggedInAt = 0 } }: Request) => ({ remembered, loggedInAt })
