/**
 * Server sessions: express-session over connect-pg-simple, with rules that the stock store does not have. Ids are stored
 * as hashes, the server enforces both limits itself, a session is read together with its user, and a session that has
 * ended cannot be brought back by another request that is still being handled.
 */
import { randomBytes } from 'node:crypto'
import connectPgSimple from 'connect-pg-simple'
import type { Request, RequestHandler } from 'express'
import expressSession, { type SessionData } from 'express-session'
import type { User } from '../../accounts/users.ts'
import { Unavailable } from '../../base/failures.ts'
import type { Deps } from '../../deps.ts'
import { endOf } from '../../sessions/lifetimes.ts'
import { beginSession, type OpenSession, type Session, type StoredSession } from '../../sessions/sessions.ts'
import { readCookie, sessionCookie, sessionCookieName } from './cookies.ts'
import { findSessionOf, hashedId, ID_BYTES, sessionSecrets, touch } from './session-cookie.ts'

declare module 'express-session' {
  interface SessionData {
    userId: string
    remembered: boolean
    /** When the person logged in, in milliseconds. The absolute limit starts there. */
    loggedInAt: number
    /** When they last showed their password, in milliseconds. */
    confirmedAt?: number
    /** When they last did the second step, in milliseconds. */
    steppedAt?: number
    flash?: string | undefined
    /** A sealed form that waits to be shown again. */
    kept?: string | undefined
    /** The public name of the session, and its device. They have columns of their own. */
    handle: string
    ipAddress: string
    userAgent: string
    /** The version of the password at the login. The session starts only while that is the current one. Not stored. */
    passwordVersion?: number | undefined
    /** Whether the account needed a second step then. The session starts only while that is so. Not stored. */
    secondStep?: boolean
    /** The id of the session that goes on as this one. Not stored. */
    replaces?: string | undefined
    /** How they have shown who they are (RFC 8176). It has a column of its own. */
    amr: string[]
  }
}

declare global {
  namespace Express {
    interface Request {
      user?: User | undefined
      /** The session of the request, as its owner may see it. */
      openSession?: Session | undefined
      /** The id that a session beginning with this request is to have. By itself, it is random. */
      nextSessionId?: string | undefined
    }
  }
}

type Done = (error?: unknown) => void

/**
 * Whoever only reads and has no session cookie passes without a session: there is none to find, and none to begin. Then
 * `req.session` is not there, so only pages for learners may use it.
 */
export function sessions(deps: Deps, store: expressSession.Store = new SessionStore(deps)): RequestHandler {
  const { config } = deps
  const name = sessionCookieName(config.secureCookies)
  const handler = expressSession({
    store,
    name,
    secret: sessionSecrets(deps),
    cookie: sessionCookie(config.secureCookies),
    resave: false,
    saveUninitialized: false,
    genid: ({ nextSessionId }) => nextSessionId ?? randomBytes(ID_BYTES).toString('base64url'),
  })
  return (req, res, next) => {
    const isVisitor = ['GET', 'HEAD'].includes(req.method) && readCookie(req, name) === undefined
    if (isVisitor) next()
    else handler(req, res, next)
  }
}

function stored({
  userId,
  remembered,
  loggedInAt,
  confirmedAt = 0,
  steppedAt = 0,
  flash,
  kept,
}: SessionData): StoredSession {
  return { userId, remembered, loggedInAt, confirmedAt, steppedAt, flash, kept }
}

const PgStore = connectPgSimple(expressSession)

export class SessionStore extends PgStore {
  readonly #deps: Deps
  /** What `get` has found, for `createSession`, which express-session calls after it with the same record. */
  readonly #found = new WeakMap<object, OpenSession>()
  /** Sessions that have a row: when they were last seen, and what this request has written. */
  readonly #rows = new WeakMap<object, { seenAt: number; sess?: string }>()

  constructor(deps: Deps) {
    super({ pool: deps.pool as never, tableName: 'sessions', createTableIfMissing: false, pruneSessionInterval: false })
    this.#deps = deps
  }

