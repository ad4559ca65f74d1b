/** Everybody with all that is theirs, as `import jsonl` takes it. */
import type { createPasswords } from '../accounts/passwords/password-hashing.ts'
import type { Sql } from '../database/database.ts'
import { listPeople } from './rows.ts'

const AT_ONCE = 500

/**
 * A line for each account. Hashes that came from elsewhere are as they came, ours as they are stored: those are worth
 * something only with the same APP_SECRETS. Sessions, tokens, links, events and passkeys (which belong to the host of a site) are not in it, nor are accounts that are
 * being deleted.
 */
export async function* peopleAsLines({
  sql,
  passwords,
}: {
  sql: Sql
  passwords: Pick<ReturnType<typeof createPasswords>, 'handOver'>
}): AsyncGenerator<string> {
  for (let after = '', isMore = true; isMore; ) {
    const people = await listPeople(sql, after, AT_ONCE)
    for (const { passwordHash, ...person } of people)
      yield JSON.stringify({ ...person, passwordHash: passwordHash && passwords.handOver(passwordHash) })
    isMore = people.length === AT_ONCE
    after = people.at(-1)?.id ?? ''
  }
}
