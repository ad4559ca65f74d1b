/** The end of a process: it comes once, for the first reason that is given, and within a deadline. */
import type { Log } from './base/log.ts'

/** Hosts kill a process 30 s after their signal. */
const GIVE_UP_MS = 25_000

export type Ending = ReturnType<typeof createEnding>

/** Begins with the first signal, since hosts send several. `log` gets a line then. */
export function createEnding(log?: Log) {
  const steps: (() => Promise<unknown>)[] = []
  let begun = false

  async function stop(exitCode: number, reason: string): Promise<void> {
    if (begun) return
    begun = true
    log?.info({ reason }, 'stopping')
    setTimeout(() => process.exit(1), GIVE_UP_MS).unref()
    let failed = false
    // One that is named only now is still done.
    for (let step = steps.shift(); step !== undefined; step = steps.shift()) {
      await step().catch((error: unknown) => {
        failed = true
        log?.error({ err: error }, 'not stopped well')
      })
    }
    process.exit(failed ? Math.max(1, exitCode) : exitCode)
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop(0, signal))

  return {
    stop,
    hasBegun: (): boolean => begun,
    /** Something to be closed at the end, before everything that was named earlier. */
    closeFirst(step: () => Promise<unknown>): void {
      steps.unshift(step)
    },
  }
}
