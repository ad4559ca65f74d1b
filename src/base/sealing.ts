/** Encrypts small secrets for storage: AES-256-GCM, with the newest of several keys, bound to a name. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seals a secret. `name` says what it belongs to; it is not in the result, and without it the result cannot be opened. */
export function seal(secret: Buffer, name: string, [newest]: readonly Buffer[]): string {
  if (newest === undefined) throw new Error('There is no key to seal with')
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, newest, nonce).setAAD(Buffer.from(name))
  const text = Buffer.concat([cipher.update(secret), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')
}

/** The secret, and whether its key is not the newest one (`outdated`); undefined if none of the keys opens it. */
export function open(
  sealed: string,
  name: string,
  keys: readonly Buffer[],
): { secret: Buffer; outdated: boolean } | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  for (const [index, key] of keys.entries()) {
    try {
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(name)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      const secret = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
      return { secret, outdated: index > 0 }
    } catch {
      // Sealed with another key: the tag does not match.
    }
  }
  return undefined
}

/** A secret as it is stored, and the name that it was sealed with. */
type Stored = { id: string; name: string; sealed: string }

/** How many another than the newest key opens, how many no key opens, and how many are sealed anew. */
export type SealedAnew = { outdated: number; unknown: number; sealed: number }

/**
 * Seals anew what another than the newest key opens. `readAfter` returns the next ones in the order of their ids, or none; `replace` says
 * whether one was still as it had been read. On a dry run nothing is replaced.
 */
export async function sealAllAnew(
  keys: readonly Buffer[],
  { dryRun }: { dryRun: boolean },
  readAfter: (id: string) => Promise<Stored[]>,
  replace: (stored: Stored, anew: { secret: Buffer; sealed: string }) => Promise<boolean>,
): Promise<SealedAnew> {
  const counts = { outdated: 0, unknown: 0, sealed: 0 }
  for (let rows = await readAfter(''); rows.length > 0; rows = await readAfter(rows.at(-1)?.id ?? '')) {
    for (const row of rows) {
      const opened = open(row.sealed, row.name, keys)
      if (opened === undefined) counts.unknown += 1
      if (!opened?.outdated) continue
      counts.outdated += 1
      if (dryRun) continue
      const { secret } = opened
      if (await replace(row, { secret, sealed: seal(secret, row.name, keys) })) counts.sealed += 1
    }
  }
  return counts
}
