/** Counts the calls of bcrypt. It still does the real work. */
import { after } from 'node:test'
import bcrypt from 'bcrypt'

export function watchBcrypt() {
  const original = { hash: bcrypt.hash, compare: bcrypt.compare }
  const seen = { started: 0, running: 0, most: 0 }

  async function watched<Result>(work: Promise<Result>): Promise<Result> {
    seen.started += 1
    seen.running += 1
    seen.most = Math.max(seen.most, seen.running)
    try {
      return await work
    } finally {
      seen.running -= 1
    }
  }

  bcrypt.hash = ((text: string, rounds: number) => watched(original.hash(text, rounds))) as typeof bcrypt.hash
  bcrypt.compare = ((text: string, hash: string) => watched(original.compare(text, hash))) as typeof bcrypt.compare
  after(() => {
    Object.assign(bcrypt, original)
  })
  return seen
}
