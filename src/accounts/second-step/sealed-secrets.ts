/** The secrets of second steps as they are stored: each under the application's secret, for one account only. */
import { open, seal } from '../../base/sealing.ts'
import type { Sql } from '../../database/database.ts'

const READ_AT_ONCE = 500
const nameOf = (userId: string): string => `second step of ${userId}`

export const sealedSecret = (secret: Buffer, userId: string, keys: readonly Buffer[]): string =>
  seal(secret, nameOf(userId), keys)

export const isOpened = (sealed: string, userId: string, keys: readonly Buffer[]): boolean =>
  open(sealed, nameOf(userId), keys) !== undefined

/** @throws when none of the keys opens it: then `APP_SECRETS` is not what it was, and the operator must know. */
export function openedSecret(sealed: string, userId: string, keys: readonly Buffer[]): Buffer {
  const opened = open(sealed, nameOf(userId), keys)
  if (opened === undefined) throw new Error('no secret of APP_SECRETS opens the second step of an account')
  return opened.secret
}

/**
 * Seals the secrets anew that another than the newest key opens. Returns how many there were, how many none opens, and how many
 * are sealed anew.
 */
export async function sealSecondStepsAnew(
  sql: Sql,
  keys: readonly Buffer[],
  { dryRun }: { dryRun: boolean },
): Promise<{ outdated: number; unknown: number; sealed: number }> {
  const counts = { outdated: 0, unknown: 0, sealed: 0 }
  let after = ''
  for (;;) {
    const rows = await sql<{ userId: string; sealed: string }>`
      select user_id, sealed from second_steps where user_id > ${after} order by user_id limit ${READ_AT_ONCE}`
    for (const { userId, sealed } of rows) {
      const opened = open(sealed, nameOf(userId), keys)
      if (opened === undefined) counts.unknown += 1
      if (!opened?.outdated) continue
      counts.outdated += 1
      if (dryRun) continue
      await replaceSealedSecret(sql, userId, { before: sealed, sealed: sealedSecret(opened.secret, userId, keys) })
      counts.sealed += 1
    }
    const last = rows.at(-1)
    if (last === undefined) return counts
    after = last.userId
  }
}

/** Leaves one alone that was set up anew meanwhile. */
export async function replaceSealedSecret(
  sql: Sql,
  userId: string,
  { before, sealed }: { before: string; sealed: string },
): Promise<void> {
  await sql`update second_steps set sealed = ${sealed} where user_id = ${userId} and sealed = ${before}`
}
