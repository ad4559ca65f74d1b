/** The outbox of an app of the tests: mails that nobody had to ask for, and looks into it one at a time. */
import type { Draft } from '../../src/mail/outbox.ts'
import type { TestApp } from './app.ts'
import { eventually } from './process.ts'

type Row = { id: string; kind: string; sealed: string; attempts: number; dueAt: Date; expiresAt: Date }

/** Writes mails as a change does that they speak of, without a word to whoever sends them. */
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

/** Takes on what is due, five at most, and waits until it is sent or put off. */
export async function lookOnce({ deps: { mail } }: Pick<TestApp, 'deps'>): Promise<void> {
  await mail.stop()
  mail.start()
  await mail.stop()
}

export const allSent = (app: Pick<TestApp, 'sql'>): Promise<void> =>
  eventually('the outbox to be empty', async () => (await waiting(app)).length === 0)
