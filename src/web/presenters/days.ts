/** Days as people write them. All are days of UTC. */

const inWords = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' })
const DAY = inWords({ day: 'numeric', month: 'long' })
const DAY_OF_YEAR = inWords({ day: 'numeric', month: 'long', year: 'numeric' })
const WEEKDAY = inWords({ weekday: 'long' })

export const weekday = (date: Date): string => WEEKDAY.format(date)

/** “3 October”, with the year where it is another than that of `now`. */
export const dayInWords = (date: Date, now: number): string =>
  (date.getUTCFullYear() === new Date(now).getUTCFullYear() ? DAY : DAY_OF_YEAR).format(date)
