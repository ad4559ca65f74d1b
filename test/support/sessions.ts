/** Reads the session cookie and the sessions table for tests. */
import { createHmac } from 'node:crypto'
import type { TestApp } from './app.ts'
import { type Browser, openBrowser, type Person } from './people.ts'

export const COOKIE = 'matricula'

export type SessionRow = { sid: string; sess: string; expire: Date; createdAt: Date; seenAt: Date }

/** The sessions of a person, oldest first. */
export async function sessionsOf(
  { sql }: Pick<TestApp, 'sql'>,
  { email }: Pick<Person, 'email'>,
): Promise<SessionRow[]> {
  const rows = await sql<SessionRow>`
    select sid, sess::text, expire, sessions.created_at, seen_at from sessions join users on users.id = user_id
    where email = ${email} order by sessions.created_at`
  return [...rows]
}

export async function onlySessionOf(app: Pick<TestApp, 'sql'>, person: Pick<Person, 'email'>): Promise<SessionRow> {
  const [row, ...others] = await sessionsOf(app, person)
  if (row === undefined || others.length > 0) throw new Error(`${person.email} has not exactly one session`)
  return row
}

export async function countSessions({ sql }: Pick<TestApp, 'sql'>): Promise<number> {
  const [row] = await sql<{ count: number }>`select count(*)::int as count from sessions`
  return row?.count ?? 0
}

/** The value of the session cookie. @throws when the browser has none. */
export function sessionCookieOf(browser: Browser): string {
  const value = browser.cookie(COOKIE)
  if (value === undefined) throw new Error('this browser has no session cookie')
  return value
}

/** The session id in a cookie's value, which is `s:<id>.<signature>`. */
export const idWithin = (cookie: string): string => decodeURIComponent(cookie).slice(2).split('.')[0] ?? ''

/** The cookie value for this id, signed as express-session does. */
export function signed(id: string, key: string): string {
  const signature = createHmac('sha256', key).update(id).digest('base64').replace(/=+$/, '')
  return encodeURIComponent(`s:${id}.${signature}`)
}

/** A new browser that sends this session cookie. */
export const browserWith = (app: Pick<TestApp, 'url'>, cookie: string): Browser =>
  openBrowser(app, { Cookie: `${COOKIE}=${cookie}` })

/** Whose session the app sees in this cookie: the name on the page, or undefined for a visitor. */
export const holderOf = (app: Pick<TestApp, 'url'>, cookie: string): Promise<string | undefined> =>
  browserWith(app, cookie).whoAmI()

/** The names of all cookies that an answer sets, sorted. */
export const namesOfCookies = ({ headers }: { headers: Record<string, unknown> }): string[] =>
  [headers['set-cookie'] ?? []]
    .flat()
    .map((line) => String(line).split('=')[0] ?? '')
    .sort()

/** The `Set-Cookie` header of the session cookie, or undefined. */
export function setCookieOf({ headers }: { headers: Record<string, unknown> }, name = COOKIE): string | undefined {
  const all = headers['set-cookie']
  return Array.isArray(all) ? all.find((line: string) => line.startsWith(`${name}=`)) : undefined
}
