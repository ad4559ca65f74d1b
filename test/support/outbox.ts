/** The outbox of a test app: puts mails into it directly, and lets the sender look into it once. */
import type { Draft } from '../../src/mail/outbox.ts'
import type { TestApp } from './app.ts'
import { eventually } from './process.ts'

type Row = { id: string; kind: string; sealed: string; attempts: number; dueAt: Date; expiresAt: Date }

/** Writes mails into the outbox as the app does, but does not wake the sender. */
export async function queue({ sql, deps }: Pick<TestApp, 'sql' | 'deps'>, ...drafts: Draft[]): Promise<string[]> {
  const rows = drafts.map((draft) => deps.mail.row(draft))
  for (const { id, kind, sealed, due, end } of rows) {
    await sql`
      insert into outbox (id, kind, sealed, due_at, expires_at)
      values (${id}, ${kind}, ${sealed}, ${due}::timestamptz, ${end}::timestamptz)`
  }
  return rows.map(({ id }) => id)
}

export const waiting = ({ sql }: Pick<TestApp, 'sql'>): Promise<Row[]> =>
  sql<Row>`select * from outbox order by due_at, id`

/** Takes at most five due mails and waits until each is sent or postponed. */
export async function lookOnce({ deps: { mail } }: Pick<TestApp, 'deps'>): Promise<void> {
  await mail.stop()
  mail.start()
  await mail.stop()
}

export const allSent = (app: Pick<TestApp, 'sql'>): Promise<void> =>
  eventually('the outbox to be empty', async () => (await waiting(app)).length === 0)
