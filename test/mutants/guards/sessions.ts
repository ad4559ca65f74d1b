/** Sessions: their ids, their limits, their ends. */
import { inFile, type Mutant } from '../mutant.ts'

const identity = inFile('src/web/session/identity.ts')
const store = inFile('src/web/session/store.ts')
const lifetimes = inFile('src/sessions/lifetimes.ts')
const sessions = inFile('src/sessions/sessions.ts')
const cookie = inFile('src/web/session/session-cookie.ts')

export const SESSIONS: Mutant[] = [
  identity(
    'a login gets a new id',
    'if (endsOld) await regenerate(req)',
    'if (endsOld) req.nextSessionId = req.sessionID',
    'web/session/fixation',
    "Carl puts his own session into Ada's browser; after her login he holds nothing",
  ),
  store(
    'a session that has ended is not written again',
    '? sql`update sessions set sess = ${sess}::text::json, expire = ${end}, seen_at = ${new Date(seenAt)}, amr = ${session.amr}\n          where sid = ${sid}`',
    '? sql`insert into sessions (sid, sess, handle, ip_address, user_agent, expire, created_at, seen_at, amr) values (${sid}, ${sess}::text::json, ${session.handle}, ${session.ipAddress}, ${session.userAgent}, ${end}, ${new Date(session.loggedInAt)}::timestamptz, ${new Date(seenAt)}::timestamptz, ${session.amr}::text[]) on conflict (sid) do update set sess = excluded.sess`',
    'web/session/resurrection',
    'that writes to the session is final',
  ),
  sessions(
    'no session starts with a password that was changed meanwhile',
    ' and password_version = ${passwordVersion} and suspended_at',
    ' and suspended_at',
    'web/pages/account-races',
    'a login begins no session with a password that is changed meanwhile',
  ),
  sessions(
    'no session starts for a suspended account',
    ' and suspended_at is null\n        and second_step',
    '\n        and second_step',
    'accounts/suspension',
    'that waits for it begins no session, and hears of it when it is tried again',
  ),
  sessions(
    'no session starts past a second step that was switched on meanwhile',
    'and suspended_at is null\n        and second_step = ${secondStep}\n',
    'and suspended_at is null\n',
    'web/pages/second-step-attacks',
    'is none by a login that waits until the second step is on',
  ),
  cookie(
    'the table holds no id',
    'export const hashedId = (id: string): string => sha256(id)',
    'export const hashedId = (id: string): string => id',
    'web/session/sessions',
    'is in no column of the table, and nothing that is there opens a session',
  ),
  cookie(
    'an id that nobody has signed is none, on the short road of the API',
    'return secrets.some((secret) => isSameText(signed(id, secret), signature)) ?',
    'return secrets.some((secret) => signed(id, secret) !== signature || true) ?',
    'web/api/direct',
    '/api/me for a cookie of a session that somebody else has signed as on Express',
  ),
  lifetimes(
    'a session ends in spite of activity',
    'return new Date(Math.min(seenAt + idle, absoluteEndOf(term)))',
    'return new Date(seenAt + idle)',
    'web/session/sessions',
    'ends at its absolute limit in spite of activity',
  ),
  lifetimes(
    'a session ends when nobody uses it',
    'return new Date(Math.min(seenAt + idle, absoluteEndOf(term)))',
    'return new Date(Math.max(seenAt + idle, absoluteEndOf(term)))',
    'web/session/sessions',
    'lives until its idle limit and not a second longer',
  ),
  sessions(
    'a session that is over opens nothing',
    'where s.sid = ${sid} and s.expire > ${new Date(now)}`',
    'where s.sid = ${sid} and s.expire > ${new Date(0 * now)}`',
    'web/session/sessions',
    'lives until its idle limit and not a second longer',
  ),
  sessions(
    'a token is over with its session',
    'where s.handle = ${handle} and s.expire > ${new Date(now)}`',
    'where s.handle = ${handle} and s.expire > ${new Date(0 * now)}`',
    'web/api/bearer-ended',
    'takes its tokens with it at its idle limit: of the browser',
  ),
  sessions(
    'a row that cannot be read is nobody’s session',
    'if (stored === undefined) return { handle, userId: user.id }',
    '',
    'web/session/damaged-sessions',
    "with only the user is nobody's session, and goes, with one line in the log",
  ),
  inFile('src/web/session/session-cookie.ts')(
    'a visit moves the idle limit',
    'if (now() - seenAt >= TOUCH_EVERY_MS) await',
    'if (now() - seenAt < 0) await',
    'web/session/sessions',
    'lives until its idle limit and not a second longer',
  ),
  inFile('src/accounts/account-sessions.ts')(
    'nobody ends the session of somebody else',
    'delete from sessions where handle = ${handle} and user_id in (select id from learner) returning',
    'delete from sessions where handle = ${handle} returning',
    'web/pages/account-sessions',
    'another learner’s device, or none, is not found, and nothing happens',
  ),
  inFile('src/accounts/account-sessions.ts')(
    'signing out others leaves the own session',
    'where user_id in (select id from learner) and handle <> ${handle} returning',
    'where user_id in (select id from learner) returning',
    'web/pages/account-sessions',
    'all others leaves this one',
  ),
  inFile('src/database/user-columns.ts')(
    'a suspended account has no session, whoever wrote it',
    ' and u.suspended_at is null`',
    '`',
    'accounts/suspension',
    'is refused even where a session was left behind, as a process of an older version may do',
  ),
]
