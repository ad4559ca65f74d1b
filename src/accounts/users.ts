import type { Sql } from '../db.ts'
import { LearnerGone } from '../learner-gone.ts'
import type { Device } from './activity.ts'
import type { OutboxRow } from './outbox.ts'

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

/** The link that a new account is greeted with, and its mail. */
export type Welcome = { tokenHash: string; lastsMs: number; mail: OutboxRow }

/**
 * The new user, or undefined when the address has one already. The unique index decides, whatever runs in parallel. The
 * mail that greets them is written in the same statement.
 */
export async function createUser(
  sql: Sql,
  user: Pick<User, 'id' | 'name' | 'email' | 'image'> & { passwordHash: string; signUpForm: string },
  { device, now, welcome }: { device: Device; now: number; welcome?: Welcome | undefined },
): Promise<User | undefined> {
  const { id, name, email, image, passwordHash, signUpForm } = user
  const { mail } = welcome ?? {}
  const at = new Date(now)
  const [created] = await sql<User>`
    with created as (
      insert into users (id, name, email, image, password_hash, sign_up_form)
      values (${id}, ${name}, ${email}, ${image}, ${passwordHash}, ${signUpForm})
      on conflict (email) do nothing
      returning id, name, email, email_verified, image, onboarded_at, created_at, updated_at, password_version
    ), noted as (
      insert into activity (user_id, kind, at, ip_address, user_agent)
      select id, 'signed-up', ${at}, ${device.ipAddress}, ${device.userAgent} from created
    ), linked as (
      insert into email_tokens (token_hash, user_id, purpose, email, password_version, created_at, expires_at)
      select ${welcome?.tokenHash ?? ''}, id, 'verify-email', email, password_version, ${at},
        ${new Date(now + (welcome?.lastsMs ?? 0))}
      from created where ${welcome !== undefined}
    ), mailed as (
      insert into outbox (id, kind, sealed, due_at, expires_at)
      select ${mail?.id ?? ''}, ${mail?.kind ?? ''}, ${mail?.sealed ?? ''}, ${mail?.due ?? at}::timestamptz,
        ${mail?.end ?? at}::timestamptz
      from created where ${mail !== undefined}
    )
    select id, name, email, email_verified, image, onboarded_at, created_at, updated_at from created`
  return created
}

/**
 * Changes what is given and nothing else; `image: null` takes the picture away.
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

/** The user of this id, or undefined when the account is gone. */
export async function findUser(sql: Sql, userId: string): Promise<User | undefined> {
  const [user] = await sql<User>`
    select id, name, email, email_verified, image, onboarded_at, created_at, updated_at from users where id = ${userId}`
  return user
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
 * Sets a new password and, in the same statement, ends the user's sessions when that is wanted and writes the notice.
 * Returns whether it did: not when the password was changed meanwhile.
 */
export async function changePasswordHash(
  sql: Sql,
  userId: string,
  { from, to, endSessions }: { from: string; to: string; endSessions: boolean },
  { device, now, notice }: { device: Device; now: number; notice?: OutboxRow | undefined },
): Promise<boolean> {
  const at = new Date(now)
  const changed = await sql`
    with changed as (
      update users set password_hash = ${to}, password_version = password_version + 1, updated_at = ${at}
      where id = ${userId} and password_hash = ${from}
      returning id
    ), ended as (
      delete from sessions where ${endSessions} and user_id in (select id from changed)
    ), noted as (
      insert into activity (user_id, kind, at, ip_address, user_agent)
      select id, 'password-changed', ${at}, ${device.ipAddress}, ${device.userAgent} from changed
    ), mailed as (
      insert into outbox (id, kind, sealed, due_at, expires_at)
      select ${notice?.id ?? ''}, ${notice?.kind ?? ''}, ${notice?.sealed ?? ''}, ${notice?.due ?? at}::timestamptz,
        ${notice?.end ?? at}::timestamptz
      from changed where ${notice !== undefined}
    )
    select id from changed`
  return changed.length > 0
}

/** Deletes the account and, by foreign keys, everything that is its own; writes the last mail. */
export async function deleteUser(
  sql: Sql,
  userId: string,
  { now, notice }: { now: number; notice?: OutboxRow | undefined },
): Promise<void> {
  const at = new Date(now)
  await sql`
    with deleted as (
      delete from users where id = ${userId} returning id
    )
    insert into outbox (id, kind, sealed, due_at, expires_at)
    select ${notice?.id ?? ''}, ${notice?.kind ?? ''}, ${notice?.sealed ?? ''}, ${notice?.due ?? at}::timestamptz,
      ${notice?.end ?? at}::timestamptz
    from deleted where ${notice !== undefined}`
}

/** Deletes an account whose address was never confirmed. Returns whether it did. */
export async function deleteUnverifiedUser(sql: Sql, userId: string): Promise<boolean> {
  const deleted = await sql`delete from users where id = ${userId} and not email_verified returning 1 as deleted`
  return deleted.length > 0
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
