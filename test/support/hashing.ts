/** Counts the jobs of the hashing threads. They still do the real work. */
import { after } from 'node:test'
import { hashingThreads } from '../../src/accounts/passwords/hashing-threads.ts'

export function watchHashing() {
  const { run } = hashingThreads
  const seen = { started: 0, running: 0, most: 0 }
  hashingThreads.run = async (job) => {
    seen.started += 1
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
