import { type Request, type Response, Router } from 'express'
import { NOTICE_PURPOSES, sayNotMe } from '../../../accounts/links/not-me.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed } from '../../middleware/errors.ts'
import { findGood, renderDeadLink } from '../../presenters/dead-link.ts'
import { deviceOf } from '../../session/device.ts'
import { forgetLink, keepLink, keepToken } from '../../session/opened-links.ts'

const PAGE = '/not-me'

/** “It was not me”: the link of a mail about a change opens a page whose button ends what somebody else has gained. */
export function notMePages(deps: Deps): Router {
  const router = Router()

  const goodLink = (req: Request, res: Response) => findGood(req, res, deps, { purposes: NOTICE_PURPOSES })

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
      res.render('not-me-confirm', {
        email,
        isUndo: purpose === 'undo-email-change',
        isSecondStep: purpose === 'undo-second-step',
      })
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
