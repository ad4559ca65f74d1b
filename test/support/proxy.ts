/** A wire between the app and PostgreSQL that a test can count on, cut, or let swallow everything. */
import { createConnection, createServer, type Socket } from 'node:net'
import { after } from 'node:test'

/**
 * How the wire behaves: bytes pass; connections are refused, as by a server that is down; they are taken and ended at
 * once, as by a pooler without a server; or they are kept and nothing is ever answered, as behind a broken network.
 */
type Behaviour = 'pass' | 'refuse' | 'slam' | 'swallow'

/** What PostgreSQL says to a client whose connection an administrator ends. */
const TERMINATED = fatal('57P01', 'terminating connection due to administrator command')

export type DatabaseProxy = Awaited<ReturnType<typeof startProxy>>

/** Closed after the test file, or after the test that starts it. */
export async function startProxy(databaseUrl: string) {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let now: Behaviour = 'pass'
  let roundTrips = 0
  let cutAt: string | undefined
  let questionsLeft = Number.POSITIVE_INFINITY
  let cutWithin: { statement: string; messagesLeft: number } | undefined
  let refusal: Buffer | undefined
  const connectedAt: number[] = []

  const server = createServer((client) => {
    connectedAt.push(performance.now())
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
    const asked = followStatements()
    const answered = splitMessages({ greeting: false })
    client.on('data', (chunk: Buffer) => {
      asked.read(chunk)
      if (cutAt !== undefined && chunk.includes(cutAt)) proxy.cut()
      roundTrips += count(chunk)
      questionsLeft -= 1
      if (refusal !== undefined) client.end(refusal)
      else if (questionsLeft < 0) client.end(TERMINATED)
      else pass(chunk, database)
    })
    database.on('data', (chunk: Buffer) => {
      const wanted = cutWithin
      if (wanted === undefined || !asked.latest().includes(wanted.statement)) {
        answered(chunk)
        return pass(chunk, client)
      }
      for (const message of answered(chunk)) {
        if (wanted.messagesLeft === 0) {
          cutWithin = undefined
          return client.destroySoon()
        }
        wanted.messagesLeft -= 1
        pass(message, client)
      }
    })
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
    /** Ends the connection on which this statement is answered, behind so many messages of the answer. */
    cutWithin(statement: string, messages: number) {
      cutWithin = { statement, messagesLeft: messages }
    },
    /** Whether that has not happened yet. */
    isStillToCut: () => cutWithin !== undefined,
    /** When each connection was taken, in milliseconds of `performance.now()`. */
    connectedAt: () => [...connectedAt],
    /** Lets nobody in, with these words. */
    refuse(code: string, message: string) {
      refusal = fatal(code, message)
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
      cutWithin = undefined
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
  const read = splitMessages({ greeting: true })
  return (chunk) => read(chunk).filter((message) => 'QSH'.includes(typeOf(message))).length
}

/** Reads what a client sends, and knows the text of the statement that it asked for last. */
function followStatements() {
  const read = splitMessages({ greeting: true })
  const texts = new Map<string, string>()
  let latest = ''
  return {
    read(chunk: Buffer) {
      for (const message of read(chunk)) {
        const [first = '', second = ''] = message.subarray(5).toString().split('\0')
        if (typeOf(message) === 'P') texts.set(first, second)
        if (typeOf(message) === 'P') latest = second
        // Bind names the portal, then the statement.
        if (typeOf(message) === 'B') latest = texts.get(second) ?? ''
      }
    },
    latest: () => latest,
  }
}

const typeOf = (message: Buffer): string => String.fromCharCode(message[0] ?? 0)

/** Cuts a stream of the protocol into whole messages. The first of a client, its greeting, has no type: it is left out. */
function splitMessages({ greeting }: { greeting: boolean }): (chunk: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0)
  let greeted = !greeting
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    const messages: Buffer[] = []
    for (;;) {
      const typeLength = greeted ? 1 : 0
      if (rest.length < typeLength + 4) return messages
      const length = typeLength + rest.readInt32BE(typeLength)
      if (rest.length < length) return messages
      if (greeted) messages.push(rest.subarray(0, length))
      greeted = true
      rest = rest.subarray(length)
    }
  }
}

/** What the server says before it ends a connection. */
function fatal(code: string, message: string): Buffer {
  const fields = ['SFATAL', 'VFATAL', `C${code}`, `M${message}`]
  const body = Buffer.from(`${fields.map((field) => `${field}\0`).join('')}\0`)
  const head = Buffer.from('E0000')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
