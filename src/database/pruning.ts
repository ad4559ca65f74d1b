/** Clearing away rows whose time is over. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from './database.ts'
import { type Fragment, fragment, identifier } from './fragments.ts'

const AT_ONCE = 1_000
const PAUSE_MS = 100

/** Which rows of a table are over. Each room of the source says so for its own tables; `clearing.ts` has the list. */
export type Pruning = {
  table: string
  /** The primary key. */
  key: string
  isOver: (now: number) => Fragment
  /** What is done to such rows when they are not to be deleted. */
  instead?: Fragment
}

/**
 * Deletes up to `limit` rows that are over, and returns how many: a small batch holds no lock for long. The condition stands
 * twice, since only the outer one is checked again when a row has changed while this waited for it.
 */
export async function prune(
  sql: Sql,
  { table, key, isOver, instead }: Pruning,
  now: number,
  limit: number,
): Promise<number> {
  // With `in`, a plan for any limit would be made for a tenth of the table, and read all of it.
  const pruned = await sql`
    ${instead ?? fragment`delete from ${identifier(table)}`}
    where ${identifier(key)} = any(array(
      select ${identifier(key)} from ${identifier(table)} where ${isOver(now)} limit ${limit}
    ))
      and ${isOver(now)}
    returning 1 as pruned`
  return pruned.length
}

/**
 * Deletes all rows that are over and returns how many, in batches with pauses between them, so that no lock is held for long.
 * `tell` hears how many are gone so far.
 */
export async function pruneAll(
  sql: Sql,
  pruning: Pruning,
  now: () => number,
  tell: (count: number) => void = () => {},
): Promise<number> {
  for (let all = 0; ; await sleep(PAUSE_MS)) {
    const pruned = await prune(sql, pruning, now(), AT_ONCE)
    all += pruned
    if (pruned < AT_ONCE) return all
    tell(all)
  }
}
