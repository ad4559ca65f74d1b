import { Router } from 'express'
import { z } from 'zod'
import { open, seal } from '../../../base/sealing.ts'
import type { Deps } from '../../../deps.ts'
import { WEEKLY_HOURS } from '../../../learning/plan.ts'
import { asWeeklyHours, closeCalendar, openCalendar, setWeeklyHours } from '../../../learning/plan-settings.ts'
import { findRecord } from '../../../learning/records.ts'
import { HttpError, methodNotAllowed } from '../../middleware/errors.ts'
import { describePlan } from '../../presenters/plan.ts'
import { saveFlash, takeFlash } from '../../session/flash.ts'
import { userOf } from '../../session/guards.ts'

const HoursForm = z.object({
  hours: z.enum(['', ...WEEKLY_HOURS.map(String)]),
  from: z.string().optional(),
})

/** The secret of a calendar waits for the next page under this name. */
const SEALED_AS = 'address of a calendar'

/** The plan in weeks, how many hours a week there are for it, and the address of its calendar. */
export function planPages({ sql, now, config }: Deps): Router {
  const keys = config.keys('calendar')
  const router = Router()

  router
    .route('/plan')
    .get(async (req, res) => {
      const record = await findRecord(sql, userOf(req).id)
      const { text, calendar } = takeFlash(req) ?? {}
      const token = calendar && open(calendar, SEALED_AS, keys)?.secret.toString()
      const path = token && `/plan/calendar/${token}.ics`
      res.render('plan', {
        message: text && { text },
        plan: describePlan(record, now()),
        calendar: path && { path, address: `${config.publicOrigin ?? `${req.protocol}://${req.get('Host')}`}${path}` },
      })
    })
    .post(async (req, res) => {
      const { data } = HoursForm.safeParse(req.body)
      if (data === undefined) throw new HttpError(422)
      await setWeeklyHours(sql, userOf(req).id, asWeeklyHours(Number(data.hours)))
      await saveFlash(req, 'plan-saved')
      res.redirect(303, data.from === 'plan' ? '/plan' : '/dashboard#plan')
    })
    .all(methodNotAllowed)

  router
    .route('/plan/calendar')
    .post(async (req, res) => {
      const token = await openCalendar(sql, userOf(req).id, now())
      await saveFlash(req, `calendar:${seal(Buffer.from(token), SEALED_AS, keys)}`)
      res.redirect(303, '/plan#calendar')
    })
    .all(methodNotAllowed)

  router
    .route('/plan/calendar/withdraw')
    .post(async (req, res) => {
      await closeCalendar(sql, userOf(req).id)
      await saveFlash(req, 'calendar-closed')
      res.redirect(303, '/plan')
    })
    .all(methodNotAllowed)

  return router
}
