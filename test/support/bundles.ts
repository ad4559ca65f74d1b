/**
 * Which test files run together in one process. Starting Node and loading everything costs most files more than their
 * tests do, so small ones share a process.
 */
import { read } from './imports.ts'

const FILES_IN_BUNDLE = 8

/** These start programs, wait a long time, or keep a processor busy by themselves. */
const ALONE = /^test\/(database|journeys|mail|operations|python)\//

/** They replace functions of bcrypt, which is the same for all files in a process. */
const changesProcess = (file: string): boolean => read(file).includes('support/hashing.ts')

/** The longest first: what comes last should be short, so that all processors are busy until the end. */
const LONGEST = ['test/journeys/browser', 'test/journeys/axe', 'test/mail/crash', 'test/mail/outage', 'test/python/']
function rankOf(file: string): number {
  const rank = LONGEST.findIndex((start) => file.startsWith(start))
  return rank < 0 ? LONGEST.length : rank
}

/** The files in bundles, in the order in which they should start. */
export function bundlesOf(files: readonly string[]): string[][] {
  const named = files.map((file) => file.replaceAll('\\', '/'))
  const small = named.filter((file) => !ALONE.test(file) && !changesProcess(file))
  const alone = named.filter((file) => !small.includes(file)).sort((one, other) => rankOf(one) - rankOf(other))
  const count = Math.ceil(small.length / FILES_IN_BUNDLE)
  // Neighbours are alike, so each bundle takes one of them.
  const bundles = Array.from({ length: count }, (_, at) => small.filter((_file, index) => index % count === at))
  return [...alone.map((file) => [file]), ...bundles]
}
