/**
 * Sends what waits in the outbox: by SMTP, or in development as readable files. A mail that cannot be sent is tried
 * again, also by another process or after a restart, and nobody's request waits for one.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTransport } from 'nodemailer'
import type { Log } from '../base/log.ts'
import type { MailConfig } from '../config/config.ts'
import type { Sql } from '../database/database.ts'
import {
  type Draft,
  forgetMail,
  type Mail,
  nextMailDue,
  type OutboxRow,
  outboxRow,
  postponeMail,
  type Taken,
  takeDueMails,
} from './outbox.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const CONNECT_MS = 8 * SECOND
const SILENCE_MS = 12 * SECOND
/** For a mail as a whole, however slowly the server talks: shorter than its lease, so that no two processes send it at once. */
const SEND_MS = 25 * SECOND
const AT_ONCE = 5
/** For what another process left behind. Not more often: a database that sleeps when idle should be left to sleep. */
const SWEEP_MS = 5 * MINUTE
/** When the outbox could not be read, or not all of it dealt with. */
const RETRY_MS = 10 * SECOND
/** A mail that was sent but is still in the outbox would be sent again, by another process too. */
const FORGET_TRIES = 20
/** While secrets are changed, another process may have the one that opens a mail: it gets its turns before the mail is dropped. */
const OPEN_TRIES = 10

export type Mailer = ReturnType<typeof createMailer>

type Send = (mail: Mail, id: string) => Promise<unknown>

export function createMailer({
  config,
  origin,
  keys,
  sql,
  now,
  log,
}: {
  config: MailConfig | undefined
  /** Where links lead. */
  origin: string
  keys: readonly Buffer[]
  sql: Sql
  now: () => number
  log: Log
}) {
  const send: Send =
    config === undefined ? refuse : config.smtp === undefined ? intoFiles(config.directory, now) : bySmtp(config)
  let started = false
  let running: Promise<void> | undefined
  let again = false
  let timer: NodeJS.Timeout | undefined
  /** Done with, but perhaps not forgotten. */
  const done = new Set<string>()

  async function deliver(taken: Taken): Promise<void> {
    if (!done.has(taken.id) && !(await isDone(taken))) return postponeMail(sql, taken, now())
    done.add(taken.id)
    await forget(taken.id)
  }

  /** Sends a mail, if it can be. Resolves to whether it need not be tried again. */
  async function isDone({ id, kind, attempts, mail }: Taken): Promise<boolean> {
    if (mail === undefined) {
      const dropped = attempts >= OPEN_TRIES
      log.error({ mail: id, kind, attempts }, `mail ${dropped ? 'dropped' : 'put off'}: no secret opens it`)
      return dropped
    }
    try {
      if (mail.to !== '') await send(mail, id)
      return true
    } catch (error) {
      const { code, responseCode, command } = error as { code?: unknown; responseCode?: unknown; command?: unknown }
      // The recipient is refused for good. What is said of the sender or the text may change with a setting.
      const refused = command === 'RCPT TO' && Number(responseCode) >= 500
      log.warn({ mail: id, kind, attempts, code, responseCode }, refused ? 'mail refused' : 'mail not sent yet')
      return refused
    }
  }

  async function forget(id: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await forgetMail(sql, id)
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
        const { taken, dropped } = await takeDueMails(sql, { keys, now: now(), limit: AT_ONCE })
        for (const { id, kind } of dropped) log.error({ mail: id, kind }, 'mail dropped: it could not be sent in time')
        if (taken.length === 0) break
        // All of them: one that is still under way must not be left alone when another one fails.
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

  /** Looks into the outbox now. Costs its caller nothing. */
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
    /** The folder of the mails in development. */
    directory: config?.directory,
    /** A mail as the statement inserts it whose change it speaks of. */
    row: (draft: Draft): OutboxRow => outboxRow(draft, keys, now()),
    wake,
    start(): void {
      started = config !== undefined
      wake()
    },
    /** Takes no more mails on, and waits for those under way. */
    async stop(): Promise<void> {
      started = false
      again = false
      clearTimeout(timer)
      await running
    },
  }
}

const refuse: Send = () => Promise.reject(new Error('This server has no way to send mail'))

function bySmtp({ smtp = '', from }: MailConfig): Send {
  const { protocol, username, hostname } = new URL(smtp)
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  const transport = createTransport(
    {
      url: smtp,
      // A password goes over no plain wire: without STARTTLS the mail waits, and the log says so.
      requireTLS: protocol === 'smtp:' && username !== '' && !isHere,
      connectionTimeout: CONNECT_MS,
      greetingTimeout: CONNECT_MS,
      dnsTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from: { name: 'Matricula', address: from } },
  )
  return ({ to, subject, text, html }, id) =>
    transport.sendMail({
      // An object is taken as it is; a text would be parsed, and might name several.
      to: { name: '', address: to },
      subject,
      text,
      html,
      // The same at every try, by which a mailbox knows a repetition.
      messageId: `<${id}@${from.split('@')[1]}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
      signal: AbortSignal.timeout(SEND_MS),
    })
}

function intoFiles(directory: string, now: () => number): Send {
  return async ({ to, subject, text }, id) => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const date = new Date(now())
    const name = `${date.toISOString().replaceAll(':', '-')}-${id.slice(0, 8)}.txt`
    await writeFile(join(directory, name), `To: ${to}\nSubject: ${subject}\nDate: ${date.toUTCString()}\n\n${text}`, {
      mode: 0o600,
    })
  }
}
