/**
 * Threads of our own for bcrypt, at a low priority of the operating system: a storm of logins then slows down logins and
 * nothing else. They are shared by everything in this process, start when they are needed, and end when they are not.
 */
import { Worker } from 'node:worker_threads'
import { Unavailable } from '../../base/failures.ts'
import type { Hashed, HashingJob, HashingResult } from './hashing-thread.ts'

/** A thread needs little, and V8 by itself would reserve much. */
const LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 }
/** A thread costs 8 MB while it exists. */
const IDLE_MS = 60_000
/** Far longer than any hash takes. Whoever waits has gone, but the thread must not be missing for ever. */
const ANSWER_MS = 120_000

/** When this is run from its sources (`npm run dev`), a thread does not get the loader of the process and brings its own. */
const IS_SOURCE = import.meta.filename.endsWith('.ts')
const FILE = new URL(`./hashing-thread${IS_SOURCE ? '.ts' : '.js'}`, import.meta.url)
const FROM_SOURCE = `import('tsx/esm/api').then(({ register }) => { register(); return import('${FILE.href}') })`

const idle = new Map<Worker, NodeJS.Timeout>()

/** A thread may end by itself, out of memory for example. While it is idle, nobody else would notice. */
function newThread(): Worker {
  // A loader needs more room than a hash.
  const thread = IS_SOURCE ? new Worker(FROM_SOURCE, { eval: true }) : new Worker(FILE, { resourceLimits: LIMITS })
  const forget = () => {
    clearTimeout(idle.get(thread))
    idle.delete(thread)
  }
  return thread.on('error', forget).on('exit', forget)
}

/** The thread that was used last, so that the others can end, or a new one. */
function takeThread(): Worker {
  const [thread, timer] = [...idle].at(-1) ?? [newThread(), undefined]
  clearTimeout(timer)
  idle.delete(thread)
  thread.ref()
  return thread
}

function giveBack(thread: Worker): void {
  const end = () => {
    idle.delete(thread)
    void thread.terminate()
  }
  idle.set(thread, setTimeout(end, IDLE_MS).unref())
  // A thread without work must not keep the process alive.
  thread.unref()
}

/** An object, so that tests can watch it. */
export const hashingThreads = {
  /**
   * Runs a job in a free thread, or in a new one. The caller limits how many run at once.
   * @throws when bcrypt refuses its arguments. {Unavailable} when the thread ends or does not answer.
   */
  async run(job: HashingJob): Promise<Hashed> {
    const thread = takeThread()
    const result = await resultOf(thread, job)
    giveBack(thread)
    if (!result.ok) throw new Error(result.message)
    return result
  },
}

function resultOf(thread: Worker, job: HashingJob): Promise<HashingResult> {
  return new Promise((resolve, reject) => {
    const answer = (result: HashingResult) => settle(() => resolve(result))
    const fail = (error: Error) => settle(() => reject(new Unavailable('a hashing thread failed', { cause: error })))
    const end = (code: number) => settle(() => reject(new Unavailable(`a hashing thread ended with ${code}`)))
    const giveUp = () => {
      void thread.terminate()
      settle(() => reject(new Unavailable('a hashing thread did not answer')))
    }
    const timer = setTimeout(giveUp, ANSWER_MS)
    function settle(done: () => void) {
      clearTimeout(timer)
      thread.off('message', answer).off('error', fail).off('exit', end)
      done()
    }
    thread.on('message', answer).on('error', fail).on('exit', end)
    thread.postMessage(job)
  })
}
