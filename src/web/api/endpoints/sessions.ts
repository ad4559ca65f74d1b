import { z } from 'zod'
import { revokeEverySession, revokeOtherSessions, revokeSession } from '../../../accounts/account-sessions.ts'
import type { Deps } from '../../../deps.ts'
import { listSessions } from '../../../sessions/sessions.ts'
import { deviceOf } from '../../session/device.ts'
import { forgetOnDevice, logOut } from '../../session/identity.ts'
import { rememberDeviceAgain } from '../../session/known-device.ts'
import { type Endpoint, endpoint, frequentEndpoint, learnerEndpoint, WithHeaders } from '../endpoint.ts'
import { Refusal } from '../refusals.ts'
import { Done, Session, toSession, toUser, User } from '../wire.ts'

const NoBody = z.object({}).optional()

export function sessionEndpoints(deps: Deps): Endpoint[] {
  const { sql, now, accessTokens } = deps
  return [
    frequentEndpoint({
      path: '/api/auth/get-session',
      access: 'visitor',
      summary: 'Who is signed in: null for nobody. A fresh access token comes in the header `set-auth-jwt`.',
      query: z.object({ disableRefresh: z.string().optional(), disableCookieCache: z.string().optional() }),
      answer: z.object({ session: Session, user: User }).nullable(),
      async handle({ learner }) {
        if (!learner?.session) return new WithHeaders(null, { Pragma: 'no-cache' })
        const { user, session } = learner
        return new WithHeaders(
          { session: toSession(session), user: toUser(user) },
          {
            Pragma: 'no-cache',
            'set-auth-jwt': await accessTokens.recent(user, session),
            'Access-Control-Expose-Headers': 'set-auth-jwt, x-retry-after, retry-after',
          },
        )
      },
    }),

    endpoint({
      method: 'post',
      path: '/api/auth/get-session',
      summary: 'Refused: there is no deferred refresh of sessions here',
      answer: z.null(),
      refusals: ['METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED'],
      handle: () => new Refusal('METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED'),
    }),

    learnerEndpoint({
      method: 'get',
      path: '/api/auth/list-sessions',
      summary: 'The open sessions of the learner, the one seen last first',
      answer: z.array(Session),
      async handle({ learner: { user, handle } }) {
        const open = await listSessions(sql, user.id, now())
        return open.map((session) => ({ ...toSession(session), current: session.handle === handle }))
      },
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/revoke-session',
      summary: 'End one session of the learner. One that is not theirs, or not there, gets the same answer.',
      body: z.object({ token: z.string() }),
      answer: Done,
      async handle({ req, res, learner: { user, handle }, body: { token } }) {
        if (token === handle) await logOut(req, res, deps)
        else await revokeSession(sql, user.id, token, { device: deviceOf(req), now: now() })
        return { status: true }
      },
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/revoke-other-sessions',
      summary: 'End all sessions but this one',
      body: NoBody,
      answer: Done,
      async handle({ req, res, learner: { user, handle } }) {
        const versions = await revokeOtherSessions(sql, user.id, handle, { device: deviceOf(req), now: now() })
        rememberDeviceAgain(req, res, deps, user, versions)
        return { status: true }
      },
    }),

    learnerEndpoint({
      method: 'post',
      path: '/api/auth/revoke-sessions',
      summary: 'End all sessions, this one too',
      body: NoBody,
      answer: Done,
      async handle({ res, learner: { user } }) {
        await revokeEverySession(sql, user.id)
        forgetOnDevice(res, deps)
        return { status: true }
      },
    }),
  ]
}
