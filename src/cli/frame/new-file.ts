/** A file that a command makes: for the operator alone, never over another, and whole or not at all. */
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { closeInTheEnd } from './closing.ts'

/** Addresses, names and hashes. */
const PRIVATE = 0o600

/**
 * Does the work with a new file of this name, which is made first, so that one that is there already is said before the work.
 * When the work fails or is cut off the file is removed: half of it would look like all, and would be in the way of the next try.
 */
export async function intoNewFile<Result>(
  name: string | undefined,
  work: (file: FileHandle | undefined) => Promise<Result>,
): Promise<Result> {
  if (name === undefined) return work(undefined)
  const file = await open(name, 'wx', PRIVATE)
  const remove = () => unlink(name).catch(() => {})
  const isWhole = closeInTheEnd(remove)
  try {
    const result = await work(file)
    isWhole()
    return result
  } catch (error) {
    await remove()
    throw error
  } finally {
    await file.close()
  }
}
