/** The workers of a server that runs as several processes, as the operating system shows them. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { Agent, request } from 'node:http'
import type { Socket } from 'node:net'
import { after } from 'node:test'
import { eventually, type ServerProcess } from './process.ts'

/** Only there does the system tell which process holds which connection, in /proc. */
export const KNOWS_CONNECTIONS = process.platform === 'linux'

/** The process ids of the workers that run, the oldest first. */
export function workersOf({ pid }: Pick<ServerProcess, 'pid'>): number[] {
  return processes().flatMap(([child, parent]) => (parent === pid ? [child] : []))
}

/** Every process with its parent. Small images of Linux have no `ps`. */
function processes(): [pid: number, parent: number][] {
  if (!KNOWS_CONNECTIONS) {
    const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim()
    return table.split('\n').map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  }
  const pids = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
  return pids
    .sort((one, other) => one - other)
    .flatMap((pid) => {
      try {
        // Behind the name, which may hold anything: the state and the parent.
        const [, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
        return [[pid, Number(parent)] as [number, number]]
      } catch {
        return []
      }
    })
}

/** Which of the workers holds the other end of this connection. Undefined if none has taken it yet. */
function holderOf(socket: Socket, pids: readonly number[]): number | undefined {
  const port = (number = 0) => number.toString(16).toUpperCase().padStart(4, '0')
  const [ours, theirs] = [`:${port(socket.localPort)}`, `:${port(socket.remotePort)}`]
  const rows = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
  const inode = rows.find(([, local, remote]) => local?.endsWith(theirs) && remote?.endsWith(ours))?.[9]
  const holds = (pid: number) =>
    readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`
      } catch {
        return false
      }
    })
  return inode === undefined ? undefined : pids.find(holds)
}

export type Line = Awaited<ReturnType<typeof lineTo>>
type Answer = { status: number; headers: Record<string, string | string[] | undefined>; text: string }

/** A connection that stays open, so that all that is sent on it reaches the same worker. */
async function lineTo({ port }: ServerProcess) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  after(() => agent.destroy())
  let socket: Socket | undefined
  function ask(path: string, { method = 'GET', headers = {}, body = '' } = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
      const options = { host: '127.0.0.1', port, path, method, agent, headers: { ...headers, ...length } }
      const asking = request(options, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.once('error', reject).once('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
        })
      })
      asking.once('socket', (used) => {
        socket = used
      })
      asking.once('error', reject).end(body)
    })
  }
  await ask('/health/live')
  return { ask, socket: () => socket, close: () => agent.destroy() }
}

/** A line to each of the workers, in the order of `workersOf`. */
export async function linesToAll(server: ServerProcess): Promise<Line[]> {
  const pids = workersOf(server)
  const lines = new Map<number, Line>()
  await eventually('a connection to each worker', async () => {
    const line = await lineTo(server)
    const socket = line.socket()
    const pid = socket && holderOf(socket, pids)
    if (pid === undefined || lines.has(pid)) line.close()
    else lines.set(pid, line)
    return lines.size === pids.length
  })
  return pids.flatMap((pid) => lines.get(pid) ?? [])
}
