/** How mail leaves, from the settings for it. */
import { join } from 'node:path'
import { DATA_DIRECTORY } from './folders.ts'
import { isLoopback } from './variables.ts'

type Settings = { NODE_ENV: string } & {
  [Name in 'PUBLIC_URL' | 'SMTP_URL' | 'MAIL_FROM' | 'MAIL_DIRECTORY']?: string | undefined
}

/** Mail goes out by SMTP or into files. Exactly one of the two is set. */
export type MailConfig = { from: string } & (
  | { smtp: string; directory?: undefined }
  | { smtp?: undefined; directory: string }
)

export function mailOf({
  NODE_ENV,
  PUBLIC_URL,
  SMTP_URL,
  MAIL_FROM,
  MAIL_DIRECTORY,
}: Settings): MailConfig | undefined {
  const from = MAIL_FROM ?? 'no-reply@localhost.example'
  if (SMTP_URL !== undefined) return { from, smtp: SMTP_URL }
  // If NODE_ENV is forgotten on a public server, a page with all mails would show people each other's links.
  const isHere = PUBLIC_URL === undefined || isLoopback(PUBLIC_URL)
  const directory =
    MAIL_DIRECTORY ?? (NODE_ENV === 'development' && isHere ? join(DATA_DIRECTORY, 'outbox') : undefined)
  return directory === undefined ? undefined : { from, directory }
}
