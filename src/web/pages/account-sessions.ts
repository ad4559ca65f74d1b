import { Router } from 'express'
import { ACTIVITIES, listActivity } from '../../accounts/activity.ts'
import { listSessions, revokeOtherSessions, revokeSession } from '../../accounts/sessions.ts'
import type { Deps } from '../../deps.ts'
import { logOut, userOf } from '../auth.ts'
import { deviceName, deviceOf } from '../device.ts'
import { HttpError, methodNotAllowed } from '../errors.ts'
import { saveFlash, takeMessage } from '../flash.ts'

const PAGE = '/account/sessions'
const ACTIVITIES_SHOWN = 20

/** The devices that are signed in, and what happened to the account lately. */
export function accountSessionPages(deps: Deps): Router {
  const { sql, now } = deps
  const router = Router()
  router
    .route(PAGE)
    .get(async (req, res) => {
      const { id } = userOf(req)
      const [sessions, activity] = await Promise.all([
        listSessions(sql, id, now()),
        listActivity(sql, id, ACTIVITIES_SHOWN),
      ])
      const rows = sessions.map(({ handle, createdAt, seenAt, ipAddress, userAgent }) => ({
        handle,
        createdAt,
        seenAt,
        ipAddress,
        device: deviceName(userAgent),
        current: handle === req.session.handle,
      }))
      res.render('account-sessions', {
        sessions: rows.sort((one, other) => Number(other.current) - Number(one.current)),
        activity: activity.map((entry) => ({
          ...entry,
          words: ACTIVITIES[entry.kind],
          device: deviceName(entry.userAgent),
        })),
        message: takeMessage(req),
      })
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/end-others`)
    .post(async (req, res) => {
      const ending = { userId: userOf(req).id, device: deviceOf(req), now: now() }
      await revokeOtherSessions(sql, req.session.handle ?? '', ending)
      await saveFlash(req, 'sessions-ended')
      res.redirect(303, PAGE)
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/:handle/end`)
    .post(async (req, res) => {
      const { handle } = req.params
      if (handle === req.session.handle) {
        await logOut(req, res, deps)
        return res.redirect(303, '/logout')
      }
      const ended = await revokeSession(sql, handle, { userId: userOf(req).id, device: deviceOf(req), now: now() })
      // Gone already, or not this learner's: there is no telling, and nothing to do.
      if (!ended) throw new HttpError(404)
      await saveFlash(req, 'session-ended')
      res.redirect(303, PAGE)
    })
    .all(methodNotAllowed)
  return router
}
