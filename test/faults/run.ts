/**
 * `npm run faults`: the tests of `test/faults` in their long forms, with 50 rounds of `kill -9`, and a table of what happened.
 * Names select some: `npm run faults -- kill restart`. Everything is on loopback, is bounded and ends by itself.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableOf } from './report.ts'

const FOLDER = 'test/faults/'
const folder = mkdtempSync(join(tmpdir(), 'matricula-faults-'))
const file = join(folder, 'faults.jsonl')

process.env.FAULTS_FILE = file
const names = process.argv.slice(2)
process.argv.splice(2, process.argv.length, ...(names.length > 0 ? names.map((name) => FOLDER + name) : [FOLDER]))
await import('../run.ts')
console.log(`\n${existsSync(file) ? tableOf(file) : 'No fault was tried to its end.'}`)
rmSync(folder, { recursive: true, force: true })
