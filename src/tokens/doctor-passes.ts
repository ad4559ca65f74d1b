/** What lets `doctor` ask a running server what it sees of the proxies in front: a time, signed under the secrets of both. */
import { createHmac } from 'node:crypto'
import { isSameText } from '../base/same-text.ts'

/** The two may be on machines whose clocks differ a little. */
const GOOD_FOR_MS = 120_000

/** The header that carries it. */
export const DOCTOR_HEADER = 'x-matricula-doctor'

/** An address that is nobody's (RFC 5737). `doctor` claims to come from it, to see whether the server believes that. */
export const CLAIMED_ADDRESS = '192.0.2.77'

/** What the server has seen of the question. */
export type SeenOfProxy = {
  /** As the server takes it to be. */
  scheme: string
  /** How many addresses `X-Forwarded-For` held, with the claimed one if that was still there. */
  forwarded: number
  claimKept: boolean
  /** Whether the server would count tries against the claimed address. */
  believed: boolean
  host: string
  isOwnHost: boolean
  trustProxy: number
}

const sign = (key: Buffer, at: string): string => createHmac('sha256', key).update(at).digest('base64url')

export function doctorPass([newest]: readonly Buffer[], now: number): string {
  if (newest === undefined) throw new Error('There is no key to sign with')
  return `${now}.${sign(newest, String(now))}`
}

export function isDoctorPass(keys: readonly Buffer[], text: string | undefined, now: number): boolean {
  const [, at = '', signature = ''] = /^(\d{1,16})\.([\w-]{43})$/.exec(text ?? '') ?? []
  return Math.abs(now - Number(at)) <= GOOD_FOR_MS && keys.some((key) => isSameText(signature, sign(key, at)))
}
