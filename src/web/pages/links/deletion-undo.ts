import { type Request, type Response, Router } from 'express'
import { deleteForGood, lookAtUndo, undoDeletion, undoForeignDeletion } from '../../../accounts/links/deletion-undo.ts'
import { momentInWords } from '../../../base/dates.ts'
import type { Deps } from '../../../deps.ts'
import { methodNotAllowed, renderError } from '../../middleware/errors.ts'
import { renderDeadLink } from '../../presenters/dead-link.ts'
import { tooManyTries } from '../../presenters/too-many-tries.ts'
import { deviceOf } from '../../session/device.ts'
import { forgetLink, keepLink, keepToken, openedLink } from '../../session/opened-links.ts'

const PAGE = '/deletion-undo'
const DEAD = { used: 'kept', over: 'deleted' } as const

/** The way back from a deletion: a mailed link opens a page with a button, on any device, logged in or not. */
export function deletionUndoPages(deps: Deps): Router {
  const router = Router()

  /** The opened link, if it is good. Otherwise sends the answer and returns undefined. */
  async function openLink(req: Request, res: Response) {
    const token = openedLink(req, deps)?.token ?? ''
    const look = await lookAtUndo(deps, { token, ip: req.ip ?? '' })
    if (!look.ok && look.reason === 'too-many-tries') return void tooManyTries(req, res, look.retryAfterSeconds)
    if (!look.ok) return void renderDeadLink(res, 'no-undo', undefined)
    const { state, ...undo } = look.undo
    if (state !== 'open') return void renderDeadLink(res, DEAD[state], undefined)
    return { token, ...undo }
  }

  router
    .route(`${PAGE}/link/:token`)
    .get((req, res) => {
      keepLink(req, res, deps, PAGE)
      res.redirect(303, PAGE)
    })
    .all(methodNotAllowed)

  router
    .route(PAGE)
    .get(async (req, res) => {
      const open = await openLink(req, res)
      if (open) res.render('deletion-undo', { ...open, until: momentInWords(open.until) })
    })
    .post(async (req, res) => {
      const open = await openLink(req, res)
      if (open === undefined) return
      // Another request was quicker: the page says what has become of the account.
      if (!(await undoDeletion(deps, open.token, deviceOf(req)))) return res.redirect(303, PAGE)
      res.redirect(303, '/login?done=deletion-undone')
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/not-me`)
    .post(async (req, res) => {
      const open = await openLink(req, res)
      if (open === undefined) return
      const resetToken = await undoForeignDeletion(deps, open.token, { email: open.email, device: deviceOf(req) })
      if (resetToken === undefined) return res.redirect(303, PAGE)
      forgetLink(res, deps, PAGE)
      // The mailbox is proven, so the link of a reset need not be mailed there.
      keepToken(res, deps, '/password-reset', { token: resetToken })
      res.redirect(303, '/password-reset/new')
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/for-good`)
    .post(async (req, res) => {
      const open = await openLink(req, res)
      if (open === undefined) return
      if (!(await deleteForGood(deps, open.token))) return res.redirect(303, PAGE)
      forgetLink(res, deps, PAGE)
      res.redirect(303, `${PAGE}/gone`)
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/gone`)
    .get((_req, res) => res.render('goodbye'))
    .all(methodNotAllowed)

  router.use(PAGE, (req, res) => renderError(req, res, 404))
  return router
}
