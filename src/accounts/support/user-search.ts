/** Finding accounts by a part of what is known of somebody. Reads all of them: only operators ask, now and then. */
import type { Sql } from '../../database/database.ts'
import { suggestAddress } from '../address-suggestion.ts'

export type Found = {
  id: string
  name: string
  email: string
  createdAt: Date
  deleteAt: Date | null
  suspendedAt: Date | null
}

/** Of so many addresses that look alike at first, the differences are counted. */
const CANDIDATES_MAX = 20_000
const SIMILAR_MAX = 5
/** Letters too many, missing, wrong, or two in the wrong order. */
const MISTAKES_MAX = 2
/** Two mistakes leave at least one of three parts whole. */
const PARTS = 3

/** The newest accounts first whose id begins with the text, or whose name or address has it, in letters of any case. */
export function searchUsers(sql: Sql, text: string, limit: number): Promise<Found[]> {
  return sql<Found>`
    select id, name, email, created_at, delete_at, suspended_at from all_users
    where starts_with(id, ${text}) or strpos(email, lower(${text}::text)) > 0 or strpos(lower(name), lower(${text}::text)) > 0
    order by created_at desc, id limit ${limit}`
}

/**
 * Accounts whose address differs from this one by a mistake or two, the likeliest first, five at most; and the one with the
 * well-known host that was probably meant. Not the account with the address itself.
 */
export async function findSimilarAddresses(sql: Sql, email: string): Promise<{ id: string; email: string }[]> {
  const size = Math.ceil(email.length / PARTS)
  const starts = [0, size, 2 * size]
  const parts = starts.map((start) => email.slice(start, start + size)).filter((part) => part !== '')
  const [one = '', two = one, three = two] = parts
  // Only what has one of the parts, about where it stands here.
  const window = size + 2 * MISTAKES_MAX
  const candidates = await sql<{ id: string; email: string }>`
    select id, email from all_users
    where length(email) between ${email.length - MISTAKES_MAX} and ${email.length + MISTAKES_MAX}
      and (strpos(left(email, ${window}), ${one}) > 0
        or strpos(substr(email, ${Math.max(1, size + 1 - MISTAKES_MAX)}, ${window}), ${two}) > 0
        or strpos(substr(email, ${Math.max(1, 2 * size + 1 - MISTAKES_MAX)}), ${three}) > 0)
      and email <> ${email}
    limit ${CANDIDATES_MAX}`
  const meant = suggestAddress(email)
  return candidates
    .map((found) => ({ ...found, mistakes: found.email === meant ? 0 : mistakesBetween(email, found.email) }))
    .filter(({ mistakes }) => mistakes <= MISTAKES_MAX)
    .sort((a, b) => a.mistakes - b.mistakes || (a.email < b.email ? -1 : 1))
    .slice(0, SIMILAR_MAX)
    .map(({ mistakes: _, ...found }) => found)
}

/** The distance of Damerau and Levenshtein, in which each pair of letters is swapped once at most. */
function mistakesBetween(one: string, other: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: other.length + 1 }, (_, column) => column)
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1]
      const isSwapped =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      const ways = [
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        ...(isSwapped ? [(beforeLast[column - 2] ?? 0) + 1] : []),
      ]
      current.push(Math.min(...ways))
    }
    beforeLast = last
    last = current
  }
  return last.at(-1) ?? 0
}
