import { randomInt } from 'node:crypto'
import type { Sql } from '../db.ts'

export type User = {
  id: string
  name: string
  email: string
  emailVerified: boolean
  image: string | null
  createdAt: Date
  updatedAt: Date
}

const ID_LENGTH = 32
const ID_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

const newId = (): string =>
  Array.from({ length: ID_LENGTH }, () => ID_CHARACTERS[randomInt(ID_CHARACTERS.length)]).join('')

/** Long enough for a second press of the button, short enough that the open form is no second way to log in. */
export const SAME_SIGN_UP_MS = 10 * 60_000

/** The new user, or undefined when the address has one already. The unique index decides, whatever runs in parallel. */
export async function createUser(
  sql: Sql,
  { name, email, passwordHash, signUpForm }: { name: string; email: string; passwordHash: string; signUpForm: string },
): Promise<User | undefined> {
  const [user] = await sql<User>`
    insert into users (id, name, email, password_hash, sign_up_form)
    values (${newId()}, ${name}, ${email}, ${passwordHash}, ${signUpForm})
    on conflict (email) do nothing
    returning id, name, email, email_verified, image, created_at, updated_at`
  return user
}

export type Credentials = { user: User; passwordHash: string | null; signUpForm: string | null }

/** The user of an address with what proves it is them. The hash stays outside of `User`, so it cannot leak with one. */
export async function findCredentials(sql: Sql, email: string): Promise<Credentials | undefined> {
  const [row] = await sql<User & Omit<Credentials, 'user'>>`
    select id, name, email, email_verified, image, created_at, updated_at, password_hash, sign_up_form
    from users where email = ${email}`
  if (row === undefined) return undefined
  const { passwordHash, signUpForm, ...user } = row
  return { user, passwordHash, signUpForm }
}

/** Replaces the hash that was read, and nothing if another request has replaced it meanwhile. */
export async function replacePasswordHash(
  sql: Sql,
  userId: string,
  { from, to }: { from: string; to: string },
): Promise<void> {
  await sql`update users set password_hash = ${to} where id = ${userId} and password_hash = ${from}`
}

/** Clears up to `limit` digests of forms that count no longer, and returns how many. */
export async function forgetSignUpForms(sql: Sql, now: number, limit: number): Promise<number> {
  const forgotten = await sql`
    update users set sign_up_form = null
    where id in (
      select id from users
      where sign_up_form is not null and created_at < ${new Date(now - SAME_SIGN_UP_MS)}
      limit ${limit}
    )
    returning 1 as forgotten`
  return forgotten.length
}
