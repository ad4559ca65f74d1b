/** Clearing away rows whose time is over. */
import type { Sql } from './database.ts'
import { type Fragment, fragment, identifier } from './fragments.ts'

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
