/**
 * Server sessions: express-session over connect-pg-simple, with the rules that the stock store lacks. Ids are hashed at
 * rest, both limits are kept here and not by the cookie, a session comes with its user in one query, and a session that
 * was ended stays ended whatever else is under way.
 */
import { createHash } from 'node:crypto'
import connectPgSimple from 'connect-pg-simple'
import type { Request } from 'express'
import expressSession, { type SessionData } from 'express-session'
import { endOf, removeDamagedSession, type Session, type StoredSession, storedSession } from '../accounts/sessions.ts'
import type { User } from '../accounts/users.ts'
import type { Deps } from '../deps.ts'
import { pseudonym } from '../log.ts'
import { Unavailable } from '../unavailable.ts'
import { COOKIES, cookieName } from './cookies.ts'

/** `seen_at` is written no more often than this, so an idle limit may end up to this much early, never late. */
const TOUCH_EVERY_MS = 60_000

declare module 'express-session' {
  interface SessionData {
    userId: string
    remembered: boolean
    /** When the person logged in, in milliseconds: where the absolute limit starts. */
    loggedInAt: number
    /** When they last showed their password, in milliseconds. */
    confirmedAt?: number
    flash?: string | undefined
    /** A sealed form that waits to stand on its page again. */
    kept?: string | undefined
    /** The public name of the session, and what its device is known by: in columns of their own. */
    handle: string
    ipAddress: string
    userAgent: string
    /** The version of the password that let the person in: the session starts only while it still stands. Never stored. */
    passwordVersion?: number | undefined
  }
}

declare global {
  namespace Express {
    interface Request {
      user?: User | undefined
      /** The session that the request came with, as its owner may see it. */
      openSession?: Session | undefined
    }
  }
}

type Row = User & { sess: unknown; startedAt: Date } & Pick<
    Session,
    'handle' | 'seenAt' | 'expiresAt' | 'ipAddress' | 'userAgent'
  >
type Done = (error?: unknown) => void

export const sessionCookieName = (secure: boolean): string => cookieName(COOKIES.session, secure)

/** What every way of setting or clearing the cookie has in common. */
export const sessionCookie = (secure: boolean) => ({ path: '/', httpOnly: true, sameSite: 'lax', secure }) as const

export function sessions(deps: Deps, store: expressSession.Store = new SessionStore(deps)) {
  const { config } = deps
  return expressSession({
    store,
    name: sessionCookieName(config.secureCookies),
    secret: config.keys('cookie').map((key) => key.toString('base64url')),
    cookie: sessionCookie(config.secureCookies),
    resave: false,
    saveUninitialized: false,
  })
}

/**
 * Makes the cookie of a new session outlive the browser for `left` milliseconds. express-session by itself sends `Expires` only, which a browser measures by its own clock; `data` is what it writes the cookie from.
 */
export function rememberOnDevice(cookie: expressSession.Cookie, left: number): void {
  const maxAge = Math.max(0, left)
  cookie.maxAge = maxAge
  const attributes = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(cookie), 'data')
  Object.defineProperty(cookie, 'data', {
    get: () => ({ ...attributes?.get?.call(cookie), maxAge: Math.ceil(maxAge / 1000) }),
  })
}

/** One line for the operator, without what names the session. */
export const noteDamagedSession = ({ log }: Deps, userId: string): void =>
  log.warn({ user: pseudonym(userId) }, 'a damaged session was removed')

const hashed = (id: string): string => createHash('sha256').update(id).digest('base64url')

function stored({ userId, remembered, loggedInAt, confirmedAt = 0, flash, kept }: SessionData): StoredSession {
  return { userId, remembered, loggedInAt, confirmedAt, flash, kept }
}

const PgStore = connectPgSimple(expressSession)

export class SessionStore extends PgStore {
  readonly #deps: Deps
  /** The user and the session of a record, between `get` and `createSession`. */
  readonly #found = new WeakMap<object, { user: User; open: Session }>()
  /** Sessions that have a row, with when it was last seen, and what this request has written into it. */
  readonly #rows = new WeakMap<object, { seenAt: number; sess?: string }>()

  constructor(deps: Deps) {
    super({ pool: deps.pool as never, tableName: 'sessions', createTableIfMissing: false, pruneSessionInterval: false })
    this.#deps = deps
  }

