/** One clock that tests move, for programs of ours and this process: all read the same file, so no step finds them apart. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../../src/config/folders.ts'

const MODULE = join(ROOT, 'test/python/live-run/moved-clock.mjs')

/** Removed after the test that makes it. */
export function createClock() {
  const folder = mkdtempSync(join(tmpdir(), 'matricula-clock-'))
  after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'ahead')
  let ahead = 0
  function write() {
    // A reader must never find half a number.
    writeFileSync(`${file}.next`, String(ahead))
    renameSync(`${file}.next`, file)
  }
  write()
  return {
    file,
    /** What a program of Node needs to go by this clock. */
    environment: { CLOCK_AHEAD_FILE: file, NODE_OPTIONS: `--import ${pathToFileURL(MODULE).href}` },
    now: () => Date.now() + ahead,
    forward(milliseconds: number) {
      ahead += milliseconds
      write()
    },
  }
}
