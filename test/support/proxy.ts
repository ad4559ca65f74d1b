/** A wire between the app and PostgreSQL that a test can count on, cut, or let swallow everything. */
import { createConnection, createServer, type Socket } from 'node:net'
import { after } from 'node:test'

/**
 * How the wire behaves: bytes pass; connections are refused, as by a server that is down; they are taken and ended at
 * once, as by a pooler without a server; or they are kept and nothing is ever answered, as behind a broken network.
 */
type Behaviour = 'pass' | 'refuse' | 'slam' | 'swallow'

/** What PostgreSQL says to a client whose connection an administrator ends. */
const TERMINATED = errorResponse('SFATAL', 'VFATAL', 'C57P01', 'Mterminating connection due to administrator command')

export type DatabaseProxy = Awaited<ReturnType<typeof startProxy>>

/** Closed after the test file, or after the test that starts it. */
export async function startProxy(databaseUrl: string) {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let now: Behaviour = 'pass'
  let roundTrips = 0
  let cutAt: string | undefined
  let questionsLeft = Number.POSITIVE_INFINITY

  const server = createServer((client) => {
    const database = createConnection({ host: target.hostname, port: Number(target.port) })
    for (const socket of [client, database]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        sockets.delete(socket)
        if (!forgotten) for (const other of [client, database]) other.destroy()
      })
    }
    /** Something was swallowed, so this connection never makes sense again and just stays silent. */
    let forgotten = false
    const pass = (chunk: Buffer, to: Socket) => {
      forgotten ||= now === 'swallow'
      if (!forgotten && to.writable) to.write(chunk)
    }
    const count = countRoundTrips()
    client.on('data', (chunk: Buffer) => {
      if (cutAt !== undefined && chunk.includes(cutAt)) proxy.cut()
      roundTrips += count(chunk)
      questionsLeft -= 1
      if (questionsLeft < 0) client.end(TERMINATED)
      else pass(chunk, database)
    })
    database.on('data', (chunk: Buffer) => pass(chunk, client))
    if (now === 'slam') client.destroy()
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  after(() => {
    server.close()
    destroyAll()
  })

  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${port}`
  const proxy = {
    url: url.href,
    /** Times that a client has asked and waited for an answer, over all connections. */
    roundTrips: () => roundTrips,
    /** Ends all connections and refuses new ones. */
    cut() {
      now = 'refuse'
      server.close()
      destroyAll()
    },
    /** Cuts as soon as a client sends this text. */
    cutAt(text: string) {
      cutAt = text
    },
    /** Lets so many chunks of what clients send through; whoever sends more is told what an administrator's order to end tells. */
    terminateAfter(count: number) {
      questionsLeft = count
    },
    /** Ends all connections, and every new one at once. */
    slam() {
      now = 'slam'
      destroyAll()
    },
    /** Keeps connections open and takes new ones, and lets nothing through. */
    swallow() {
      now = 'swallow'
    },
    /** As good as new. Connections that were silent stay silent. */
    async heal() {
      cutAt = undefined
      questionsLeft = Number.POSITIVE_INFINITY
      now = 'pass'
      if (!server.listening) await listen(port)
    },
  }
  return proxy
}

/**
 * Reads what a client of PostgreSQL sends, and returns for each chunk the number of messages that ask for an answer:
 * Query, Sync and Flush. The first message of a connection has no type and is not counted, nor is the password.
 */
function countRoundTrips(): (chunk: Buffer) => number {
  let rest = Buffer.alloc(0)
  let started = false
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    let found = 0
    for (;;) {
      const typeLength = started ? 1 : 0
      if (rest.length < typeLength + 4) return found
      const length = typeLength + rest.readInt32BE(typeLength)
      if (rest.length < length) return found
      if (started && 'QSH'.includes(String.fromCharCode(rest[0] ?? 0))) found += 1
      started = true
      rest = rest.subarray(length)
    }
  }
}

function errorResponse(...fields: string[]): Buffer {
  const body = Buffer.from(
    fields
      .map((field) => `${field}\0`)
      .join('')
      .concat('\0'),
  )
  const head = Buffer.from('E0000')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
