import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Router } from 'express'
import type { Deps } from '../../deps.ts'
import { methodNotAllowed } from '../middleware/errors.ts'

const SHOWN = 50

/** The mails that would have been sent, the newest first. The page only exists in development. */
export function devOutboxPages({ mail: { directory } }: Deps): Router {
  const router = Router()
  if (directory === undefined) return router
  router
    .route('/dev/outbox')
    .get(async (_req, res) => {
      const files = await readdir(directory).catch(() => [])
      const newest = files
        .filter((file) => file.endsWith('.txt'))
        .sort()
        .reverse()
        .slice(0, SHOWN)
      const mails = await Promise.all(newest.map(async (file) => read(await readFile(join(directory, file), 'utf8'))))
      res.render('dev-outbox', { mails, directory })
    })
    .all(methodNotAllowed)
  return router
}

function read(text: string) {
  const [head = '', ...rest] = text.split('\n\n')
  const headers = Object.fromEntries(head.split('\n').map((line) => line.split(/: (.*)/, 2)))
  return {
    to: headers.To,
    subject: headers.Subject,
    date: headers.Date,
    paragraphs: rest.map((paragraph) => paragraph.trim()).map((text) => ({ text, path: pathOf(text) })),
  }
}

/** The path of a link. The developer may have opened this server at another address than the one in the mail. */
function pathOf(text: string): string | undefined {
  if (!/^https?:\/\/\S+$/.test(text) || !URL.canParse(text)) return undefined
  const { pathname, search } = new URL(text)
  return pathname + search
}
