/** Where people go after logging in: to the page they wanted, but never to another site (CWE-601). */

export const HOME_OF_LEARNERS = '/dashboard'
export const LENGTH_MAX = 2000
/** Addresses are resolved against this host. Those that lead away from it are refused. */
const BASE = 'http://base.test'
/** Pages that make no sense directly after a login. */
const NOT_A_DESTINATION = /^\/(login|logout|sign-up|api|health|assets)(\/|$)/i

/** The path, or the dashboard for anything that might lead to another site. */
export function safeReturnTo(next: unknown): string {
  const url = typeof next === 'string' ? pathHere(next) : undefined
  if (url === undefined || NOT_A_DESTINATION.test(url.pathname)) return HOME_OF_LEARNERS
  return url.pathname + url.search + url.hash
}

/** The path on this site; undefined for anything that might lead to another site. */
export function pathHere(text: string): URL | undefined {
  // Browsers read a backslash as a slash and skip control characters, so neither is allowed.
  if (text.length > LENGTH_MAX || !/^\/(?!\/)[^\\\p{Cc}]*$/u.test(text) || !URL.canParse(text, BASE)) return undefined
  const url = new URL(text, BASE)
  const leadsAway = url.origin !== BASE || url.pathname.startsWith('//') || /%(2f|5c|0|1)/i.test(url.pathname)
  return leadsAway ? undefined : url
}

/** The page of the account, for what may lead only there. */
export function accountPage(next: unknown): string {
  const path = safeReturnTo(next)
  return /^\/account(\/|$)/.test(path) ? path : '/account'
}

/** The login page that leads back to `path` afterwards. */
export const loginPathFor = (path: string): string => `/login?next=${encodeURIComponent(safeReturnTo(path))}`
