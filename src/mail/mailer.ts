/**
 * Sends the mails of the outbox. One that cannot be sent is tried again later, perhaps by another process or after a restart.
 * No request waits for a mail.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../base/log.ts'
import type { MailConfig } from '../config/mail-settings.ts'
import type { Sql } from '../database/database.ts'
import {
  type Draft,
  dropOldMails,
  forgetMail,
  nextMailDue,
  type OutboxRow,
  outboxRow,
  postponeMail,
  recipientMarks,
  type Taken,
  takeDueMails,
} from './outbox.ts'
import { type Outcome, whyRefused } from './outcomes.ts'
import { sender } from './transport.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const AT_ONCE = 5
/** How often to look for mails that another process has left. Not more often, so that an idle database can sleep. */
const SWEEP_MS = 5 * MINUTE
/** The pause after reading the outbox, or sending its mails, has failed. */
const RETRY_MS = 10 * SECOND
/** Tries to delete a mail that was sent. As long as it is in the outbox, it would be sent again. */
const FORGET_TRIES = 20
/** Tries to open a mail before it is dropped. While secrets are being changed, only other processes may have the right one. */
const OPEN_TRIES = 10

export type Mailer = ReturnType<typeof createMailer>

type Parts = {
  config: MailConfig | undefined
  /** The origin of links in mails. */
  origin: string
  keys: readonly Buffer[]
  sql: Sql
  now: () => number
  log: Log
}

export function createMailer({ config, origin, keys, sql, now, log }: Parts) {
  const send = sender(config, now)
  let started = false
  let running: Promise<void> | undefined
  let again = false
  let timer: NodeJS.Timeout | undefined
  /** Mails that are done, but perhaps not deleted yet. */
  const done = new Map<string, Outcome>()

  async function deliver(taken: Taken): Promise<void> {
    const outcome = done.get(taken.id) ?? (await trySending(taken))
    if (outcome === undefined) return postponeMail(sql, taken, now())
    done.set(taken.id, outcome)
    await forget(taken.id, outcome)
  }

  /** Sends a mail. Resolves to what became of it, or to undefined if it is to be tried again. */
  async function trySending({ id, kind, attempts, mail }: Taken): Promise<Outcome | undefined> {
    if (mail === undefined) {
      const dropped = attempts >= OPEN_TRIES
      log.error({ mail: id, kind, attempts }, `mail ${dropped ? 'dropped' : 'put off'}: no secret opens it`)
      return dropped ? 'dropped' : undefined
    }
    try {
      if (mail.to !== '') await send(mail, id)
      return 'handed-over'
    } catch (error) {
      const { code, response, responseCode, command } = error as Record<string, unknown>
      // The recipient is refused for good. A refusal of the sender or the text may go away when a setting changes.
      const refused = command === 'RCPT TO' && Number(responseCode) >= 500
      log.warn({ mail: id, kind, attempts, code, responseCode }, refused ? 'mail refused' : 'mail not sent yet')
      return refused ? whyRefused({ response, responseCode }) : undefined
    }
  }

  async function forget(id: string, outcome: Outcome): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await forgetMail(sql, id, { outcome, now: now() })
        done.delete(id)
        return
      } catch (error) {
        if (tries === FORGET_TRIES) throw error
        await sleep(SECOND)
      }
    }
  }

  async function run(): Promise<void> {
    do {
      again = false
      for (;;) {
        // A statement of its own: not every database lets one change a table twice.
        const dropped = await dropOldMails(sql, now())
        for (const { id, kind } of dropped) log.error({ mail: id, kind }, 'mail dropped: it could not be sent in time')
        const taken = await takeDueMails(sql, { keys, now: now(), limit: AT_ONCE })
        if (taken.length === 0) break
        // Wait for all of them, even when one fails.
        for (const end of await Promise.allSettled(taken.map(deliver))) if (end.status === 'rejected') throw end.reason
        if (!started) return
      }
    } while (again)
    const due = await nextMailDue(sql)
    if (due !== undefined) schedule(Math.max(SECOND, due.getTime() - now()))
  }

  function schedule(milliseconds: number): void {
    clearTimeout(timer)
    timer = setTimeout(wake, Math.min(milliseconds, SWEEP_MS)).unref()
  }

  /** Looks into the outbox now, in the background. */
  function wake(): void {
    if (!started) return
    again = true
    if (running) return
    schedule(SWEEP_MS)
    running = run()
      .catch((error: unknown) => {
        log.warn({ err: error }, 'outbox not read')
        schedule(RETRY_MS)
      })
      .finally(() => {
        running = undefined
        if (again) schedule(SECOND)
      })
  }

  return {
    enabled: config !== undefined,
    origin,
    /** The folder with the mails, in development. */
    directory: config?.directory,
    /** The row of a mail, to be inserted by the statement that makes the change. */
    row: (draft: Draft): OutboxRow => outboxRow(draft, keys, now()),
    /** Marks of the mails that wait for this address. */
    recipientMarks: (to: string): string[] => recipientMarks(to, keys),
    wake,
    start(): void {
      started = config !== undefined
      wake()
    },
    /** Starts sending no more mails, and waits for those that are being sent. */
    async stop(): Promise<void> {
      started = false
      again = false
      clearTimeout(timer)
      await running
    },
  }
}
