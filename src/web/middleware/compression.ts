/** Sends a page, compressed where that gives nothing away. */
import { gzipSync } from 'node:zlib'
import type { Response } from 'express'

/** A shorter page travels in the first ten packets anyway (RFC 6928), so it would not be there sooner. */
const COMPRESSED_FROM_BYTES = 14_000
/** Better ones take longer for little: of 21 KB, this leaves 5.1 KB, the best 4.6. */
const LEVEL = 2

/** Sends a whole page with its length. */
export function sendPage(res: Response, html: string): void {
  res.setHeader('Content-Type', 'text/html; charset=utf-8')
  if (html.length < COMPRESSED_FROM_BYTES || !mayBeCompressed(res)) return void send(res, html)
  res.setHeader('Vary', 'Cookie, Accept-Encoding')
  if (!res.req.acceptsEncodings('gzip')) return void send(res, html)
  res.setHeader('Content-Encoding', 'gzip')
  // Synchronous on purpose. It takes 50 microseconds; a thread of the pool, with the way there and back, 90.
  send(res, gzipSync(html, { level: LEVEL }))
}

/**
 * Whoever can choose a part of a page and see how long it is can find out its secrets, if it is compressed (BREACH). So a page is
 * compressed only when nothing of the request stands in it: no query, no form that comes back. The pages of the account
 * show what strangers have tried, so they are not compressed either.
 */
const mayBeCompressed = ({ req, statusCode }: Response): boolean =>
  statusCode === 200 && ['GET', 'HEAD'].includes(req.method) && !/\?|^\/account\b/i.test(req.originalUrl)

function send(res: Response, body: string | Buffer): void {
  res.setHeader('Content-Length', Buffer.byteLength(body))
  res.end(res.req.method === 'HEAD' ? undefined : body)
}
