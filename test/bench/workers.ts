/**
 * `npm run bench -- --workers 2`: the calls that are made most, at one process and at several, side by side. The load
 * generator and the database need the same cores, so it also says how much processor each of them took.
 */
import { cpus } from 'node:os'
import { join } from 'node:path'
import { markdown, median, rounded, spread } from './figures.ts'
import { LOADS, type Load, requestsOf, verify } from './loads.ts'
import { processorSeconds, type Run, runProgram } from './processes.ts'
import { startOurs, type Target } from './targets.ts'

const MEASURED = ['get-session', 'token', 'login page']
const PEOPLE = 32
const WARM_UP_SECONDS = 2
const LOAD = join(import.meta.dirname, 'load.mjs')

/** What the load program has seen. */
type Seen = {
  perSecond: number
  p50: number | null
  p99: number | null
  took: number
  processorSeconds: number
  statuses: Record<string, number>
  errors: number
}
/** In processor seconds a second, so 1 is one core kept busy. */
type Shares = { server: number | undefined; load: number; rest: number | undefined; idle: number }
type Round = Seen & { shares: Shares }
type Row = { load: Load; target: Target; processes: number; rounds: Round[] }

/** A table: for each call a row with one process and a row with `workers` of them. */
export async function compareWorkers(
  run: Run,
  { serverUrl, directory }: { serverUrl: string; directory: string },
  { workers, rounds, seconds }: { workers: number; rounds: number; seconds: number },
): Promise<string> {
  const targets: Pick<Row, 'target' | 'processes'>[] = []
  for (const processes of [1, workers]) {
    const environment = { WEB_CONCURRENCY: String(processes) }
    targets.push({ processes, target: await startOurs(run, serverUrl, directory, PEOPLE, environment) })
  }
  const rows: Row[] = LOADS.filter(({ name, on }) => MEASURED.includes(name) && on.includes('Matricula')).flatMap(
    (load) => targets.map((one) => ({ load, ...one, rounds: [] })),
  )
  for (const { load, target } of rows) await measure(run, { load, target }, WARM_UP_SECONDS)
  for (let round = 1; round <= rounds; round += 1) {
    for (const row of rows) {
      console.error(`round ${round}: ${row.load.name}, ${row.processes} at work`)
      row.rounds.push(await measure(run, row, seconds))
    }
  }
  return tableOf(rows)
}

async function measure(run: Run, { load, target }: Pick<Row, 'load' | 'target'>, seconds: number): Promise<Round> {
  await verify(load, target, run.signal)
  const plan = { url: target.url, connections: load.connections, seconds, requests: await requestsOf(load, target) }
  const [serverBefore, machineBefore] = [processorSeconds(target.server.pid), machineSeconds()]
  const startedAt = performance.now()
  const seen: Seen = JSON.parse(await runProgram(run, process.execPath, [LOAD], JSON.stringify(plan)))
  const wall = (performance.now() - startedAt) / 1_000
  const [serverAfter, machineAfter] = [processorSeconds(target.server.pid), machineSeconds()]
  const server =
    serverBefore === undefined || serverAfter === undefined ? undefined : (serverAfter - serverBefore) / seen.took
  // The machine is looked at a little longer: the start of the load program is in it.
  const busy = (machineAfter.busy - machineBefore.busy) / wall
  const [loadShare, idle] = [seen.processorSeconds / seen.took, (machineAfter.idle - machineBefore.idle) / wall]
  const rest = server === undefined ? undefined : Math.max(0, busy - server - loadShare)
  return { ...seen, shares: { server, load: loadShare, rest, idle } }
}

/** What all processors together have done since the machine was started. */
function machineSeconds(): { busy: number; idle: number } {
  const times = cpus().map(({ times }) => times)
  const idle = times.reduce((sum, each) => sum + each.idle, 0)
  const busy = times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, 0)
  return { busy: busy / 1_000, idle: idle / 1_000 }
}

function tableOf(rows: readonly Row[]): string {
  const head = ['request', 'processes', 'requests/s (least to most)', 'p50 ms', 'p99 ms', 'to one process']
  const shares = ['server, cores', 'load, cores', 'database and the rest', 'idle']
  const lines = rows.map((row) => {
    const of = (figure: (round: Round) => number | null | undefined) => rounded(median(row.rounds.map(figure)))
    return [
      row.load.name,
      String(row.processes),
      spread(row.rounds.map(({ perSecond }) => perSecond)),
      of(({ p50 }) => p50),
      of(({ p99 }) => p99),
      ratio(row, rows),
      of(({ shares }) => shares.server),
      of(({ shares }) => shares.load),
      of(({ shares }) => shares.rest),
      of(({ shares }) => shares.idle),
      failures(row.rounds),
    ]
  })
  return markdown([...head, ...shares, 'failed'], lines, 1)
}

/** The median of each round's ratio: what slows a round down slows down both. */
function ratio(row: Row, rows: readonly Row[]): string {
  const one = rows.find(({ load, processes }) => load === row.load && processes === 1)
  if (one === undefined || one === row) return '-'
  const each = row.rounds.map(({ perSecond }, round) => perSecond / (one.rounds[round]?.perSecond ?? Number.NaN))
  return `${rounded(median(each))} ×`
}

function failures(rounds: readonly Round[]): string {
  const refused = rounds.flatMap(({ statuses }) => Object.entries(statuses)).filter(([status]) => status !== '200')
  const count = refused.reduce((sum, [, number]) => sum + number, 0)
  return String(rounds.reduce((sum, { errors }) => sum + errors, count))
}
