/** Reads the body of a request. Our own code, because it must stop at the limit, where body-parser reads on to the end. */
import type { Request, RequestHandler } from 'express'
import { HttpError } from './errors.ts'
import { LINGER_BYTES, LINGER_MS } from './unreadable.ts'

const BODY_LIMIT_BYTES = 16 * 1024
const FIELDS_MAX = 100
const LINGER_CHECK_MS = 20

/** Refuses a body at once that says it is too long. After the answer, nobody waits for a body that was not read. */
export const limitBody: RequestHandler = (req, res, next) => {
  const length = Number(req.get('Content-Length') ?? 0)
  if (length === 0 && req.get('Transfer-Encoding') === undefined) return next()
  res.once('finish', () => cutOff(req))
  if (length > BODY_LIMIT_BYTES) throw new HttpError(413)
  next()
}

export const FORM_TYPE = 'application/x-www-form-urlencoded'

/** Sets `req.body`: each field is text, or a list if it was sent more than once. */
export const formBody: RequestHandler = async (req, _res, next) => {
  if (req.method !== 'POST') return next()
  const text = (await readBody(req)).toString('utf8')
  if (text !== '' && !isOfType(req.get('Content-Type'), FORM_TYPE)) throw new HttpError(415)
  req.body = parseFields(text)
  next()
}

/** Only UTF-8 is accepted, so that no text can be read in two ways. */
export function isOfType(contentType = '', wanted: string): boolean {
  const [type, ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))
  return type === wanted && (charset === undefined || /^charset="?utf-?8"?$/.test(charset))
}

/** The fields of a form. @throws {HttpError} 413 for too many. */
export function parseFields(text: string): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.create(null)
  const entries = [...new URLSearchParams(text)]
  if (entries.length > FIELDS_MAX) throw new HttpError(413)
  for (const [name, value] of entries) {
    const earlier = fields[name]
    fields[name] = earlier === undefined ? value : [earlier, value].flat()
  }
  return fields
}

/** @throws {HttpError} 413 as soon as the body is too long, 415 if it is compressed, 400 if the connection breaks. */
export async function readBody(req: Request): Promise<Buffer> {
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
 * Reads the rest of a body and throws it away for a moment, then closes the connection. If it were closed at once, the
 * browser would report a broken connection and not show the page that says why.
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
