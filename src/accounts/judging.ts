/** Whether a password is the one of an account, and a word to its owner when it is not. */
import type { Deps } from '../deps.ts'
import { pseudonym } from '../log.ts'
import { type ActivityKind, type Device, recordActivity } from './activity.ts'
import { findCredentials } from './users.ts'

/** The credentials, when the password fits them; the work is the same when it does not, or when there are none. */
export async function judge({ sql, passwords, log, firstThisHour }: Deps, email: string, password: string) {
  const known = await findCredentials(sql, email)
  if (typeof known?.passwordHash === 'string' && !passwords.canMatch(known.passwordHash)) {
    const user = pseudonym(known.user.id)
    // Cut, restored from elsewhere, or of a secret that is gone: its owner can only reset it, and hears "incorrect".
    if (firstThisHour(`hash ${user}`)) log.error({ user }, 'no password can match the hash of this account')
  }
  const verdict = await passwords.verify(password, known?.passwordHash)
  if (known && verdict.ok) return { ok: true as const, ...known, outdated: verdict.outdated }
  return { ok: false as const, userId: known?.user.id }
}

/** Nobody waits for it: only a known address has somebody to be told, and that must not show in the time it takes. */
export function noteFailure(
  { sql, now, log }: Deps,
  userId: string | undefined,
  { kind, device }: { kind: ActivityKind; device: Device },
): void {
  if (userId === undefined) return
  recordActivity(sql, { userId, kind, device, now: now() }).catch((error: unknown) =>
    log.warn({ err: error }, 'activity not recorded'),
  )
}
