/** What APP_SECRETS must be like, and the keys that come of it. */
import { hkdfSync, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const SECRET_MIN_LENGTH = 32
const SECRET_MIN_DIFFERENT_CHARACTERS = 10
const KEY_BYTES = 32

export type KeyPurpose =
  | 'cookie'
  | 'csrf'
  | 'pepper'
  | 'limits'
  | 'signing-keys'
  | 'refresh-tokens'
  | 'outbox'
  | 'kept-forms'

export function isStrongSecret(secret: string): boolean {
  return secret.length >= SECRET_MIN_LENGTH && new Set(secret).size >= SECRET_MIN_DIFFERENT_CHARACTERS
}

/** The key of one purpose, which says nothing about that of another (RFC 5869). */
export const deriveKey = (secret: string, purpose: KeyPurpose): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `matricula ${purpose} v1`, KEY_BYTES))

/** Made on the first start and kept, so that a restart of a development server logs nobody out. */
export function developmentSecret(directory: string): string {
  const file = join(directory, 'app-secret')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  try {
    writeFileSync(file, randomBytes(KEY_BYTES).toString('base64url'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return readFileSync(file, 'utf8')
}
