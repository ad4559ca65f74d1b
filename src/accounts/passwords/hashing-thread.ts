/** The body of a thread that hashes passwords. It gets one job at a time and answers with the result. */
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import bcrypt from 'bcrypt'
import { matches } from './foreign-check.ts'
import type { DerivedKey } from './foreign-hashes.ts'

/** To make a hash of this cost, to compare with a hash of bcrypt, or with a key that another program has derived. */
export type HashingJob = { text: string } & (
  | { cost: number; hash?: undefined; derived?: undefined }
  | { cost?: undefined; hash: string; derived?: undefined }
  | { cost?: undefined; hash?: undefined; derived: DerivedKey }
)
/** `milliseconds` is what the job took, waiting for the processor included, since that keeps the next one waiting too. */
export type Hashed = { value: string | boolean; milliseconds: number }
export type HashingResult = ({ ok: true } & Hashed) | { ok: false; message: string }

/** Everything else goes first. Not the weakest (19), or a busy program beside this one would keep logins out. */
const NICE = 10

// On Linux this is the priority of the calling thread alone, elsewhere it would be that of the whole process.
if (process.platform === 'linux') {
  try {
    setPriority(0, NICE)
  } catch {
    // A sandbox may forbid it. Hashing then competes with everything else.
  }
}

// Synchronous on purpose: this thread does nothing else, and libuv's threads stay free for files and name look-ups.
parentPort?.on('message', (job: HashingJob) => {
  let result: HashingResult
  try {
    // Measured here: seen from outside, the first hash would take as long as its thread needs to start.
    const startedAt = performance.now()
    const value = resultOf(job)
    result = { ok: true, value, milliseconds: performance.now() - startedAt }
  } catch (error) {
    result = { ok: false, message: error instanceof Error ? error.message : String(error) }
  }
  parentPort?.postMessage(result)
})

function resultOf({ text, cost, hash, derived }: HashingJob): string | boolean {
  if (derived !== undefined) return matches(text, derived)
  return hash === undefined ? bcrypt.hashSync(text, cost) : bcrypt.compareSync(text, hash)
}
