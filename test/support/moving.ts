/** Moves people in and out of an app in tests. */
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
  return moveIn(deps, peopleInLines(bytesOf(text)), { now: deps.now, ...settings })
}

/** In pieces that end anywhere, as a file is read. */
async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}

const PIECE_BYTES = 1_001

/** Everybody of an app, as `export jsonl` prints them. */
export async function moveOut({ deps }: Pick<TestApp, 'deps'>): Promise<string[]> {
  const lines: string[] = []
  for await (const line of peopleAsLines(deps)) lines.push(line)
  return lines
}
