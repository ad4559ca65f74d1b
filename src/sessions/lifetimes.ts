/** How long a session lasts (ASVS 7.3.1, 7.3.2). Every session has an idle limit and an absolute one. */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Both limits in milliseconds, without “Keep me logged in” and with it. */
const BROWSER_SESSION = { idle: 2 * HOUR, absolute: 24 * HOUR }
const REMEMBERED_SESSION = { idle: 14 * DAY, absolute: 30 * DAY }

/** How long a device may keep somebody logged in who asked for it, in milliseconds. */
export const REMEMBERED_MS = REMEMBERED_SESSION.absolute

/** What decides how long a session lasts; `loggedInAt` in milliseconds. */
export type Term = { remembered: boolean; loggedInAt: number }

/** When a session ends at the latest, in milliseconds, even if somebody uses it all the time. */
export const absoluteEndOf = ({ remembered, loggedInAt }: Term): number =>
  loggedInAt + (remembered ? REMEMBERED_SESSION : BROWSER_SESSION).absolute

/** When a session ends if nobody uses it after `seenAt`: at the earlier of its two limits. */
export function endOf(term: Term, seenAt: number): Date {
  const { idle } = term.remembered ? REMEMBERED_SESSION : BROWSER_SESSION
  return new Date(Math.min(seenAt + idle, absoluteEndOf(term)))
}
