/** Dates as people write them, in UTC: the server does not know where its reader lives. */

const inWords = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' })
const DAY = inWords({ day: 'numeric', month: 'long' })
const DAY_OF_YEAR = inWords({ dateStyle: 'long' })
const TIME = inWords({ timeStyle: 'short' })
const WEEKDAY = inWords({ weekday: 'long' })

/** For example “14 March 2026”; “14 March” where the year is that of `now`. */
export const dayInWords = (at: Date, now?: number): string =>
  (now !== undefined && at.getUTCFullYear() === new Date(now).getUTCFullYear() ? DAY : DAY_OF_YEAR).format(at)

/** For example “14 March 2026 at 10:32 (UTC)”. */
export const momentInWords = (at: Date): string => `${DAY_OF_YEAR.format(at)} at ${TIME.format(at)} (UTC)`

/** For example “Saturday”. */
export const weekday = (at: Date): string => WEEKDAY.format(at)
