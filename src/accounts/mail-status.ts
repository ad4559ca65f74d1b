/** Where the mail is that a learner waits for. */
import type { Sql } from '../database/database.ts'
import type { Outcome } from '../mail/outcomes.ts'

/**
 * `askedAt` is when the mail was written. `waiting` counts the tries so far and says when the next one is due; `ended` says
 * what became of it and when. `lost` is a mail that was not sent in time, or so long ago that nobody knows any more.
 */
export type MailStatus = { askedAt: Date } & (
  | { state: 'waiting'; attempts: number; dueAt: Date }
  | { state: 'ended'; outcome: Outcome; at: Date }
  | { state: 'lost' }
)

type Row = {
  createdAt: Date
  attempts: number | null
  dueAt: Date | null
  outcome: Outcome | null
  at: Date | null
}

/**
 * The newest mail to a learner's own address that is to confirm it; undefined if there was none. Only for the learner: it
 * tells whether the address takes mail.
 */
export async function findMailStatus(sql: Sql, userId: string): Promise<MailStatus | undefined> {
  const [row] = await sql<Row>`
    select t.created_at, waiting.attempts, waiting.due_at, ended.outcome, ended.at
    from email_tokens t
    left join outbox waiting on waiting.id = t.mail_id
    left join mail_outcomes ended on ended.id = t.mail_id
    where t.user_id = ${userId} and t.purpose = 'verify-email' and t.mail_id is not null
    order by t.created_at desc, t.id desc limit 1`
  if (row === undefined) return undefined
  return statusOf(row)
}

/** The same of the newest mail of each kind with a link to the account itself, for operators. `isOpen`: its link was not used. */
export async function listMailStatuses(
  sql: Sql,
  userId: string,
): Promise<(MailStatus & { purpose: string; isOpen: boolean })[]> {
  const rows = await sql<Row & { purpose: string; isOpen: boolean }>`
    select distinct on (t.purpose) t.purpose, t.used_at is null and t.cancelled_at is null as is_open,
      t.created_at, waiting.attempts, waiting.due_at, ended.outcome, ended.at
    from email_tokens t
    left join outbox waiting on waiting.id = t.mail_id
    left join mail_outcomes ended on ended.id = t.mail_id
    where t.user_id = ${userId} and t.mail_id is not null
    order by t.purpose, t.id desc`
  return rows.map((row) => ({ purpose: row.purpose, isOpen: row.isOpen, ...statusOf(row) }))
}

function statusOf({ createdAt: askedAt, attempts, dueAt, outcome, at }: Row): MailStatus {
  if (outcome !== null && at !== null) return { state: 'ended', askedAt, outcome, at }
  if (attempts !== null && dueAt !== null) return { state: 'waiting', askedAt, attempts, dueAt }
  return { state: 'lost', askedAt }
}
