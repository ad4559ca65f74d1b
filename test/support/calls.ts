/** Calls of the API put by hand, and the operations that its description names: what checks of every endpoint walk through. */
import assert from 'node:assert/strict'
import type { ApiClient } from './api.ts'
import type { TestApp } from './app.ts'
import { type Answer, exchange } from './raw-http.ts'
import { COOKIE } from './sessions.ts'

type Headers = Record<string, string>

/** What a description says of a value, as far as these tests look. */
export type Schema = {
  type?: string | string[]
  anyOf?: Schema[]
  enum?: string[]
  items?: Schema
  maxItems?: number
  properties?: Record<string, Schema>
  required?: string[]
}

export type Operation = {
  /** As on the request line. */
  method: string
  path: string
  /** The fields of its body; undefined for one that takes none. */
  body: Schema | undefined
  takesForm: boolean
  needsSession: boolean
  takesToken: boolean
  /** What it answers, by status. */
  answers: Record<string, string>
}

type Described = {
  security: object[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { description: string }>
}

/** Every operation of the description, with the parameters of a path filled in by their names, or with anything. */
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
        // Of an optional body the description names what it is when there is one.
        body: schema?.anyOf?.find(({ properties }) => properties) ?? schema,
        takesForm: requestBody?.content['application/x-www-form-urlencoded'] !== undefined,
        takesToken: security.some((way) => 'bearer' in way),
        needsSession: security.length > 0 && security.every((way) => Object.keys(way).length > 0),
        answers: Object.fromEntries(Object.entries(responses).map(([status, said]) => [status, said.description])),
      }
    }),
  )
}

/** Those that may change something, of a lesson that there is. */
export async function writesOf(app: Pick<TestApp, 'url'>): Promise<Operation[]> {
  const writes = (await operationsOf(app, { lessonId: 'f1' })).filter(({ method }) => method !== 'GET')
  assert.ok(writes.length > 15, `${writes.length} found`)
  return writes
}

export type Call = { method?: string; headers?: Headers; body?: unknown }

/** One call as it is told. A body that is text or bytes goes out as it is, everything else as JSON. */
export function call(app: Pick<TestApp, 'port'>, path: string, { method, headers = {}, body }: Call = {}) {
  if (body === undefined) return exchange(app, path, { method: method ?? 'GET', headers })
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  const type: Headers = hasType ? {} : { 'Content-Type': 'application/json' }
  return exchange(app, path, {
    method: method ?? 'POST',
    // Node leaves the length out where a method has no body as a rule.
    headers: { ...type, 'Content-Length': String(bytes.length), ...headers },
    body: bytes,
  })
}

/** The session cookie of a client as a header. @throws when it has none. */
export function cookieOf({ agent }: Pick<ApiClient, 'agent'>): string {
  const where = { domain: '127.0.0.1', path: '/', secure: false, script: false } as never
  const cookie = agent.jar.getCookie(COOKIE, where)
  if (cookie === undefined) throw new Error('this client has no session cookie')
  return `${COOKIE}=${cookie.value}`
}

/** What the page scripts of this site send along with a session. */
export const asOwnPage = ({ url }: Pick<TestApp, 'url'>, cookie: string): Headers => ({ Origin: url, Cookie: cookie })

type Told = Pick<Answer, 'status' | 'text'>

/** A refusal as a client reads it. */
/** Without what advises beside it. */
export function refusalOf({ status, text }: Told): { status: number; code?: string; message?: string } {
  const { issues: _, detail: _advice, ...refusal } = JSON.parse(text)
  return { status, ...refusal }
}

/** JSON of ours and nothing else: no page, no way on, no cookie, nothing of how the server is built. */
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
    sql`select * from users order by id`,
    sql`select sid, sess::text, handle, user_id, expire from sessions order by sid`,
    sql`select * from refresh_families order by id`,
    sql`select * from refresh_tokens order by token_hash`,
    sql`select * from rate_limits order by key`,
    sql`select * from profiles order by user_id`,
    sql`select * from progress order by user_id, lesson_id`,
  ])
  return JSON.stringify(rows)
}
