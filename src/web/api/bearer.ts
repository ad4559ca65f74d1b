/** Who calls with `Authorization: Bearer` (RFC 6750 section 2.1). Tokens are not accepted in any other place. */
import type { IncomingMessage } from 'node:http'
import type { User } from '../../accounts/users.ts'
import type { Deps } from '../../deps.ts'
import { findUserOfSession, type Session } from '../../sessions/sessions.ts'

/** A learner who calls the API, and the handle of their session. With a cookie, the session itself too. */
export type Learner = { user: User; handle: string; session?: Session }
/** One who calls with a session cookie. */
export type SignedIn = Required<Learner>

/** The text after `Bearer`; undefined if the call has no such header. */
export function bearerOf({ headers: { authorization = '' } }: IncomingMessage): string | undefined {
  const [, token] = /^Bearer(?: +(.*))?$/i.exec(authorization) ?? []
  return token ?? (/^Bearer/i.test(authorization) ? '' : undefined)
}

/** The learner of an access token; undefined if the token is not good or its session has ended. */
export async function learnerOf(
  { accessTokens, sql, now }: Deps,
  token: string,
): Promise<(Learner & { exp: number }) | undefined> {
  const claims = await accessTokens.verify(token)
  if (claims === undefined) return undefined
  const user = await findUserOfSession(sql, claims.sid, now())
  return user?.id === claims.userId ? { user, handle: claims.sid, exp: claims.exp } : undefined
}

/**
 * The password after `Basic` (RFC 7617), where introspection clients put their secret (RFC 7662 section 2.1). The user
 * name may be anything. Undefined without such a header.
 */
export function basicSecretOf({ headers: { authorization = '' } }: IncomingMessage): string | undefined {
  const [, encoded] = /^Basic +([\w+/=-]+)$/i.exec(authorization) ?? []
  if (encoded === undefined) return /^Basic/i.test(authorization) ? '' : undefined
  const text = Buffer.from(encoded, 'base64').toString()
  return text.slice(text.indexOf(':') + 1)
}
