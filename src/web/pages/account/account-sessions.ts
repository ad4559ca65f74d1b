import { Router } from 'express'
import { revokeOtherSessions, revokeSession } from '../../../accounts/account-sessions.ts'
import { ACTIVITIES, listActivity, OPERATOR } from '../../../accounts/activity.ts'
import { deviceName } from '../../../base/device-name.ts'
import type { Deps } from '../../../deps.ts'
import { aboutNetwork } from '../../../limits/networks.ts'
import { listSessions } from '../../../sessions/sessions.ts'
import { HttpError, methodNotAllowed } from '../../middleware/errors.ts'
import { deviceOf } from '../../session/device.ts'
import { saveFlash, takeMessage } from '../../session/flash.ts'
import { userOf } from '../../session/guards.ts'
import { logOut } from '../../session/identity.ts'
import { rememberDeviceAgain } from '../../session/known-device.ts'

const PAGE = '/account/sessions'
const ACTIVITIES_SHOWN = 50

/** The devices that are logged in, and what happened to the account lately. */
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
          // An operator has none.
          network: entry.ipAddress === OPERATOR.ipAddress ? undefined : aboutNetwork(entry.ipAddress),
        })),
        remembered: req.session.remembered,
        message: takeMessage(req),
      })
    })
    .all(methodNotAllowed)

  router
    .route(`${PAGE}/end-others`)
    .post(async (req, res) => {
      const occasion = { device: deviceOf(req), now: now() }
      const user = userOf(req)
      const versions = await revokeOtherSessions(sql, user.id, req.session.handle ?? '', occasion)
      rememberDeviceAgain(req, res, deps, user, versions)
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
      const ended = await revokeSession(sql, userOf(req).id, handle, { device: deviceOf(req), now: now() })
      // It has ended already, or it is somebody else's: the page must not tell which.
      if (!ended) throw new HttpError(404)
      await saveFlash(req, 'session-ended')
      res.redirect(303, PAGE)
    })
    .all(methodNotAllowed)
  return router
}
