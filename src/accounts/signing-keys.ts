/**
 * The key pairs of access tokens: which there are, what state each is in, and what an operator may do with them.
 * A key is published well before it signs and stays published until its last token has died, so that a verifier that
 * keeps keys for a while never meets one it does not know. A row that stands in the table is published.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import type { Sql } from '../db.ts'

const MINUTE = 60_000
/**
 * A new key waits this long: a verifier may hold an answer for 5 minutes (PyJWT) that a cache in front has held for 5
 * (`max-age`), from an instance that looked a minute ago.
 */
export const PUBLISHED_BEFORE_MS = 15 * MINUTE
/** A key that signs no more stays: 15 minutes for its last token, and time for clocks and instances that lag. */
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

/** The newest key that may sign now. One that was retired may not, so the one before it signs again. */
export function currentOf<Key extends SigningKey>(keys: readonly Key[], now: number): Key | undefined {
  return keys
    .filter(({ signsFrom, retiredAt }) => signsFrom.getTime() <= now && retiredAt === null)
    .reduce<Key | undefined>((newest, key) => (newest && newest.generation > key.generation ? newest : key), undefined)
}

/**
 * The key to sign with: the current one, or while there is none yet the oldest that waits. A clock that is a little
 * behind the one that made the first key must not leave an instance without.
 */
export const signerOf = <Key extends SigningKey>(keys: readonly Key[], now: number): Key | undefined =>
  currentOf(keys, now) ??
  keys.filter(({ retiredAt }) => retiredAt === null).sort((a, b) => a.generation - b.generation)[0]

export function stateOf(key: SigningKey, keys: readonly SigningKey[], now: number): KeyState {
  if (key === currentOf(keys, now)) return 'current'
  return key.retiredAt === null && key.signsFrom.getTime() > now ? 'next' : 'retired'
}

/** Until when a key is published, in milliseconds; undefined as long as nothing is to follow it. */
export function publishedUntil(key: SigningKey, keys: readonly SigningKey[]): number | undefined {
  const followers = keys.filter(({ generation, retiredAt }) => generation > key.generation && retiredAt === null)
  const stops = key.retiredAt ? [key.retiredAt] : followers.map(({ signsFrom }) => signsFrom)
  return stops.length === 0 ? undefined : Math.min(...stops.map(Number)) + PUBLISHED_AFTER_MS
}

/** All keys, oldest first, without those whose time is over. */
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

/** Takes a key out of the published set at once: every token it has signed is refused from then on. */
export async function withdrawSigningKey(sql: Sql, kid: string): Promise<void> {
  await sql`delete from signing_keys where kid = ${kid}`
}

/** Deletes up to `limit` keys whose last token has died, and returns how many. */
export async function pruneSigningKeys(sql: Sql, now: number, limit: number): Promise<number> {
  const gone = await sql`
    delete from signing_keys where kid in (
      select kid from signing_keys k
      where coalesce(
        retired_at,
        (select min(f.signs_from) from signing_keys f where f.generation > k.generation and f.retired_at is null)
      ) < ${new Date(now - PUBLISHED_AFTER_MS)}
      limit ${limit}
    )
    returning 1 as gone`
  return gone.length
}
