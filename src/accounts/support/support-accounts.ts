/** Accounts as operators see them: also deleted ones that may still come back, and never a hash. */
import type { Sql } from '../../database/database.ts'
import type { Deps } from '../../deps.ts'

export type SupportAccount = {
  id: string
  name: string
  email: string
  emailVerified: boolean
  createdAt: Date
  updatedAt: Date
  onboardedAt: Date | null
  loginNotices: boolean
  devicesKnownSince: Date | null
  /** When a deleted account is deleted for good; null for one that stays. */
  deleteAt: Date | null
  suspendedAt: Date | null
  suspendedReason: string | null
  /** `none`: only a reset gives it one. `unusable`: no password can match the hash, under the secrets of now. */
  password: 'set' | 'none' | 'unusable'
  /** Tries of the second step are counted under it. */
  passwordVersion: number
  secondStep: boolean
  /** Recovery codes that are not used yet. */
  recoveryCodesLeft: number
  passkeys: number
}

/** The account with this id, or this address in lower case; undefined if there is none. */
export async function findSupportAccount(
  { sql, passwords }: Pick<Deps, 'sql' | 'passwords'>,
  idOrAddress: string,
): Promise<SupportAccount | undefined> {
  const [row] = await sql<Omit<SupportAccount, 'password'> & { passwordHash: string | null }>`
    select id, name, email, email_verified, created_at, updated_at, onboarded_at, login_notices, devices_known_since,
      delete_at, suspended_at, suspended_reason, password_hash, password_version, second_step,
      (select count(*) from recovery_codes c where c.user_id = all_users.id and c.used_at is null) as recovery_codes_left,
      (select count(*) from passkeys p where p.user_id = all_users.id) as passkeys
    from all_users where id = ${idOrAddress} or email = ${idOrAddress}`
  if (row === undefined) return undefined
  const { passwordHash, ...account } = row
  if (passwordHash === null) return { ...account, password: 'none' }
  return { ...account, password: passwords.canMatch(passwordHash) ? 'set' : 'unusable' }
}

/** When the account with this id was deleted for good, if that was in the last 90 days. */
export async function findDeletion(sql: Sql, userId: string): Promise<Date | undefined> {
  const [row] = await sql<{ deletedAt: Date }>`select deleted_at from deleted_users where id = ${userId}`
  return row?.deletedAt
}
