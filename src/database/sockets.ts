/** Sockets to the database, over TCP or as files. */
import { createConnection, type Socket } from 'node:net'
import type { Address } from '../config/database-url.ts'

/** After this time a socket is destroyed: a network that drops everything never confirms that it is closed. */
const FAREWELL_MS = 1_000

export const closedError = () => Object.assign(new Error('the connection was closed'), { code: 'CONNECTION_CLOSED' })

/** Opens a socket. `hold` gets it at once, so that it can be ended while it is still being opened. */
export async function openSocket(
  { host, port }: Address,
  { connectMs, hold }: { connectMs: number; hold: (socket: Socket) => void },
): Promise<Socket> {
  const socket = host.startsWith('/')
    ? createConnection(`${host}/.s.PGSQL.${port}`)
    : createConnection({ host, port, noDelay: true })
  hold(socket)
  // A host that is switched off does not even refuse.
  const timer = setTimeout(() => socket.destroy(), connectMs)
  await new Promise<void>((resolve, reject) => {
    socket
      .once('connect', resolve)
      .once('error', reject)
      .once('close', () => reject(closedError()))
  }).finally(() => clearTimeout(timer))
  socket.removeAllListeners()
  // The driver compares the certificate with this name.
  return Object.assign(socket, { host, port })
}

/** Ends a socket after giving its last bytes time to be sent. */
export function endSocket(socket: Socket | undefined) {
  if (socket === undefined || socket.destroyed) return
  setTimeout(() => socket.destroy(), FAREWELL_MS).unref()
}
