/** Mails that wait: what is in their rows, taking them on, and what becomes of them. The change they speak of writes them. */
import type { Sql } from '../db.ts'
import { newId } from './ids.ts'
import { open, seal } from './sealing.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/** Longer than one mail takes at most: after it, whoever took the mail on is taken for dead. */
const LEASE_MS = 45 * SECOND
const RETRY_FIRST_MS = 5 * SECOND
/** Short against the hour that a link to a new password lives. */
const RETRY_MAX_MS = 5 * MINUTE

export type Mail = { to: string; subject: string; text: string; html: string }
export type Draft = { kind: string; mail: Mail; lastsMs: number }

/** The values of a row: a statement that changes something inserts them along. */
export type OutboxRow = { id: string; kind: string; sealed: string; due: Date; end: Date }

export function outboxRow({ kind, mail, lastsMs }: Draft, keys: readonly Buffer[], now: number): OutboxRow {
  const id = newId()
  const sealed = seal(Buffer.from(JSON.stringify(mail)), id, keys)
  return { id, kind, sealed, due: new Date(now), end: new Date(now + lastsMs) }
}

export type Taken = { id: string; kind: string; attempts: number; mail: Mail | undefined }
export type Dropped = { id: string; kind: string }

/** Takes up to `limit` mails on that are due. Another process leaves them alone for a while; those past their end are dropped. */
export async function takeDueMails(
  sql: Sql,
  { keys, now, limit }: { keys: readonly Buffer[]; now: number; limit: number },
): Promise<{ taken: Taken[]; dropped: Dropped[] }> {
  const at = new Date(now)
  const rows = await sql<Omit<Taken, 'mail'> & { sealed: string | null }>`
    with over as (
      delete from outbox where expires_at <= ${at} returning id, kind, attempts
    ), taken as (
      update outbox set attempts = attempts + 1, due_at = ${new Date(now + LEASE_MS)}
      where id in (
        select id from outbox where due_at <= ${at} and expires_at > ${at}
        order by due_at limit ${limit} for update skip locked
      )
      returning id, kind, attempts, sealed
    )
    select id, kind, attempts, sealed from taken
    union all
    select id, kind, attempts, null from over where kind <> 'nothing'`
  return {
    taken: rows.flatMap(({ sealed, ...row }) => {
      if (sealed === null) return []
      const opened = open(sealed, row.id, keys)
      return [{ ...row, mail: opened && (JSON.parse(opened.secret.toString()) as Mail) }]
    }),
    dropped: rows.flatMap(({ id, kind, sealed }) => (sealed === null ? [{ id, kind }] : [])),
  }
}

export async function forgetMail(sql: Sql, id: string): Promise<void> {
  await sql`delete from outbox where id = ${id}`
}

/** Puts a mail off that could not be sent: 5 s after the first try, twice as long after each more, 5 minutes at most. */
export async function postponeMail(sql: Sql, { id, attempts }: Taken, now: number): Promise<void> {
  const pause = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts - 1, 20))
  await sql`update outbox set due_at = ${new Date(now + pause)} where id = ${id} and attempts = ${attempts}`
}

/** Deletes up to `limit` mails that are past their end, for a server that sends none any more; returns how many. */
export async function pruneMails(sql: Sql, now: number, limit: number): Promise<number> {
  const gone = await sql`
    delete from outbox where id in (select id from outbox where expires_at < ${new Date(now)} limit ${limit})
    returning 1 as gone`
  return gone.length
}

/** When the next mail is due, or undefined when none waits. */
export async function nextMailDue(sql: Sql): Promise<Date | undefined> {
  const [next] = await sql<{ due: Date | null }>`select min(due_at) as due from outbox`
  return next?.due ?? undefined
}

/** How many mails wait that could not be sent at the first try. */
export async function countLateMails(sql: Sql): Promise<number> {
  const [row] = await sql<{ late: number }>`select count(*)::int as late from outbox where attempts > 1`
  return row?.late ?? 0
}
