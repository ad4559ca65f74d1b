/** Which server runs on a data folder, read from the lock file that PostgreSQL keeps there. */
import { execFile } from 'node:child_process'
import { readFile, readlink, realpath, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const FILLED_IN_MS = 2_000

const run = promisify(execFile)

export type Server = { pid: number; port: number }

export const dataOf = (home: string): string => join(home, 'data')
const lockOf = (home: string): string => join(dataOf(home), 'postmaster.pid')

/** Reads `postmaster.pid`: its first line is the process id, its fourth the port. */
export async function readLock(home: string): Promise<Partial<Server>> {
  const text = await readFile(lockOf(home), 'utf8').catch(() => '')
  const lines = text.split('\n').map(Number)
  return { ...(lines[0] ? { pid: lines[0] } : {}), ...(lines[3] ? { port: lines[3] } : {}) }
}

/** Removes a lock whose server is gone. PostgreSQL would take any running process with that id for the server. */
export async function removeStaleLock(home: string): Promise<void> {
  const { pid } = await readLock(home)
  if (pid === undefined ? await isYoung(lockOf(home)) : isAlive(pid) && (await serves(pid, home))) return
  await rm(lockOf(home), { force: true })
}

/** A server creates its lock empty and fills it in a moment later. */
async function isYoung(file: string): Promise<boolean> {
  const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: 0 }))
  return Date.now() - mtimeMs < FILLED_IN_MS
}

/**
 * Whether the process is a server on this data. A server's working directory is its data folder, so this is right for a
 * renamed folder and for a copied one. Where /proc does not show that, any PostgreSQL counts.
 */
export async function serves(pid: number, home: string): Promise<boolean> {
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  if (folder !== undefined) return folder === (await realpath(dataOf(home)))
  const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return stdout.includes('postgres')
}

export function isAlive(pid: number): boolean {
  return signalTo(pid, 0)
}

export function signalTo(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
