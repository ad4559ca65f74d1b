import { fragment } from './fragments.ts'

/**
 * The columns that make a `User`, for statements that call the table `u`. They stand here because sessions, tokens and
 * accounts all read them, and the two former must not know of accounts.
 */
export const USER_COLUMNS = fragment`
  u.id, u.name, u.email, u.email_verified, u.image, u.onboarded_at, u.created_at, u.updated_at, u.devices_version,
  u.second_step`

/** Joins the user whose session `s` is. A suspended one has none, whatever a process of an older version may have written. */
export const USER_OF_SESSION = fragment`join users u on u.id = s.user_id and u.suspended_at is null`
