/** The figures of a live run, as it prints them. */

import { markdown } from '../../bench/figures.ts'
import type { Tally } from './load.ts'

export type Row = Tally & { name: string; calls: number; realMs: number; clockMs: number }

export const sum = (rows: readonly Row[]): Row =>
  rows.reduce((total, row) => ({
    name: 'all of it',
    requests: total.requests + row.requests,
    wrongRefusals: total.wrongRefusals + row.wrongRefusals,
    wrongAccepts: total.wrongAccepts + row.wrongAccepts,
    unanswered: total.unanswered + row.unanswered,
    calls: total.calls + row.calls,
    realMs: total.realMs + row.realMs,
    clockMs: total.clockMs + row.clockMs,
  }))

export const callsPerRequest = ({ calls, requests }: Row): number => calls / Math.max(1, requests)

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(1)
const minutes = (milliseconds: number): string => (milliseconds / 60_000).toFixed(1)

/** A Markdown table: a line for each stage, and one for all. */
export function table(rows: readonly Row[]): string {
  const head = ['stage', 'seconds', 'clock, min', 'checks', 'wrong 401', 'wrong 200', 'no answer', 'calls', 'per check']
  const lines = [...rows, sum(rows)].map((row) => [
    row.name,
    seconds(row.realMs),
    minutes(row.clockMs),
    String(row.requests),
    String(row.wrongRefusals),
    String(row.wrongAccepts),
    String(row.unanswered),
    String(row.calls),
    callsPerRequest(row).toFixed(4),
  ])
  return markdown(head, lines, 1)
}
