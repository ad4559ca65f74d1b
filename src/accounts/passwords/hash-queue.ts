/**
 * The line in front of the hashing threads. Whoever is let in is served within two seconds; everybody else hears at once
 * when to come back, and has a place then.
 */
import { Busy, ClientGone } from '../../base/failures.ts'
import { type Meter, NO_METER } from '../../base/meter.ts'
import { createPromises, EARLY_MS, type OtherLines } from './promised-places.ts'

/** Nobody is let in who would wait longer than this. */
const WAIT_MAX_MS = 1_200
/** Whoever comes back at the promised time may wait a little longer, since the promise was a guess. */
const WAIT_MAX_AS_PROMISED_MS = 1_500
/** Nobody is told to come back later than this. Of so many, most do not, and the threads should not wait for them. */
const PROMISED_MAX_MS = 60_000
/** What a hash takes at cost 12: before one was measured, at least and at most. A slower machine needs a lower cost. */
const COST_12 = { units: 2 ** 12, guessMs: 250, leastMs: 10, mostMs: 2_000 }
/** How much the newest measurement counts. */
const SMOOTHING = 0.2
/** One measurement is taken for twice the estimate at most. What has held up a thread once must not send others away. */
const OUTLIER = 2

/** `subject` is whose password it is, to know them when they come back. `signal` says that they have hung up. */
export type Place = { subject?: string | undefined; signal?: AbortSignal | undefined }

/** A place that is kept while something else is done first. It must be released in any case. */
export type Reservation = Place & {
  /** Uses up one of its hashes. Returns which one it is, from 1; 0 when none is left. */
  take: () => number
  /** Gives back what was not taken. Returns whether that was anything. */
  release: () => boolean
}

type Waiting = { units: number; start: () => void; leave: (error: Error) => void }

export type HashQueue = ReturnType<typeof createHashQueue>

/** `threads` are those of this process. */
export function createHashQueue({
  threads,
  others = { count: 0, tell: () => {} },
  meter = NO_METER,
  now = () => performance.now(),
}: {
  threads: number
  others?: OtherLines | undefined
  meter?: Meter | undefined
  now?: () => number
}) {
  const waiting: Waiting[] = []
  let running = 0
  let unitsRunning = 0
  const reserved = { places: 0, units: 0 }
  let unitMs = COST_12.guessMs / COST_12.units
  const promises = createPromises({ others, now })
  let lastPromise = 0

  /** How long work that is added now would wait for a thread: what waits, and half of what runs. */
  function expectedWait(): number {
    if (running + reserved.places < threads) return 0
    const units = waiting.reduce((sum, one) => sum + one.units, 0) + reserved.units + unitsRunning / 2
    return (units * unitMs) / threads
  }

  /** The time that is promised to others who may come before work that is added now would begin. */
  const promisedWork = (units: number): number => (promises.shareUntil(now() + WAIT_MAX_MS) * units * unitMs) / threads

  /** @throws {Busy} with the seconds after which there will be a place. Each one who is sent away gets a time of their own. */
  function sendAway(units: number, subject: string | undefined): never {
    meter.sentAway()
    const known = promises.dueOf(subject)
    // Whoever comes too early is told the same time again. A new one would be later each time they ask.
    const due = known !== undefined && known > now() + EARLY_MS ? known : promise(units, subject)
    throw new Busy('too many passwords are being checked', {
      retryAfterSeconds: Math.max(1, Math.ceil((due - now()) / 1_000)),
    })
  }

  function promise(units: number, subject: string | undefined): number {
    const next = Math.max(lastPromise, now() + expectedWait()) + (units * unitMs) / threads
    // Spread over the second half of that time, and without a place.
    if (next > now() + PROMISED_MAX_MS) return now() + (PROMISED_MAX_MS * (1 + Math.random())) / 2
    lastPromise = next
    promises.make(subject, next)
    return next
  }

  /** @throws {Busy} when the work would wait too long. */
  function admit(units: number, subject: string | undefined): void {
    const isExpected = promises.isTimeOf(subject)
    const wait = expectedWait() + (isExpected ? 0 : promisedWork(units))
    const isTooLong = wait > (isExpected ? WAIT_MAX_AS_PROMISED_MS : WAIT_MAX_MS)
    // No thread idles for those who may come, and if nobody waits, somebody is let in on the slowest machine.
    const isFree = expectedWait() === 0 || waiting.length + reserved.places === 0
    if (isTooLong && !isFree) sendAway(units, subject)
    promises.keep(subject)
  }

  /** Waits for a thread. `first`: before everybody else in the line. */
  async function thread(units: number, { signal, first }: Pick<Place, 'signal'> & { first: boolean }): Promise<void> {
    if (signal?.aborted) throw new ClientGone()
    if (running < threads) {
      running += 1
      unitsRunning += units
      return
    }
    await new Promise<void>((resolve, reject) => {
      const one: Waiting = { units, start: resolve, leave: reject }
      if (first) waiting.unshift(one)
      else waiting.push(one)
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

    load: () => ({ waiting: waiting.length, running, threads, expectedWait: expectedWait() }),

    hear: promises.hear,

    /** How long so much work takes, by what was measured lately. */
    expectedMs: (units: number): number => units * unitMs,

    /** Learns how long work has taken. It should be measured where the work is done, without the way there and back. */
    learn(units: number, milliseconds: number): void {
      const estimate = unitMs + SMOOTHING * (Math.min(milliseconds / units, OUTLIER * unitMs) - unitMs)
      unitMs = Math.min(Math.max(estimate, COST_12.leastMs / COST_12.units), COST_12.mostMs / COST_12.units)
    },

    /**
     * Keeps a place for so many hashes, one after the other, while its holder does something else first: nobody should do
     * that for nothing.
     * @throws {Busy} at once, when the work would wait too long. {ClientGone} when whoever wants it has hung up.
     */
    keepPlace(units: number, place: Place = {}, hashes = 1): Reservation {
      if (place.signal?.aborted) throw new ClientGone()
      admit(units, place.subject)
      let left = hashes
      reserved.places += hashes
      reserved.units += hashes * units
      const give = (count: number) => {
        left -= count
        reserved.places -= count
        reserved.units -= count * units
      }
      return {
        ...place,
        take() {
          if (left === 0) return 0
          give(1)
          return hashes - left
        },
        release() {
          const isKept = left > 0
          give(left)
          return isKept
        },
      }
    },

    /**
     * Runs work that is worth so many units, in order. bcrypt's work is 2 to the power of its cost. Whoever has a
     * reservation for more than one hash waits only for the first.
     * @throws {Busy} at once, when it would wait too long and has no reservation.
     * @throws {ClientGone} when whoever wants it has hung up before it began.
     */
    async run<Result>(
      units: number,
      work: () => Promise<Result>,
      { subject, signal, take }: Place & Partial<Reservation> = {},
    ): Promise<Result> {
      const number = take?.() ?? 0
      if (number === 0) admit(units, subject)
      const askedAt = now()
      await thread(units, { signal, first: number > 1 })
      meter.waited(now() - askedAt)
      try {
        return await work()
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
