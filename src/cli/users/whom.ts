/** Whom a command is about: by address or by id. */
import { findSupportAccount, type SupportAccount } from '../../accounts/support/support-accounts.ts'
import type { Deps } from '../../deps.ts'
import { Failure } from '../frame/exits.ts'

export const WHOM = { what: 'their address or id', missing: 'Who? Give their address or id. See users find.' }

/** The name as it is stored: an address in lower case, an id as it is. Mistyped addresses are left for `users why`. */
export const namedBy = (whom: string): string => (whom.includes('@') ? whom.trim().toLowerCase() : whom.trim())

/** The account, also a deleted one that may come back. @throws {Failure} when there is none. */
export async function accountOf(deps: Deps, whom: string): Promise<SupportAccount> {
  const account = await findSupportAccount(deps, namedBy(whom))
  if (account !== undefined) return account
  throw new Failure('noInput', 'Nobody has this address or id. See users find, or users why for similar addresses.')
}

export const gone = (): Failure => new Failure('noInput', 'The account was deleted meanwhile.')
