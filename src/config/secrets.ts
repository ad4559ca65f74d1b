/** What APP_SECRETS must look like, and the keys that are derived from it. */
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
  | 'known-devices'
  | 'second-step'
  | 'second-step-devices'
  | 'mailed-codes'
  | 'passkeys'
  | 'calendar'
  | 'sign-up-sessions'
  | 'doctor'

export function isStrongSecret(secret: string): boolean {
  return secret.length >= SECRET_MIN_LENGTH && new Set(secret).size >= SECRET_MIN_DIFFERENT_CHARACTERS
}

/** The key for one purpose (RFC 5869). Whoever knows it does not know the key for another. */
export const deriveKey = (secret: string, purpose: KeyPurpose): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `matricula ${purpose} v1`, KEY_BYTES))

/** A secret for development, made at the first start and kept in a file, so that a restart logs nobody out. */
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
