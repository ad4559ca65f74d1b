/**
 * The key pairs that sign access tokens: which exist, what state each is in, and what an operator may do with them. Every
 * key in the table is published. A key is published before its first signature and until its last token has expired, so a
 * verifier that caches the keys for a while never meets an unknown one.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { open } from '../base/sealing.ts'
import type { Sql } from '../database/database.ts'
import { fragment } from '../database/fragments.ts'
import type { Pruning } from '../database/pruning.ts'

const MINUTE = 60_000
/**
 * How long a new key waits before it signs. A verifier may cache the keys for 5 minutes (PyJWT), after a proxy has cached
 * them for 5 (`max-age`), from an instance that read them a minute before.
 */
export const PUBLISHED_BEFORE_MS = 15 * MINUTE
/** How long a key stays after it has stopped signing: 15 minutes for its last token, and time for clocks that differ. */
export const PUBLISHED_AFTER_MS = 30 * MINUTE

export type SigningKey = {
  kid: string
  generation: number
  x: string
  sealed: string
  signsFrom: Date
  retiredAt: Date | null
}

export type KeyState = 'next' | 'current' | 'retired'

/** The newest key that may sign now. When the newest is retired, the key before it signs again. */
export function currentOf<Key extends SigningKey>(keys: readonly Key[], now: number): Key | undefined {
  return keys
    .filter(({ signsFrom, retiredAt }) => signsFrom.getTime() <= now && retiredAt === null)
    .reduce<Key | undefined>((newest, key) => (newest && newest.generation > key.generation ? newest : key), undefined)
}

/**
 * The key to sign with: the current one, or if there is none yet, the oldest that waits. The second case is for the first
 * key of all, when it was made by an instance whose clock is a little ahead of ours.
 */
export const signerOf = <Key extends SigningKey>(keys: readonly Key[], now: number): Key | undefined =>
  currentOf(keys, now) ??
  keys.filter(({ retiredAt }) => retiredAt === null).sort((a, b) => a.generation - b.generation)[0]

export function stateOf(key: SigningKey, keys: readonly SigningKey[], now: number): KeyState {
  if (key === currentOf(keys, now)) return 'current'
  return key.retiredAt === null && key.signsFrom.getTime() > now ? 'next' : 'retired'
}

/** When a key stops being published, in milliseconds; undefined while no other key is to follow it. */
export function publishedUntil(key: SigningKey, keys: readonly SigningKey[]): number | undefined {
  const followers = keys.filter(({ generation, retiredAt }) => generation > key.generation && retiredAt === null)
  const stops = key.retiredAt ? [key.retiredAt] : followers.map(({ signsFrom }) => signsFrom)
  return stops.length === 0 ? undefined : Math.min(...stops.map(Number)) + PUBLISHED_AFTER_MS
}

/** All published keys, oldest first. Rows that are over and not pruned yet are left out. */
export async function listSigningKeys(sql: Sql, now: number): Promise<SigningKey[]> {
  const keys = await sql<SigningKey>`
    select kid, generation, x, sealed, signs_from, retired_at from signing_keys order by generation`
  return keys.filter((key) => (publishedUntil(key, keys) ?? Number.POSITIVE_INFINITY) > now)
}

/**
 * Makes a key pair of this generation, `sealing` its private half. When another instance was quicker, its key stands and
 * this one is forgotten.
 */
export async function createSigningKey(
  sql: Sql,
  { generation, signsFrom }: { generation: number; signsFrom: number },
  sealing: (secret: Buffer, kid: string) => string,
): Promise<void> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const { x = '', d = '', ...rest } = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint({ ...rest, x })
  await sql`
    insert into signing_keys (kid, generation, x, sealed, signs_from)
    values (${kid}, ${generation}, ${x}, ${sealing(Buffer.from(d, 'base64url'), kid)}, ${new Date(signsFrom)})
    on conflict (generation) do nothing`
}

export async function startSigningWith(sql: Sql, kid: string, now: number): Promise<void> {
  await sql`update signing_keys set signs_from = ${new Date(now)} where kid = ${kid}`
}

export async function stopSigningWith(sql: Sql, kid: string, now: number): Promise<void> {
  await sql`update signing_keys set retired_at = ${new Date(now)} where kid = ${kid} and retired_at is null`
}

/** Stops publishing a key at once: from then on, every token it has signed is refused. */
export async function withdrawSigningKey(sql: Sql, kid: string): Promise<void> {
  await sql`delete from signing_keys where kid = ${kid}`
}

/** Keys whose last token has expired. */
export const OLD_SIGNING_KEYS: Pruning = {
  table: 'signing_keys',
  key: 'kid',
  isOver: (now) => fragment`
    coalesce(
      retired_at,
      (
        select min(follower.signs_from) from signing_keys follower
        where follower.generation > signing_keys.generation and follower.retired_at is null
      )
    ) < ${new Date(now - PUBLISHED_AFTER_MS)}`,
}

/** A key as one process holds it, which may be unable to open it. */
export type HeldKey = SigningKey & {
  publicKey: KeyObject
  /** Undefined when none of our secrets opens it. */
  privateKey: KeyObject | undefined
  /** Whether it is sealed with a secret that is no longer the newest. */
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

/** The public half. Each member is named here, so that the private half can never be among them. */
export const asJwk = ({ kid, x }: HeldKey) => ({ kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' })