  override get(id: string, done: (error: unknown, session?: SessionData | null) => void): void {
    this.#find(id).then(
      (session) => done(null, session),
      (error) => done(error),
    )
  }

  async #find(id: string): Promise<SessionData | null> {
    const found = await findSessionOf(this.#deps, id)
    if (found === undefined) return null
    const { handle, ipAddress, userAgent, amr } = found.session
    // The cookie is not sent again, so it needs no lifetime. Its other attributes come from today's settings.
    const cookie = { ...sessionCookie(this.#deps.config.secureCookies), originalMaxAge: null }
    const session = { ...found.stored, handle, ipAddress, userAgent, amr, cookie }
    this.#found.set(session, found)
    return session
  }

  override createSession(request: Request, record: SessionData) {
    const session = super.createSession(request, record)
    const found = this.#found.get(record)
    if (found) {
      request.user = found.user
      request.openSession = found.session
      this.#rows.set(session, { seenAt: found.session.seenAt.getTime() })
    }
    return session
  }

  /** Inserts a new session, but only updates one that was loaded: inserting it would bring it back after a logout. */
  override set(id: string, session: SessionData, done: Done = () => {}): void {
    const { sql, now } = this.#deps
    const sess = JSON.stringify(stored(session))
    const row = this.#rows.get(session)
    if (row?.sess === sess) {
      done()
      return
    }
    // A new session starts at the moment when its learner has shown who they are, which need not be by a password.
    const seenAt = row ? now() : Math.max(session.loggedInAt, session.confirmedAt ?? 0, session.steppedAt ?? 0)
    const end = endOf(session, seenAt)
    const sid = hashedId(id)
    const written = row
      ? sql`update sessions set sess = ${sess}::text::json, expire = ${end}, seen_at = ${new Date(seenAt)}, amr = ${session.amr}
          where sid = ${sid}`
      : this.#begin(session, { sid, sess, seenAt: new Date(seenAt), expiresAt: end })
    written.then(() => {
      this.#rows.set(session, { sess, seenAt })
      done()
    }, done)
  }

  /**
   * @throws {Unavailable} if the account is gone or suspended, its password or second step has changed since it was checked, or
   * the session that goes on as this one has ended.
   */
  async #begin(session: SessionData, row: { sid: string; sess: string; seenAt: Date; expiresAt: Date }): Promise<void> {
    const { handle, userId, ipAddress, userAgent, passwordVersion = -1, secondStep = false, amr } = session
    const createdAt = new Date(session.loggedInAt)
    const replaces = session.replaces === undefined ? undefined : hashedId(session.replaces)
    const begun = await beginSession(this.#deps.sql, {
      ...{ ...row, handle, userId, ipAddress },
      ...{ userAgent, createdAt, passwordVersion, secondStep, amr, replaces },
    })
    // If the person tries again, they hear which.
    if (!begun) throw new Unavailable('the account changed during the login', { retryAfterSeconds: 1 })
  }

  override touch(id: string, session: SessionData, done: Done = () => {}): void {
    const row = this.#rows.get(session)
    if (row === undefined) done()
    else touch(this.#deps, id, session, row.seenAt).then(() => done(), done)
  }

  /** Ends a session. The form of its sign-up, sent once more, must not bring it back: from now on that is a form like any other. */
  override destroy(id: string, done: Done = () => {}): void {
    const sid = hashedId(id)
    // The user is locked before the session, as everywhere else.
    this.#deps.sql`
      with owner as (
        select u.id from users u join sessions s on s.user_id = u.id
        where s.sid = ${sid} and u.sign_up_form is not null for no key update of u
      ), forgotten as (
        update users set sign_up_form = null where id in (select id from owner)
      )
      delete from sessions where sid = ${sid} and (select count(*) from owner) >= 0`.then(() => done(), done)
  }

  /** Gives the session a new id. A visitor's session has no row to delete, which saves a round trip. */
  override regenerate(request: Request, done: Done): void {
    if (this.#rows.has(request.session)) {
      super.regenerate(request, done)
      return
    }
    request.sessionStore.generate(request)
    done()
  }
}
