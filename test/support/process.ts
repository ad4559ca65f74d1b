/** Runs the built server in its own process, as an operator starts it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT } from '../../src/config/folders.ts'
import { freePort } from '../../src/database/embedded/port.ts'
import { SECRET } from './app.ts'

const PATIENCE_MS = 30_000
const POLL_MS = 20

const children = new Set<ChildProcess>()
// When somebody stops the test run, stop its programs too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of children) child.kill('SIGKILL')
    process.exit(1)
  })
}

export type Exit = { code: number | null; signal: NodeJS.Signals | null }
export type ServerProcess = Awaited<ReturnType<typeof startServer>>

/** Starts a program of the project with only PATH and this environment. Kills it after the test if it still runs. */
export const startProgram = ([file = '', ...args]: string[], environment: Record<string, string>) =>
  startTool(process.execPath, [resolve(ROOT, file), ...args], environment)

/** The same for a program of the system, by another user if `identity` is one. */
export function startTool(
  file: string,
  args: readonly string[],
  environment: Record<string, string> = {},
  identity: { uid?: number; gid?: number } = {},
) {
  const child = spawn(file, args, {
    ...identity,
    // Not in the project folder, where a developer may have an `.env`.
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const written = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written.err += text
  })
  const exit = new Promise<Exit>((resolve) =>
    child.once('close', (code, signal) => {
      children.delete(child)
      resolve({ code, signal })
    }),
  )
  /** Waits for the end and returns how it ended. @throws when it does not end. */
  async function ended(): Promise<Exit> {
    await eventually('the program to end', () => !isRunning())
    return exit
  }
  const isRunning = () => child.exitCode === null && child.signalCode === null
  const kill = (signal: NodeJS.Signals) => child.kill(signal)
  after(async () => {
    if (isRunning()) kill('SIGKILL')
    await exit
  })
  children.add(child)
  return { pid: child.pid ?? 0, written, ended, isRunning, kill }
}

/**
 * Starts `dist/server.js` of this version, or the `file` of another, on its own port. Waits until it logs "ready", or without
 * `ready` only until it listens.
 */
export async function startServer(
  environment: Record<string, string>,
  {
    ready = true,
    file = 'dist/server.js',
    output,
    fileSize,
  }: {
    ready?: boolean
    file?: string
    /** A shell's redirection of its standard output, such as `>/dev/full`. Then nothing of it is read here. */
    output?: string
    /** How large a file may become that it writes, in units of 512 bytes or a kilobyte, as the shell counts. */
    fileSize?: number
  } = {},
) {
  const port = await freePort()
  const given = {
    NODE_ENV: 'test',
    APP_SECRETS: SECRET,
    BCRYPT_COST: '10',
    DB_POOL_MAX: '5',
    PORT: String(port),
    ...environment,
  }
  const limit = fileSize === undefined ? '' : `trap '' XFSZ; ulimit -f ${fileSize}; `
  const inShell = ['-c', `${limit}exec "$0" "$1" ${output}`, process.execPath, resolve(ROOT, file)]
  const program = output === undefined ? startProgram([file], given) : startTool('/bin/sh', inShell, given)
  const url = `http://127.0.0.1:${port}`
  await eventually('the server to start', async () => {
    if (!program.isRunning()) return true
    if (ready) return program.written.out.includes('"msg":"ready"')
    return (await fetch(`${url}/health/live`)).ok
  })
  if (!program.isRunning()) throw new Error(`The server ended: ${program.written.err}`)
  return { ...program, url, port }
}

/** Whether something listens on this port of this machine. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** Repeats the question until the answer is true. An error counts as false. @throws when it never becomes true. */
export async function eventually(what: string, question: () => Promise<boolean> | boolean): Promise<void> {
  let last: unknown
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(POLL_MS)) {
    try {
      if (await question()) return
    } catch (error) {
      last = error
    }
  }
  throw new Error(`waited in vain for ${what}`, { cause: last })
}
