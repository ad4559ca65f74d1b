/** What a command prints: lines for people or JSON for programs, and how far it has come. */
import type { Writable } from 'node:stream'
import { printable } from '../../base/text.ts'
import { UsageError } from './exits.ts'

const BAR_WIDTH = 24
const CODES = { red: 31, green: 32, yellow: 33 } as const
const COLOUR = /(\u001b\[3[1239]m)/

type Stream = Writable & { isTTY?: boolean; hasColors?: () => boolean }

export type Output = ReturnType<typeof createOutput>
export type Progress = {
  /** How much is done; `total` where it is known by now. */
  set: (done: number, total?: number) => void
  /** Ends the bar. The line is said where there is no terminal, and is the last state of the bar where there is. */
  end: (line: string) => void
}

/** Progress goes to standard error, so that the output of a command can be read by another. */
export function createOutput({
  json,
  out = process.stdout,
  err = process.stderr,
}: {
  json: boolean
  out?: Stream
  err?: Stream
}) {
  const write = (line: string): void => void out.write(`${line}\n`)
  const isColoured = out.isTTY === true && out.hasColors?.() === true
  // Names, places in a file and answers of other servers may hold what a terminal obeys. Only colours are ours.
  const writeLine = (line: string): void =>
    write(isColoured ? line.split(COLOUR).map(withoutOrders).join('') : printable(line))
  return {
    /** Whether programs read it. */
    json,

    /** A line for people. With `--json` it is left out. */
    say(line: string): void {
      if (!json) writeLine(line)
    },

    /** A line that is the result itself, like a new key: printed as it is, whoever reads it. */
    print: write,

    /** The result: as JSON with `--json`, else in lines. */
    tell(value: unknown, lines: () => readonly string[]): void {
      if (json) write(JSON.stringify(value, null, 2).split('\n').map(printable).join('\n'))
      else for (const line of lines()) writeLine(line)
    },

    /** The text in a colour, on a terminal that has any. `NO_COLOR` turns them off, and so does anything but a terminal. */
    coloured(text: string, colour: keyof typeof CODES): string {
      return isColoured ? `\u001b[${CODES[colour]}m${text}\u001b[39m` : text
    },

    progress(what: string): Progress {
      if (json) return { set: () => {}, end: () => {} }
      if (!err.isTTY) return { set: () => {}, end: (line) => void err.write(`${line}\n`) }
      let width = 0
      // Spaces and not escape codes overwrite what stood there, which also works where colours are off.
      const draw = (line: string, end = '') => {
        err.write(`\r${line.padEnd(width)}${end}`)
        width = line.length
      }
      return {
        set: (done, total) => draw(`${what}  ${barOf(done, total)}`),
        end: (line) => draw(line, '\n'),
      }
    },
  }
}

const withoutOrders = (text: string): string => (COLOUR.test(text) ? text : printable(text))

function barOf(done: number, total: number | undefined): string {
  const count = done.toLocaleString('en')
  if (total === undefined || total === 0) return count
  const filled = Math.min(BAR_WIDTH, Math.floor((BAR_WIDTH * done) / total))
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${count} of ${total.toLocaleString('en')}`
}

const LIMIT_MAX = 10_000

/** How many to list, as an option says it. @throws {UsageError} */
export function countOf(text: string | undefined, usual: number): number {
  if (text === undefined) return usual
  const count = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (count < 1 || count > LIMIT_MAX) throw new UsageError(`A limit is a whole number from 1 to ${LIMIT_MAX}.`)
  return count
}

/** Rows as lines, each column as wide as its widest cell. */
export function tableOf(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((known, row) => {
    for (const [column, cell] of row.entries()) known[column] = Math.max(known[column] ?? 0, cell.length)
    return known
  }, [])
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
