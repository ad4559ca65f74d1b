/** How a mail leaves: by SMTP or, in development, into a file. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import type { MailConfig } from '../config/mail-settings.ts'
import type { Mail } from './outbox.ts'

const SECOND = 1_000
const CONNECT_MS = 8 * SECOND
const SILENCE_MS = 12 * SECOND
/** The limit for one mail as a whole. Shorter than its lease, so that two processes never send it at the same time. */
const SEND_MS = 25 * SECOND

type Send = (mail: Mail, id: string) => Promise<unknown>

/** Rejects when a mail could not be handed over, with what the other side said where it said anything. */
export function sender(config: MailConfig | undefined, now: () => number): Send {
  if (config === undefined) return () => Promise.reject(new Error('This server has no way to send mail'))
  return config.smtp === undefined ? intoFiles(config.directory, now) : bySmtp(config)
}

function bySmtp({ smtp = '', from }: MailConfig): Send {
  const { protocol, username, hostname } = new URL(smtp)
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  const transport = createTransport(
    {
      url: smtp,
      // A password is never sent without encryption. Without STARTTLS the mail waits, and the log says why.
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
      // An object is used as it is. A text would be parsed and might contain several addresses.
      to: { name: '', address: to },
      subject,
      text,
      html,
      // The same at every try, so that a mailbox can recognise a repetition.
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
