import { Router } from 'express'
import type { Deps } from '../../deps.ts'
import { CATALOGUE } from '../../learning/catalogue.ts'
import { drafted, findProfile, type Profile } from '../../learning/profiles.ts'
import { completion, findProgress } from '../../learning/progress.ts'
import { type Recommendations, recommend } from '../../learning/recommendations.ts'
import { methodNotAllowed } from '../middleware/errors.ts'
import { unanswered } from '../presenters/answer-form.ts'
import { courseFor } from '../presenters/course-list.ts'
import { COURSE_MAP } from '../presenters/course-map.ts'
import { describeLesson, messageAbout } from '../presenters/lesson.ts'
import { takeFlash } from '../session/flash.ts'
import { userOf } from '../session/guards.ts'

export function dashboardPages({ sql, mail }: Deps): Router {
  const router = Router()
  router
    .route('/dashboard')
    .get(async (req, res) => {
      const { id } = userOf(req)
      const [profile, progress] = await Promise.all([findProfile(sql, id), findProgress(sql, id)])
      const advice = recommend(CATALOGUE, profile.answers, progress)
      const describe = (one: Recommendations['all'][number]) => describeLesson(one, progress)
      res.render('dashboard', {
        message: messageAbout(takeFlash(req), progress),
        invitation: invitationFor(profile),
        completion: completion(CATALOGUE, progress),
        startNow: advice.startNow.map(describe),
        afterwards: advice.afterwards.map(describe),
        assumed: advice.all.filter(({ state }) => state === 'assumed').map(({ lesson }) => lesson),
        map: COURSE_MAP,
        course: courseFor(advice, progress),
        remembered: req.session.remembered,
        mailEnabled: mail.enabled,
      })
    })
    .all(methodNotAllowed)
  return router
}

/** The line that invites the learner to answer questions; undefined when there is nothing to ask. */
function invitationFor(profile: Profile): { text: string; href: string; link: string } | undefined {
  const open = unanswered(drafted(profile))
  if (profile.savedAt === undefined) {
    const begun = Object.keys(profile.draft).length > 0
    return begun
      ? { text: 'Your answers are kept.', href: '/onboarding', link: 'Carry on with the questions' }
      : { text: 'For suggestions that fit you,', href: '/onboarding', link: 'answer a few short questions' }
  }
  if (Object.keys(profile.draft).length > 0) {
    return {
      text: 'You changed your answers and have not saved them.',
      href: '/onboarding/check',
      link: 'Look through them',
    }
  }
  if (open === 0) return undefined
  const questions = open === 1 ? '1 more question' : `${open} more questions`
  return { text: '', href: '/profile', link: `Answer ${questions} for better suggestions` }
}
