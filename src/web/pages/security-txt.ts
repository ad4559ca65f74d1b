import { Router } from 'express'
import type { Deps } from '../../deps.ts'
import { methodNotAllowed } from '../middleware/errors.ts'

const PATH = '/.well-known/security.txt'

/** Ends within a year, as RFC 9116 section 2.5.5 recommends. */
const GOOD_FOR_MONTHS = 11

/** Whom to tell of a fault in the security of the site (RFC 9116). Not there unless the operator has named somebody. */
export function securityTxt({ config, now }: Deps): Router {
  const router = Router()
  const { security, publicOrigin } = config
  if (security === undefined) return router
  router
    .route(PATH)
    .get((_req, res) => {
      const lines = [
        ...security.contacts.map((contact) => `Contact: ${contact}`),
        `Expires: ${expiry(now())}`,
        'Preferred-Languages: en',
        ...(publicOrigin === undefined ? [] : [`Canonical: ${publicOrigin}${PATH}`]),
        ...(security.policy === undefined ? [] : [`Policy: ${new URL(security.policy).href}`]),
      ]
      res.removeHeader('Vary')
      res
        .set({ 'Cache-Control': 'public, max-age=86400', 'Content-Type': 'text/plain; charset=utf-8' })
        .send(`${lines.join('\n')}\n`)
    })
    .all(methodNotAllowed)
  return router
}

/** The first day of a month, so that caches get the same text for a month, and nobody has to remember to renew it. */
function expiry(now: number): string {
  const today = new Date(now)
  const end = Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + GOOD_FOR_MONTHS)
  return new Date(end).toISOString().replace('.000', '')
}
