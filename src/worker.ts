/** What a worker and its primary say to each other, and the worker's side of it. */
import cluster from 'node:cluster'
import type { PlaceNews } from './accounts/passwords/promised-places.ts'
import type { Deps } from './deps.ts'
import type { Ending } from './ending.ts'
import { gatherInWorker, type MetricsNews } from './telemetry/gathering.ts'

export type FromWorker =
  | { is: 'ready'; port: number }
  | { is: 'refused'; why: string; exitCode: number }
  | { is: 'place'; news: PlaceNews }
  | MetricsNews
export type FromPrimary = { is: 'stop' } | { is: 'clear-away' } | { is: 'place'; news: PlaceNews } | MetricsNews

/** Ends this worker when its primary says so, or has gone. */
export function obeyPrimary(ending: Ending): void {
  // Node would end the process at once when the primary has gone, in the middle of its requests.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true
  process.on('disconnect', () => void ending.stop(0, 'the primary has gone'))
  process.on('message', (message: FromPrimary) => {
    if (message.is === 'stop') void ending.stop(0, 'the primary stops')
  })
}

/** Does for all what the primary asks for, and learns what the other workers say. */
export function hearOthers(deps: Deps, clearAway: (deps: Deps) => Promise<void>): void {
  if (deps.metrics) gatherInWorker(deps.metrics)
  process.on('message', (message: FromPrimary) => {
    if (message.is === 'clear-away') void clearAway(deps)
    if (message.is === 'place') deps.passwords.hear(message.news)
  })
}

/** Resolves when it was sent. It is lost when the primary has gone, and then it does not matter. */
export function tellPrimary(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return resolve()
    process.send(message, undefined, {}, () => resolve())
  })
}
