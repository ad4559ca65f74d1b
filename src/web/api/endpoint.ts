/** An endpoint of the API. What it takes and answers is said once, and used to check calls and to describe them. */
import type { Request, RequestHandler, Response, Router } from 'express'
import type { z } from 'zod'
import type { Deps } from '../../deps.ts'
import type { Right } from '../../tokens/service-keys.ts'
import { FORM_TYPE } from '../middleware/body.ts'
import type { Learner, SignedIn } from './bearer.ts'
import { apiBody, JSON_TYPE } from './body.ts'
import type { Origins } from './origins.ts'
import { type Code, Refusal, sendRefusal, validationError } from './refusals.ts'
import { callerOf } from './services.ts'

/**
 * Who may call. `anyone`: no session is looked up. `visitor`: it is looked up, and there may be none. `session`: a session
 * cookie is required. `learner`: a session cookie or a bearer token. `backend`: one of these or a service key. `service`: a
 * service key.
 */
export type Access = 'anyone' | 'visitor' | 'session' | 'learner' | 'backend' | 'service'

/** A field with an address that people are led to. `UNTRUSTED` says how an address at an unknown origin is refused. */
type Destination = keyof typeof UNTRUSTED
export const UNTRUSTED = { callbackURL: 'INVALID_CALLBACK_URL', redirectTo: 'INVALID_REDIRECT_URL' } as const

/** Everything about an endpoint that its description needs. */
export type Facts = {
  method: 'get' | 'post' | 'put'
  path: string
  access: Access
  /** What a service key must be allowed to do. */
  right?: Right
  summary: string
  /** Accepts forms too, where Better Auth does. */
  takesForm?: true
  /** Sets a session cookie, so other sites must not make a browser call it. */
  logsIn?: true
  body?: z.ZodType
  query?: z.ZodType
  /** The body with status 200. */
  answer?: z.ZodType
  /** Its media type, if that is not JSON. */
  answerType?: string
  /** May answer 302. */
  redirects?: true
  /** The field with an address that people are led to. An address that is not trusted is refused first of all. */
  leadsTo?: Destination
  refusals?: readonly Code[]
  /** Programs call it all day, so `direct.ts` answers it before Express. */
  isFrequent?: true
}

/** An answer with headers of its own. */
export class WithHeaders {
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>

  constructor(body: unknown, headers: Readonly<Record<string, string>>) {
    this.body = body
    this.headers = headers
  }
}

/** Redirects to another address. Only used for links in mails. */
export class Redirect {
  readonly location: string

  constructor(location: string) {
    this.location = location
  }
}

export type Endpoint = Facts & { handle: (call: never) => unknown }

export type Call<Body, Query> = { req: Request; res: Response; body: Body; query: Query }

type Definition<Body, Query, Who> = Omit<Facts, 'body' | 'query' | 'access'> & {
  body?: z.ZodType<Body>
  query?: z.ZodType<Query>
  /** Answers with what it returns, which may be a `Refusal`, a `Redirect` or `WithHeaders`. */
  handle: (call: Call<Body, Query> & Who) => unknown
}

export const endpoint = <Body = undefined, Query = undefined>({
  access = 'anyone',
  ...definition
}: Definition<Body, Query, { learner: Learner | undefined }> & {
  access?: 'anyone' | 'visitor' | 'backend' | 'service'
}): Endpoint => ({
  access,
  ...definition,
})

type LearnerFor<Who extends Access> = {
  anyone: Learner | undefined
  visitor: Learner | undefined
  session: SignedIn
  learner: Learner
  backend: Learner | undefined
  service: undefined
}[Who]

/** One that only a learner may call, with a session cookie unless it says otherwise. */
export const learnerEndpoint = <Body = undefined, Query = undefined, Who extends 'session' | 'learner' = 'session'>({
  access = 'session' as Who,
  ...definition
}: Definition<Body, Query, { learner: LearnerFor<Who> }> & { access?: Who }): Endpoint => ({
  access,
  ...definition,
})

/** One that programs call all day. It is answered in two places, so it sees only who calls. */
export const frequentEndpoint = <Who extends Exclude<Access, 'backend' | 'service'>>(
  definition: Omit<Facts, 'method' | 'access' | 'body' | 'isFrequent'> & {
    access: Who
    handle: (call: { learner: LearnerFor<Who> }) => unknown
  },
): Endpoint => ({ method: 'get', isFrequent: true, ...definition })

export function mount(
  router: Router,
  endpoint: Endpoint,
  { deps, origins, session }: { deps: Deps; origins: Origins; session: RequestHandler },
): void {
  const types = endpoint.takesForm ? [FORM_TYPE, JSON_TYPE] : [JSON_TYPE]

  router[endpoint.method](endpoint.path, async (req, res) => {
    if (req.method !== 'GET') origins.refuseForeign(req, { logsIn: endpoint.logsIn ?? false })
    const given = req.method === 'GET' ? undefined : await apiBody(req, types)
    const body = validated(endpoint.body, given, 'body')
    const query = validated(endpoint.query, req.query, 'query')
    refuseUntrusted(endpoint.leadsTo, req, { ...query, ...body })
    const learner = await callerOf(deps, endpoint, req, () => learnerOfCookie(req, res))
    req.user = learner?.user
    const answer: unknown = await endpoint.handle({ req, res, body, query, learner } as never)
    if (answer instanceof Refusal) return sendRefusal(res, answer)
    res.setHeader('Content-Type', JSON_TYPE)
    if (answer instanceof Redirect) return res.status(302).location(answer.location).end()
    const [content, headers] = answer instanceof WithHeaders ? [answer.body, answer.headers] : [answer, {}]
    const text = JSON.stringify(content)
    // express-session would send it in chunks, because it writes the end only after it has saved the session.
    res.set({ ...headers, 'Content-Length': String(Buffer.byteLength(text)) }).end(text)
  })

  /** @throws {Refusal} 403. An empty address counts as none. */
  function refuseUntrusted(field: Destination | undefined, req: Request, given: Record<string, unknown>): void {
    const address = field && given[field]
    if (field && address && !origins.mayLeadTo(req, String(address))) throw new Refusal(UNTRUSTED[field])
  }

  async function learnerOfCookie(req: Request, res: Response): Promise<Learner | undefined> {
    await new Promise<void>((resolve, reject) => {
      session(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(error)))
    })
    const { user, openSession } = req
    return user && openSession && { user, handle: openSession.handle, session: openSession }
  }
}

function validated(schema: z.ZodType | undefined, given: unknown, source: 'body' | 'query'): object | undefined {
  if (schema === undefined) return undefined
  const { error, data } = schema.safeParse(given)
  if (error) throw validationError(error, source)
  return data as object
}
