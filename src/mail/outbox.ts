/** Mails that wait to be sent: what their rows hold, claiming them, and what becomes of them afterwards. */
import { createHmac } from 'node:crypto'
import { newId } from '../base/ids.ts'
import { open, seal } from '../base/sealing.ts'
import type { Sql } from '../database/database.ts'
import { type Fragment, fragment, joined } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'
import type { Outcome } from './outcomes.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/** Longer than sending one mail can take. After this time the process that claimed the mail counts as dead. */
export const LEASE_MS = 45 * SECOND
const RETRY_FIRST_MS = 5 * SECOND
/** Short, compared with the hour for which a link to reset a password is good. */
const RETRY_MAX_MS = 5 * MINUTE

export type Mail = { to: string; subject: string; text: string; html: string }
export type Draft = { kind: string; mail: Mail; lastsMs: number }

/** A row of the outbox. The statement that makes a change also inserts the mails about it. */
export type OutboxRow = { id: string; kind: string; recipient: string; sealed: string; due: Date; end: Date }

export function outboxRow({ kind, mail, lastsMs }: Draft, keys: readonly Buffer[], now: number): OutboxRow {
  const id = newId()
  const sealed = seal(Buffer.from(JSON.stringify(mail)), id, keys)
  const [recipient = ''] = recipientMarks(mail.to, keys)
  return { id, kind, recipient, sealed, due: new Date(now), end: new Date(now + lastsMs) }
}

/** What stands in a row instead of an address, one for each secret, the newest first: only this server can compute it. */
export const recipientMarks = (to: string, keys: readonly Buffer[]): string[] =>
  keys.map((key) => createHmac('sha256', key).update(`to ${to}`).digest('base64url'))

/** The mails that wait for a recipient with one of these marks. A mail that is in the same statement is not among them. */
export const waitingFor = (marks: readonly string[]): Fragment => fragment`recipient = any(${marks})`

/**
 * Puts mails into the outbox, as one part of the statement that makes the change. Each mail comes with the end of a
 * `select`, for example `from changed`, and is inserted once for each row of it. Mails that are undefined are left out.
 */
export function mailed(...mails: [row: OutboxRow | undefined, source: Fragment][]): Fragment {
  const rows = mails.flatMap(([row, source]) => {
    if (row === undefined) return []
    const { id, kind, recipient, sealed, due, end } = row
    return [
      fragment`select ${id}, ${kind}, ${recipient}, ${sealed}, ${due}::timestamptz, ${end}::timestamptz ${source}`,
    ]
  })
  if (rows.length === 0) return fragment`select null::text as id where false`
  return fragment`
    insert into outbox (id, kind, recipient, sealed, due_at, expires_at) ${joined(rows, fragment` union all `)} returning id`
}

export type Taken = { id: string; kind: string; attempts: number; mail: Mail | undefined }
export type Dropped = { id: string; kind: string }

/** Claims up to `limit` mails that are due and still of use, so that other processes leave them alone for a while. */
export async function takeDueMails(
  sql: Sql,
  { keys, now, limit }: { keys: readonly Buffer[]; now: number; limit: number },
): Promise<Taken[]> {
  const at = new Date(now)
  // With `in`, a table that was small when it was last counted is looked through again for each row, each time beyond the limit.
  const rows = await sql<Omit<Taken, 'mail'> & { sealed: string; queuedAt: Date }>`
    update outbox set attempts = attempts + 1, due_at = ${new Date(now + LEASE_MS)}
    where id = any(array(
      select id from outbox where due_at <= ${at} and expires_at > ${at}
      order by due_at limit ${limit} for update skip locked
    ))
    returning id, kind, attempts, sealed, queued_at`
  // In the order in which they were written: of two links to somebody only the later one is good, so it should come last.
  const inOrder = rows.toSorted((one, other) => one.queuedAt.getTime() - other.queuedAt.getTime())
  return inOrder.map(({ sealed, queuedAt: _, ...row }) => {
    const opened = open(sealed, row.id, keys)
    return { ...row, mail: opened && (JSON.parse(opened.secret.toString()) as Mail) }
  })
}

/** Deletes the mails that nobody needs any more, and returns those that should have been sent. */
export async function dropOldMails(sql: Sql, now: number): Promise<Dropped[]> {
  const dropped = await sql<Dropped>`delete from outbox where expires_at <= ${new Date(now)} returning id, kind`
  return dropped.filter(({ kind }) => kind !== 'nothing')
}

/** Deletes a mail that is done, and notes what became of it. Harmless when it is done already. */
export async function forgetMail(
  sql: Sql,
  id: string,
  { outcome, now }: { outcome: Outcome; now: number },
): Promise<void> {
  await sql`
    with gone as (
      delete from outbox where id = ${id} returning id, kind
    )
    insert into mail_outcomes (id, outcome, at)
    select id, ${outcome}, ${new Date(now)}::timestamptz from gone where kind <> 'nothing'
    on conflict (id) do nothing`
}

/** Postpones a mail that could not be sent: by 5 s after the first try, then twice as long each time, 5 minutes at most. */
export async function postponeMail(sql: Sql, { id, attempts }: Taken, now: number): Promise<void> {
  const pause = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts - 1, 20))
  await sql`update outbox set due_at = ${new Date(now + pause)} where id = ${id} and attempts = ${attempts}`
}

/** Mails that are past their end, for a server that no longer sends any. */
export const OLD_MAILS: Pruning = {
  table: 'outbox',
  key: 'id',
  isOver: (now) => fragment`expires_at < ${new Date(now)}`,
}

/** When the next mail is due, or undefined when none waits. */
export async function nextMailDue(sql: Sql): Promise<Date | undefined> {
  const [next] = await sql<{ due: Date | null }>`select min(due_at) as due from outbox`
  return next?.due ?? undefined
}

/** How many waiting mails could not be sent at the first try. */
export async function countLateMails(sql: Sql): Promise<number> {
  const [row] = await sql<{ late: number }>`select count(*) as late from outbox where attempts > 1`
  return row?.late ?? 0
}
