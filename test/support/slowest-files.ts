/** A reporter for Node's test runner that names the three slowest test files at the end. */
import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { ROOT } from '../../src/config/folders.ts'

const NAMED = 3

export default async function* slowestFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const times = new Map<string, { from: number; to: number }>()
  for await (const { type, data } of events) {
    // Files are queued at once and taken from the queue one after the other.
    if (type === 'test:enqueue' || data === undefined || !('file' in data) || data.file === undefined) continue
    const file = relative(ROOT, data.file)
      .replace(/^build./, '')
      .replace(/\.js$/, '.ts')
    const now = performance.now()
    const known = times.get(file)
    times.set(file, { from: known?.from ?? now, to: now })
  }
  const slowest = [...times]
    .map(([file, { from, to }]) => ({ file, seconds: Math.round((to - from) / 1000) }))
    .sort((one, other) => other.seconds - one.seconds)
  const named = slowest.slice(0, Number(process.env.SLOWEST_FILES ?? NAMED))
  yield `\nThe slowest files:\n${named.map(({ file, seconds }) => `${String(seconds).padStart(5)} s  ${file}\n`).join('')}`
}
