/** The figures of all rounds as a Markdown table, without any judgement. */
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
  /** After the load, one more request of its kind was not answered correctly. */
  wrongAfterwards: boolean
}

export type Row = { load: string; target: TargetName; rounds: Figures[] }

const MIB = 1024 * 1024
const HEAD = [
  'request',
  'server',
  'requests/s (least to most)',
  'p50 ms',
  'p99 ms',
  'memory MiB',
  'to Better Auth',
  'to one select',
  'failed',
]

export function table(rows: readonly Row[]): string {
  const perSecond = (load: string, target: TargetName): number | undefined => {
    const row = rows.find((row) => row.load === load && row.target === target)
    return row && median(row.rounds.map((round) => round.perSecond))
  }
  const lines = rows.map(({ load, target, rounds }) => {
    const each = rounds.map((round) => round.perSecond)
    const own = median(each) ?? 0
    return [
      load,
      target,
      `${rounded(own)} (${rounded(Math.min(...each))} to ${rounded(Math.max(...each))})`,
      rounded(median(rounds.map(({ p50 }) => p50))),
      rounded(median(rounds.map(({ p99 }) => p99))),
      rounded(highest(rounds.map(({ memory }) => memory && memory / MIB))),
      ratio(own, target === 'Matricula' ? perSecond(load, 'Better Auth') : undefined),
      ratio(own, target === 'bare' ? undefined : perSecond('one select', 'bare')),
      failures(rounds),
    ]
  })
  const rule = HEAD.map((_name, column) => (column < 2 ? '---' : '---:'))
  return [HEAD, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function failures(rounds: readonly Figures[]): string {
  const counts = new Map<string, number>()
  const add = (what: string, count: number) => counts.set(what, (counts.get(what) ?? 0) + count)
  for (const { statuses, errors, wrongAfterwards } of rounds) {
    for (const [status, count] of Object.entries(statuses)) if (!status.startsWith('2')) add(status, count)
    if (errors > 0) add('no answer', errors)
    if (wrongAfterwards) add('wrong afterwards', 1)
  }
  return [...counts].map(([what, count]) => `${count} × ${what}`).join(', ') || '0'
}

type Figure = number | null | undefined

const known = (figures: readonly Figure[]): number[] =>
  figures.filter((figure) => figure !== null && figure !== undefined).sort((a, b) => a - b)

function median(figures: readonly Figure[]): Figure & (number | undefined) {
  const sorted = known(figures)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}

const highest = (figures: readonly Figure[]): number | undefined => known(figures).at(-1)

function ratio(own: number, other: number | undefined): string {
  if (other === undefined) return '-'
  return own / other < 0.01 ? '< 0.01 ×' : `${rounded(own / other)} ×`
}

/** Rounded to the digits that are the same in every run. */
function rounded(figure: Figure): string {
  if (figure === null || figure === undefined) return '-'
  if (figure < 1) return String(Number(figure.toFixed(2)))
  return figure < 100 ? String(Number(figure.toFixed(1))) : Math.round(figure).toLocaleString('en')
}
