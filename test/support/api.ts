/** A client that calls the API as a program does. It checks every answer against `/api/openapi.json`. */
import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import supertest from 'supertest'
import type { TestApp } from './app.ts'
import { type Browser, comingBack, type Person, type Response, somebody } from './people.ts'

type Headers = Record<string, string>
export type ApiClient = ReturnType<typeof openApi>

/** A client with its own cookie jar, or with that of a browser. It sends the site's `Origin`, as browsers do. */
export function openApi(app: Pick<TestApp, 'url'>, headers: Headers = {}, agent = supertest.agent(app.url)) {
  const always = { Origin: app.url, ...headers }
  async function call(method: 'get' | 'post' | 'put', path: string, body?: unknown, more: Headers = {}) {
    const request = agent[method](path)
      .redirects(0)
      .ok(() => true)
      .set({ ...always, ...more })
    const response = await (body === undefined ? request : request.type('json').send(JSON.stringify(body)))
    await conforms(app, method, path, response)
    return response
  }
  return {
    agent,
    get: (path: string, more?: Headers) => call('get', path, undefined, more),
    /** Sends the body as JSON; `undefined` sends none. */
    post: (path: string, body?: unknown, more?: Headers) => call('post', path, body, more),
    put: (path: string, body?: unknown, more?: Headers) => call('put', path, body, more),
    signUp: (person: Person, more: object = {}) => call('post', '/api/auth/sign-up/email', { ...person, ...more }),
    signIn: ({ email, password }: Pick<Person, 'email' | 'password'>, more: object = {}) =>
      call('post', '/api/auth/sign-in/email', { email, password, ...more }),
    /** An access token for the session in the jar. */
    async token(): Promise<string> {
      return (await call('get', '/api/auth/token')).body.token
    },
  }
}

/** Signs somebody up through the API. Returns them and the client that holds their session. */
export async function apiLearner(app: Pick<TestApp, 'url'>, name: string): Promise<{ person: Person; api: ApiClient }> {
  const person = somebody(name)
  const api = openApi(app)
  const response = await comingBack(() => api.signUp(person))
  assert.equal(response.status, 200, response.text)
  return { person, api }
}

/** An API client that shares the cookies of this browser. */
export const apiOf = (app: Pick<TestApp, 'url'>, browser: Browser): ApiClient => openApi(app, {}, browser.agent)

export const bearer = (token: string): Headers => ({ Authorization: `Bearer ${token}` })

type Description = {
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, unknown> }> }>>
}
const descriptions = new Map<string, Promise<{ document: Description; ajv: Ajv2020 }>>()

async function describe(url: string) {
  const document: Description = await (await fetch(`${url}/api/openapi.json`)).json()
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'api')
  return { document, ajv }
}

/** @throws when the description does not allow this answer for this call. */
async function conforms(
  { url }: Pick<TestApp, 'url'>,
  method: string,
  path: string,
  response: Response,
): Promise<void> {
  if (!descriptions.has(url)) descriptions.set(url, describe(url))
  const { document, ajv } = (await descriptions.get(url)) ?? assert.fail()
  const [bare = ''] = path.split('?')
  const pattern = Object.keys(document.paths).find((template) =>
    new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(bare),
  )
  const operation = pattern === undefined ? undefined : document.paths[pattern]?.[method]
  // A call that is not described must not exist.
  if (pattern === undefined || operation === undefined) {
    assert.ok([404, 405].includes(response.status), `${method} ${path} answers ${response.status} and is not described`)
    return
  }
  const described = operation.responses[response.status]
  assert.ok(described, `${method} ${path} answers ${response.status}, which is not described: ${response.text}`)
  if (described.content === undefined) {
    assert.equal(response.text, '', `${method} ${path} ${response.status} has a body`)
    return
  }
  assert.equal(response.headers['content-type'], 'application/json')
  const pointer = [pattern, method, 'responses', String(response.status), 'content', 'application/json', 'schema']
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/')
  const validate = ajv.getSchema(`api#/paths/${pointer}`)
  assert.ok(validate, `no schema at ${pointer}`)
  assert.ok(
    validate(JSON.parse(response.text)),
    `${method} ${path}: ${JSON.stringify(validate.errors)} ${response.text}`,
  )
}
