/** A signing key in the hands of a process that may or may not be able to open it. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { open } from './sealing.ts'
import type { SigningKey } from './signing-keys.ts'

export type HeldKey = SigningKey & {
  publicKey: KeyObject
  /** Undefined when no secret opens it. */
  privateKey: KeyObject | undefined
  /** Sealed under a secret that is not the newest any more. */
  outdated: boolean
}

export function openKey(key: SigningKey, secrets: readonly Buffer[]): HeldKey {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.x }
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
  const opened = open(key.sealed, key.kid, secrets)
  if (opened === undefined) return { ...key, publicKey, privateKey: undefined, outdated: true }
  const d = opened.secret.toString('base64url')
  const privateKey = createPrivateKey({ key: { ...jwk, d }, format: 'jwk' })
  return { ...key, publicKey, privateKey, outdated: opened.outdated }
}

export const isUsable = ({ privateKey }: HeldKey): boolean => privateKey !== undefined

/** Named member by member, so that the private half can never be among them. */
export const asJwk = ({ kid, x }: HeldKey) => ({ kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' })
