/** Dates as people write them, in UTC: the server does not know where its reader lives. */

const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone: 'UTC' })

/** For example “14 March 2026”. */
export const dayInWords = (at: Date): string => DAY.format(at)

/** For example “14 March 2026 at 10:32 (UTC)”. */
export const momentInWords = (at: Date): string => `${DAY.format(at)} at ${TIME.format(at)} (UTC)`
