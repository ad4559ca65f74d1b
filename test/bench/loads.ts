/** The requests that the servers get, and what counts as the right answer. */
import { DASHBOARD_SAYS } from './learners.ts'
import type { Person, Target, TargetName } from './targets.ts'

/**
 * A request in autocannon's format. `carries` names a field of the answer that is the body of the next one, so that such
 * requests are a chain.
 */
export type Request = {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string
  carries?: string
}

type Answer = { headers: Headers; text: string }

export type Load = {
  name: string
  connections: number
  on: readonly TargetName[]
  /** Asked for before each round, since what a chain begins with can be used once. */
  request: (person: Person, target: Target) => Request | Promise<Request>
  /** Whether an answer with status 200 has the right content. */
  isRight: (answer: Answer, person: Person) => boolean
}

const CONNECTIONS = 16
/** Hashing a password keeps a whole core busy, so more connections would only wait. */
const SIGN_IN_CONNECTIONS = 4

const BOTH = ['Matricula', 'Better Auth'] as const
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Pages are read by browsers, which take them compressed; the programs that call the API take answers as they are. */
export const BROWSER = { accept: 'text/html', 'accept-encoding': 'gzip, br' }
const PROGRAM = { accept: 'application/json', 'accept-encoding': 'identity' }

const read = (path: string, headers: Record<string, string>): Request => ({ method: 'GET', path, headers })

const post = (path: string, { url }: Target, body: object): Request & { body: string } => ({
  method: 'POST',
  path,
  headers: { ...PROGRAM, 'content-type': 'application/json', origin: url },
  body: JSON.stringify(body),
})

const isPage = (headers: Headers): boolean => (headers.get('Content-Type') ?? '').startsWith('text/html')

/** As it was said at the sign-up: `learner-7@example.org` is Learner 7. */
const nameOf = (email: string): string => `Learner ${/\d+/.exec(email)?.[0]}`

export const LOADS: readonly Load[] = [
  {
    name: 'login page',
    connections: CONNECTIONS,
    on: ['Matricula', 'Express alone'],
    request: () => read('/login', BROWSER),
    isRight: ({ headers, text }) => isPage(headers) && text.includes('name="_csrf"'),
  },
  {
    name: 'get-session',
    connections: CONNECTIONS,
    on: BOTH,
    request: ({ cookie }) => read('/api/auth/get-session', { ...PROGRAM, cookie }),
    isRight: ({ headers, text }, { email }) =>
      JSON.parse(text)?.user.email === email && JWT.test(headers.get('set-auth-jwt') ?? ''),
  },
  {
    // The select alone, so there is no token.
    name: 'get-session',
    connections: CONNECTIONS,
    on: ['bare'],
    request: ({ cookie }) => read('/api/auth/get-session', { ...PROGRAM, cookie }),
    isRight: ({ text }, { email }) => JSON.parse(text)?.email === email,
  },
  {
    name: 'dashboard',
    connections: CONNECTIONS,
    on: ['Matricula'],
    request: ({ cookie }) => read('/dashboard', { ...BROWSER, cookie }),
    isRight: ({ headers, text }, { email }) =>
      isPage(headers) && text.includes(`>${nameOf(email)}<`) && text.includes(DASHBOARD_SAYS),
  },
  {
    name: 'token',
    connections: CONNECTIONS,
    on: BOTH,
    request: ({ cookie }) => read('/api/auth/token', { ...PROGRAM, cookie }),
    isRight: ({ text }) => JWT.test(JSON.parse(text).token),
  },
  {
    name: 'refresh',
    connections: CONNECTIONS,
    on: ['Matricula'],
    request: async (person, target) => {
      const refreshToken = await firstRefreshToken(person, target)
      return { ...post('/api/auth/refresh', target, { refreshToken }), carries: 'refreshToken' }
    },
    isRight: ({ text }) => JWT.test(JSON.parse(text).token) && JSON.parse(text).refreshToken.length > 0,
  },
  {
    name: 'jwks',
    connections: CONNECTIONS,
    on: [...BOTH, 'bare'],
    request: () => read('/api/auth/jwks', PROGRAM),
    isRight: ({ text }) => JSON.parse(text).keys[0].crv === 'Ed25519',
  },
  {
    name: 'sign-in',
    connections: SIGN_IN_CONNECTIONS,
    on: BOTH,
    request: ({ email, password }, target) => post('/api/auth/sign-in/email', target, { email, password }),
    isRight: ({ headers, text }, { email }) =>
      JSON.parse(text).user.email === email && headers.getSetCookie().length > 0,
  },
]

/** Of a new family each time. The app gives 100 of them in a day for a session. */
async function firstRefreshToken({ cookie }: Person, target: Target): Promise<string> {
  const { path, method, headers, body } = post('/api/auth/refresh-token', target, {})
  const response = await fetch(`${target.url}${path}`, { method, headers: { ...headers, cookie }, body })
  const { refreshToken }: { refreshToken?: string } = JSON.parse(await response.text())
  if (refreshToken === undefined) throw new Error(`${target.name} gives no refresh token: ${response.status}`)
  return refreshToken
}

/** A request for each person, to go round or to begin a chain with. */
export const requestsOf = (load: Load, target: Target): Promise<Request[]> =>
  Promise.all(target.people.map(async (person) => load.request(person, target)))

/** @throws if a server does not answer one request of the load correctly. */
export async function verify(load: Load, target: Target, signal: AbortSignal): Promise<void> {
  const [person] = target.people
  if (person === undefined) throw new Error(`${target.name} has nobody`)
  const { path, method, headers, body } = await load.request(person, target)
  const response = await fetch(`${target.url}${path}`, { method, headers, ...(body ? { body } : {}), signal })
  const answer = { headers: response.headers, text: await response.text() }
  if (response.status === 200 && load.isRight(answer, person)) return
  throw new Error(`${target.name} answers ${load.name} with ${response.status}: ${answer.text.slice(0, 500)}`)
}
