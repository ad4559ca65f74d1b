/**
 * Server sessions: express-session over connect-pg-simple, with the rules that the stock store lacks. Ids are hashed at
 * rest, both limits are kept here and not by the cookie, a session comes with its user in one query, and a session that
 * was ended stays ended whatever else is under way.
 */
import { createHash } from 'node:crypto'
import connectPgSimple from 'connect-pg-simple'
import type { Request } from 'express'
import expressSession, { type SessionData } from 'express-session'
import type { User } from '../accounts/users.ts'
import type { Deps } from '../deps.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Idle and absolute limit of a session, in milliseconds (ASVS 7.3.1, 7.3.2). */
const BROWSER_SESSION = { idle: 2 * HOUR, absolute: 24 * HOUR }
const REMEMBERED_SESSION = { idle: 14 * DAY, absolute: 30 * DAY }
/** `seen_at` is written no more often than this, so an idle limit may end up to this much early, never late. */
const TOUCH_EVERY = MINUTE

declare module 'express-session' {
  interface SessionData {
    userId: string
    remembered: boolean
    /** When the person logged in, in milliseconds: where the absolute limit starts. */
    loggedInAt: number
    flash?: string | undefined
  }
}

declare global {
  namespace Express {
    interface Request {
      user?: User | undefined
    }
  }
}

type StoredSession = Pick<SessionData, 'userId' | 'remembered' | 'loggedInAt' | 'flash'>
type Row = User & { sess: StoredSession; seenAt: Date }
type Done = (error?: unknown) => void

export const sessionCookieName = (secure: boolean): string => (secure ? '__Host-matricula' : 'matricula')

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
 * Makes the cookie of a new session outlive the browser. express-session by itself sends `Expires` only, which a browser
 * measures by its own clock; `data` is what it writes the cookie from.
 */
export function rememberOnDevice(cookie: expressSession.Cookie): void {
  cookie.maxAge = REMEMBERED_SESSION.absolute
  const attributes = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(cookie), 'data')
  Object.defineProperty(cookie, 'data', {
    get: () => ({ ...attributes?.get?.call(cookie), maxAge: REMEMBERED_SESSION.absolute / 1000 }),
  })
}

/** When a session ends if nobody is seen again after `seenAt`: the earlier of its two limits. */
function endOf({ remembered, loggedInAt }: StoredSession, seenAt: number): Date {
  const { idle, absolute } = remembered ? REMEMBERED_SESSION : BROWSER_SESSION
  return new Date(Math.min(seenAt + idle, loggedInAt + absolute))
}

const hashed = (id: string): string => createHash('sha256').update(id).digest('base64url')

function stored({ userId, remembered, loggedInAt, flash }: SessionData): StoredSession {
  return { userId, remembered, loggedInAt, ...(flash === undefined ? {} : { flash }) }
}

const PgStore = connectPgSimple(expressSession)

export class SessionStore extends PgStore {
  readonly #deps: Deps
  /** The user and the last visit of a record, between `get` and `createSession`. */
  readonly #found = new WeakMap<object, { user: User; seenAt: number }>()
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
      select s.sess, s.seen_at, u.id, u.name, u.email, u.email_verified, u.image, u.created_at, u.updated_at
      from sessions s join users u on u.id = s.user_id
      where s.sid = ${sid} and s.expire > ${new Date(now())}`
    if (row === undefined) return null
    const { sess, seenAt, ...user } = row
    // The cookie is never sent again, so it needs no lifetime here, and today's settings count, not the row's.
    const session = { ...sess, cookie: { ...sessionCookie(config.secureCookies), originalMaxAge: null } }
    this.#found.set(session, { user, seenAt: seenAt.getTime() })
    return session
  }

  override createSession(request: Request, record: SessionData) {
    const session = super.createSession(request, record)
    const found = this.#found.get(record)
    if (found) {
      request.user = found.user
      this.#rows.set(session, { seenAt: found.seenAt })
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
    const seenAt = now()
    const end = endOf(session, seenAt)
    const written = row
      ? sql`update sessions set sess = ${sess}::text::json, expire = ${end}, seen_at = ${new Date(seenAt)} where sid = ${hashed(id)}`
      : sql`insert into sessions (sid, sess, expire, created_at, seen_at)
            values (${hashed(id)}, ${sess}::text::json, ${end}, ${new Date(seenAt)}, ${new Date(seenAt)})`
    written.then(() => {
      this.#rows.set(session, { sess, seenAt })
      done()
    }, done)
  }

  override touch(id: string, session: SessionData, done: Done = () => {}): void {
    const row = this.#rows.get(session)
    const seenAt = this.#deps.now()
    if (row === undefined || seenAt - row.seenAt < TOUCH_EVERY) {
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
