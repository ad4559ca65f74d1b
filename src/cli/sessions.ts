/** The sessions of everybody. */
import { findUser } from '../accounts/users.ts'
import { deviceName } from '../base/device-name.ts'
import { countOpenSessions, endSession, endSomeSessions, listOpenSessions } from '../sessions/open-sessions.ts'
import { findUserOfSession, revokeSessions } from '../sessions/sessions.ts'
import { command } from './frame/command.ts'
import { Failure, UsageError } from './frame/exits.ts'
import { countOf, tableOf } from './frame/output.ts'

const LISTED = 50
const ENDED_AT_ONCE = 1_000

const list = command({
  name: 'sessions list',
  summary: 'open sessions, the one seen last first',
  details: 'The handle names a session and opens nothing. Addresses, of people and of networks, are not shown.',
  options: {
    user: { type: 'string', value: 'ID', what: 'only those of this account' },
    limit: { type: 'string', value: 'NUMBER', what: `this many at most; without it, ${LISTED}` },
  },
  json: true,
  run: async ({ deps, options: { user, limit }, out }) => {
    const { sql, now } = await deps()
    const found = await listOpenSessions(sql, { userId: user, now: now(), limit: countOf(limit, LISTED) })
    const sessions = found.map(({ userAgent, ...session }) => ({ ...session, device: deviceName(userAgent) }))
    const cells = sessions.map(({ handle, userId, createdAt, seenAt, expiresAt, device }) => [
      handle,
      userId,
      `since ${createdAt.toISOString()}`,
      `seen ${seenAt.toISOString()}`,
      `ends ${expiresAt.toISOString()}`,
      device,
    ])
    out.tell(sessions, () => (cells.length === 0 ? ['No session is open.'] : tableOf(cells)))
  },
})

const count = command({
  name: 'sessions count',
  summary: 'how many sessions are open, of how many people',
  json: true,
  run: async ({ deps, out }) => {
    const { sql, now } = await deps()
    const counted = await countOpenSessions(sql, now())
    const { open, people, seen, last } = counted
    out.tell(counted, () => [
      ...tableOf([
        ['open', String(open)],
        ['people', String(people)],
        ['seen in the last 15 minutes', String(seen)],
        ['the last one ends', last?.toISOString() ?? '-'],
      ]),
    ])
  },
})

const revoke = command({
  name: 'sessions revoke',
  summary: 'end a session, those of an account, or all',
  details: 'Pages are closed to them with the next request. Other backends hear of it within seconds.',
  arguments: { handle: { what: 'as sessions list shows it', optional: true } },
  options: {
    user: { type: 'string', value: 'ID', what: 'all sessions of this account' },
    everybody: { type: 'boolean', what: 'all sessions there are: everybody has to log in again' },
  },
  changes: true,
  run: async ({ deps, audited, args: { handle }, options: { user, everybody }, out }) => {
    const ways = [handle, user, everybody].filter((way) => way !== undefined)
    if (ways.length !== 1)
      throw new UsageError('Which? Give a handle, or --user ID, or --everybody, and one of them only.')
    const { sql, now } = await deps()
    if (handle !== undefined) {
      const owner = await findUserOfSession(sql, handle, now())
      if (owner === undefined) throw new Failure('noInput', 'There is no session with this handle. See sessions list.')
      await audited({ whom: owner.id, details: { session: handle } }, () => endSession(sql, handle))
      return out.say('The session is ended.')
    }
    if (user !== undefined) {
      if ((await findUser(sql, user)) === undefined)
        throw new Failure('noInput', 'There is no account with this id. See sessions list.')
      await audited({ whom: user }, () => revokeSessions(sql, user))
      return out.say('The sessions of this account are ended.')
    }
    const ended = await audited({ details: { everybody: true } }, async (note) => {
      const progress = out.progress('ending sessions')
      let total = 0
      for (let last = ENDED_AT_ONCE; last === ENDED_AT_ONCE; total += last) {
        last = await endSomeSessions(sql, ENDED_AT_ONCE)
        progress.set(total + last)
      }
      progress.end(`${total} sessions ended`)
      note({ ended: total })
      return total
    })
    out.say(`All sessions are ended: ${ended}.`)
  },
})

export const SESSIONS = [list, count, revoke]
