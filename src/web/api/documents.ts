/** Public documents for verifiers: they come from memory, without a session, and any site may read them. */

import type { RequestHandler } from 'express'
import { sha256 } from '../../base/digest.ts'

export type Document = { body: Buffer; etag: string }

/** A document with its addresses and headers, for callers who neither name an origin nor have it already. */
export type PublicDocument = {
  paths: [string, ...string[]]
  /** The route that the log names, where that is not the first address. */
  pattern?: string
  headers: Record<string, string>
  find: () => Document | Promise<Document>
}

/** A type is sent as it is: Express would add a charset, but strict verifiers compare the whole value. */
export const publicHeaders = (type: string, caching: string): Record<string, string> => ({
  'Cache-Control': `public, ${caching}`,
  'Cross-Origin-Resource-Policy': 'cross-origin',
  Vary: 'Origin',
  'Content-Type': type,
})

/** Any site may read them. */
export const ANY_SITE = { 'Access-Control-Allow-Origin': '*' }

/** Answers GET and HEAD with a document, or with 304 for who has it. */
export const sendDocument =
  (headers: Record<string, string>, find: PublicDocument['find']): RequestHandler =>
  async (req, res) => {
    const { body, etag } = await find()
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
    res.setHeader('ETag', etag)
    // A trusted origin is named instead of `*`, because its client sends cookies with each call.
    if (res.get('Access-Control-Allow-Origin') === undefined) res.set(ANY_SITE)
    if (req.fresh) {
      res.status(304).end()
      return
    }
    res.setHeader('Content-Length', body.length)
    res.end(req.method === 'HEAD' ? undefined : body)
  }

export function documentOf(text: string): Document {
  const body = Buffer.from(text)
  return { body, etag: `"${sha256(body).slice(0, 22)}"` }
}
