import { createHash } from 'node:crypto'
import { type ErrorRequestHandler, type Request, type Response, Router } from 'express'
import { secondsInWords } from '../../base/text.ts'
import type { Deps } from '../../deps.ts'
import {
  drafted,
  findProfile,
  isPassed,
  nextQuestion,
  type Profile,
  saveAnswersOfDraft,
  saveDraft,
} from '../../learning/profiles.ts'
import { QUESTIONS, type Question } from '../../learning/questions.ts'
import { HttpError, methodNotAllowed } from '../middleware/errors.ts'
import { unsentForm } from '../middleware/unsent-form.ts'
import { type AskedQuestion, askAsTyped, askWith, inWords, readAnswer, skipped } from '../presenters/answer-form.ts'
import { saveFlash, takeMessage } from '../session/flash.ts'
import { userOf } from '../session/guards.ts'
import { keepWrongForm, takeKeptForm, takeWrongForm } from '../session/kept-forms.ts'
import { HOME_OF_LEARNERS } from '../session/return-to.ts'

const CHECK = '/onboarding/check'
const FROM_CHECK = 'check'
const pathOf = ({ slug }: Question): string => `/onboarding/${slug}`

export function onboardingPages(deps: Deps): Router {
  const { sql, now } = deps
  const profileOf = (req: Request) => findProfile(sql, userOf(req).id)
  const router = Router()

  router
    .route('/onboarding')
    .get(async (req, res) => {
      const next = nextQuestion(await profileOf(req))
      res.redirect(303, next ? pathOf(next) : CHECK)
    })
    .all(methodNotAllowed)

  router
    .route(CHECK)
    .get(async (req, res) => {
      const profile = await profileOf(req)
      const next = nextQuestion(profile)
      if (next) return res.redirect(303, pathOf(next))
      showAnswers(res, profile)
    })
    .post(async (req, res) => {
      const profile = await profileOf(req)
      const next = nextQuestion(profile)
      if (next) return res.redirect(303, pathOf(next))
      const isSeen = (answers: Profile) => req.body.seen === markOf(answers)
      if (isPending(profile) && isSeen(profile)) await saveAnswersOfDraft(sql, userOf(req).id, profile, now())
      // Look again: if the button was pressed twice, the answers are saved by now; if another tab changed them, show them.
      const after = await profileOf(req)
      if (isPending(after) || !isSeen(after)) return showAnswers(res.status(422), after, { changed: true })
      await saveFlash(req, 'answers-saved')
      res.redirect(303, HOME_OF_LEARNERS)
    })
    .all(methodNotAllowed)

  router
    .route('/onboarding/:question')
    .get(async (req, res) => {
      const question = questionOf(req)
      const wrong = takeWrongForm(req, deps)
      const answer = wrong && readAnswer(question, wrong)
      if (answer?.ok === false) return res.status(422).render('question', page(answer.asked, isFromCheck(wrong?.from)))
      const profile = await profileOf(req)
      const next = nextQuestion(profile)
      // Questions come one after the other. Only earlier ones can be opened again.
      if (next && next !== question && !isPassed(profile, question)) return res.redirect(303, pathOf(next))
      const kept = takeKeptForm(req, deps)
      const asked = kept ? askAsTyped(question, kept) : askWith(question, drafted(profile))
      res.render('question', {
        ...page(asked, isFromCheck(kept?.from ?? req.query.from)),
        message: takeMessage(req),
        kept,
      })
    })
    .post(async (req, res) => {
      const question = questionOf(req)
      const skips = req.body.action === 'skip'
      const answer = skips ? { ok: true as const, part: skipped(question) } : readAnswer(question, req.body)
      if (!answer.ok) {
        if (await keepWrongForm(req, deps)) return res.redirect(303, pathOf(question))
        return res.status(422).render('question', page(answer.asked, isFromCheck(req.body.from)))
      }
      await saveDraft(sql, userOf(req).id, answer.part, now())
      res.redirect(303, pathAfter(question, await profileOf(req)))
    })
    .all(methodNotAllowed)
  return router
}

function questionOf({ params }: Request): Question {
  const question = QUESTIONS.find(({ slug }) => slug === params.question)
  if (question === undefined) throw new HttpError(404)
  return question
}

const isPending = ({ draft, savedAt }: Profile): boolean => savedAt === undefined || Object.keys(draft).length > 0

/** Identifies the answers that a page shows, since only answers that the learner has looked through are saved. */
const markOf = (profile: Profile): string =>
  createHash('sha256')
    .update(JSON.stringify(drafted(profile)))
    .digest('base64url')

function showAnswers(res: Response, profile: Profile, { changed = false } = {}): void {
  const answers = inWords(drafted(profile)).map((row) => ({
    ...row,
    change: `${pathOf(row.question)}?from=${FROM_CHECK}`,
  }))
  res.render('check-answers', { answers, changed, seen: markOf(profile), back: { href: backFrom(QUESTIONS.length) } })
}

/** Whether a question was opened by “Change” on the page with all answers: then its link back leads there. */
const isFromCheck = (from: unknown): boolean => from === FROM_CHECK

function page(asked: AskedQuestion, fromCheck: boolean) {
  const position = QUESTIONS.indexOf(asked.question)
  return {
    asked,
    form: { errors: asked.errors },
    position: position + 1,
    of: QUESTIONS.length,
    from: fromCheck ? FROM_CHECK : '',
    back: { href: fromCheck ? CHECK : backFrom(position) },
  }
}

function backFrom(position: number): string {
  const before = QUESTIONS[position - 1]
  return before ? pathOf(before) : HOME_OF_LEARNERS
}

/** The next question; once all have been answered or skipped, the overview of the answers. */
function pathAfter(question: Question, profile: Profile): string {
  const open = nextQuestion(profile)
  if (open === undefined) return CHECK
  const after = QUESTIONS[QUESTIONS.indexOf(question) + 1]
  return pathOf(after && QUESTIONS.indexOf(after) < QUESTIONS.indexOf(open) ? after : open)
}

/** The question with the answer that was sent while the database was away. */
export const unsentAnswer = (deps: Deps): ErrorRequestHandler =>
  unsentForm(
    deps,
    new RegExp(`^/onboarding/(${QUESTIONS.map(({ slug }) => slug).join('|')})/?$`),
    (req, res, seconds) => {
      const question = QUESTIONS.find((each) => req.path.startsWith(pathOf(each)))
      if (question === undefined) throw new HttpError(404)
      const asked = askAsTyped(question, req.body)
      res.render('question', { ...page(asked, isFromCheck(req.body.from)), unsent: secondsInWords(seconds) })
    },
  )
