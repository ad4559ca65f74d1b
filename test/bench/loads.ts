/** The requests that the servers get, and what counts as the right answer. */
import type { Person, Target, TargetName } from './targets.ts'

/** A request in autocannon's format. */
export type Request = { method: 'GET' | 'POST'; path: string; headers: Record<string, string>; body?: string }

type Answer = { headers: Headers; text: string }

export type Load = {
  name: string
  connections: number
  on: readonly TargetName[]
  request: (person: Person, target: Target) => Request
  /** Whether an answer with status 200 has the right content. */
  isRight: (answer: Answer, person: Person) => boolean
}

const CONNECTIONS = 16
/** Hashing a password keeps a whole core busy, so more connections would only wait. */
const SIGN_IN_CONNECTIONS = 4

const BOTH = ['Matricula', 'Better Auth'] as const
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

const get = (path: string, cookie?: string): Request => ({
  method: 'GET',
  path,
  headers: cookie === undefined ? {} : { cookie },
})

export const LOADS: readonly Load[] = [
  {
    name: 'login page',
    connections: CONNECTIONS,
    on: ['Matricula'],
    request: () => get('/login'),
    isRight: ({ headers, text }) =>
      (headers.get('Content-Type') ?? '').startsWith('text/html') && text.includes('name="_csrf"'),
  },
  {
    name: 'get-session',
    connections: CONNECTIONS,
    on: BOTH,
    request: ({ cookie }) => get('/api/auth/get-session', cookie),
    isRight: ({ headers, text }, { email }) =>
      JSON.parse(text)?.user.email === email && JWT.test(headers.get('set-auth-jwt') ?? ''),
  },
  {
    name: 'token',
    connections: CONNECTIONS,
    on: BOTH,
    request: ({ cookie }) => get('/api/auth/token', cookie),
    isRight: ({ text }) => JWT.test(JSON.parse(text).token),
  },
  {
    name: 'jwks',
    connections: CONNECTIONS,
    on: BOTH,
    request: () => get('/api/auth/jwks'),
    isRight: ({ text }) => JSON.parse(text).keys[0].crv === 'Ed25519',
  },
  {
    name: 'one select',
    connections: CONNECTIONS,
    on: ['bare'],
    request: ({ cookie }) => get('/', cookie),
    isRight: ({ text }, { email }) => JSON.parse(text)?.email === email,
  },
  {
    name: 'sign-in',
    connections: SIGN_IN_CONNECTIONS,
    on: BOTH,
    request: ({ email, password }, { url }) => ({
      method: 'POST',
      path: '/api/auth/sign-in/email',
      headers: { 'content-type': 'application/json', origin: url },
      body: JSON.stringify({ email, password }),
    }),
    isRight: ({ headers, text }, { email }) =>
      JSON.parse(text).user.email === email && headers.getSetCookie().length > 0,
  },
]

/** @throws if a server does not answer one request of the load correctly. */
export async function verify(load: Load, target: Target, signal: AbortSignal): Promise<void> {
  const [person] = target.people
  if (person === undefined) throw new Error(`${target.name} has nobody`)
  const { path, body, ...request } = load.request(person, target)
  const response = await fetch(`${target.url}${path}`, { ...request, ...(body ? { body } : {}), signal })
  const answer = { headers: response.headers, text: await response.text() }
  if (response.status === 200 && load.isRight(answer, person)) return
  throw new Error(`${target.name} answers ${load.name} with ${response.status}: ${answer.text.slice(0, 500)}`)
}
