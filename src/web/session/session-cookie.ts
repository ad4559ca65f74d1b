/**
 * The session cookie: which id it carries, and whose session that is. For pages express-session and its store ask here, for the
 * calls that programs make all day `web/api/direct.ts`.
 */
import { createHash, createHmac } from 'node:crypto'
import { pseudonym } from '../../base/log.ts'
import { isSameText } from '../../base/same-text.ts'
import type { Deps } from '../../deps.ts'
import type { Term } from '../../sessions/lifetimes.ts'
import { findOpenSession, type OpenSession, removeDamagedSession, touchSession } from '../../sessions/sessions.ts'
import { sessionCookieName } from './cookies.ts'

/** `seen_at` is written once in this time at most. So a session may reach its idle limit this much too early, never too late. */
const TOUCH_EVERY_MS = 60_000

/** The keys of the session cookie's signature, the newest first. */
export const sessionSecrets = ({ config }: Pick<Deps, 'config'>): string[] =>
  config.keys('cookie').map((key) => key.toString('base64url'))

/** The table holds only this hash of an id, so whoever reads the table cannot use the sessions in it. */
export const hashedId = (id: string): string => createHash('sha256').update(id).digest('base64url')

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

/**
 * Reads session cookies as express-session does: `s:`, the id, a dot, and its HMAC-SHA-256. Returns the id, or undefined
 * if there is no such cookie or none of our keys has signed it.
 */
export function sessionCookieReader(deps: Pick<Deps, 'config'>): (cookies: string | undefined) => string | undefined {
  const start = `${sessionCookieName(deps.config.secureCookies)}=`
  const secrets = sessionSecrets(deps)
  const signed = (id: string, secret: string) =>
    createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '')

  return (cookies) => {
    const pair = cookies
      ?.split(';')
      .map((text) => text.trim())
      .find((text) => text.startsWith(start))
    const [, id = '', signature = ''] = /^s(?::|%3A)([\w-]+)\.(.+)$/.exec(pair?.slice(start.length) ?? '') ?? []
    const given = decoded(signature)
    return secrets.some((secret) => isSameText(signed(id, secret), given)) ? id : undefined
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
