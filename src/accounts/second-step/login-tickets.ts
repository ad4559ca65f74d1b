/**
 * Between the first step of a login and the second: a ticket, random and stored as a hash, good once and for ten minutes. Only
 * the browser that did the first step holds it, in a cookie. It opens no page and no call.
 */
import { randomBytes } from 'node:crypto'
import { sha256 } from '../../base/digest.ts'
import type { Sql } from '../../database/database.ts'
import { type Fragment, fragment } from '../../database/fragments.ts'
import type { Pruning } from '../../database/pruning.ts'
import { USER_COLUMNS } from '../../database/user-columns.ts'
import { lockedUser } from '../activity.ts'
import type { User } from '../users.ts'

export const TICKET_LASTS_MS = 10 * 60_000
const TICKET_BYTES = 24
const TICKET = /^[\w-]{32}$/

/** What the login was asked for with, which the ticket carries on to the session. */
export type TicketLuggage = {
  passwordVersion: number
  /** How the first step was done (RFC 8176). */
  amr: readonly string[]
  remembered: boolean
  next: string
  kept: string | undefined
}

export type Ticket = Omit<TicketLuggage, 'kept'> & { id: string; user: User; kept: string | null }

/** A ticket for this user, or undefined when the account is gone. Whoever holds it has done the first step. */
export async function issueTicket(
  sql: Sql,
  userId: string,
  { passwordVersion, amr, remembered, next, kept = null }: Omit<TicketLuggage, 'kept'> & { kept?: string | null },
  now: number,
): Promise<string | undefined> {
  const id = randomBytes(TICKET_BYTES).toString('base64url')
  const issued = await sql`
    with learner as (${lockedUser(userId)})
    insert into login_tickets (ticket_hash, user_id, password_version, amr, remembered, next, kept, expires_at)
    select ${sha256(id)}, id, ${passwordVersion}::int, ${amr}::text[], ${remembered}::boolean, ${next}, ${kept}::text,
      ${new Date(now + TICKET_LASTS_MS)}::timestamptz
    from learner
    returning 1 as issued`
  return issued.length > 0 ? id : undefined
}

/**
 * The ticket with this id and whose it is. Undefined if it is unknown, used or over, or if the password was changed, the
 * second step switched off or the account suspended since.
 */
export async function findTicket(sql: Sql, id: string | undefined, now: number): Promise<Ticket | undefined> {
  if (id === undefined || !TICKET.test(id)) return undefined
  const [row] = await sql<User & Omit<Ticket, 'user' | 'id'>>`
    select t.password_version, t.amr, t.remembered, t.next, t.kept, ${USER_COLUMNS}
    from login_tickets t join users u on u.id = t.user_id
    where t.ticket_hash = ${sha256(id)} and t.used_at is null and t.expires_at > ${new Date(now)}
      and t.password_version = u.password_version and u.second_step and u.suspended_at is null`
  if (row === undefined) return undefined
  const { passwordVersion, amr, remembered, next, kept, ...user } = row
  return { id, user, passwordVersion, amr, remembered, next, kept }
}

/** Whether this ticket is still good, for a statement that takes a code with it. */
export const goodTicket = (id: string, now: number): Fragment => fragment`
  exists (select 1 from login_tickets where ticket_hash = ${sha256(id)} and used_at is null and expires_at > ${new Date(now)})`

/** Uses the ticket up, once `part` of the statement has a row. It returns the user's id. */
export const usedTicket = (id: string, part: Fragment, now: number): Fragment => fragment`
  update login_tickets set used_at = ${new Date(now)}
  where ticket_hash = ${sha256(id)} and used_at is null and user_id in (${part})
  returning user_id as id`

/** Tickets that are over, used or not. */
export const OLD_LOGIN_TICKETS: Pruning = {
  table: 'login_tickets',
  key: 'ticket_hash',
  isOver: (now) => fragment`expires_at < ${new Date(now)}`,
}
