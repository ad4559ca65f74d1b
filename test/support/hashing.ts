/** Counts the jobs of the hashing threads. They still do the real work. */
import { after } from 'node:test'
import type { Reservation } from '../../src/accounts/passwords/hash-queue.ts'
import { hashingThreads } from '../../src/accounts/passwords/hashing-threads.ts'
import { Busy } from '../../src/base/failures.ts'
import type { TestApp } from './app.ts'

export function watchHashing() {
  const { run } = hashingThreads
  /** `work` counts as bcrypt does it: 2 to the power of the cost. That of other schemes is not in it. */
  const seen = { started: 0, running: 0, most: 0, work: 0 }
  hashingThreads.run = async (job) => {
    seen.started += 1
    if (job.derived === undefined) seen.work += 2 ** (job.cost ?? Number(job.hash.split('$')[2]))
    seen.running += 1
    seen.most = Math.max(seen.most, seen.running)
    try {
      return await run(job)
    } finally {
      seen.running -= 1
    }
  }
  after(() => {
    hashingThreads.run = run
  })
  return seen
}

/** Takes every place in the line of an app, until it is called off. */
export function fillLine({ deps: { passwords } }: Pick<TestApp, 'deps'>): () => void {
  const places: Reservation[] = []
  for (let isFull = false; !isFull; ) {
    try {
      places.push(passwords.keepPlace())
    } catch (error) {
      if (!(error instanceof Busy)) throw error
      isFull = true
    }
  }
  return () => {
    for (const { release } of places) release()
  }
}
