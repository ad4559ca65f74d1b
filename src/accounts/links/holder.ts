/** Who has an address: the first part of the statements that mail something to it. */
import { type Fragment, fragment } from '../../database/fragments.ts'

/**
 * The account of an address, deleted or not, as the first part of a statement. It is locked first and read then: who is being deleted
 * at this moment is found as they are afterwards.
 */
export const found = (address: string): Fragment => fragment`
  found as (
    select id, email, password_version, email_verified, delete_at from all_users where email = ${address} for key share
  )`

/** Until when the account that was found can be kept, if it is deleted. */
export const leavesAt = (now: number): Fragment => fragment`
  (select delete_at from found where delete_at > ${new Date(now)}) as leaves_at`
