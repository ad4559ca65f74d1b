/** Who calls with `Authorization: Bearer` (RFC 6750 section 2.1): nowhere else is a token looked for. */
import { timingSafeEqual } from 'node:crypto'
import type { Request } from 'express'
import { findUserOfSession } from '../accounts/sessions.ts'
import type { User } from '../accounts/users.ts'
import type { Deps } from '../deps.ts'

/** A learner who calls the API, by cookie or by token, and the handle of the session behind it. */
export type Learner = { user: User; handle: string }

/** What stands behind `Bearer`, or undefined when the call has no such header. */
export function bearerOf(req: Request): string | undefined {
  const [, token] = /^Bearer(?: +(.*))?$/i.exec(req.get('Authorization') ?? '') ?? []
  return token ?? (/^Bearer/i.test(req.get('Authorization') ?? '') ? '' : undefined)
}

/** The learner of an access token whose session is still open, or undefined. */
export async function learnerOf(
  { accessTokens, sql, now }: Deps,
  token: string,
): Promise<(Learner & { exp: number }) | undefined> {
  const claims = await accessTokens.verify(token)
  if (claims === undefined) return undefined
  const user = await findUserOfSession(sql, claims.sid, now())
  return user?.id === claims.userId ? { user, handle: claims.sid, exp: claims.exp } : undefined
}

export function isServiceKey({ config: { serviceKey } }: Deps, token: string): boolean {
  const [given, known] = [Buffer.from(token), Buffer.from(serviceKey ?? '')]
  return serviceKey !== undefined && given.length === known.length && timingSafeEqual(given, known)
}
