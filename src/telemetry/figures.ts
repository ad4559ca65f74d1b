/** What only the database knows, for the metrics: asked when they are asked for, in one round trip. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../base/log.ts'
import type { Sql } from '../database/database.ts'

const ASKED_AGAIN_AFTER_MS = 5_000
/** Counting everybody reads whole tables. */
const EVERYBODY_AGAIN_AFTER_MS = 10 * 60_000
/** Whoever scrapes waits 10 seconds as a rule, and the rest of the metrics must not be lost. */
const PATIENCE_MS = 2_000

type Stored = {
  mailsWaiting: number
  /** In seconds; 0 if none waits. */
  oldestMail: number
  /** In seconds, of the key that signs. Null before the first one. */
  keyAge: number | null
  /** Sessions that are marked in the status lists, and how many lists have a place that is taken. */
  endedListed: number
  listsUsed: number
}

export type Everybody = { signedUp: number; began: number; finished: number; skipped: number; learning: number }
export type Figures = Stored & { everybody: Everybody | undefined }

type Parts = { sql: Sql; log: Log; now: () => number; countEverybody: (sql: Sql) => Promise<Everybody> }

/** Returns a question that is answered with undefined while the database is away, and never fails. */
export function createFigures({ sql, log, now, countEverybody }: Parts): () => Promise<Figures | undefined> {
  let asked: { at: number; answer: Promise<Figures | undefined> } | undefined
  let everybody: { at: number; counted: Everybody } | undefined

  async function look(at: number): Promise<Figures | undefined> {
    try {
      const isOld = everybody === undefined || at - everybody.at > EVERYBODY_AGAIN_AFTER_MS
      const [stored, counted] = await Promise.all([readStored(sql, now()), isOld ? countEverybody(sql) : undefined])
      if (counted) everybody = { at, counted }
      return { ...stored, everybody: everybody?.counted }
    } catch (error) {
      log.warn({ err: error }, 'figures for the metrics not read')
      return undefined
    }
  }

  return () => {
    const at = performance.now()
    if (asked === undefined || at - asked.at > ASKED_AGAIN_AFTER_MS) asked = { at, answer: look(at) }
    return Promise.race([asked.answer, sleep(PATIENCE_MS, undefined, { ref: false })])
  }
}

async function readStored(sql: Sql, now: number): Promise<Stored> {
  const [row] = await sql<Stored>`
    select
      (select count(*)::int from outbox where kind <> 'nothing') as mails_waiting,
      (select coalesce(extract(epoch from now() - min(queued_at)), 0)::float8 from outbox where kind <> 'nothing')
        as oldest_mail,
      (select extract(epoch from ${new Date(now)}::timestamptz - max(signs_from))::float8 from signing_keys
        where signs_from <= ${new Date(now)} and retired_at is null) as key_age,
      (select count(*)::int from token_status where ended_at is not null) as ended_listed,
      (select coalesce(max(status_index) / 1000000 + 1, 0)::int from token_status) as lists_used`
  if (row === undefined) throw new Error('the figures were not read')
  return row
}
