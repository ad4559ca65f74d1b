/** The private halves of the signing keys under another secret, when APP_SECRETS is changed. */
import { open, seal } from '../base/sealing.ts'
import type { Sql } from '../database/database.ts'
import { listSigningKeys } from './signing-keys.ts'

/**
 * Seals the keys anew that another than the newest secret opens. Returns how many there were, how many none opens, and how
 * many are sealed anew. A process that does not know the newest secret cannot open these from then on.
 */
export async function sealKeysAnew(
  sql: Sql,
  secrets: readonly Buffer[],
  { now, dryRun }: { now: number; dryRun: boolean },
): Promise<{ outdated: number; unknown: number; sealed: number }> {
  const counts = { outdated: 0, unknown: 0, sealed: 0 }
  for (const { kid, sealed } of await listSigningKeys(sql, now)) {
    const opened = open(sealed, kid, secrets)
    if (opened === undefined) counts.unknown += 1
    if (!opened?.outdated) continue
    counts.outdated += 1
    if (dryRun) continue
    await replaceSealedKey(sql, kid, { before: sealed, sealed: seal(opened.secret, kid, secrets) })
    counts.sealed += 1
  }
  return counts
}

/** Leaves a key alone that somebody else has sealed anew meanwhile. */
export async function replaceSealedKey(
  sql: Sql,
  kid: string,
  { before, sealed }: { before: string; sealed: string },
): Promise<void> {
  await sql`update signing_keys set sealed = ${sealed} where kid = ${kid} and sealed = ${before}`
}
