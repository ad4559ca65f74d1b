/** Sockets to the database, over TCP or in the file system. */
import { createConnection, type Socket } from 'node:net'

/** A network that swallows everything never says that a connection is closed. */
const FAREWELL_MS = 1_000

export type Address = { host: string; port: number }

export const closedError = () => Object.assign(new Error('the connection was closed'), { code: 'CONNECTION_CLOSED' })

/** `hold` is given the socket at once: whoever gives up must be able to end it while it opens. */
export async function openSocket({ host, port }: Address, hold: (socket: Socket) => void): Promise<Socket> {
  const socket = host.startsWith('/')
    ? createConnection(`${host}/.s.PGSQL.${port}`)
    : createConnection({ host, port, noDelay: true })
  hold(socket)
  await new Promise<void>((resolve, reject) => {
    socket
      .once('connect', resolve)
      .once('error', reject)
      .once('close', () => reject(closedError()))
  })
  socket.removeAllListeners()
  // The driver checks the certificate against this name.
  return Object.assign(socket, { host, port })
}

/** Lets the last bytes go out first. */
export function endSocket(socket: Socket | undefined) {
  if (socket === undefined || socket.destroyed) return
  setTimeout(() => socket.destroy(), FAREWELL_MS).unref()
}
