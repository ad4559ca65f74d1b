/** Raw calls to the API, and the operations from its description, for the checks that visit every endpoint. */
import assert from 'node:assert/strict'
import type { ApiClient } from './api.ts'
import type { TestApp } from './app.ts'
import { type Answer, exchange } from './raw-http.ts'
import { COOKIE } from './sessions.ts'

type Headers = Record<string, string>

/** The parts of a JSON schema that these tests use. */
export type Schema = {
  type?: string | string[]
  anyOf?: Schema[]
  enum?: string[]
  const?: boolean
  items?: Schema
  maxItems?: number
  properties?: Record<string, Schema>
  required?: string[]
}

export type Operation = {
  /** In capitals, as on the request line. */
  method: string
  path: string
  /** The fields of its body. Undefined if it takes no body. */
  body: Schema | undefined
  takesForm: boolean
  needsSession: boolean
  takesToken: boolean
  /** The description of each answer, by status. */
  answers: Record<string, string>
}

type Described = {
  security: object[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { description: string }>
}

/** Every operation of the description. Path parameters are filled in from `parameters`, or else with "anything". */
export async function operationsOf(
  { url }: Pick<TestApp, 'url'>,
  parameters: Record<string, string> = {},
): Promise<Operation[]> {
  const document: { paths: Record<string, Record<string, Described>> } = await (
    await fetch(`${url}/api/openapi.json`)
  ).json()
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security, requestBody, responses }]) => {
      const schema = requestBody?.content['application/json']?.schema
      return {
        method: method.toUpperCase(),
        path: path.replace(/\{(\w+)\}/g, (_, name: string) => parameters[name] ?? 'anything'),
        // An optional body is described by `anyOf`. Take the variant with fields.
        body: schema?.anyOf?.find(({ properties }) => properties) ?? schema,
        takesForm: requestBody?.content['application/x-www-form-urlencoded'] !== undefined,
        takesToken: security.some((way) => 'bearer' in way),
        needsSession: security.some((way) => 'session' in way) && security.every((way) => Object.keys(way).length > 0),
        answers: Object.fromEntries(Object.entries(responses).map(([status, said]) => [status, said.description])),
      }
    }),
  )
}

/** The operations that may change something, with a lesson that exists. */
export async function writesOf(app: Pick<TestApp, 'url'>): Promise<Operation[]> {
  const writes = (await operationsOf(app, { lessonId: 'f1' })).filter(({ method }) => method !== 'GET')
  assert.ok(writes.length > 15, `${writes.length} found`)
  return writes
}

export type Call = { method?: string; headers?: Headers; body?: unknown }

/** Sends one call. A body that is a string or bytes is sent unchanged, any other as JSON. */
export function call(app: Pick<TestApp, 'port'>, path: string, { method, headers = {}, body }: Call = {}) {
  if (body === undefined) return exchange(app, path, { method: method ?? 'GET', headers })
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  const type: Headers = hasType ? {} : { 'Content-Type': 'application/json' }
  return exchange(app, path, {
    method: method ?? 'POST',
    // For methods that usually have no body, Node does not send the length by itself.
    headers: { ...type, 'Content-Length': String(bytes.length), ...headers },
    body: bytes,
  })
}

/** A cookie of a client, by its name. */
const heldBy = ({ agent }: Pick<ApiClient, 'agent'>, name: string) =>
  agent.jar.getCookie(name, { domain: '127.0.0.1', path: '/', secure: false, script: false } as never)

/** The cookie that binds the answers of passkeys to this client, in the same way. Empty when it has asked for none. */
export const passkeyCookieOf = (client: Pick<ApiClient, 'agent'>): string => {
  const cookie = heldBy(client, 'matricula-passkey')
  return `matricula-passkey=${cookie?.value ?? ''}`
}

/** The session cookie of a client, as the value of a `Cookie` header. @throws when it has none. */
export function cookieOf(client: Pick<ApiClient, 'agent'>): string {
  const cookie = heldBy(client, COOKIE)
  if (cookie === undefined) throw new Error('this client has no session cookie')
  return `${COOKIE}=${cookie.value}`
}

/** The headers that a script of this site sends with a session. */
export const asOwnPage = ({ url }: Pick<TestApp, 'url'>, cookie: string): Headers => ({ Origin: url, Cookie: cookie })

type Told = Pick<Answer, 'status' | 'text'>

/** A refusal as a client reads it, without the extra hints (`issues`, `detail`). */
export function refusalOf({ status, text }: Told): { status: number; code?: string; message?: string } {
  const { issues: _, detail: _advice, ...refusal } = JSON.parse(text)
  return { status, ...refusal }
}

/** A refusal is only our JSON: no HTML, no redirect, no cookie, no internals of the server. */
export function assertPlainRefusal({ status, text, headers }: Answer, what = ''): void {
  assert.equal(headers['content-type'], 'application/json', what)
  assert.equal(headers.location, undefined, what)
  assert.equal(headers['set-cookie'], undefined, what)
  assert.equal(headers['cache-control'], 'no-store', what)
  assert.ok(status >= 400 && status < 500, `${what} answers ${status}`)
  const { code, message, issues, detail, ...more } = JSON.parse(text)
  assert.match(code, /^[A-Z_]+$/, what)
  assert.equal(typeof message, 'string', what)
  assert.ok(['string', 'undefined'].includes(typeof detail), what)
  assert.ok(issues === undefined || Array.isArray(issues), what)
  assert.deepEqual(more, {}, what)
  assert.doesNotMatch(text, /<|\bat .*:\d+|node_modules|postgres|zod/i, what)
}

/** All that a call could change. */
export async function stateOf({ sql }: Pick<TestApp, 'sql'>): Promise<string> {
  const rows = await Promise.all([
    sql`select * from all_users order by id`,
    sql`select sid, sess::text, handle, user_id, expire from sessions order by sid`,
    sql`select * from refresh_families order by id`,
    sql`select * from refresh_tokens order by token_hash`,
    sql`select * from rate_limits order by key`,
    sql`select * from profiles order by user_id`,
    sql`select * from progress order by user_id, lesson_id`,
    sql`select * from plans order by user_id`,
    sql`select * from second_steps order by user_id`,
    sql`select * from recovery_codes order by user_id, code_hash`,
    sql`select * from login_tickets order by ticket_hash`,
    sql`select * from mailed_codes order by request_hash`,
    sql`select * from passkey_handles order by user_id`,
    sql`select * from passkeys order by id`,
    sql`select * from passkey_answers order by challenge_hash`,
  ])
  return JSON.stringify(rows)
}
