/**
 * Access tokens for other backends: JWTs (RFC 7519) signed with Ed25519, with the claims that Better Auth's `jwt` plugin
 * sends and five more: `sid`, the handle of the session, `jti`, `status`, where to see that the session has ended, and how
 * and when its learner logged in: `amr` (RFC 8176) and `auth_time` (OpenID Connect Core, section 2).
 */
import { errors as jwtErrors, jwtVerify } from 'jose'
import { z } from 'zod'
import type { User } from '../accounts/users.ts'
import { newId } from '../base/ids.ts'
import type { Session } from '../sessions/sessions.ts'
import { ALGORITHM, BACKDATED_SECONDS, type SigningKey, signJwt } from './jwt.ts'
import type { KeyRing } from './key-ring.ts'
import { statusClaim } from './status-lists.ts'

export const ACCESS_TOKEN_SECONDS = 900
/** How long a token is good, counted from the moment it is made. */
export const GOOD_FOR_SECONDS = ACCESS_TOKEN_SECONDS - BACKDATED_SECONDS
const LEEWAY_SECONDS = 30
/** A token may be given again for this long, since a signature takes longer than all the rest. It is then good for 14 minutes. */
const GIVEN_AGAIN_MS = 30_000
const KEPT_MAX = 2_000

export type AccessTokens = ReturnType<typeof createAccessTokens>
/** What a token says of its session. */
export type TokenSession = Pick<Session, 'handle' | 'statusIndex' | 'amr' | 'createdAt'>
export type AccessToken = { userId: string; sid: string; exp: number }

const Claims = z.object({
  sub: z.string().min(1),
  sid: z.string().min(1),
  jti: z.string().min(1),
  iat: z.int(),
  exp: z.int(),
})

export function createAccessTokens({ keyRing, issuer, now }: { keyRing: KeyRing; issuer: string; now: () => number }) {
  /** By session, the least recently signed first. */
  const kept = new Map<string, { token: string; signedAt: number; madeOf: string }>()

  function signWith(
    key: SigningKey,
    user: User,
    { handle, statusIndex, amr, createdAt: loggedInAt }: TokenSession,
  ): string {
    const iat = Math.floor(now() / 1000) - BACKDATED_SECONDS
    const { id, name, email, emailVerified, image, createdAt, updatedAt } = user
    const claims = {
      iat,
      name,
      email,
      emailVerified,
      image,
      createdAt,
      updatedAt,
      id,
      sub: id,
      sid: handle,
      amr,
      auth_time: Math.floor(loggedInAt.getTime() / 1000),
      jti: newId(),
    }
    const ends = { exp: iat + ACCESS_TOKEN_SECONDS, iss: issuer, aud: issuer }
    return signJwt(key, { ...claims, ...ends, status: statusClaim(issuer, statusIndex) })
  }

  return {
    /** A new token for this user and session. It is good for 15 minutes, minus the seconds it is backdated by. */
    sign: async (user: User, session: TokenSession): Promise<string> =>
      signWith(await keyRing.current(), user, session),

    /**
     * A token for this user and session that may have been given before, up to 30 seconds ago. The caller has looked the
     * session up now, so this gives nothing to a session that has ended. What the token says of the user is never older.
     */
    async recent(user: User, session: TokenSession): Promise<string> {
      const key = await keyRing.current()
      const signedAt = now()
      const { id, name, email, emailVerified, image, updatedAt } = user
      const madeOf = JSON.stringify([key.kid, id, name, email, emailVerified, image, updatedAt, session.amr])
      const last = kept.get(session.handle)
      const age = signedAt - (last?.signedAt ?? 0)
      if (last?.madeOf === madeOf && age >= 0 && age < GIVEN_AGAIN_MS) return last.token
      const token = signWith(key, user, session)
      kept.delete(session.handle)
      kept.set(session.handle, { token, signedAt, madeOf })
      const [oldest = ''] = kept.keys()
      if (kept.size > KEPT_MAX) kept.delete(oldest)
      return token
    },

    /** What a token says; undefined if it is not ours, not yet good or no longer good (RFC 8725). */
    async verify(token: string): Promise<AccessToken | undefined> {
      try {
        const { payload } = await jwtVerify(
          token,
          async ({ kid = '' }) => {
            const key = await keyRing.find(kid)
            if (key === undefined) throw new jwtErrors.JWKSNoMatchingKey()
            return key
          },
          {
            algorithms: [ALGORITHM],
            issuer,
            audience: issuer,
            clockTolerance: LEEWAY_SECONDS,
            maxTokenAge: ACCESS_TOKEN_SECONDS,
            currentDate: new Date(now()),
          },
        )
        const { data } = Claims.safeParse(payload)
        if (data === undefined || payload.aud !== issuer || data.exp - data.iat > ACCESS_TOKEN_SECONDS) return undefined
        return { userId: data.sub, sid: data.sid, exp: data.exp }
      } catch (error) {
        if (error instanceof jwtErrors.JOSEError) return undefined
        throw error
      }
    },
  }
}
