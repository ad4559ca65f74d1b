/**
 * The short road. What programs ask all day is answered from `node:http`, before Express: Express alone takes half the time
 * of such a call. Each answer comes from the values that also mount the endpoint and describe it. A request that is not
 * plainly one of these calls goes on to Express, which answers the same.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { User } from '../../accounts/users.ts'
import { hostName } from '../../config/variables.ts'
import type { Deps } from '../../deps.ts'
import { FORWARDED } from '../middleware/forwarded.ts'
import { logOnClose, requestIdOf } from '../middleware/request-log.ts'
import { constantHeaders } from '../middleware/security.ts'
import { findSessionOf, type SessionCookie, sessionCookieReader, touch } from '../session/session-cookie.ts'
import type { Learner } from './bearer.ts'
import { JSON_TYPE } from './body.ts'
import type { PublicDocument } from './documents.ts'
import { type Endpoint, WithHeaders } from './endpoint.ts'
import { refuseCall } from './errors.ts'
import { Refusal } from './refusals.ts'
import { callerOf } from './services.ts'

const HOSTS_KNOWN_MAX = 100

/** What a call gets with status 200. The headers are names and values in turn, as `writeHead` takes them. */
type Answer = { headers: readonly string[]; body: string | Buffer; user?: User | undefined }
type Route = { pattern: string; answer: (req: IncomingMessage, cookie: SessionCookie) => Promise<Answer> }

/** Returns a listener that answers these calls and leaves all others to `next`. */
export function direct(
  deps: Deps,
  {
    endpoints,
    documents,
    next,
  }: { endpoints: readonly Endpoint[]; documents: PublicDocument[]; next: RequestListener },
): RequestListener {
  const { secureCookies, trustProxy, trustedOrigins, ownHosts } = deps.config
  const readCookie = sessionCookieReader(deps)
  const knownHosts = new Set(ownHosts)
  const security = constantHeaders(deps)
  const forCalls = headersOf(security, {
    'Cache-Control': 'no-store',
    Vary: 'Cookie, Origin',
    'Content-Type': JSON_TYPE,
  })
  const forRefusals: [string, string][] = [...security, ['Cache-Control', 'no-store'], ['Vary', 'Cookie, Origin']]
  const routes = new Map<string, Route>()
  for (const endpoint of endpoints.filter(({ isFrequent }) => isFrequent)) routes.set(endpoint.path, routeOf(endpoint))
  for (const document of documents) {
    const headers = headersOf(security, document.headers)
    const answer = async () => {
      const { body, etag } = await document.find()
      return { headers: [...headers, 'ETag', etag], body }
    }
    const { paths, pattern = paths[0] } = document
    for (const path of paths) routes.set(path, { pattern, answer })
  }

  function routeOf({ path, access, right, handle }: Endpoint): Route {
    async function answer(req: IncomingMessage, cookie: SessionCookie): Promise<Answer> {
      const learner = await callerOf(deps, { access, ...(right === undefined ? {} : { right }) }, req, () =>
        learnerOfCookie(deps, cookie),
      )
      const given: unknown = await handle({ learner } as never)
      if (given instanceof Refusal) throw given
      const [body, own] =
        given instanceof WithHeaders ? [given.body, Object.entries(given.headers).flat()] : [given, []]
      return {
        headers: own.length === 0 ? forCalls : [...forCalls, ...own],
        body: JSON.stringify(body),
        user: learner?.user,
      }
    }
    return { pattern: path, answer }
  }

  /** Whether nothing about the request needs a closer look: a body, an origin, a proxy, another host, an unusual cookie. */
  function isPlain({ method, headers, rawHeaders }: IncomingMessage, cookie: SessionCookie): boolean {
    if (method !== 'GET' || headers['if-none-match'] !== undefined) return false
    if (headers.origin !== undefined && trustedOrigins.includes(headers.origin)) return false
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return false
    if (trustProxy === 0 && FORWARDED.some((name) => name in headers)) return false
    if (secureCookies && (trustProxy === 0 || headers['x-forwarded-proto'] !== 'https')) return false
    return cookie.is !== 'unusual' && isOwnHost(rawHeaders)
  }

  /** Whether there is a `Host`, and only one where it must be ours. The ways to write it are few, so each is read only once. */
  function isOwnHost(namesAndValues: readonly string[]): boolean {
    const at = namesAndValues.findIndex(isHost)
    if (at < 0) return false
    if (ownHosts === undefined) return true
    const host = namesAndValues[at + 1] ?? ''
    if (namesAndValues.findLastIndex(isHost) !== at) return false
    if (!knownHosts.has(host) && ownHosts.has(hostName(host) ?? '') && knownHosts.size < HOSTS_KNOWN_MAX) {
      knownHosts.add(host)
    }
    return knownHosts.has(host)
  }

  async function serve(
    req: IncomingMessage,
    res: ServerResponse,
    { pattern, answer }: Route,
    cookie: SessionCookie,
  ): Promise<void> {
    const requestId = requestIdOf(req)
    let user: User | undefined
    logOnClose(deps, { requestId, method: req.method, res }, () => ({ route: pattern, user }))
    try {
      const found = await answer(req, cookie)
      user = found.user
      const length = String(Buffer.byteLength(found.body))
      res.writeHead(200, [...found.headers, 'X-Request-Id', requestId, 'Content-Length', length]).end(found.body)
    } catch (error) {
      if (!res.headersSent) {
        for (const [name, value] of forRefusals) res.setHeader(name, value)
        res.setHeader('X-Request-Id', requestId)
      }
      refuseCall(deps, { error, requestId, res })
    }
  }

  return (req, res) => {
    const route = routes.get(req.url ?? '')
    if (route === undefined) return next(req, res)
    const cookie = readCookie(req.headers.cookie)
    if (isPlain(req, cookie)) void serve(req, res, route, cookie)
    else next(req, res)
  }
}

/** Who calls with a session cookie. The session is read each time, so one that has ended is not accepted once more. */
async function learnerOfCookie(deps: Deps, cookie: SessionCookie): Promise<Learner | undefined> {
  const open = cookie.is === 'ours' ? await findSessionOf(deps, cookie.id) : undefined
  if (cookie.is !== 'ours' || open === undefined) return undefined
  const { user, session, stored } = open
  // While the database only reads, the session counts as long as it would have without this visit.
  await touch(deps, cookie.id, stored, session.seenAt.getTime()).catch((error: unknown) => {
    deps.log.warn({ err: error }, 'a visit was not noted')
  })
  return { user, handle: session.handle, session }
}

const isHost = (text: string, index: number): boolean =>
  index % 2 === 0 && text.length === 4 && text.toLowerCase() === 'host'

/** Names and values in turn, without doubles. */
const headersOf = (constant: Iterable<[string, string]>, own: Record<string, string>): string[] =>
  [...new Map([...constant, ...Object.entries(own)])].flat()
