/** Deletes what is over: the list of all that is, and the work itself. */
import { LEFT_ACCOUNTS } from './accounts/account-deletion.ts'
import { OLD_ACTIVITY } from './accounts/activity.ts'
import { OLD_DELETIONS } from './accounts/deleted-users.ts'
import { OLD_LINKS } from './accounts/links/email-links.ts'
import { OLD_MAILED_CODES } from './accounts/mailed-codes/mailed-codes.ts'
import { OLD_PASSKEY_ANSWERS } from './accounts/passkeys/challenges.ts'
import { OLD_LOGIN_TICKETS } from './accounts/second-step/login-tickets.ts'
import { OLD_SIGN_UP_FORMS } from './accounts/sign-up.ts'
import { OLD_AUDIT } from './database/audit.ts'
import { pruneAll } from './database/pruning.ts'
import type { Deps } from './deps.ts'
import { OLD_RATE_LIMITS } from './limits/rate-limits.ts'
import { OLD_MAILS } from './mail/outbox.ts'
import { OLD_MAIL_OUTCOMES } from './mail/outcomes.ts'
import { OLD_SESSIONS } from './sessions/sessions.ts'
import { OLD_REFRESH_FAMILIES } from './tokens/refresh-tokens.ts'
import { OLD_SIGNING_KEYS } from './tokens/signing-keys.ts'
import { OLD_TOKEN_STATUSES } from './tokens/status-lists.ts'

const PRUNED = [
  LEFT_ACCOUNTS,
  OLD_DELETIONS,
  OLD_SESSIONS,
  OLD_TOKEN_STATUSES,
  OLD_REFRESH_FAMILIES,
  OLD_SIGNING_KEYS,
  OLD_RATE_LIMITS,
  OLD_LINKS,
  OLD_LOGIN_TICKETS,
  OLD_MAILED_CODES,
  OLD_PASSKEY_ANSWERS,
  OLD_ACTIVITY,
  OLD_MAILS,
  OLD_MAIL_OUTCOMES,
  OLD_SIGN_UP_FORMS,
  OLD_AUDIT,
]

/**
 * Deletes what is over. `tell` hears how many rows of each table are gone so far, and when that table is done.
 */
export async function deleteWhatIsOver(
  { sql, now }: Pick<Deps, 'sql' | 'now'>,
  tell: (table: string, count: number, done: boolean) => void = () => {},
): Promise<void> {
  for (const pruning of PRUNED) {
    const count = await pruneAll(sql, pruning, now, (sofar) => tell(pruning.table, sofar, false))
    tell(pruning.table, count, true)
  }
}

/** The same for a server, which goes on when that fails. */
export async function clearAway(deps: Deps): Promise<void> {
  await deleteWhatIsOver(deps).catch((error: unknown) => deps.log.warn({ err: error }, 'pruning failed'))
}
