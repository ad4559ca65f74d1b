/** Reads the body of an API call. */
import type { Request } from 'express'
import { FORM_TYPE, isOfType, parseFields, readBody } from '../middleware/body.ts'
import { Refusal } from './refusals.ts'

/** What an API call may send. Forms only where Better Auth takes them. */
export const JSON_TYPE = 'application/json'

/**
 * The body of a call. Undefined for an empty body and, as in Better Auth on Node, for one without a Content-Type.
 * @throws {Refusal} 415 for another type or charset, 400 for text that is not JSON. The text is not repeated in the answer.
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
