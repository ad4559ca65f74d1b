/** A site of several servers at one address. They are replaced one after another, as a host does, while people use it. */
import { createConnection, createServer, type Socket } from 'node:net'
import { after } from 'node:test'
import { SECRET } from '../../support/app.ts'
import { startProgram, startServer } from '../../support/process.ts'

type Environment = Record<string, string>
type Server = Awaited<ReturnType<typeof startServer>>
type Version = { environment: Environment; file?: string }

export type Site = Awaited<ReturnType<typeof startSite>>

/** Starts `count` servers behind one address. All end after the test that starts them. */
export async function startSite(environment: Environment, { count = 2, file }: { count?: number; file?: string } = {}) {
  const front = await startFront()
  let servers: Server[] = []
  let current: Version = { environment, ...(file === undefined ? {} : { file }) }
  const start = () => {
    const options = current.file === undefined ? {} : { file: current.file }
    return startServer({ TRUST_PROXY: '1', ...current.environment }, options)
  }
  const retire = async (server: Server | undefined) => {
    server?.kill('SIGTERM')
    await server?.ended()
  }
  for (let number = 0; number < count; number += 1) servers.push(await start())
  front.leadTo(servers)

  return {
    url: front.url,
    servers: () => servers,
    /** Puts new servers in the place of the old ones, one by one. `meanwhile` is done when half of them are new. */
    async roll(next: Version, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
      current = next
      for (const [index, old] of servers.entries()) {
        const fresh = await start()
        servers = servers.map((one) => (one === old ? fresh : one))
        front.leadTo(servers)
        await retire(old)
        if (index === 0) await meanwhile()
      }
    },
    /** Runs a command of the operator with the settings of the servers, or with others. Returns what it prints. */
    async command(args: readonly string[], more: Environment = {}): Promise<string> {
      const settings = { NODE_ENV: 'test', APP_SECRETS: SECRET, ...current.environment, ...more }
      const program = startProgram(['dist/cli.js', ...args], settings)
      const { code } = await program.ended()
      if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${program.written.err}`)
      return program.written.out
    },
  }
}

/** One address, which leads to each server in turn and passes over one that takes no connection. */
async function startFront() {
  let ports: number[] = []
  let turn = 0
  const sockets = new Set<Socket>()
  const hold = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    hold(client)
    client.pause()
    turn += 1
    const order = ports.map((_, index) => ports[(turn + index) % ports.length] ?? 0)
    const attempt = ([port, ...others]: number[]) => {
      if (port === undefined) return client.destroy()
      const upstream = createConnection(port, '127.0.0.1')
      hold(upstream)
      upstream.once('error', () => {
        if (upstream.bytesWritten === 0) attempt(others)
        else client.destroy()
      })
      upstream.once('connect', () => {
        client.pipe(upstream).pipe(client)
        client.once('close', () => upstream.destroy())
      })
      return undefined
    }
    attempt(order)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    leadTo: (servers: readonly { port: number }[]) => {
      ports = servers.map(({ port }) => port)
    },
  }
}
