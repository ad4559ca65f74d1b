/** Who calls with `Authorization: Bearer` (RFC 6750 section 2.1). Tokens are not accepted in any other place. */
import type { IncomingMessage } from 'node:http'
import type { User } from '../../accounts/users.ts'
import { isSameText } from '../../base/same-text.ts'
import type { Deps } from '../../deps.ts'
import { findUserOfSession, type Session } from '../../sessions/sessions.ts'
import type { Access } from './endpoint.ts'
import { Refusal } from './refusals.ts'

/** A learner who calls the API, and the handle of their session. With a cookie, the session itself too. */
export type Learner = { user: User; handle: string; session?: Session }

/**
 * Who calls an endpoint with this access; `ofCookie` looks the session of a cookie up, which differs from road to road.
 * Returns undefined for a visitor, and for a backend, which is nobody's learner.
 * @throws {Refusal} 401 if a learner is required and there is none.
 */
export async function callerOf(
  deps: Deps,
  access: Access,
  req: IncomingMessage,
  ofCookie: () => Promise<Learner | undefined>,
): Promise<Learner | undefined> {
  if (access === 'anyone') return undefined
  const token = access === 'learner' || access === 'backend' ? bearerOf(req) : undefined
  if (token !== undefined && access === 'backend' && isServiceKey(deps, token)) return undefined
  const secret = access === 'backend' ? basicSecretOf(req) : undefined
  if (secret !== undefined && isBasicSecret(deps, secret)) return undefined
  if (secret !== undefined) throw new Refusal('UNAUTHORIZED', { scheme: 'Basic realm="Matricula"' })
  const learner = await (token === undefined ? ofCookie() : learnerOf(deps, token))
  if (learner === undefined && access !== 'visitor') throw new Refusal('UNAUTHORIZED')
  return learner
}

/** The text after `Bearer`; undefined if the call has no such header. */
function bearerOf({ headers: { authorization = '' } }: IncomingMessage): string | undefined {
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
function basicSecretOf({ headers: { authorization = '' } }: IncomingMessage): string | undefined {
  const [, encoded] = /^Basic +([\w+/=-]+)$/i.exec(authorization) ?? []
  if (encoded === undefined) return /^Basic/i.test(authorization) ? '' : undefined
  const text = Buffer.from(encoded, 'base64').toString()
  return text.slice(text.indexOf(':') + 1)
}

/** RFC 6749 section 2.3.1 wants the secret to be form-encoded. Not every client does that, so both are accepted. */
function isBasicSecret(deps: Deps, secret: string): boolean {
  const decoded = new URLSearchParams(`secret=${secret.replaceAll('&', '%26')}`).get('secret') ?? ''
  return isServiceKey(deps, secret) || isServiceKey(deps, decoded)
}

const isServiceKey = ({ config: { serviceKey } }: Deps, token: string): boolean =>
  serviceKey !== undefined && isSameText(token, serviceKey)
