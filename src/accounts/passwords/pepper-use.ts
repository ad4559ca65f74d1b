/** Which secret each stored password needs, before an old secret is taken away. */
import { sha256 } from '../../base/digest.ts'
import type { Sql } from '../../database/database.ts'

/** How many password hashes need each of the peppers, in their order, and how many need none of them. */
export type PepperUse = { counts: number[]; unknown: number }

/** Accounts in their days of grace count too, since they may come back. */
export async function countPepperUse(sql: Sql, peppers: readonly Buffer[]): Promise<PepperUse> {
  const rows = await sql<{ pepper: string; count: number }>`
    select left(password_hash, 8) as pepper, count(*)::int as count from all_users
    where password_hash is not null group by 1`
  const ids = peppers.map((pepper) => sha256(pepper).slice(0, 8))
  const countOf = (id: string) => rows.find(({ pepper }) => pepper === id)?.count ?? 0
  const unknown = rows.filter(({ pepper }) => !ids.includes(pepper)).reduce((sum, { count }) => sum + count, 0)
  return { counts: ids.map(countOf), unknown }
}
