/** Small secrets at rest: AES-256-GCM, bound to the name they are kept under, under the newest of several keys. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** The sealed text; `name` is not in it, and without it the text cannot be opened. */
export function seal(secret: Buffer, name: string, [newest]: readonly Buffer[]): string {
  if (newest === undefined) throw new Error('There is no key to seal with')
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, newest, nonce).setAAD(Buffer.from(name))
  const text = Buffer.concat([cipher.update(secret), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')
}

/** The secret, and whether it should be sealed anew because its key is not the newest; undefined when no key opens it. */
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
      // Another key's: the tag does not fit.
    }
  }
  return undefined
}
