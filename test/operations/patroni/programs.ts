/** The programs of a run: started with only the given environment, known by their ids, and ended by these in reverse order. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const STOP_MS = 10_000
const POLL_MS = 100

/** What has to be undone at the end of a run, in reverse order. */
export const undo: (() => Promise<unknown> | unknown)[] = []

export async function cleanUp(): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step()
}

/** PostgreSQL refuses to run as root, so for root everything of the cluster belongs to the user of Debian's package. */
export function ownerOfCluster(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (option: string) => Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

type Started = { file: string; args: string[]; env?: Record<string, string>; folder: string; log: string }

export function startProgram({ file, args, env = {}, folder, log }: Started, owner?: { uid: number; gid: number }) {
  const output = openSync(`${folder}/${log}.log`, 'a')
  const child = spawn(file, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...env },
    stdio: ['ignore', output, output],
    ...owner,
  })
  closeSync(output)
  child.once('error', () => {})
  undo.push(() => stop(child))
  return child
}

export const isRunning = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid !== undefined && exitCode === null && signalCode === null

export async function stop(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  const forced = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await ended
  clearTimeout(forced)
}

/** The ids of a process and of all that it has started. */
export function familyOf(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    const parent = parentOf(Number(name))
    if (parent !== undefined) parents.set(Number(name), parent)
  }
  const family = [pid]
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child)
  return family
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) \S /s, '')
        .split(' ')[0],
    )
  } catch {
    // It has ended in the meantime.
    return undefined
  }
}

/** Kills processes that this run has started, at once and without a chance to do anything more. */
export function killAtOnce(pids: readonly number[]): void {
  for (const pid of pids) signalTo(pid, 'SIGKILL')
}

export function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended in the meantime.
  }
}

/** Repeats the question until its answer is something. An error counts as no answer. @throws after so many seconds. */
export async function until<Answer>(
  what: string,
  seconds: number,
  question: () => Promise<Answer | undefined | false> | Answer | undefined | false,
): Promise<Answer> {
  let last: unknown
  for (const deadline = Date.now() + seconds * 1_000; Date.now() < deadline; await sleep(POLL_MS)) {
    try {
      const answer = await question()
      if (answer !== undefined && answer !== false) return answer
    } catch (error) {
      last = error
    }
  }
  throw new Error(`waited ${seconds} s in vain for ${what}`, { cause: last })
}

/** The last lines of each log, for a run that has failed. */
export function lastWords(folder: string): string {
  const logs = readdirSync(folder).filter((name) => name.endsWith('.log'))
  return logs
    .map(
      (name) => `== ${name}\n${readFileSync(`${folder}/${name}`, 'utf8').trimEnd().split('\n').slice(-8).join('\n')}`,
    )
    .join('\n')
}
