/** The letters that wait to be sent, read where they wait: nobody sends them here. */
import assert from 'node:assert/strict'
import { open } from '../../src/base/sealing.ts'
import type { Mail } from '../../src/mail/outbox.ts'
import type { TestApp } from '../support/app.ts'

/** `page` is where its link leads, `path` the link; both are empty for a letter without one. `code`: six digits to type. */
export type Received = { to: string; page: string; path: string; code?: string | undefined }

/** Takes the letters that wait, in the order in which they were written. */
export async function newLetters({ sql, deps }: TestApp): Promise<Received[]> {
  const rows = await sql<{ id: string; kind: string; sealed: string; queuedAt: Date }>`
    delete from outbox returning id, kind, sealed, queued_at`
  const inOrder = rows.toSorted((one, other) => one.queuedAt.getTime() - other.queuedAt.getTime())
  return inOrder.flatMap(({ id, kind, sealed }) => {
    if (kind === 'nothing') return []
    const opened = open(sealed, id, deps.config.keys('outbox')) ?? assert.fail('a letter that cannot be opened')
    const { to, text } = JSON.parse(opened.secret.toString()) as Mail
    const [, path = '', page = ''] = /^https?:\/\/[^/]+(((?:\/[\w-]+)+)\/link\/\w+)$/m.exec(text) ?? []
    return [{ to, page, path, code: /^(\d{6})$/m.exec(text)?.[1] }]
  })
}
