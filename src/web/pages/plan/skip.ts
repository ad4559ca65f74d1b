import { type Request, Router } from 'express'
import { z } from 'zod'
import type { Deps } from '../../../deps.ts'
import { CATALOGUE, MODULES, type Module } from '../../../learning/catalogue.ts'
import { markKnown, type Progress, takeBackKnown } from '../../../learning/progress.ts'
import { findRecord } from '../../../learning/records.ts'
import { HttpError, methodNotAllowed } from '../../middleware/errors.ts'
import { saveFlash } from '../../session/flash.ts'
import { userOf } from '../../session/guards.ts'
import { HOME_OF_LEARNERS } from '../../session/return-to.ts'

const FIELD = 'lessons'
const UndoForm = z.object({ at: z.coerce.number().int().min(0).max(8.64e15) })
const NONE_TICKED = { field: FIELD, id: FIELD, message: 'Tick the lessons that you know' }

/** “I know this part”: several lessons are marked as known at once, and taken back at once. */
export function skipPages({ sql, now }: Deps): Router {
  const router = Router()

  router
    .route('/plan/skip/:module')
    .get(async (req, res) => {
      const { progress } = await findRecord(sql, userOf(req).id)
      res.render('skip', describePart(moduleOf(req), progress))
    })
    .post(async (req, res) => {
      const module = moduleOf(req)
      const userId = userOf(req).id
      const ticked = [req.body[FIELD] ?? []].flat()
      const own = lessonsOf(module).map(({ id }) => id)
      if (!ticked.every((id) => own.includes(id))) throw new HttpError(422)
      if (ticked.length === 0) {
        const { progress } = await findRecord(sql, userId)
        return res
          .status(422)
          .render('skip', { ...describePart(module, progress, []), form: { errors: [NONE_TICKED] } })
      }
      const at = now()
      const count = await markKnown(sql, { userId, lessonIds: [...new Set(ticked)], now: at })
      if (count > 0) await saveFlash(req, `known:${module}:${at}:${count}`)
      res.redirect(303, HOME_OF_LEARNERS)
    })
    .all(methodNotAllowed)

  router
    .route('/plan/skip/:module/undo')
    .post(async (req, res) => {
      moduleOf(req)
      const { data } = UndoForm.safeParse(req.body)
      if (data === undefined) throw new HttpError(422)
      const count = await takeBackKnown(sql, { userId: userOf(req).id, at: data.at })
      if (count > 0) await saveFlash(req, 'known-taken-back')
      res.redirect(303, HOME_OF_LEARNERS)
    })
    .all(methodNotAllowed)

  return router
}

function moduleOf({ params }: Request): Module {
  const module = String(params.module)
  if (!Object.hasOwn(MODULES, module)) throw new HttpError(404)
  return module as Module
}

const lessonsOf = (module: Module) => CATALOGUE.lessons.filter((lesson) => lesson.module === module)

/** What can be ticked: all but what is done, known or put aside already. Without `ticked`, all of it is. */
function describePart(module: Module, progress: Progress, ticked?: readonly string[]) {
  const isOpen = (id: string) => [undefined, 'started'].includes(progress.get(id)?.state)
  const open = lessonsOf(module).filter(({ id }) => isOpen(id))
  const together = lessonsOf(module).flatMap(({ id }) => {
    const mark = progress.get(id)
    return mark?.isReplacing ? [mark.updatedAt.getTime()] : []
  })
  const at = Math.max(...together)
  return {
    module,
    label: MODULES[module],
    form: { errors: [] },
    choices: open.map((lesson, index) => ({
      lesson,
      id: index === 0 ? FIELD : `${FIELD}-${lesson.id}`,
      isTicked: ticked?.includes(lesson.id) ?? true,
    })),
    others: lessonsOf(module).filter(({ id }) => !isOpen(id)),
    /** The lessons that were marked together last, and can be taken back together. */
    known: together.length > 0 ? { at, count: together.filter((time) => time === at).length } : undefined,
  }
}
