/** Codes of an authenticator app (RFC 6238): six digits, a new one every 30 seconds, as all such apps know them. */
import { randomBytes } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'

const SECRET_BYTES = 20
const STEP_SECONDS = 30
/** A clock may be this many steps off (RFC 6238 section 5.2). */
const STEPS_OFF = 1
export const APP_CODE = /^\d{6}$/

export const newSecret = (): Buffer => randomBytes(SECRET_BYTES)

const totpOf = (secret: Buffer, { issuer = 'Matricula', email = '' } = {}): TOTP =>
  new TOTP({
    ...{ issuer, label: email, algorithm: 'SHA1', digits: 6, period: STEP_SECONDS },
    secret: new Secret({ buffer: Uint8Array.from(secret).buffer }),
  })

/** The address that an app reads from a QR picture. */
export const uriOf = (secret: Buffer, about: { issuer?: string; email: string }): string =>
  totpOf(secret, about).toString()

/** The secret to type: base 32, in groups of four. */
export const secretInWords = (secret: Buffer): string => (totpOf(secret).secret.base32.match(/.{1,4}/g) ?? []).join(' ')

/** The time step that has this code, or undefined if it is not one of now. Times in milliseconds. */
export function stepOf(secret: Buffer, code: string, now: number): number | undefined {
  if (!APP_CODE.test(code)) return undefined
  const delta = totpOf(secret).validate({ token: code, timestamp: now, window: STEPS_OFF })
  return delta === null ? undefined : Math.floor(now / 1000 / STEP_SECONDS) + delta
}
