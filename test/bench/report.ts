/** The figures of all rounds as a Markdown table, without any judgement. */
import { highest, markdown, mebibytes, median, rounded, spread } from './figures.ts'
import type { TargetName } from './targets.ts'

/**
 * One load on one server in one round. Rate and times (in milliseconds) count good answers only; memory is in bytes.
 */
export type Figures = {
  perSecond: number
  p50: number | null
  p99: number | null
  memory: number | undefined
  /** The number of answers with each status. */
  statuses: Record<string, number>
  /** Broken connections and answers that did not come in time. */
  errors: number
  /** Answers of a chain that were given before. */
  repeated: number
  /** After the load, one more request of its kind was not answered correctly. */
  wrongAfterwards: boolean
}

export type Row = { load: string; target: TargetName; rounds: Figures[] }

type Measured = Pick<Row, 'load' | 'target'>

const OURS = 'Matricula'

/** What our rates are divided by, a column each: the same load on another server, or another load on ours. */
const RATIOS: readonly { head: string; to: (load: string) => Measured }[] = [
  { head: 'to Better Auth', to: (load) => ({ load, target: 'Better Auth' }) },
  { head: 'to Express alone', to: (load) => ({ load, target: 'Express alone' }) },
  { head: 'to bare', to: (load) => ({ load, target: 'bare' }) },
  { head: 'to get-session', to: () => ({ load: 'get-session', target: OURS }) },
]

const HEAD = ['request', 'server', 'requests/s (least to most)', 'p50 ms', 'p99 ms', 'memory MiB']

export function table(rows: readonly Row[]): string {
  const ratioOf = (row: Row, to: Measured): string => {
    const other = rows.find(({ load, target }) => load === to.load && target === to.target)
    return row.target !== OURS || other === undefined || other === row ? '-' : ratio(row, other)
  }
  const lines = rows.map((row) => [
    row.load,
    row.target,
    spread(row.rounds.map(({ perSecond }) => perSecond)),
    rounded(median(row.rounds.map(({ p50 }) => p50))),
    rounded(median(row.rounds.map(({ p99 }) => p99))),
    mebibytes(highest(row.rounds.map(({ memory }) => memory))),
    ...RATIOS.map(({ to }) => ratioOf(row, to(row.load))),
    failures(row.rounds),
  ])
  return markdown([...HEAD, ...RATIOS.map(({ head }) => head), 'failed'], lines, 2)
}

/** The median of each round's ratio: what slows a round down slows down both. */
export function ratio(own: Pick<Row, 'rounds'>, other: Pick<Row, 'rounds'>): string {
  const each = own.rounds.map(({ perSecond }, round) => perSecond / (other.rounds[round]?.perSecond ?? Number.NaN))
  const middle = median(each) ?? 0
  return middle < 0.01 ? '< 0.01 ×' : `${rounded(middle)} ×`
}

export function failures(rounds: readonly Figures[]): string {
  const counts = new Map<string, number>()
  const add = (what: string, count: number) => counts.set(what, (counts.get(what) ?? 0) + count)
  for (const { statuses, errors, repeated, wrongAfterwards } of rounds) {
    for (const [status, count] of Object.entries(statuses)) if (!status.startsWith('2')) add(status, count)
    if (errors > 0) add('no answer', errors)
    if (repeated > 0) add('repeated', repeated)
    if (wrongAfterwards) add('wrong afterwards', 1)
  }
  return [...counts].map(([what, count]) => `${count} × ${what}`).join(', ') || '0'
}
