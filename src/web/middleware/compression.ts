/** Sends a page, compressed where that gives nothing away. */
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import type { Response } from 'express'

/** A shorter page travels in the first ten packets anyway (RFC 6928), so it would not be there sooner. */
const COMPRESSED_FROM_BYTES = 14_000

const compress = promisify(gzip)

/** Sends a whole page with its length. */
export function sendPage(res: Response, html: string): void {
  res.setHeader('Content-Type', 'text/html; charset=utf-8')
  if (html.length < COMPRESSED_FROM_BYTES || !mayBeCompressed(res)) return void send(res, html)
  res.setHeader('Vary', 'Cookie, Accept-Encoding')
  if (!res.req.acceptsEncodings('gzip')) return void send(res, html)
  const sendPacked = (packed: Buffer) => send(res.setHeader('Content-Encoding', 'gzip'), packed)
  void compress(html, { level: constants.Z_BEST_SPEED }).then(sendPacked, () => send(res, html))
}

/**
 * Whoever can choose a part of a page and see how long it is can find out its secrets, if it is compressed (BREACH). So a page is
 * compressed only when nothing of the request stands in it: no query, no form that comes back.
 */
const mayBeCompressed = ({ req, statusCode }: Response): boolean =>
  statusCode === 200 && ['GET', 'HEAD'].includes(req.method) && !req.originalUrl.includes('?')

function send(res: Response, body: string | Buffer): void {
  res.setHeader('Content-Length', Buffer.byteLength(body))
  res.end(res.req.method === 'HEAD' ? undefined : body)
}
