/** The answer to what Node cannot read as a request: it has no page, because there is no request. */
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'

/** How much and how long is still taken in, unread, after the answer to what is refused before its end. */
export const LINGER_BYTES = 1024 * 1024
export const LINGER_MS = 1_000

const ANSWERS: Record<string, [status: string, text: string]> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'This request has more in its headers than the site takes. Delete the cookies of this site and try again.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'This request took too long to arrive. Try again.'],
}
const DAMAGED: [string, string] = ['400 Bad Request', 'This request cannot be read: something was damaged on the way.']

/**
 * Node by itself answers without a word and cuts the connection. From version 24 on, what the client has sent beyond then
 * resets it, and many a client throws the answer away: so the rest is taken in for a moment first.
 */
export function answerUnreadable(server: Server): void {
  const answered = new WeakSet<Duplex>()
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (answered.has(socket)) return
    answered.add(socket)
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    const [status, text] = ANSWERS[error.code ?? ''] ?? DAMAGED
    const head = [
      `HTTP/1.1 ${status}`,
      'Connection: close',
      'Cache-Control: no-store',
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(text) + 1}`,
      'X-Content-Type-Options: nosniff',
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${text}\n`)
    let left = LINGER_BYTES
    socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left < 0) socket.destroy()
    })
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('end', () => socket.destroy()).once('close', () => clearTimeout(timer))
  })
}
