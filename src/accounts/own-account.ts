/** What learners do with their own account once they have shown its password. */
import type { Deps } from '../deps.ts'
import type { TooManyTries } from './accounts.ts'
import type { Device } from './activity.ts'
import { accountDeleted, passwordChanged } from './emails.ts'
import { CurrentPassword } from './fields.ts'
import { judge, noteFailure } from './judging.ts'
import { revokeSessions } from './sessions.ts'
import { changePasswordHash, deleteUser, type User } from './users.ts'

/** `passwordVersion` is that of the password that was shown: a session is renewed only while it still stands. */
export type Confirmation =
  | { ok: true; passwordHash: string; passwordVersion: number }
  | { ok: false; reason: 'wrong' }
  | TooManyTries

/** Whether the person at a session knows its password. Counted for each account, whoever holds the session (ASVS 7.5.1). */
export async function confirmPassword(
  deps: Deps,
  user: User,
  { password, device }: { password: string; device: Device },
): Promise<Confirmation> {
  const { rateLimits } = deps
  return rateLimits.inTurn(`confirm ${user.id}`, async () => {
    const count = await rateLimits.count('confirmByUser', user.id)
    if (!count.allowed) return { ok: false, reason: 'too-many-tries', retryAfterSeconds: count.retryAfterSeconds }
    if (!CurrentPassword.safeParse(password).success) return { ok: false, reason: 'wrong' }

    const judged = await judge(deps, user.email, password).catch((error: unknown) => {
      void Promise.allSettled([rateLimits.refund('confirmByUser', user.id)])
      throw error
    })
    if (!judged.ok || judged.user.id !== user.id) {
      noteFailure(deps, user.id, { kind: 'confirm-failed', device })
      return { ok: false, reason: 'wrong' }
    }
    await rateLimits.clear('confirmByUser', user.id)
    return { ok: true, passwordHash: judged.passwordHash ?? '', passwordVersion: judged.passwordVersion }
  })
}

type Refused = Exclude<Confirmation, { ok: true }>

/**
 * Sets a new password after the current one. With `endSessions` all sessions of the user end in the same statement, the
 * caller's too, and their refresh tokens with them.
 */
export async function changePassword(
  deps: Deps,
  user: User,
  { current, next, endSessions, device }: { current: string; next: string; endSessions: boolean; device: Device },
): Promise<{ ok: true; passwordVersion: number } | Refused> {
  const confirmation = await confirmPassword(deps, user, { password: current, device })
  if (!confirmation.ok) return confirmation
  const { sql, passwords, rateLimits, mail, now } = deps
  const change = { from: confirmation.passwordHash, to: await passwords.hash(next), endSessions }
  // The address may be a stranger's, whose mailbox nobody shall fill.
  const tells = mail.enabled && (await rateLimits.count('noticesByAddress', user.email)).allowed
  const notice = tells ? mail.row(passwordChanged(user.email, `${mail.origin}/password-reset`)) : undefined
  // Another request was quicker, so the current password is no longer the one that was given.
  if (!(await changePasswordHash(sql, user.id, change, { device, now: now(), notice }))) {
    return { ok: false, reason: 'wrong' }
  }
  mail.wake()
  // A login that was let in by the old password while the statement waited for it: only a second look sees it.
  if (endSessions) await revokeSessions(sql, user.id)
  return { ok: true, passwordVersion: confirmation.passwordVersion + 1 }
}

/** Deletes the account and all that is kept of it. The caller has confirmed the password, or logged in a moment ago. */
export async function deleteAccount({ sql, mail, now }: Deps, user: User): Promise<void> {
  const notice = mail.enabled ? mail.row(accountDeleted(user.email)) : undefined
  await deleteUser(sql, user.id, { now: now(), notice })
  mail.wake()
}
