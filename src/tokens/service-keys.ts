/** The keys of other backends that call without a learner: each has a name and rights, and can be revoked by itself. */
import { randomBytes } from 'node:crypto'
import { sha256 } from '../base/digest.ts'
import type { Sql } from '../database/database.ts'

const KEY_BYTES = 32
/** The start shows what it is, to people and to programs that look for secrets in code. */
const START = 'msk_'
const KEY = /^msk_[\w-]{43}$/
const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/
/** A use is noted once in this time at most. */
const NOTED_EVERY_MS = 60 * 60_000

/** What a key may do: ask about tokens, read the answers of all learners, read who has been deleted. */
export const RIGHTS = ['introspect', 'profiles', 'deleted'] as const
export type Right = (typeof RIGHTS)[number]

export type ServiceKey = { name: string; rights: string[]; createdAt: Date; usedAt: Date | null }

export const isRight = (text: string): text is Right => RIGHTS.some((right) => right === text)

/** Whether this may be the name of a key: small letters, digits and dashes, 40 at most. */
export const isKeyName = (text: string): boolean => NAME.test(text)

/** Makes a key and returns it: nobody can read it later. Undefined if there is a key of this name. */
export async function addServiceKey(
  sql: Sql,
  { name, rights, now }: { name: string; rights: readonly Right[]; now: number },
): Promise<string | undefined> {
  const key = `${START}${randomBytes(KEY_BYTES).toString('base64url')}`
  const added = await sql`
    insert into service_keys (name, key_hash, rights, created_at)
    values (${name}, ${sha256(key)}, ${rights}, ${new Date(now)})
    on conflict (name) do nothing
    returning 1 as added`
  return added.length > 0 ? key : undefined
}

export const listServiceKeys = (sql: Sql): Promise<ServiceKey[]> =>
  sql<ServiceKey>`select name, rights, created_at, used_at from service_keys order by created_at, name`

/** Ends a key at once. Returns whether there was one of this name. */
export async function revokeServiceKey(sql: Sql, name: string): Promise<boolean> {
  const revoked = await sql`delete from service_keys where name = ${name} returning 1 as revoked`
  return revoked.length > 0
}

/** The key with this text; undefined if there is none. What is not written like a key costs no query. */
export async function useServiceKey(sql: Sql, text: string, now: number): Promise<ServiceKey | undefined> {
  if (!KEY.test(text)) return undefined
  const [key] = await sql<ServiceKey>`
    select name, rights, created_at, used_at from service_keys where key_hash = ${sha256(text)}`
  if (key !== undefined && now - (key.usedAt?.getTime() ?? 0) >= NOTED_EVERY_MS) {
    // While the database only reads, the key counts all the same.
    await sql`update service_keys set used_at = ${new Date(now)} where name = ${key.name}`.catch(() => {})
  }
  return key
}
