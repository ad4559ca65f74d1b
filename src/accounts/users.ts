import type { Sql } from '../db.ts'

export type User = {
  id: string
  name: string
  email: string
  emailVerified: boolean
  image: string | null
  /** When they first came to the end of onboarding. */
  onboardedAt: Date | null
  createdAt: Date
  updatedAt: Date
}

/** Long enough for a second press of the button, short enough that the open form is no second way to log in. */
export const SAME_SIGN_UP_MS = 10 * 60_000

/** The new user, or undefined when the address has one already. The unique index decides, whatever runs in parallel. */
export async function createUser(
  sql: Sql,
  user: Pick<User, 'id' | 'name' | 'email' | 'image'> & { passwordHash: string; signUpForm: string },
): Promise<User | undefined> {
  const { id, name, email, image, passwordHash, signUpForm } = user
  const [created] = await sql<User>`
    insert into users (id, name, email, image, password_hash, sign_up_form)
    values (${id}, ${name}, ${email}, ${image}, ${passwordHash}, ${signUpForm})
    on conflict (email) do nothing
    returning id, name, email, email_verified, image, onboarded_at, created_at, updated_at`
  return created
}

/** Changes what is given and nothing else; `image: null` takes the picture away. */
export async function updateUser(
  sql: Sql,
  userId: string,
  { name, image }: { name?: string | undefined; image?: string | null | undefined },
): Promise<void> {
  await sql`
    update users set
      name = coalesce(${name ?? null}, name),
      image = case when ${image !== undefined} then ${image ?? null} else image end,
      updated_at = now()
    where id = ${userId}`
}

export type Credentials = {
  user: User
  passwordHash: string | null
  passwordVersion: number
  signUpForm: string | null
}

/** The user of an address with what proves it is them. The hash stays outside of `User`, so it cannot leak with one. */
export async function findCredentials(sql: Sql, email: string): Promise<Credentials | undefined> {
  const [row] = await sql<User & Omit<Credentials, 'user'>>`
    select id, name, email, email_verified, image, onboarded_at, created_at, updated_at, password_hash, password_version,
      sign_up_form
    from users where email = ${email}`
  if (row === undefined) return undefined
  const { passwordHash, passwordVersion, signUpForm, ...user } = row
  return { user, passwordHash, passwordVersion, signUpForm }
}

/** Replaces the hash that was read, and nothing if another request has replaced it meanwhile. */
export async function replacePasswordHash(
  sql: Sql,
  userId: string,
  { from, to }: { from: string; to: string },
): Promise<void> {
  await sql`update users set password_hash = ${to} where id = ${userId} and password_hash = ${from}`
}

/**
 * Sets a new password and, in the same statement, ends the user's sessions when that is wanted. Returns whether it did:
 * not when the password was changed meanwhile.
 */
export async function changePasswordHash(
  sql: Sql,
  userId: string,
  { from, to, endSessions }: { from: string; to: string; endSessions: boolean },
): Promise<boolean> {
  const changed = await sql`
    with changed as (
      update users set password_hash = ${to}, password_version = password_version + 1, updated_at = now()
      where id = ${userId} and password_hash = ${from}
      returning id
    ), ended as (
      delete from sessions where ${endSessions} and user_id in (select id from changed)
    )
    select id from changed`
  return changed.length > 0
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
