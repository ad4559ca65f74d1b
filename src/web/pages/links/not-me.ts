import { type Request, type Response, Router } from 'express'
import { lookAtLink } from '../../../accounts/links/email-links.ts'
import { NOTICE_PURPOSES, sayNotMe } from '../../../accounts/links/not-me.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { renderDeadLink } from '../../presenters/dead-link.ts'
import { tooManyTries } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { forgetLink, keepLink, keepToken, openedLink } from '../../session/opened-links.ts'

const PAGE = '/not-me'

/** “It was not me”: the link of a mail about a change opens a page whose button ends what somebody else has gained. */
export function notMePages(deps: Deps): Router {
  const router = Router()

  /** The opened link, if it is good. Otherwise sends the answer and returns undefined. */
  async function goodLink(req: Request, res: Response) {
    const token = openedLink(req, deps)?.token ?? ''
    const look = await lookAtLink(deps, { token, purposes: NOTICE_PURPOSES, ip: req.ip ?? '' })
    if (!look.ok && look.reason === 'too-many-tries') return void tooManyTries(req, res, look.retryAfterSeconds)
    if (!look.ok) return void renderDeadLink(res, 'unknown', undefined)
    if (look.link.state !== 'good') return void renderDeadLink(res, look.link.state, undefined)
    return { token, link: look.link }
  }

  router
    .route(`${PAGE}/link/:token`)
    .get((req, res) => {
      keepLink(req, res, deps, PAGE)
      res.redirect(303, `${PAGE}/confirm`)
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/confirm`)
    .get(async (req, res) => {
      const open = await goodLink(req, res)
      if (open === undefined) return
      const { email, purpose } = open.link
      res.render('not-me-confirm', { email, isUndo: purpose === 'undo-email-change' })
    })
    .post(async (req, res) => {
      const open = await goodLink(req, res)
      if (open === undefined) return
      const said = await sayNotMe(deps, open.token, { link: open.link, device: deviceOf(req) })
      if (!said.ok) return renderDeadLink(res, said.reason, undefined)
      forgetLink(res, deps, PAGE)
      // The mailbox is proven, so the link of a reset need not be mailed there.
      keepToken(res, deps, '/password-reset', { token: said.resetToken })
      res.redirect(303, '/password-reset/new')
    })
    .all(methodNotAllowed)
  return router
}
