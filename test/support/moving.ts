/** Moves people in and out of an app in tests. */
import { Readable } from 'node:stream'
import { peopleInLines } from '../../src/moving/jsonl.ts'
import { moveIn } from '../../src/moving/move-in.ts'
import { peopleAsLines } from '../../src/moving/move-out.ts'
import type { Report } from '../../src/moving/report.ts'
import type { TestApp } from './app.ts'

type Settings = { dryRun?: boolean; withoutPassword?: boolean }

/** Each line an object, or a text as it stands in a file. */
export const moveInLines = (
  { deps }: Pick<TestApp, 'deps'>,
  lines: readonly (object | string)[],
  settings: Settings = {},
): Promise<Report> => {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  return moveIn(deps, peopleInLines(Readable.from([text])), { now: deps.now, ...settings })
}

/** Everybody of an app, as `export jsonl` prints them. */
export async function moveOut({ deps }: Pick<TestApp, 'deps'>): Promise<string[]> {
  const lines: string[] = []
  for await (const line of peopleAsLines(deps)) lines.push(line)
  return lines
}
