/** Reads the body of a form. Our own, because it must stop at the limit, and body-parser reads on to the end first. */
import type { Request, RequestHandler } from 'express'
import { HttpError } from './errors.ts'

export const BODY_LIMIT_BYTES = 16 * 1024
const FIELDS_MAX = 100

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
  if (req.get('Content-Encoding') !== undefined) throw refuseBody(req, 415)
  if (Number(req.get('Content-Length') ?? 0) > BODY_LIMIT_BYTES) throw refuseBody(req, 413)
  const chunks: Buffer[] = []
  let length = 0
  return new Promise((resolve, reject) => {
    req.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > BODY_LIMIT_BYTES) reject(refuseBody(req, 413))
      else chunks.push(chunk)
    })
    req.once('end', () => resolve(Buffer.concat(chunks)))
    req.once('error', () => reject(new HttpError(400)))
    req.once('aborted', () => reject(new HttpError(400)))
  })
}

/** Stops reading and closes the connection after the answer: the rest of an upload is not worth waiting for. */
function refuseBody(req: Request, status: number): HttpError {
  req.removeAllListeners('data')
  req.pause()
  req.res?.set('Connection', 'close')
  req.res?.once('finish', () => req.socket.destroySoon())
  return new HttpError(status)
}
