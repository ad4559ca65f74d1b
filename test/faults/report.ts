/** What `npm run faults` shows: a row for each fault. Among the other tests there are only the short forms, and no table. */
import { appendFileSync, readFileSync } from 'node:fs'

export type Fault = {
  /** The rows of the list of threats that it shows. */
  rows: string
  fault: string
  done: string
  /** How many requests were answered with which status; `none` for those that got no answer. */
  answers: Tally
  /** How much of what was answered is not there afterwards. */
  lost: number | '-'
  /** Milliseconds from the end of the fault to the first request that succeeds. */
  healedMs: number | '-'
}

/** Whether the long forms are run. */
export const IS_LONG = process.env.FAULTS_FILE !== undefined

export type Tally = Map<number | 'none', number>

/** Counts the status of an answer, or that there was none, and gives it on. */
export async function tallied<Answer extends { status: number }>(
  tally: Tally,
  asking: PromiseLike<Answer>,
): Promise<Answer | undefined> {
  const answer = await Promise.resolve(asking).catch(() => undefined)
  const status = answer?.status ?? 'none'
  tally.set(status, (tally.get(status) ?? 0) + 1)
  return answer
}

export function reportFault(fault: Fault): void {
  const { FAULTS_FILE } = process.env
  const row = { ...fault, answers: [...fault.answers].sort().map(([status, count]) => `${count} × ${status}`) }
  if (FAULTS_FILE !== undefined) appendFileSync(FAULTS_FILE, `${JSON.stringify(row)}\n`)
}

type Row = Omit<Fault, 'answers'> & { answers: string[] }

/** The rows of the file as a table of Markdown, by their first threat. */
export function tableOf(file: string): string {
  const rows = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
    .sort((one, other) => one.rows.localeCompare(other.rows))
    .map(({ rows: ids, fault, done, answers, lost, healedMs }) => [
      ...[ids, fault, done, answers.join(', ') || '-', String(lost)],
      healedMs === '-' ? '-' : `${(healedMs / 1_000).toFixed(1)} s`,
    ])
  const head = ['rows', 'fault', 'what was done', 'answers', 'lost', 'healed after']
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
