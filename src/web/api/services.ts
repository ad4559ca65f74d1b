/** Who calls as a service: another backend with a key, which it sends as bearer token or as the password of HTTP Basic. */
import type { IncomingMessage } from 'node:http'
import { isSameText } from '../../base/same-text.ts'
import type { Deps } from '../../deps.ts'
import { type Right, useServiceKey } from '../../tokens/service-keys.ts'
import { basicSecretOf, bearerOf, type Learner, learnerOf } from './bearer.ts'
import type { Access } from './endpoint.ts'
import { Refusal } from './refusals.ts'

/** What `SERVICE_KEY` may do: what it could before keys had names, so that nobody's key has grown by an update. */
const RIGHTS_OF_SETTING: readonly Right[] = ['introspect']

/**
 * Whether the call comes from a service, which may be somebody else's business.
 * @throws {Refusal} 401 if the key is none that is known and it can be nothing else, 403 if it may not do this.
 */
export async function isService(deps: Deps, req: IncomingMessage, right: Right): Promise<boolean> {
  const secret = basicSecretOf(req)
  const texts = secret === undefined ? [bearerOf(req) ?? ''] : [secret, decoded(secret)]
  for (const text of texts) {
    const rights = await rightsOf(deps, text)
    if (rights?.includes(right)) return true
    if (rights !== undefined) throw new Refusal('SERVICE_KEY_LACKS_RIGHT', { detail: `It needs the right ${right}` })
  }
  if (secret !== undefined) throw new Refusal('UNAUTHORIZED', { scheme: 'Basic realm="Matricula"' })
  return false
}

async function rightsOf(
  { config: { serviceKey }, sql, now }: Deps,
  text: string,
): Promise<readonly string[] | undefined> {
  if (serviceKey !== undefined && isSameText(text, serviceKey)) return RIGHTS_OF_SETTING
  return (await useServiceKey(sql, text, now()))?.rights
}

/** RFC 6749 section 2.3.1 wants the secret to be form-encoded. Not every client does that, so both are accepted. */
const decoded = (secret: string): string =>
  new URLSearchParams(`secret=${secret.replaceAll('&', '%26')}`).get('secret') ?? ''

/**
 * Who calls an endpoint with this access; `ofCookie` looks the session of a cookie up, which differs from road to road.
 * Returns undefined for a visitor, and for a backend, which is nobody's learner.
 * @throws {Refusal} 401 if a learner is required and there is none.
 */
export async function callerOf(
  deps: Deps,
  { access, right }: { access: Access; right?: Right },
  req: IncomingMessage,
  ofCookie: () => Promise<Learner | undefined>,
): Promise<Learner | undefined> {
  if (access === 'anyone') return undefined
  if (right !== undefined && (await isService(deps, req, right))) return undefined
  if (access === 'service') throw new Refusal('UNAUTHORIZED')
  const token = access === 'learner' || access === 'backend' ? bearerOf(req) : undefined
  const learner = await (token === undefined ? ofCookie() : learnerOf(deps, token))
  if (learner === undefined && access !== 'visitor') throw new Refusal('UNAUTHORIZED')
  return learner
}
