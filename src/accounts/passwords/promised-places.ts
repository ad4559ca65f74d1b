/**
 * Who was sent away from the line for hashing, and when they are expected back. Each process has a line of its own, and whoever
 * was sent away by one may come back to another, so each tells the others.
 */

/** For this long after its time, a place is kept for somebody who was sent away. */
const PLACE_KEPT_MS = 2_000
/** Times are promised in whole seconds, so somebody may come this much too early. */
export const EARLY_MS = 1_000

/** That somebody is to come back in so many milliseconds; without a time, that they have come. */
export type PlaceNews = { subject: string; inMs?: number }
/** The other processes of this server. */
export type OtherLines = { count: number; tell: (news: PlaceNews) => void }

/** `subject` is whose password it is. Nobody is expected whose subject is not known. */
export function createPromises({ others, now }: { others: OtherLines; now: () => number }) {
  /** Those that one process has made stand in the order of their times. */
  const promises = new Map<string, number>()
  const dueOf = (subject: string | undefined): number | undefined =>
    subject === undefined ? undefined : promises.get(subject)

  function expect(subject: string, due: number): void {
    promises.delete(subject)
    promises.set(subject, due)
  }

  return {
    dueOf,

    /** Whether somebody comes at the time that they were told, by whichever process. */
    isTimeOf(subject: string | undefined): boolean {
      const due = dueOf(subject)
      return due !== undefined && now() >= due - EARLY_MS && now() <= due + PLACE_KEPT_MS
    },

    /**
     * How many of those who are expected until then will come to this process. They are shared out by chance, so it is an
     * equal part of all.
     */
    shareUntil(until: number): number {
      let count = 0
      for (const [subject, due] of promises) {
        if (due < now() - PLACE_KEPT_MS) promises.delete(subject)
        else if (due <= until) count += 1
        else if (others.count === 0) break
      }
      return count / (1 + others.count)
    },

    make(subject: string | undefined, due: number): void {
      if (subject === undefined) return
      expect(subject, due)
      others.tell({ subject, inMs: due - now() })
    },

    /** Somebody has come, and has a place. */
    keep(subject: string | undefined): void {
      if (subject !== undefined && promises.delete(subject)) others.tell({ subject })
    },

    /** Learns whom another process has sent away, or given a place. */
    hear({ subject, inMs }: PlaceNews): void {
      if (inMs === undefined) promises.delete(subject)
      else expect(subject, now() + inMs)
    },
  }
}
