/** What is sent or done to the app, and what must be true afterwards: the rows of the ledger, a file for each section. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../src/config/folders.ts'

export type Row = { id: string; done: string; outcome: string }
export type Section = { letter: string; title: string; note: string; rows: Row[] }

const FOLDER = join(ROOT, 'test/ledger/rows')

/** In the order of reading: what comes over HTTP first, then the faults. */
const ORDER = 'CSERHTIMPXJBF'

/** The cells of a line. A pipe inside of a cell is written `\|`. */
const cellsOf = (line: string): string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim())

function sectionIn(file: string): Section {
  const [heading = '', ...lines] = readFileSync(join(FOLDER, file), 'utf8').trimEnd().split('\n')
  const [, letter = '', title = ''] = /^# ([A-Z])\. (.+)$/.exec(heading) ?? []
  if (`${letter}.md` !== file) throw new Error(`${file} begins with: ${heading}`)
  const table = lines.filter((line) => line.startsWith('|')).slice(2)
  const rows = table.map((line): Row => {
    const [id = '', done = '', outcome = '', ...more] = cellsOf(line)
    if (!new RegExp(`^${letter}\\d\\d$`).test(id) || outcome === '' || more.length > 0) {
      throw new Error(`${file} has a row that cannot be read: ${line}`)
    }
    return { id, done, outcome }
  })
  const note = lines.filter((line) => line !== '' && !line.startsWith('|')).join('\n')
  return { letter, title, note, rows }
}

/** @throws when a file or a row cannot be read. */
export const readSections = (): Section[] =>
  readdirSync(FOLDER)
    .map(sectionIn)
    .sort((one, other) => ORDER.indexOf(one.letter) - ORDER.indexOf(other.letter))
