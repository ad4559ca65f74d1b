/** What is counted while the server works. The rooms of the domain know only this; what becomes of it is in `telemetry`. */
import { Busy, ClientGone, Unavailable } from './failures.ts'

export type Counted = 'login' | 'sign-up'

export type Meter = {
  /** A request whose answer has gone out, or `status` null if there was none. `route` is a pattern of ours, or null. */
  request: (method: string | undefined, route: string | null, status: number | null, milliseconds: number) => void
  /** How something ended that somebody tried to do: `ok`, the reason of a refusal, or the kind of a failure. */
  outcome: (what: Counted, outcome: string) => void
  /** Somebody was refused because of a limit. */
  refused: (limit: string) => void
  /** How long a password waited for a thread, in milliseconds. */
  waited: (milliseconds: number) => void
  /** Somebody with a password was sent away, because it would have waited too long. */
  sentAway: () => void
}

/** For a server that is not measured. */
export const NO_METER: Meter = {
  request: () => {},
  outcome: () => {},
  refused: () => {},
  waited: () => {},
  sentAway: () => {},
}

const FAILURES: [kind: new (...given: never[]) => Error, outcome: string][] = [
  [Busy, 'busy'],
  [Unavailable, 'unavailable'],
  [ClientGone, 'hung-up'],
]

/** Every outcome that is no reason of a refusal. */
export const FIXED_OUTCOMES = ['ok', ...FAILURES.map(([, outcome]) => outcome), 'failed']

/** Does something and counts how it ended. `outcomeOf` names a result, or counts it not: undefined. */
export async function counted<Result extends { ok: true } | { ok: false; reason: string }>(
  meter: Meter,
  what: Counted,
  job: () => Promise<Result>,
  outcomeOf: (result: Result) => string | undefined = (result) => (result.ok ? 'ok' : result.reason),
): Promise<Result> {
  try {
    const result = await job()
    const outcome = outcomeOf(result)
    if (outcome !== undefined) meter.outcome(what, outcome)
    return result
  } catch (error) {
    meter.outcome(what, FAILURES.find(([kind]) => error instanceof kind)?.[1] ?? 'failed')
    throw error
  }
}
