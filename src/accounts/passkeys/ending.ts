/** The end of all passkeys of an account: apart from the rest, since notices and resets, which the rest needs, do it. */
import type { Sql } from '../../database/database.ts'
import { lockedUser } from '../activity.ts'

/** Ends all passkeys of an account that somebody else may have been in. */
export async function endPasskeys(sql: Sql, userId: string): Promise<void> {
  await sql`delete from passkeys where user_id in (${lockedUser(userId)})`
}
