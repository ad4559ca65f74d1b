/** Accounts that are deleted and can still be kept. */
import type { Sql } from '../database/database.ts'
import { type Fragment, fragment } from '../database/fragments.ts'

/**
 * When the deleted account with this address is deleted for good, or undefined if no deleted account has it. Until then
 * the address is not free.
 */
export async function findLeaving(sql: Sql, email: string): Promise<Date | undefined> {
  const [row] = await sql<{ deleteAt: Date }>`
    select delete_at from all_users where email = ${email} and delete_at is not null`
  return row?.deleteAt
}

/** The same as a column of a statement that has looked for the account where those that are there are: it may have left in between. */
export const leavesAt = (email: string, now: number): Fragment => fragment`
  (select delete_at from all_users where email = ${email} and delete_at > ${new Date(now)}) as leaves_at`
