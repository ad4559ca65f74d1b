/** Reads the body of a form. Our own, because it must stop at the limit, and body-parser reads on to the end first. */
import type { Request, RequestHandler } from 'express'
import { HttpError } from './errors.ts'

const BODY_LIMIT_BYTES = 16 * 1024
const FIELDS_MAX = 100
/** How much and how long is still taken in, unread, after the answer to a body that is too long. */
const LINGER_BYTES = 1024 * 1024
const LINGER_MS = 1_000
const LINGER_CHECK_MS = 20

/** For every request: a body that says it is too long is refused at once, and one that nobody reads is not waited for. */
export const limitBody: RequestHandler = (req, res, next) => {
  const length = Number(req.get('Content-Length') ?? 0)
  if (length === 0 && req.get('Transfer-Encoding') === undefined) return next()
  res.once('finish', () => cutOff(req))
  if (length > BODY_LIMIT_BYTES) throw new HttpError(413)
  next()
}

/** `req.body`: every field once as text, or as a list where it was sent more than once. */
export const formBody: RequestHandler = async (req, _res, next) => {
  if (req.method !== 'POST') return next()
  const text = (await readBody(req)).toString('utf8')
  if (text !== '' && !isForm(req.get('Content-Type'))) throw new HttpError(415)
  req.body = parseFields(text)
  next()
}

function isForm(contentType = ''): boolean {
  const [type, ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))
  return type === 'application/x-www-form-urlencoded' && (charset === undefined || /^charset="?utf-?8"?$/.test(charset))
}

function parseFields(text: string): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.create(null)
  const entries = [...new URLSearchParams(text)]
  if (entries.length > FIELDS_MAX) throw new HttpError(413)
  for (const [name, value] of entries) {
    const earlier = fields[name]
    fields[name] = earlier === undefined ? value : [earlier, value].flat()
  }
  return fields
}

/** @throws {HttpError} 413 as soon as it is known to be too long, 415 for a compressed one, 400 when it breaks off. */
async function readBody(req: Request): Promise<Buffer> {
  if (req.get('Content-Encoding') !== undefined) throw new HttpError(415)
  const chunks: Buffer[] = []
  let length = 0
  return new Promise((resolve, reject) => {
    req.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= BODY_LIMIT_BYTES) chunks.push(chunk)
      else reject(new HttpError(413))
    })
    req.once('end', () => resolve(Buffer.concat(chunks)))
    req.once('error', () => reject(new HttpError(400)))
    req.once('close', () => reject(new HttpError(400)))
  })
}

/**
 * After the answer the rest of a body runs into the void for a moment before the connection is cut. Cut at once, the
 * browser would show a broken connection in place of the page that says why.
 */
function cutOff(req: Request): void {
  const { socket } = req
  if (req.complete) return
  req.removeAllListeners('data').resume()
  const [bytes, time] = [socket.bytesRead + LINGER_BYTES, Date.now() + LINGER_MS]
  const watch = setInterval(() => {
    if (req.complete || socket.destroyed) clearInterval(watch)
    else if (socket.bytesRead > bytes || Date.now() > time) socket.destroy()
  }, LINGER_CHECK_MS)
}
