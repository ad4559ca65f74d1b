/** The secrets of second steps as they are stored: each under the application's secret, for one account only. */
import { open, type SealedAnew, seal, sealAllAnew } from '../../base/sealing.ts'
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

/** Seals the secrets anew that another than the newest key opens. */
export const sealSecondStepsAnew = (sql: Sql, keys: readonly Buffer[], how: { dryRun: boolean }): Promise<SealedAnew> =>
  sealAllAnew(
    keys,
    how,
    async (after) => {
      const rows = await sql<{ id: string; sealed: string }>`
        select user_id as id, sealed from second_steps where user_id > ${after} order by user_id limit ${READ_AT_ONCE}`
      return rows.map((row) => ({ ...row, name: nameOf(row.id) }))
    },
    ({ id, sealed: before }, { sealed }) => replaceSealedSecret(sql, id, { before, sealed }),
  )

/** Leaves one alone that was set up anew meanwhile. Returns whether it was still there as it was `before`. */
export async function replaceSealedSecret(
  sql: Sql,
  userId: string,
  { before, sealed }: { before: string; sealed: string },
): Promise<boolean> {
  const changed = await sql`
    update second_steps set sealed = ${sealed} where user_id = ${userId} and sealed = ${before} returning 1 as changed`
  return changed.length > 0
}
