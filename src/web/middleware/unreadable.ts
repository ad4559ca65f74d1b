/** Answers what Node cannot read as a request. There is no request to render a page for, so the answer is plain text. */
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Deps } from '../../deps.ts'
import { constantHeaders } from './security.ts'

/** How much is still read and thrown away after an early answer, and for how long. */
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
 * By itself, Node answers without an explanation and closes the connection. If the client has sent more in the meantime,
 * that resets the connection, and many clients then throw the answer away. So the rest is read for a moment first. An
 * expectation that nobody knows would get a bare 417; it may be ignored as well (RFC 9110 section 10.1.1). The server must be
 * made with `requireHostHeader: false`: whoever names no host is answered by `requireOwnHost`.
 */
export function answerUnreadable(server: Server, deps: Pick<Deps, 'config'>): void {
  const security = constantHeaders(deps).map(([name, value]) => `${name}: ${value}`)
  const answered = new WeakSet<Duplex>()
  server.on('checkExpectation', (req, res) => server.emit('request', req, res))
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
      ...security,
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
