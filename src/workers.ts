/**
 * The primary process, when several serve: it starts the workers, replaces one that dies, passes on what they tell each
 * other, and ends when all of them have. It serves nothing itself and never asks the database.
 */
import cluster, { type Worker } from 'node:cluster'
import type { Log } from './base/log.ts'
import type { Ending } from './ending.ts'
import { isMetricsNews, passOn } from './telemetry/gathering.ts'
import type { FromPrimary, FromWorker } from './worker.ts'

/** A worker that dies sooner than this after its start may do so every time. */
const STEADY_MS = 10_000
const PAUSE_FIRST_MS = 250
const PAUSE_MAX_MS = 30_000

type Workforce = {
  count: number
  /** What is added to their environment. */
  environment: Record<string, string>
  log: Log
  ending: Ending
  /** Is called once, when all of them serve. */
  onReady: (port: number) => void
}

/**
 * Keeps so many workers running until the end. If one refuses to start before all have served, waiting does not help, and
 * everything ends with its message and exit code. Later, it is tried again: somebody may be repairing what is wrong.
 */
export function keepWorkers({ count, environment, log, ending, onReady }: Workforce) {
  const workers = new Set<Worker>()
  const serving = new Set<Worker>()
  const closeHanded = watchHandedConnections()
  let haveServed = false
  let earlyDeaths = 0
  let failed = false

  function start(): void {
    if (ending.hasBegun()) return
    const startedAt = performance.now()
    const worker = forked()
    if (worker === undefined) {
      startAgain({}, startedAt)
      return
    }
    workers.add(worker)
    closeHanded(worker)
    worker.on('message', (message: FromWorker) => hear(worker, message))
    // The end of a worker is seen below. Without a listener, an error of its channel would end this process.
    worker.on('error', (error) => log.warn({ err: error, pid: worker.process.pid }, 'a worker cannot be reached'))
    worker.once('exit', (code: number | null, signal: string | null) => {
      workers.delete(worker)
      // One that did not serve yet had nothing to lose.
      const hasFailed = serving.delete(worker) && code !== 0
      if (ending.hasBegun()) failed ||= hasFailed
      else startAgain({ pid: worker.process.pid, code, signal }, startedAt)
    })
  }

  /** Undefined if the system gives no more processes, files or memory. It may again soon, and the others go on serving. */
  function forked(): Worker | undefined {
    try {
      const worker = cluster.fork(environment)
      if (worker.process.pid !== undefined) return worker
      worker.on('error', (error) => log.error({ err: error }, 'a worker cannot be started'))
    } catch (error) {
      log.error({ err: error }, 'a worker cannot be started')
    }
    return undefined
  }

  function startAgain(
    lost: { pid?: number | undefined; code?: number | null; signal?: string | null },
    startedAt: number,
  ) {
    earlyDeaths = performance.now() - startedAt < STEADY_MS ? earlyDeaths + 1 : 0
    const pauseMs = earlyDeaths === 0 ? 0 : Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** (earlyDeaths - 1))
    if (lost.pid !== undefined) log.error({ ...lost, pauseMs }, 'a worker ended: another one takes its place')
    setTimeout(start, pauseMs)
  }

  function hear(worker: Worker, message: FromWorker): void {
    if (message.is === 'place') {
      for (const other of workers) if (other !== worker) tell(other, message)
    } else if (message.is === 'refused') {
      // All refuse for the same reason, and it is said once.
      if (ending.hasBegun()) return
      console.error(message.why)
      if (!haveServed) void ending.stop(message.exitCode, 'failed to start')
    } else if (isMetricsNews(message)) {
      passOn(worker, message, serving)
    } else {
      serving.add(worker)
      if (haveServed) log.info({ pid: worker.process.pid }, 'a new worker serves')
      if (haveServed || serving.size < count) return
      haveServed = true
      if (!ending.hasBegun()) onReady(message.port)
    }
  }

  ending.closeFirst(async () => {
    for (const worker of workers) tell(worker, { is: 'stop' })
    await Promise.all([...workers].map((worker) => new Promise((resolve) => worker.once('exit', resolve))))
    if (failed) throw new Error('a worker did not end well')
  })
  for (let number = 1; number <= count; number += 1) start()

  return {
    /** Has what is over deleted, by one for all. */
    clearAway(): void {
      const [one] = serving
      if (one) tell(one, { is: 'clear-away' })
    },
  }
}

/** Says something to a worker. If it has just died, nobody needs to hear it. */
function tell(worker: Worker, message: FromPrimary): void {
  if (worker.isConnected()) worker.send(message, undefined, undefined, () => {})
}

/**
 * Node gives a worker one connection at a time and keeps it open until the worker has said that it has it. When the worker
 * dies in between, Node forgets the connection, and whoever opened it waits for ever. So it is closed here: they try again.
 */
function watchHandedConnections() {
  const handed = new Map<Worker, { close?: () => void }>()
  return (worker: Worker): void => {
    const child = worker.process
    const send = child.send.bind(child) as (...given: unknown[]) => boolean
    child.send = (...given: unknown[]) => {
      const [, connection] = given
      if (typeof connection === 'object' && connection !== null) {
        // Another worker may have refused it, because it is stopping.
        for (const [other, one] of handed) if (one === connection) handed.delete(other)
        handed.set(worker, connection)
      }
      return send(...given)
    }
    worker.once('exit', () => {
      handed.get(worker)?.close?.()
      handed.delete(worker)
    })
  }
}
