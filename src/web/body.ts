/** Reads the body of a form or of a call of the API. Our own, because it must stop at the limit, and body-parser reads on to the end first. */
import type { Request, RequestHandler } from 'express'
import { HttpError } from './errors.ts'
import { Refusal } from './refusals.ts'
import { LINGER_BYTES, LINGER_MS } from './unreadable.ts'

const BODY_LIMIT_BYTES = 16 * 1024
const FIELDS_MAX = 100
const LINGER_CHECK_MS = 20

/** For every request: a body that says it is too long is refused at once, and one that nobody reads is not waited for. */
export const limitBody: RequestHandler = (req, res, next) => {
  const length = Number(req.get('Content-Length') ?? 0)
  if (length === 0 && req.get('Transfer-Encoding') === undefined) return next()
  res.once('finish', () => cutOff(req))
  if (length > BODY_LIMIT_BYTES) throw new HttpError(413)
  next()
}

/** What a call of the API may send; forms only where the contract of Better Auth takes them. */
export const JSON_TYPE = 'application/json'
export const FORM_TYPE = 'application/x-www-form-urlencoded'

/**
 * The body of an API call, or undefined for an empty one and, as by Better Auth on Node, for one that does not name its type.
 * @throws {Refusal} 415 for another type or charset, 400 for text that is no JSON; what was sent is not repeated.
 */
export async function apiBody(req: Request, types: readonly string[]): Promise<unknown> {
  const bytes = await readBody(req)
  if (bytes.length === 0 || req.get('Content-Type') === undefined) return undefined
  const type = types.find((type) => isOfType(req.get('Content-Type'), type))
  if (type === undefined) throw new Refusal('UNSUPPORTED_MEDIA_TYPE', { message: unsupported(req, types) })
  if (type === FORM_TYPE) return { ...parseFields(bytes.toString('utf8')) }
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new Refusal('BAD_REQUEST', { message: 'Invalid JSON in request body' })
  }
}

function unsupported(req: Request, types: readonly string[]): string {
  const [given = ''] = (req.get('Content-Type') ?? '').split(';')
  if (types.includes(given.trim().toLowerCase())) return 'The charset must be UTF-8'
  const problem = /^[\w.+-]+\/[\w.+-]+$/.test(given) ? `"${given}" is not allowed` : 'is required'
  return `Content-Type ${problem}. Allowed types: ${types.join(', ')}`
}

/** `req.body`: every field once as text, or as a list where it was sent more than once. */
export const formBody: RequestHandler = async (req, _res, next) => {
  if (req.method !== 'POST') return next()
  const text = (await readBody(req)).toString('utf8')
  if (text !== '' && !isOfType(req.get('Content-Type'), FORM_TYPE)) throw new HttpError(415)
  req.body = parseFields(text)
  next()
}

/** UTF-8 is the only charset, so that no text is read in two ways. */
function isOfType(contentType = '', wanted: string): boolean {
  const [type, ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))
  return type === wanted && (charset === undefined || /^charset="?utf-?8"?$/.test(charset))
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
