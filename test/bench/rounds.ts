/** The loads in rounds. Each runs every load on every server, so that a short disturbance of the machine affects all. */
import { join } from 'node:path'
import { LOADS, type Load, requestsOf, verify } from './loads.ts'
import { type Run, runProgram, watchMemory } from './processes.ts'
import type { Figures, Row } from './report.ts'
import type { Target } from './targets.ts'

/** Lets the JIT compile hot code. In the first round only, since the servers keep running. */
export const WARM_UP_SECONDS = 2
const LOAD = join(import.meta.dirname, 'load.mjs')

/** @throws if a server does not answer each of its loads correctly before the first round. */
export async function inRounds(
  run: Run,
  targets: readonly Target[],
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<Row[]> {
  const rows = LOADS.flatMap((load) =>
    targets.filter(({ name }) => load.on.includes(name)).map((target) => ({ load, target, rounds: [] as Figures[] })),
  )
  for (const { load, target } of rows) await verify(load, target, run.signal)
  for (let round = 1; round <= rounds; round += 1) {
    for (const row of rows) {
      console.error(`round ${round}: ${row.load.name}, ${row.target.name}`)
      row.rounds.push(await measure(run, row, { seconds, warmUpSeconds: round === 1 ? WARM_UP_SECONDS : 0 }))
    }
  }
  return rows.map(({ load, target, rounds }) => ({ load: load.name, target: target.name, rounds }))
}

export async function measure(
  run: Run,
  { load, target }: { load: Load; target: Target },
  { seconds, warmUpSeconds }: { seconds: number; warmUpSeconds: number },
): Promise<Figures> {
  const plan = {
    url: target.url,
    connections: load.connections,
    seconds,
    requests: await requestsOf(load, target),
    // Chains of its own: those of the load begin with tokens that nobody has used.
    ...(warmUpSeconds > 0 && { warmUp: { seconds: warmUpSeconds, requests: await requestsOf(load, target) } }),
  }
  const { result, memory } = await watchMemory(target.server.pid, () =>
    runProgram(run, process.execPath, [LOAD], JSON.stringify(plan)),
  )
  const seen: Omit<Figures, 'memory' | 'wrongAfterwards'> = JSON.parse(result)
  // Check again, because a load may have ended a session. This also waits for password checks that are still queued.
  const wrong = await verify(load, target, run.signal).catch((error: unknown) => error)
  run.signal.throwIfAborted()
  if (wrong) console.error(wrong)
  return { ...seen, memory, wrongAfterwards: wrong !== undefined }
}
