/** Which secret each stored password needs, before an old secret is taken away, and those that can do without it. */
import { sha256 } from '../../base/digest.ts'
import type { Sql } from '../../database/database.ts'
import type { createPasswords } from './password-hashing.ts'

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

const AT_ONCE = 500

/**
 * Seals the hashes of other programs anew that an older secret opens, which takes no password. Returns how many there were, and
 * how many were still as they had been read. A process that does not know the newest secret cannot check these from then on.
 */
export async function sealForeignAnew(
  sql: Sql,
  { sealAnew }: Pick<ReturnType<typeof createPasswords>, 'sealAnew'>,
  { dryRun }: { dryRun: boolean },
): Promise<{ outdated: number; sealed: number }> {
  const counts = { outdated: 0, sealed: 0 }
  for (let after = '', isMore = true; isMore; ) {
    const rows = await sql<{ id: string; stored: string }>`
      select id, password_hash as stored from all_users
      where password_hash like '________.%' and id > ${after} order by id limit ${AT_ONCE}`
    const changes = rows.flatMap(({ id, stored }) => {
      const sealed = sealAnew(stored)
      return sealed === undefined ? [] : [{ id, stored, sealed }]
    })
    counts.outdated += changes.length
    if (!dryRun && changes.length > 0) counts.sealed += await replaceForeign(sql, changes)
    isMore = rows.length === AT_ONCE
    after = rows.at(-1)?.id ?? ''
  }
  return counts
}

/** Leaves alone who has logged in or set a password meanwhile. Returns how many were changed. */
export async function replaceForeign(
  sql: Sql,
  changes: readonly { id: string; stored: string; sealed: string }[],
): Promise<number> {
  const changed = await sql`
    update all_users u set password_hash = c.sealed
    from json_to_recordset(${JSON.stringify(changes)}::text::json) as c(id text, stored text, sealed text)
    where u.id = c.id and u.password_hash = c.stored
    returning 1 as changed`
  return changed.length
}
