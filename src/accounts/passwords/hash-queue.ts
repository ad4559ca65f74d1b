/**
 * The line in front of the hashing threads. Whoever is let in is served within two seconds; everybody else hears at once
 * when to come back, and has a place then.
 */
import { Busy, ClientGone } from '../../base/failures.ts'

/** Nobody is let in who would wait longer than this. */
const WAIT_MAX_MS = 1_200
/** Whoever comes back at the promised time may wait a little longer, since the promise was a guess. */
const WAIT_MAX_AS_PROMISED_MS = 1_500
/** For this long after its time, a place is kept for somebody who was sent away. */
const PLACE_KEPT_MS = 2_000
const PROMISES_MAX = 10_000
/** What a hash takes before the first one was measured, at cost 12. */
const FIRST_GUESS_MS = 250
const UNITS_OF_FIRST_GUESS = 2 ** 12
/** How much the newest measurement counts. */
const SMOOTHING = 0.2

/** `subject` is whose password it is, to know them when they come back. `signal` says that they have hung up. */
export type Place = { subject?: string | undefined; signal?: AbortSignal | undefined }

/** A place that is kept while something else is done first. It must be released in any case. */
export type Reservation = Place & {
  /** Gives the place back. Returns whether it was still kept. */
  release: () => boolean
}

type Waiting = { units: number; start: () => void; leave: (error: Error) => void }

export type HashQueue = ReturnType<typeof createHashQueue>

export function createHashQueue({ threads, now = () => performance.now() }: { threads: number; now?: () => number }) {
  const waiting: Waiting[] = []
  let running = 0
  let unitsRunning = 0
  const reserved = { places: 0, units: 0 }
  let unitMs = FIRST_GUESS_MS / UNITS_OF_FIRST_GUESS
  /** When those who were sent away are expected, the earliest first. */
  const promises = new Map<string, number>()
  let lastPromise = 0

  /** How long work that is added now would wait for a thread: what waits, and half of what runs. */
  function expectedWait(): number {
    if (running + reserved.places < threads) return 0
    const units = waiting.reduce((sum, one) => sum + one.units, 0) + reserved.units + unitsRunning / 2
    return (units * unitMs) / threads
  }

  /** The time that is promised to others who may come before work that is added now would begin. */
  function promisedWork(units: number): number {
    const at = now()
    let count = 0
    for (const [subject, due] of promises) {
      if (due < at - PLACE_KEPT_MS) promises.delete(subject)
      else if (due <= at + WAIT_MAX_MS) count += 1
      else break
    }
    return (count * units * unitMs) / threads
  }

  /** @throws {Busy} with the seconds after which there will be a place. Each one who is sent away gets a time of their own. */
  function sendAway(units: number, subject: string | undefined): never {
    const step = (units * unitMs) / threads
    lastPromise = Math.max(lastPromise, now() + expectedWait()) + step
    if (subject !== undefined && promises.size < PROMISES_MAX) {
      promises.delete(subject)
      promises.set(subject, lastPromise)
    }
    throw new Busy('too many passwords are being checked', {
      retryAfterSeconds: Math.max(1, Math.ceil((lastPromise - now()) / 1_000)),
    })
  }

  function admit(units: number, subject: string | undefined): void {
    const due = subject === undefined ? undefined : promises.get(subject)
    const isExpected = due !== undefined && now() >= due - 1_000 && now() <= due + PLACE_KEPT_MS
    const wait = expectedWait() + (isExpected ? 0 : promisedWork(units))
    if (wait > (isExpected ? WAIT_MAX_AS_PROMISED_MS : WAIT_MAX_MS)) sendAway(units, subject)
    if (subject !== undefined) promises.delete(subject)
  }

  async function place(units: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw new ClientGone()
    if (running < threads) {
      running += 1
      unitsRunning += units
      return
    }
    await new Promise<void>((resolve, reject) => {
      const one: Waiting = { units, start: resolve, leave: reject }
      waiting.push(one)
      signal?.addEventListener(
        'abort',
        () => {
          const index = waiting.indexOf(one)
          if (index < 0) return
          waiting.splice(index, 1)
          one.leave(new ClientGone())
        },
        { once: true },
      )
    })
  }

  return {
    expectedWait,

    /**
     * Keeps a place while its holder does something else first: nobody should do that for nothing.
     * @throws {Busy} at once, when the work would wait too long.
     */
    keepPlace(units: number, place: Place = {}): Reservation {
      admit(units, place.subject)
      reserved.places += 1
      reserved.units += units
      let isKept = true
      const release = () => {
        if (!isKept) return false
        isKept = false
        reserved.places -= 1
        reserved.units -= units
        return true
      }
      return { ...place, release }
    },

    /**
     * Runs work that is worth so many units, in order. bcrypt's work is 2 to the power of its cost.
     * @throws {Busy} at once, when it would wait too long and has no reservation.
     * @throws {ClientGone} when whoever wants it has hung up before it began.
     */
    async run<Result>(
      units: number,
      work: () => Promise<Result>,
      { subject, signal, release }: Place & Partial<Reservation> = {},
    ): Promise<Result> {
      if (!release?.()) admit(units, subject)
      await place(units, signal)
      const startedAt = now()
      try {
        const result = await work()
        unitMs += SMOOTHING * ((now() - startedAt) / units - unitMs)
        return result
      } finally {
        unitsRunning -= units
        // The place goes directly to the next in line, so that nobody can overtake.
        const next = waiting.shift()
        if (next === undefined) running -= 1
        else unitsRunning += next.units
        next?.start()
      }
    },
  }
}
