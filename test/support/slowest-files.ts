/** A reporter for Node's test runner: at the end, names the three files whose tests took longest. */
import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { ROOT } from '../../src/config/folders.ts'

const NAMED = 3

export default async function* slowestFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const times = new Map<string, number>()
  for await (const { type, data } of events) {
    const isEnd = type === 'test:pass' || type === 'test:fail'
    if (!isEnd || data.nesting > 0 || data.file === undefined) continue
    const file = relative(ROOT, data.file)
    times.set(file, (times.get(file) ?? 0) + data.details.duration_ms)
  }
  const slowest = [...times]
    .map(([file, milliseconds]) => ({ file, seconds: Math.round(milliseconds / 1000) }))
    .sort((one, other) => other.seconds - one.seconds)
  const named = slowest.slice(0, Number(process.env.SLOWEST_FILES ?? NAMED))
  yield `\nThe slowest files:\n${named.map(({ file, seconds }) => `${String(seconds).padStart(5)} s  ${file}\n`).join('')}`
}
