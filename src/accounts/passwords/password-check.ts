/** Checking a password: at login, and once more before a change that only the owner may make. */
import { pseudonym } from '../../base/log.ts'
import type { Deps } from '../../deps.ts'
import type { TooManyTries } from '../../limits/rate-limits.ts'
import { type ActivityKind, type Device, recordActivity } from '../activity.ts'
import { CurrentPassword } from '../fields.ts'
import { type Credentials, findCredentials, type User } from '../users.ts'
import type { Place } from './hash-queue.ts'

/** The credentials, if the password is right. A wrong password and no credentials cost the same time. */
export async function checkPassword(
  { passwords, log, firstThisHour }: Deps,
  known: Credentials | undefined,
  password: string,
  place: Place,
) {
  if (typeof known?.passwordHash === 'string' && !passwords.canMatch(known.passwordHash)) {
    const user = pseudonym(known.user.id)
    // The hash was cut off, restored from elsewhere, or made with a secret that is gone. Its owner only sees “incorrect”
    // and can only reset the password, so the operator must hear of it.
    if (firstThisHour(`hash ${user}`)) log.error({ user }, 'no password can match the hash of this account')
  }
  const verdict = await passwords.verify(password, known?.passwordHash, place)
  if (known && verdict.ok) return { ok: true as const, ...known, outdated: verdict.outdated }
  return { ok: false as const, userId: known?.user.id }
}

/** Not awaited: only known addresses have an owner to tell, and the time an answer takes must not show that. */
export function noteFailure(
  { sql, now, log }: Deps,
  userId: string | undefined,
  { kind, device }: { kind: ActivityKind; device: Device },
): void {
  if (userId === undefined) return
  recordActivity(sql, userId, kind, { device, now: now() }).catch((error: unknown) =>
    log.warn({ err: error }, 'activity not recorded'),
  )
}

/** `passwordVersion` belongs to the password that was checked: a session is renewed only while that is the current one. */
type Confirmed = { ok: true; passwordHash: string; passwordVersion: number }
export type Confirmation = Confirmed | { ok: false; reason: 'wrong' } | TooManyTries
type Refused = Exclude<Confirmation, Confirmed>
type Attempt = { password: string; device: Device; signal?: AbortSignal | undefined }

/**
 * Whether whoever uses a session knows its password. Tries are counted for the account, over all sessions (ASVS 7.5.1).
 * @throws {Unavailable} when the password could not be checked, `Busy` among it; that does not count as a try.
 */
export const confirmPassword = (deps: Deps, user: User, attempt: Attempt): Promise<Confirmation> =>
  confirmInTurn(deps, user, attempt, { hashes: 1, next: async (confirmed) => confirmed })

/** The same, and then the hash of a new password. There is a place for both or for neither. */
export const confirmAndHash = (
  deps: Deps,
  user: User,
  { newPassword, ...attempt }: Attempt & { newPassword: string },
): Promise<Refused | (Confirmed & { newHash: string })> =>
  confirmInTurn(deps, user, attempt, {
    hashes: 2,
    next: async (confirmed, place) => ({ ...confirmed, newHash: await deps.passwords.hash(newPassword, place) }),
  })

function confirmInTurn<Result>(
  deps: Deps,
  user: User,
  { password, device, signal }: Attempt,
  { hashes, next }: { hashes: number; next: (confirmed: Confirmed, place: Place) => Promise<Result> },
): Promise<Refused | Result> {
  const { rateLimits, passwords } = deps
  return rateLimits.inTurn(`confirm ${user.id}`, async () => {
    // First of all, so that whoever has to be sent away is told at once, and is not counted.
    const place = passwords.keepPlace({ subject: user.id, signal }, hashes)
    try {
      const confirmation = await countedCheck(deps, user, { password, device }, place)
      return confirmation.ok ? await next(confirmation, place) : confirmation
    } finally {
      place.release()
    }
  })
}

async function countedCheck(
  deps: Deps,
  user: User,
  { password, device }: Attempt,
  place: Place,
): Promise<Confirmation> {
  const { rateLimits } = deps
  const count = await rateLimits.count('confirmByUser', user.id)
  if (!count.ok) return count
  if (!CurrentPassword.safeParse(password).success) return { ok: false, reason: 'wrong' }

  const check = await findCredentials(deps.sql, user.email)
    .then((known) => checkPassword(deps, known, password, place))
    .catch((error: unknown) => {
      void Promise.allSettled([rateLimits.refund('confirmByUser', user.id)])
      throw error
    })
  if (!check.ok || check.user.id !== user.id) {
    noteFailure(deps, user.id, { kind: 'confirm-failed', device })
    return { ok: false, reason: 'wrong' }
  }
  await rateLimits.clear('confirmByUser', user.id)
  return { ok: true, passwordHash: check.passwordHash ?? '', passwordVersion: check.passwordVersion }
}
