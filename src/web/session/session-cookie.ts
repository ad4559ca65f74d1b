/**
 * The session cookie: which id it carries, and whose session that is. For pages express-session and its store ask here, for the
 * calls that programs make all day `web/api/direct.ts`.
 */
import { createHmac } from 'node:crypto'
import type { Cookie } from 'express-session'
import { sha256 } from '../../base/digest.ts'
import { pseudonym } from '../../base/log.ts'
import { isSameText } from '../../base/same-text.ts'
import type { Deps } from '../../deps.ts'
import type { Term } from '../../sessions/lifetimes.ts'
import { findOpenSession, type OpenSession, removeDamagedSession, touchSession } from '../../sessions/sessions.ts'
import { sessionCookieName } from './cookies.ts'

/** `seen_at` is written once in this time at most. So a session may reach its idle limit this much too early, never too late. */
const TOUCH_EVERY_MS = 60_000

export const ID_BYTES = 24

/**
 * The id of the session that a sign-up begins. Every press of the same form gets the same one: whichever answer the browser
 * shows, its person is in the one session that there is. Nobody can work it out without our key.
 */
export const signUpSessionId = ({ config }: Pick<Deps, 'config'>, form: string, userId: string): string => {
  const [key = ''] = config.keys('sign-up-sessions')
  return createHmac('sha256', key).update(`${form} ${userId}`).digest().subarray(0, ID_BYTES).toString('base64url')
}

/** The keys of the session cookie's signature, the newest first. */
export const sessionSecrets = ({ config }: Pick<Deps, 'config'>): string[] =>
  config.keys('cookie').map((key) => key.toString('base64url'))

/** The table holds only this hash of an id, so whoever reads the table cannot use the sessions in it. */
export const hashedId = (id: string): string => sha256(id)

/** The open session with this id and its user; undefined if it has ended. A damaged row is removed. */
export async function findSessionOf(deps: Deps, id: string): Promise<OpenSession | undefined> {
  const { sql, now } = deps
  const found = await findOpenSession(sql, hashedId(id), now())
  if (found === undefined || 'stored' in found) return found
  if (await removeDamagedSession(sql, found.handle)) noteDamagedSession(deps, found.userId)
  return undefined
}

/** Notes that a session is in use now, at most once a minute. */
export async function touch({ sql, now }: Deps, id: string, term: Term, seenAt: number): Promise<void> {
  if (now() - seenAt >= TOUCH_EVERY_MS) await touchSession(sql, hashedId(id), term, now())
}

/** A log line for the operator that does not name the session. */
export const noteDamagedSession = ({ log }: Deps, userId: string): void =>
  log.warn({ user: pseudonym(userId) }, 'a damaged session was removed')

/** What a `Cookie` header says of our session. `unusual`: not exactly as we set it, so express-session has to read it. */
export type SessionCookie = { is: 'none' | 'unusual' } | { is: 'ours'; id: string }

/**
 * Reads session cookies that stand there exactly as express-session sets them: `s:`, the id, a dot, and its HMAC-SHA-256. One
 * that none of our keys has signed is none.
 */
export function sessionCookieReader(deps: Pick<Deps, 'config'>): (header: string | undefined) => SessionCookie {
  const name = sessionCookieName(deps.config.secureCookies)
  /** Every cookie of that name, also with spaces that express-session would leave out. */
  const named = new RegExp(`(?:^|;)\\s*${name}\\s*=`, 'g')
  const usual = new RegExp(`(?:^|; )${name}=s%3A([\\w-]+)\\.([A-Za-z0-9%]+)(?:;|$)`)
  const secrets = sessionSecrets(deps)
  const signed = (id: string, secret: string) =>
    encodeURIComponent(createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, ''))

  return (header = '') => {
    const count = header.match(named)?.length ?? 0
    if (count === 0) return { is: 'none' }
    const [, id, signature = ''] = usual.exec(header) ?? []
    if (count > 1 || id === undefined) return { is: 'unusual' }
    return secrets.some((secret) => isSameText(signed(id, secret), signature)) ? { is: 'ours', id } : { is: 'none' }
  }
}

/**
 * Lets the cookie of a new session stay in the browser for `left` milliseconds. By itself express-session only sends
 * `Expires`, which a browser compares with its own clock. It serialises the cookie from `cookie.data`, so that is
 * overridden here to send `Max-Age`.
 */
export function rememberOnDevice(cookie: Cookie, left: number): void {
  const maxAge = Math.max(0, left)
  cookie.maxAge = maxAge
  const attributes = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(cookie), 'data')
  Object.defineProperty(cookie, 'data', {
    get: () => ({ ...attributes?.get?.call(cookie), maxAge: Math.ceil(maxAge / 1000) }),
  })
}
