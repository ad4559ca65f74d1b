/** Who calls with `Authorization: Bearer` (RFC 6750 section 2.1): nowhere else is a token looked for. */
import type { Request } from 'express'
import type { User } from '../../accounts/users.ts'
import { isSameText } from '../../base/same-text.ts'
import type { Deps } from '../../deps.ts'
import { findUserOfSession } from '../../sessions/sessions.ts'

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

/**
 * What stands behind `Basic` in place of a password (RFC 7617), where introspection clients put their secret (RFC 7662
 * section 2.1); the name before it may be any. Undefined without such a header.
 */
export function basicSecretOf(req: Request): string | undefined {
  const [, encoded] = /^Basic +([\w+/=-]+)$/i.exec(req.get('Authorization') ?? '') ?? []
  if (encoded === undefined) return /^Basic/i.test(req.get('Authorization') ?? '') ? '' : undefined
  const text = Buffer.from(encoded, 'base64').toString()
  return text.slice(text.indexOf(':') + 1)
}

/** RFC 6749 section 2.3.1 has the secret encoded as in a form first, and not every client does so. */
export function isBasicSecret(deps: Deps, secret: string): boolean {
  const decoded = new URLSearchParams(`secret=${secret.replaceAll('&', '%26')}`).get('secret') ?? ''
  return isServiceKey(deps, secret) || isServiceKey(deps, decoded)
}

export const isServiceKey = ({ config: { serviceKey } }: Deps, token: string): boolean =>
  serviceKey !== undefined && isSameText(token, serviceKey)
