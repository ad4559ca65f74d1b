/** Checks a password against a key that another program has derived. It runs in the threads that hash. */
import { createCipheriv, pbkdf2Sync, scryptSync, timingSafeEqual } from 'node:crypto'
import { argon2 } from './argon2.ts'
import type { DerivedKey } from './foreign-hashes.ts'

/** What OpenSSL takes beside the blocks themselves. */
const SPARE_BYTES = 2 ** 20
const AES_KEY_BYTES = 32
const AES_BLOCK_BYTES = 16

/** False as well for a key that the library refuses: its owner then hears “incorrect”, and not of a fault of ours. */
export function matches(text: string, derived: DerivedKey): boolean {
  try {
    return isDerivedFrom(text, derived)
  } catch {
    return false
  }
}

function isDerivedFrom(text: string, derived: DerivedKey): boolean {
  switch (derived.scheme) {
    case 'argon2id':
      return argon2()?.verifySync(derived.hash, text) ?? false
    case 'pbkdf2': {
      const { iterations, salt, key, digest } = derived
      return timingSafeEqual(pbkdf2Sync(text, salt, iterations, key.length, digest), key)
    }
    case 'scrypt':
      return matchesScrypt(text, derived)
  }
}

function matchesScrypt(text: string, derived: Extract<DerivedKey, { scheme: 'scrypt' }>): boolean {
  const { cost, blockSize, parallelization, salt, key, signerKey } = derived
  // Firebase derives the key of a cipher.
  const length = signerKey === undefined ? key.length : AES_KEY_BYTES
  const maxmem = 128 * blockSize * (cost + parallelization + 2) + SPARE_BYTES
  const computed = scryptSync(text, salt, length, { cost, blockSize, parallelization, maxmem })
  if (signerKey === undefined) return timingSafeEqual(computed, key)
  const cipher = createCipheriv('aes-256-ctr', computed, Buffer.alloc(AES_BLOCK_BYTES))
  const encrypted = Buffer.concat([cipher.update(signerKey), cipher.final()])
  return encrypted.length === key.length && timingSafeEqual(encrypted, key)
}
