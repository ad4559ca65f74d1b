/** What somebody has used up of their limits, for operators: read and forgotten by the names that are counted. */
import type { Sql } from '../database/database.ts'
import { POLICIES, type Policy } from './policies.ts'
import type { RateLimits } from './rate-limits.ts'

/** A count: of which policy, and under which name. */
export type Counter = { policy: Policy; subject: string }
/** `until`: when the count begins anew, or is forgotten. */
export type UsedUp<C extends Counter> = C & { tries: number; until: Date }

type Counting = { sql: Sql; rateLimits: RateLimits; now: () => number }

const keysOf = ({ rateLimits }: Counting, counters: readonly Counter[]): string[] =>
  counters.map(({ policy, subject }) => rateLimits.keyOf(policy, subject))

/** Those of the counters that have no try left at the moment. */
export async function listUsedUp<C extends Counter>(counting: Counting, counters: readonly C[]): Promise<UsedUp<C>[]> {
  const keys = keysOf(counting, counters)
  const rows = await counting.sql<{ key: string; points: number; expire: number }>`
    select key, points, expire::float8 as expire from rate_limits
    where key = any(${keys}) and expire > ${counting.now()}`
  const byKey = new Map(rows.map((row) => [row.key, row]))
  return counters.flatMap((counter, index) => {
    const row = byKey.get(keys[index] ?? '')
    if (row === undefined || row.points < POLICIES[counter.policy].points) return []
    return [{ ...counter, tries: row.points, until: new Date(row.expire) }]
  })
}

/** Forgets the counts, so that everything may be tried as if for the first time. */
export async function forgetCounts(counting: Counting, counters: readonly Counter[]): Promise<void> {
  await counting.sql`delete from rate_limits where key = any(${keysOf(counting, counters)})`
}
