import { Router } from 'express'
import type { Deps } from '../../deps.ts'
import { methodNotAllowed } from '../middleware/errors.ts'
import { COOKIES, cookieName } from '../session/cookies.ts'

/** Pages that are the same for everybody. Each has a template of the same name. */
const PAGES = ['help', 'privacy', 'terms', 'accessibility', 'cookies', 'goodbye'] as const

export function informationPages({ config }: Deps): Router {
  const router = Router()
  const cookies = Object.values(COOKIES).map((cookie) => ({
    ...cookie,
    name: cookieName(cookie, config.secureCookies),
  }))
  for (const page of PAGES) {
    router
      .route(`/${page}`)
      .get((_req, res) =>
        res.render(page, {
          supportEmail: config.supportEmail,
          graceDays: config.deletionGraceDays,
          cookies,
          asksForLeaks: config.breachedPasswordsUrl !== undefined,
        }),
      )
      .all(methodNotAllowed)
  }
  return router
}
