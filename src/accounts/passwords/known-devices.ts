/**
 * Devices that have logged in before (OWASP “device cookies”). What such a device holds is `<device>.<entry>.<entry>…`:
 * a random id, and for each of a few accounts a signature over device, account, day and the versions of the account's
 * password and devices. So it names nobody, is good for no other account, and is worthless once a version has changed.
 * Nothing of it is stored here.
 */
import { createHmac } from 'node:crypto'
import { newId } from '../../base/ids.ts'
import { isSameText } from '../../base/same-text.ts'
import type { Deps } from '../../deps.ts'
import type { Tries } from '../../limits/login-tries.ts'
import type { User } from '../users.ts'

const DAY_MS = 24 * 60 * 60_000
const KNOWN_FOR_DAYS = 365
export const KNOWN_FOR_MS = KNOWN_FOR_DAYS * DAY_MS
/** Beyond this many accounts, the device is forgotten by the one that logged in longest ago. */
const ACCOUNTS_MAX = 5
const DEVICE_LENGTH = 24
const TAG_LENGTH = 8
/** 132 bits. */
const SIGNATURE_LENGTH = 22
/** The device, then the entries: a tag that finds the account again, a signature, a day. */
const KNOWN_DEVICE = /^[A-Za-z0-9]{24}(\.[\w-]{30}\d{5}){0,5}$/

type Account = { user: Pick<User, 'id' | 'devicesVersion'>; passwordVersion: number }
type Signing = Pick<Deps, 'knownDeviceKeys' | 'now'>

/** An account, and all that makes its devices strangers once it changes. */
type Bound = { userId: string; versions: readonly number[] }
/** `days`: for how long a device stays known. */
type Signer = { keys: readonly Buffer[]; now: () => number; days: number }

const boundTo = ({ user, passwordVersion }: Account): Bound => ({
  userId: user.id,
  versions: [passwordVersion, user.devicesVersion],
})
const signerOf = ({ knownDeviceKeys, now }: Signing): Signer => ({ keys: knownDeviceKeys, now, days: KNOWN_FOR_DAYS })

const sign = (key: Buffer, ...parts: (string | number)[]): string =>
  createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url')

const signatureOf = (key: Buffer, device: string, { userId, versions }: Bound, day: number): string =>
  sign(key, 'entry', device, userId, ...versions, day).slice(0, SIGNATURE_LENGTH)

const tagOf = (key: Buffer, device: string, userId: string): string =>
  sign(key, 'tag', device, userId).slice(0, TAG_LENGTH)

const today = ({ now }: Signer): number => Math.floor(now() / DAY_MS)

/** The id that a device claims, true or not: good for telling devices apart and nothing else. */
export const claimedDevice = (text = ''): string | undefined =>
  KNOWN_DEVICE.test(text) ? text.slice(0, DEVICE_LENGTH) : undefined

/** The id of the device, if it has logged in to this account within a year and has not been made a stranger since. */
export const knownDevice = (signing: Signing, text: string | undefined, account: Account): string | undefined =>
  signedDevice(signerOf(signing), text, boundTo(account))

/** The id of the device, if what it holds was signed for this account, these versions and a day that is not too long ago. */
export function signedDevice(signer: Signer, text: string | undefined, account: Bound): string | undefined {
  const device = claimedDevice(text)
  if (text === undefined || device === undefined) return undefined
  const isGood = (entry: string) => {
    const signature = entry.slice(TAG_LENGTH, TAG_LENGTH + SIGNATURE_LENGTH)
    const day = Number(entry.slice(TAG_LENGTH + SIGNATURE_LENGTH))
    const age = today(signer) - day
    const isSigned = signer.keys.some((key) => isSameText(signature, signatureOf(key, device, account, day)))
    return isSigned && age < signer.days
  }
  return text.split('.').slice(1).some(isGood) ? device : undefined
}

/** The count of a known device's tries at an account. */
export const triesOfDevice = (device: string, userId: string): Tries => ({
  of: 'KnownDevice',
  subject: `${userId} ${device}`,
})

/** What the device holds from now on, so that this account knows it for a year. Other accounts stay as they are. */
export const madeKnown = (signing: Signing, text: string | undefined, account: Account): string =>
  deviceSignedFor(signerOf(signing), text, boundTo(account))

/** What the device holds from now on, signed for this account too. */
export function deviceSignedFor(signer: Signer, text: string | undefined, account: Bound): string {
  const device = claimedDevice(text) ?? newId().slice(0, DEVICE_LENGTH)
  const [newest] = signer.keys
  if (newest === undefined) throw new Error('There is no key to sign with')
  const day = today(signer)
  const entry = `${tagOf(newest, device, account.userId)}${signatureOf(newest, device, account, day)}${day}`
  // An account's earlier entry may stem from an earlier secret.
  const tags = signer.keys.map((key) => tagOf(key, device, account.userId))
  const others = (claimedDevice(text) === undefined ? '' : (text ?? ''))
    .split('.')
    .slice(1)
    .filter((other) => !tags.includes(other.slice(0, TAG_LENGTH)))
  return [device, entry, ...others.slice(0, ACCOUNTS_MAX - 1)].join('.')
}
