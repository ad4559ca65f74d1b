/**
 * `bigint` read as a number. By itself the driver reads it as text, and with it whatever is counted; on CockroachDB, where
 * every `integer` is one, also each version and state. All that we read are counts and milliseconds, far below 2^53. Ids
 * of identity columns may be larger, and are never read.
 */

const OID = 20

/** The type, in the form that postgres.js wants. */
export const BIG_NUMBERS = {
  to: OID,
  from: [OID],
  serialize: (number: number | bigint): string => `${number}`,
  parse: Number,
}
