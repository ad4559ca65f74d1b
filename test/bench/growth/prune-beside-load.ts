/** Clearing away expired sessions while others are read at a fixed rate. */
import { join } from 'node:path'
import { markdown, median, rounded } from '../figures.ts'
import { type Load, requestsOf } from '../loads.ts'
import { type Run, runProgram } from '../processes.ts'
import { type Figures, failures } from '../report.ts'
import { WARM_UP_SECONDS } from '../rounds.ts'
import type { Target } from '../targets.ts'
import { endOfGroup } from './rows.ts'

const PER_SECOND = 1_000
/** A third of half a million takes a little longer, with its pauses. */
const SECONDS = 15

type Seen = Omit<Figures, 'memory' | 'wrongAfterwards'>
type Pruned = { rows: number; milliseconds: number }

/** A table. In each round it is quiet first, and then a group of sessions is cleared away. */
export async function pruneBesideLoad(
  run: Run,
  target: Target,
  { load, groups }: { load: Load; groups: number },
): Promise<string> {
  const requests = await requestsOf(load, target)
  const read = async (warmUpSeconds: number): Promise<Seen> => {
    const warmUp = warmUpSeconds > 0 && { warmUp: { seconds: warmUpSeconds, requests } }
    const { url } = target
    const plan = { url, connections: load.connections, seconds: SECONDS, requests, rate: PER_SECOND, ...warmUp }
    return JSON.parse(
      await runProgram(run, process.execPath, [join(import.meta.dirname, '../load.mjs')], JSON.stringify(plan)),
    )
  }
  const quiet: Seen[] = []
  const pruning: Seen[] = []
  const pruned: Pruned[] = []
  for (let group = 1; group <= groups; group += 1) {
    console.error(`clearing away, round ${group}: quiet`)
    quiet.push(await read(group === 1 ? WARM_UP_SECONDS : 0))
    console.error(`clearing away, round ${group}: beside`)
    const [seen, done] = await Promise.all([read(0), prune(target, endOfGroup(group, groups), run.signal)])
    pruning.push(seen)
    pruned.push(done)
  }
  return report({ quiet, pruning, pruned })
}

async function prune({ url }: Target, before: number, signal: AbortSignal): Promise<Pruned> {
  const answer = await fetch(`${url}/prune?before=${before}`, { signal })
  return JSON.parse(await answer.text())
}

function report({ quiet, pruning, pruned }: { quiet: Seen[]; pruning: Seen[]; pruned: Pruned[] }): string {
  const line = (name: string, all: Seen[], ratio: string) => [
    name,
    rounded(median(all.map(({ p50 }) => p50))),
    rounded(median(all.map(({ p99 }) => p99))),
    ratio,
    failures(all.map((seen) => ({ ...seen, memory: undefined, wrongAfterwards: false }))),
  ]
  const times = median(pruning.map(({ p99 }, round) => (p99 ?? Number.NaN) / (quiet[round]?.p99 ?? Number.NaN)))
  const rows = pruned.reduce((sum, one) => sum + one.rows, 0)
  const seconds = pruned.reduce((sum, one) => sum + one.milliseconds, 0) / 1_000
  const what = `get-session, ${PER_SECOND.toLocaleString('en')} a second`
  const lines = [
    line('nothing else', quiet, '-'),
    line(
      `${rows.toLocaleString('en')} expired sessions are cleared away, in ${rounded(seconds)} s`,
      pruning,
      `${rounded(times)} ×`,
    ),
  ]
  return markdown([what, 'p50 ms', 'p99 ms', 'p99 to before', 'failed'], lines, 1)
}
