/** Deleting an account. */
import { fragment } from '../database/fragments.ts'
import type { Deps } from '../deps.ts'
import { accountDeleted } from '../mail/letters.ts'
import { mailed } from '../mail/outbox.ts'
import type { User } from './users.ts'

/**
 * Deletes the account and, by foreign keys, everything that belongs to it, and mails a last notice. The caller has
 * checked the password, or the login was a moment ago.
 */
export async function deleteAccount({ sql, mail }: Deps, user: User): Promise<void> {
  const notice = mail.enabled ? mail.row(accountDeleted(user.email)) : undefined
  await sql`
    with deleted as (
      delete from users where id = ${user.id} returning id
    )
    ${mailed([notice, fragment`from deleted`])}`
  mail.wake()
}
