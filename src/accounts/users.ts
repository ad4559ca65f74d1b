/** The rows of users. */
import { LearnerGone } from '../base/failures.ts'
import type { Sql } from '../database/database.ts'
import { USER_COLUMNS } from '../database/user-columns.ts'

export type User = {
  id: string
  name: string
  email: string
  emailVerified: boolean
  image: string | null
  /** When they first reached the end of onboarding. */
  onboardedAt: Date | null
  createdAt: Date
  updatedAt: Date
  /** Counts how often all known devices were forgotten. */
  devicesVersion: number
  /** Whether a login needs a second step. */
  secondStep: boolean
}

/** The user with this id, or undefined when the account is gone. */
export async function findUser(sql: Sql, userId: string): Promise<User | undefined> {
  const [user] = await sql<User>`select ${USER_COLUMNS} from users u where u.id = ${userId}`
  return user
}

/**
 * Changes only the fields that are given; `image: null` removes the picture.
 * @throws {LearnerGone}
 */
export async function updateUser(
  sql: Sql,
  userId: string,
  { name, image }: { name?: string | undefined; image?: string | null | undefined },
): Promise<void> {
  const updated = await sql`
    update users set
      name = coalesce(${name ?? null}, name),
      image = case when ${image !== undefined} then ${image ?? null} else image end,
      updated_at = now()
    where id = ${userId}
    returning 1 as updated`
  if (updated.length === 0) throw new LearnerGone()
}

/** What proves who somebody is. Kept out of `User`, so that no answer can contain a hash by mistake. */
export type Credentials = {
  user: User
  passwordHash: string | null
  passwordVersion: number
  signUpForm: string | null
  /** Since when nobody can use the account. */
  suspendedAt: Date | null
}

/** The user with this address, and their credentials. */
export async function findCredentials(sql: Sql, email: string): Promise<Credentials | undefined> {
  const [row] = await sql<User & Omit<Credentials, 'user'>>`
    select ${USER_COLUMNS}, u.password_hash, u.password_version, u.sign_up_form, u.suspended_at
    from users u where u.email = ${email}`
  if (row === undefined) return undefined
  const { passwordHash, passwordVersion, signUpForm, suspendedAt, ...user } = row
  return { user, passwordHash, passwordVersion, signUpForm, suspendedAt }
}
