import { Router } from 'express'
import type { Deps } from '../../../deps.ts'
import { calendarOf } from '../../../learning/calendar.ts'
import { CATALOGUE } from '../../../learning/catalogue.ts'
import { weeksOf } from '../../../learning/plan.ts'
import { pathOf } from '../../../learning/recommendations.ts'
import { findRecordByCalendar } from '../../../learning/records.ts'
import { HttpError, methodNotAllowed } from '../../middleware/errors.ts'

/** The calendar that programs subscribe to. Its address is its only key, so there is neither a session nor a cookie. */
export function planCalendars({ sql, now }: Deps): Router {
  const router = Router()
  router
    .route('/plan/calendar/:token.ics')
    .get(async (req, res) => {
      const found = await findRecordByCalendar(sql, String(req.params.token))
      if (found === undefined) throw new HttpError(404)
      const { userId, record } = found
      const { profile, progress, plan } = record
      const path = pathOf(CATALOGUE, profile.answers, progress)
      const weeks = plan.weeklyHours === undefined ? [] : weeksOf(path, plan.weeklyHours, now())
      res
        .set({ 'Cache-Control': 'private, no-store', 'Content-Type': 'text/calendar; charset=utf-8' })
        .send(calendarOf(weeks, { owner: userId, now: now() }))
    })
    .all(methodNotAllowed)
  return router
}
