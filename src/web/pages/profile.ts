import { type ErrorRequestHandler, Router } from 'express'
import { secondsInWords } from '../../base/text.ts'
import type { Deps } from '../../deps.ts'
import { Answers } from '../../learning/answers.ts'
import { drafted, findProfile, saveAnswers } from '../../learning/profiles.ts'
import { QUESTIONS } from '../../learning/questions.ts'
import { methodNotAllowed } from '../middleware/errors.ts'
import { unsentForm } from '../middleware/unsent-form.ts'
import { askAsTyped, askWith, readAnswer } from '../presenters/answer-form.ts'
import { saveFlash } from '../session/flash.ts'
import { userOf } from '../session/guards.ts'
import { takeKeptForm } from '../session/kept-forms.ts'
import { HOME_OF_LEARNERS } from '../session/return-to.ts'

/** The answers of onboarding, all on one page, where they can be changed at any time. */
export function profilePages(deps: Deps): Router {
  const { sql, now } = deps
  const router = Router()
  router
    .route('/profile')
    .get(async (req, res) => {
      const answers = drafted(await findProfile(sql, userOf(req).id))
      const kept = takeKeptForm(req, deps)
      const questions = QUESTIONS.map((question) =>
        kept ? askAsTyped(question, kept, { open: true }) : askWith(question, answers, { open: true }),
      )
      res.render('profile', { questions, form: { errors: [] }, kept })
    })
    .post(async (req, res) => {
      const given = QUESTIONS.map((question) => ({ question, answer: readAnswer(question, req.body, { open: true }) }))
      const parts = given.map(({ answer }) => (answer.ok ? answer.part : {}))
      const errors = given.flatMap(({ answer }) => (answer.ok ? [] : answer.asked.errors))
      if (errors.length > 0) {
        const kept = { ...Answers.parse({}), ...Object.assign({}, ...parts) }
        const questions = given.map(({ question, answer }) =>
          answer.ok ? askWith(question, kept, { open: true }) : answer.asked,
        )
        return res.status(422).render('profile', { questions, form: { errors } })
      }
      await saveAnswers(sql, userOf(req).id, Answers.parse(Object.assign({}, ...parts)), now())
      await saveFlash(req, 'answers-saved')
      res.redirect(303, HOME_OF_LEARNERS)
    })
    .all(methodNotAllowed)
  return router
}

/** The same page with the answers that were sent while the database was away. */
export const unsentProfile = (deps: Deps): ErrorRequestHandler =>
  unsentForm(deps, /^\/profile\/?$/, (req, res, seconds) => {
    const questions = QUESTIONS.map((question) => askAsTyped(question, req.body, { open: true }))
    res.render('profile', { questions, form: { errors: [] }, kept: false, unsent: secondsInWords(seconds) })
  })
