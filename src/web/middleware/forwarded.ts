/** What the proxies in front say of a request: how it came to the first of them. */
import type { RequestHandler } from 'express'
import type { Deps } from '../../deps.ts'

export const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-proto']

/**
 * Leaves the one value of `X-Forwarded-Proto` that counts, because Express takes the first, which the client may have
 * made up. Tells the operator when nobody reads what a proxy says: then everybody seems to come from one address.
 */
export function readForwarded({ config: { trustProxy }, log, firstThisHour }: Deps): RequestHandler {
  return (req, _res, next) => {
    const given = req.headers['x-forwarded-proto']
    if (trustProxy === 0) {
      const headers = FORWARDED.filter((name) => name in req.headers)
      if (headers.length > 0 && firstThisHour('forwarded headers')) {
        log.warn(
          { headers },
          'TRUST_PROXY is 0, so these headers are ignored: if a proxy stands in front, count it there',
        )
      }
    } else if (given !== undefined) {
      req.headers['x-forwarded-proto'] = schemeOf(String(given), trustProxy)
    }
    next()
  }
}

/**
 * The scheme by which a request came to the outermost of our proxies. Each proxy either appends a value or replaces all, so
 * of as many values as there are proxies, counted from the right, none is the client's; fewer are all ours.
 */
function schemeOf(header: string, proxies: number): 'https' | 'http' {
  const ours = header.split(',').slice(-proxies)
  return ours[0]?.trim().toLowerCase() === 'https' ? 'https' : 'http'
}