  override get(id: string, done: (error: unknown, session?: SessionData | null) => void): void {
    this.#find(hashed(id)).then(
      (session) => done(null, session),
      (error) => done(error),
    )
  }

  async #find(sid: string): Promise<SessionData | null> {
    const { sql, now, config } = this.#deps
    const [row] = await sql<Row>`
      select s.sess, s.handle, s.created_at as started_at, s.seen_at, s.expire as expires_at, s.ip_address, s.user_agent,
        u.id, u.name, u.email, u.email_verified, u.image, u.onboarded_at, u.created_at, u.updated_at
      from sessions s join users u on u.id = s.user_id
      where s.sid = ${sid} and s.expire > ${new Date(now())}`
    if (row === undefined) return null
    const { sess, handle, startedAt, seenAt, expiresAt, ipAddress, userAgent, ...user } = row
    const known = storedSession(sess)
    if (known === undefined) {
      if (await removeDamagedSession(sql, handle)) noteDamagedSession(this.#deps, user.id)
      return null
    }
    // The cookie is never sent again, so it needs no lifetime here, and today's settings count, not the row's.
    const cookie = { ...sessionCookie(config.secureCookies), originalMaxAge: null }
    const session = { ...known, handle, ipAddress, userAgent, cookie }
    const open = { handle, userId: user.id, createdAt: startedAt, seenAt, expiresAt, ipAddress, userAgent }
    this.#found.set(session, { user, open })
    return session
  }

  override createSession(request: Request, record: SessionData) {
    const session = super.createSession(request, record)
    const found = this.#found.get(record)
    if (found) {
      request.user = found.user
      request.openSession = found.open
      this.#rows.set(session, { seenAt: found.open.seenAt.getTime() })
    }
    return session
  }

  /** A new session is inserted. One that was loaded is only ever updated: an insert would bring it back after a logout. */
  override set(id: string, session: SessionData, done: Done = () => {}): void {
    const { sql, now } = this.#deps
    const sess = JSON.stringify(stored(session))
    const row = this.#rows.get(session)
    if (row?.sess === sess) {
      done()
      return
    }
    // A new session is first seen at the moment in which its password was.
    const seenAt = row ? now() : (session.confirmedAt ?? now())
    const end = endOf(session, seenAt)
    const written = row
      ? sql`update sessions set sess = ${sess}::text::json, expire = ${end}, seen_at = ${new Date(seenAt)} where sid = ${hashed(id)}`
      : sql`
          insert into sessions (sid, sess, handle, ip_address, user_agent, expire, created_at, seen_at)
          select ${hashed(id)}, ${sess}::text::json, ${session.handle}, ${session.ipAddress}, ${session.userAgent},
            ${end}, ${new Date(session.loggedInAt)}::timestamptz, ${new Date(seenAt)}::timestamptz
          from users where id = ${session.userId} and password_version = ${session.passwordVersion ?? -1}
          for share
          returning 1 as written`
    written.then((rows) => {
      // The account is gone, or its password was changed since it was checked. Tried again, the login says which.
      if (row === undefined && rows.length === 0) {
        done(new Unavailable('the account changed during the login', { retryAfterSeconds: 1 }))
        return
      }
      this.#rows.set(session, { sess, seenAt })
      done()
    }, done)
  }

  override touch(id: string, session: SessionData, done: Done = () => {}): void {
    const row = this.#rows.get(session)
    const seenAt = this.#deps.now()
    if (row === undefined || seenAt - row.seenAt < TOUCH_EVERY_MS) {
      done()
      return
    }
    const { sql } = this.#deps
    sql`update sessions set expire = ${endOf(session, seenAt)}, seen_at = ${new Date(seenAt)}
        where sid = ${hashed(id)}`.then(() => done(), done)
  }

  override destroy(id: string, done: Done = () => {}): void {
    super.destroy(hashed(id), done)
  }

  /** A new id. Only a session with a row has one to lose: for a visitor that saves a round trip. */
  override regenerate(request: Request, done: Done): void {
    if (this.#rows.has(request.session)) {
      super.regenerate(request, done)
      return
    }
    request.sessionStore.generate(request)
    done()
  }
}
