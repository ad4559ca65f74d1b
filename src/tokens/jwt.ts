/** Signing a JWT (RFC 7519) with Ed25519. */
import { type KeyObject, sign } from 'node:crypto'

/** Not `Ed25519`, the newer name: PyJWT only knows this one. */
export const ALGORITHM = 'EdDSA'
/** Verifiers refuse tokens from the future, and their clock may be a little behind ours. */
export const BACKDATED_SECONDS = 5

export type SigningKey = { kid: string; privateKey: KeyObject }

/** `typ` is left out of the header where it is undefined. */
export function signJwt({ kid, privateKey }: SigningKey, claims: object, typ?: string): string {
  const text = [{ typ, alg: ALGORITHM, kid }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  // Synchronous on purpose. It takes 60 microseconds; WebCrypto would wait in the thread pool.
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`
}
