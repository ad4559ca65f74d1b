/** The benchmark's programs: started with only the given environment, watched for memory, and stopped at its end. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const READY_MS = 30_000
/** Start times are measured with this precision. */
const POLL_MS = 10
/** The servers finish their current requests first. */
const STOP_MS = 15_000
const MEMORY_EVERY_MS = 200
const KIB = 1024
/** Of Linux, on every machine of today. */
const TICKS_PER_SECOND = 100

/** `signal` aborts a run early; `undo` is what has to be undone at its end, in reverse order. */
export type Run = { signal: AbortSignal; undo: (() => Promise<unknown>)[] }

/** A server that can be started, and started again: it is ready when `readyUrl` answers 200. */
export type Program = { file: string; env: Record<string, string>; logFile: string; readyUrl: string }
export type Server = { pid: number; readyAfterMs: number; stop: () => Promise<void> }

/** Starts a server as a process and waits until it is ready. Its output goes to a file, as in production. */
export async function startServer(run: Run, { file, env, logFile, readyUrl }: Program): Promise<Server> {
  const log = openSync(logFile, 'w')
  // Another directory, so that a developer's `.env` is not read.
  const startedAt = performance.now()
  const child = spawn(process.execPath, [file], {
    cwd: dirname(logFile),
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const exit = new Promise((resolve) => child.once('close', resolve).once('error', resolve))
  const isRunning = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null
  const stop = async () => {
    if (!isRunning()) return
    child.kill('SIGTERM')
    const forced = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await exit
    clearTimeout(forced)
  }
  run.undo.push(stop)

  for (const deadline = Date.now() + READY_MS; Date.now() < deadline; await sleep(POLL_MS)) {
    run.signal.throwIfAborted()
    if (!isRunning()) break
    const answer = await fetch(readyUrl).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.status === 200) return { pid: child.pid ?? 0, readyAfterMs: performance.now() - startedAt, stop }
  }
  throw new Error(`${file} did not start:\n${readFileSync(logFile, 'utf8').slice(-2_000)}`)
}

/** Runs a program with `input` and returns what it prints. @throws if it fails or the run is aborted. */
export async function runProgram(run: Run, command: string, args: string[], input = ''): Promise<string> {
  run.signal.throwIfAborted()
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], signal: run.signal })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  child.stdin.on('error', () => {}).end(input)
  const code = await new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject))
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}\n${printed}`)
  return printed
}

/**
 * The result of `job`, and the most memory in bytes that the process had meanwhile; undefined where there is no /proc.
 */
export async function watchMemory<Result>(
  pid: number,
  job: () => Promise<Result>,
): Promise<{ result: Result; memory: number | undefined }> {
  let most: number | undefined
  const look = () => {
    const now = residentBytes(pid)
    if (now !== undefined) most = Math.max(now, most ?? 0)
  }
  const timer = setInterval(look, MEMORY_EVERY_MS)
  try {
    return { result: await job(), memory: most }
  } finally {
    clearInterval(timer)
  }
}

/** The memory of a process now; undefined where there is no /proc. */
export function residentBytes(pid: number): number | undefined {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kib === undefined ? undefined : Number(kib) * KIB
  } catch {
    return undefined
  }
}

/** The processor time that a process and its children have taken so far; undefined where there is no /proc. */
export function processorSeconds(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined
  const all = readdirSync('/proc', { encoding: 'utf8' }).flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      // Behind the name, which may hold anything: the state, the parent, and as the 12th and 13th the ticks.
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
      return [{ pid: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }]
    } catch {
      return []
    }
  })
  const own = all.filter((one) => one.pid === pid || one.parent === pid)
  return own.length === 0 ? undefined : own.reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND
}
