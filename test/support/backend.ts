/** Runs an example backend of `test/python/examples` in its own process. */
import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { ROOT } from '../../src/config/folders.ts'
import type { TestApp } from './app.ts'
import { eventually } from './process.ts'
import { pythonPath } from './python.ts'
import { exchange } from './raw-http.ts'

export const EXAMPLES = join(ROOT, 'test/python/examples')

export type Backend = Awaited<ReturnType<typeof startBackend>>
export type Reply = { status: number; headers: Headers; body: Record<string, unknown> }

/** The backend does not start without these settings. A test replaces those that it uses. */
const NOWHERE = {
  MATRICULA_URL: 'http://127.0.0.1:9',
  MATRICULA_SERVICE_KEY: 'none',
  LEARNERS_DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
  COURSE_DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
}

/** Starts an ASGI app of `test/python/examples` on its own port, and ends it after the test or test file that started it. */
export const startBackend = (environment: Partial<typeof NOWHERE>, app = 'app:app') =>
  startServer(['uvicorn', app, '--app-dir', EXAMPLES, '--host', '127.0.0.1', '--port', '0'], environment)

/** Starts a module of Python that serves: it says where when it does. Ended like the above. */
export async function startServer(module: string[], environment: Record<string, string>) {
  const child = spawn(pythonPath(), ['-m', ...module], {
    cwd: tmpdir(),
    env: {
      PATH: process.env.PATH,
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUNBUFFERED: '1',
      PYTHONPATH: EXAMPLES,
      ...NOWHERE,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let written = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      written += text
    })
  }
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  after(async () => {
    child.kill('SIGKILL')
    await closed
  })
  // When somebody stops the test run, stop its programs too.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      child.kill('SIGKILL')
      process.exit(1)
    })
  }

  const address = () => written.match(/(?:running on|server at) (http:\/\/127\.0\.0\.1:\d+)/i)?.[1]
  await eventually('the Python backend to start', () => address() !== undefined || hasEnded())
  const url = address()
  if (url === undefined) throw new Error(`The Python backend ended: ${written}`)

  async function send(method: string, path: string, headers: Record<string, string> = {}): Promise<Reply> {
    const response = await fetch(`${url}${path}`, { method, headers })
    const text = await response.text()
    const isJson = response.headers.get('content-type') === 'application/json'
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : { text } }
  }
  return {
    url,
    send,
    /** Sends a GET with this access token. */
    get: (path: string, token: string) => send('GET', path, { Authorization: `Bearer ${token}` }),
    /** Everything it has printed so far. */
    log: () => written,
  }
}

/** Answers as the app does, if it is asked for what verifiers fetch: the keys, or a list of ended sessions. */
export async function relayPublic(app: TestApp, req: IncomingMessage, res: ServerResponse): Promise<boolean> {
  const path = req.url ?? ''
  if (!/^\/api\/auth\/(jwks|status-list)/.test(path)) return false
  const { status, headers, bytes } = await exchange(app, path)
  res.writeHead(status, { 'Content-Type': headers['content-type'] ?? 'text/plain' }).end(bytes)
  return true
}
