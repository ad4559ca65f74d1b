/** A proxy between the app and PostgreSQL. A test can read statements, count round trips, cut connections, or block all data. */
import { createConnection, createServer, type Socket } from 'node:net'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * How the proxy behaves: bytes pass; connections are refused, as when the server is down; they are accepted and closed
 * at once, as by a pooler without a server; or they stay open without any answer, as on a broken network.
 */
type Behaviour = 'pass' | 'refuse' | 'slam' | 'swallow'

/** Below those that the system gives to whoever wants any, so that it is still free when the proxy comes back to it. */
const PORTS = { from: 20_000, count: 12_000 }
const TRIES_MAX = 20

/** The error that PostgreSQL sends when an administrator ends a connection. */
const TERMINATED = fatal('57P01', 'terminating connection due to administrator command')

/** A statement as a client prepares it. The types are object ids; 0 is left to the server. */
export type Statement = { text: string; types: number[] }

export type DatabaseProxy = Awaited<ReturnType<typeof startProxy>>

/** Closed after the test or test file that starts it. */
export async function startProxy(databaseUrl: string) {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let now: Behaviour = 'pass'
  let roundTrips = 0
  let cutAt: string | undefined
  let questionsLeft = Number.POSITIVE_INFINITY
  let cutWithin: { statement: string; messagesLeft: number } | undefined
  let refusal: Buffer | undefined
  let lagMs = 0
  const connectedAt: number[] = []
  const prepared = new Map<string, Statement>()

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
    /** Bytes of this connection were lost, so the rest makes no sense. It stays silent for good. */
    let forgotten = false
    const passNow = (chunk: Buffer, to: Socket) => {
      forgotten ||= now === 'swallow'
      if (!forgotten && to.writable) to.write(chunk)
    }
    /** What is on its way to the client, each piece behind the one before. */
    let late: Promise<unknown> | undefined
    const pass = (chunk: Buffer, to: Socket) => {
      if (to !== client || (lagMs === 0 && late === undefined)) return passNow(chunk, to)
      const sent: Promise<unknown> = (late ?? Promise.resolve()).then(async () => {
        await sleep(lagMs)
        passNow(chunk, to)
        if (late === sent) late = undefined
      })
      late = sent
    }
    const count = countRoundTrips()
    const asked = followStatements(prepared)
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
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  for (let tries = 1; !server.listening; tries += 1) {
    await listen(PORTS.from + Math.floor(Math.random() * PORTS.count)).catch((error: unknown) => {
      if (tries === TRIES_MAX) throw error
    })
  }
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
    /** How often clients have asked and waited for an answer, over all connections. */
    roundTrips: () => roundTrips,
    /** Every different statement that clients have prepared, over all connections. */
    statements: () => [...prepared.values()],
    /** Ends all connections and refuses new ones. */
    cut() {
      now = 'refuse'
      server.close()
      destroyAll()
    },
    /** Calls `cut` as soon as a client sends this text. */
    cutAt(text: string) {
      cutAt = text
    },
    /** Closes the connection in the middle of the answer to this statement, after so many messages. */
    cutWithin(statement: string, messages: number) {
      cutWithin = { statement, messagesLeft: messages }
    },
    /** Whether the `cutWithin` is still to come. */
    isStillToCut: () => cutWithin !== undefined,
    /** When each connection was accepted, in milliseconds of `performance.now()`. */
    connectedAt: () => [...connectedAt],
    /** Refuses every client with this error. */
    refuse(code: string, message: string) {
      refusal = fatal(code, message)
    },
    /** Lets so many chunks from clients through. Then every client gets the error of a terminated connection. */
    terminateAfter(count: number) {
      questionsLeft = count
    },
    /** Every answer comes so much later. */
    lag(milliseconds: number) {
      lagMs = milliseconds
    },
    /** Closes all connections, and every new one at once. */
    slam() {
      now = 'slam'
      destroyAll()
    },
    /** Keeps connections open and accepts new ones, but lets nothing through. */
    swallow() {
      now = 'swallow'
    },
    /** Works normally again. Connections that lost bytes stay silent. */
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
 * Reads what a PostgreSQL client sends. Returns for each chunk the number of messages that ask for an answer: Query,
 * Sync and Flush. The first message of a connection has no type and is not counted. The password is not counted either.
 */
function countRoundTrips(): (chunk: Buffer) => number {
  const read = splitMessages({ greeting: true })
  return (chunk) => read(chunk).filter((message) => 'QSH'.includes(typeOf(message))).length
}

/** Reads what a client sends: adds its statements to `prepared`, and remembers the text of the latest. */
function followStatements(prepared: Map<string, Statement>) {
  const read = splitMessages({ greeting: true })
  const texts = new Map<string, string>()
  let latest = ''
  return {
    read(chunk: Buffer) {
      for (const message of read(chunk)) {
        const [first = '', second = ''] = message.subarray(5).toString().split('\0')
        if (typeOf(message) === 'P') texts.set(first, second)
        if (typeOf(message) === 'P') {
          const statement = { text: second, types: typesIn(message) }
          prepared.set(JSON.stringify(statement), statement)
          latest = second
        }
        // A Bind message has the name of the portal first, then that of the statement.
        if (typeOf(message) === 'B') latest = texts.get(second) ?? ''
      }
    },
    latest: () => latest,
  }
}

/** The types of the parameters, which a Parse message has after the name and the text. */
function typesIn(message: Buffer): number[] {
  const start = message.indexOf(0, message.indexOf(0, 5) + 1) + 1
  return Array.from({ length: message.readUInt16BE(start) }, (_, at) => message.readUInt32BE(start + 2 + 4 * at))
}

const typeOf = (message: Buffer): string => String.fromCharCode(message[0] ?? 0)

/** Splits the protocol stream into whole messages. Leaves out the first one of a client, which has no type. */
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

/** The error message that a server sends before it closes a connection. */
function fatal(code: string, message: string): Buffer {
  const fields = ['SFATAL', 'VFATAL', `C${code}`, `M${message}`]
  const body = Buffer.from(`${fields.map((field) => `${field}\0`).join('')}\0`)
  const head = Buffer.from('E0000')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
