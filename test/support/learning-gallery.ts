/** The pages of the questions and the course in all their states. */
import { parse } from 'node-html-parser'
import type { TestApp } from './app.ts'
import {
  ANSWERS,
  answer,
  CHECK,
  encode,
  hiddenIn,
  LESSONS,
  mark,
  markAll,
  PROFILE,
  passAll,
  STEPS,
  saveAnswers,
  send,
  skip,
} from './learning.ts'
import { type Browser, learner, type Response } from './people.ts'

type Add = (name: string, viewer: 'visitor' | 'learner', path: string, response: Response) => Response

/** One character over the limit, in words so that the lines can break. */
const TOO_MUCH_TEXT = `${'Walks and talks. '.repeat(32)}x`.slice(0, 501)

export async function addLearning(app: TestApp, addAny: Add): Promise<void> {
  const addPage = (name: string, path: string, response: Response) => addAny(name, 'learner', path, response)
  const add = async (name: string, browser: Browser, path: string) => addPage(name, path, await browser.get(path))
  const newcomer = async (name: string) => (await learner(app, name)).browser

  const ada = await newcomer('Ada')
  await ada.get('/onboarding/programming')
  for (const step of STEPS) {
    const path = `/onboarding/${step}`
    await add(`question of ${step}`, ada, path)
    addPage(`question of ${step} left empty`, path, await answer(ada, step, {}))
    await answer(ada, step)
    await add(`question of ${step} answered`, ada, path)
  }
  const wrong = async (step: string, problem: string, fields: Record<string, string | string[]>) =>
    addPage(`question of ${step} with ${problem}`, `/onboarding/${step}`, await answer(ada, step, fields))
  await wrong('languages', 'none and another', { programmingLanguages: ['rust', 'none'] })
  await wrong('equipment', 'none and another', { hardwareAccess: ['microphone', 'none'] })
  await wrong('focus', 'an option that is not there', { primaryFocus: 'cooking' })
  await wrong('goals', 'too much text', { projectGoals: 'career', projectGoalsText: TOO_MUCH_TEXT })

  await add('dashboard with answers that wait', ada, '/dashboard')
  const opened = await add('answers to look through', ada, CHECK)
  await answer(ada, 'focus', { primaryFocus: 'isaac' })
  const fields = hiddenIn(parse(opened.text), '#save-answers-form')
  addPage('answers changed in another tab', CHECK, await ada.post(CHECK, encode(fields)))
  await saveAnswers(ada)
  await add('dashboard after the answers', ada, '/dashboard')
  await add('profile of answers', ada, '/profile')
  const mistakes = { ...PROFILE, hardwareAccess: ['none', 'microphone'], primaryFocus: 'cooking' }
  const all = { ...mistakes, projectGoals: 'fame', projectGoalsText: TOO_MUCH_TEXT }
  addPage('profile with everything wrong', '/profile', await send(ada, '/profile', { ...all, skillLevel: 'x' }))
  await answer(ada, 'equipment', { hardwareAccess: 'none' })
  await add('dashboard with a change that waits', ada, '/dashboard')

  const ben = await newcomer('Ben')
  await skip(ben, 'programming')
  await add('dashboard with questions begun', ben, '/dashboard')
  await passAll(ben, [])
  await add('answers to look through, all skipped', ben, CHECK)
  await saveAnswers(ben)
  await answer(ben, 'focus')
  await answer(ben, 'goals', { projectGoals: ANSWERS.goals?.projectGoals ?? [] })
  await saveAnswers(ben)
  await ben.get('/dashboard')
  await add('dashboard with some questions skipped', ben, '/dashboard')

  await addLessons(app, await newcomer('Cora'), add, addPage)
  await addPlans(app, add, addPage)
  const dan = await newcomer('Dan')
  await passAll(dan)
  await saveAnswers(dan)
  const dashboardWith = async (name: string, lessons: readonly string[], state: string) => {
    await markAll(dan, lessons, state)
    await dan.get('/dashboard')
    await add(`dashboard with ${name}`, dan, '/dashboard')
  }
  await dashboardWith('a lesson started', ['f1'], 'started')
  await dashboardWith('half of it done', LESSONS.slice(0, 16), 'done')
  await dashboardWith('all of it done', LESSONS, 'done')
  await dashboardWith('all of it put aside', LESSONS, 'dismissed')
}

type AddPath = (name: string, browser: Browser, path: string) => Promise<Response>
type AddResponse = (name: string, path: string, response: Response) => Response

/** The plan and skipping ahead, and the dashboard of somebody who was away for a month. */
async function addPlans(app: TestApp, add: AddPath, addPage: AddResponse): Promise<void> {
  const { browser: pia, person } = await learner(app, 'Pia')
  await passAll(pia)
  await saveAnswers(pia)
  const skip = '/plan/skip/ros2'
  addPage('part with nothing ticked', skip, await pia.submit(skip, {}))
  await mark(pia, 'r3', 'started')
  await pia.submit(skip, 'lessons=r1&lessons=r2')
  await add('dashboard after skipping ahead', pia, '/dashboard')
  await add('part that can be taken back', pia, skip)
  await markAll(pia, ['f1', 'f2'], 'done')
  await add('dashboard after a part was finished', pia, '/dashboard')
  await add('part with nothing left to mark', pia, '/plan/skip/foundations')
  await pia.submit('/plan', { hours: '4' })
  await add('dashboard with a plan', pia, '/dashboard')
  await add('plan in weeks', pia, '/plan')
  await pia.submitTo('/plan', '/plan/calendar')
  await add('plan with a new calendar', pia, '/plan')
  await add('plan with a calendar', pia, '/plan')
  await app.sql`
    update progress set updated_at = updated_at - interval '40 days'
    where user_id = (select id from users where email = ${person.email})`
  await add('dashboard after a month', pia, '/dashboard')
}

async function addLessons(app: TestApp, cora: Browser, add: AddPath, addPage: AddResponse): Promise<void> {
  await passAll(cora)
  await answer(cora, 'robotics', { skillLevel: 'intermediate' })
  await saveAnswers(cora)
  await markAll(cora, ['r2', 'r3'], 'done')
  await markAll(cora, ['f2'], 'known')
  await markAll(cora, ['r4'], 'started')
  await markAll(cora, ['r5'], 'dismissed')
  await add('dashboard after a lesson was put aside', cora, '/dashboard')
  await add('dashboard with lessons in every state', cora, '/dashboard')
  const states = { open: 's1', started: 'r4', done: 'r2', known: 'f2', 'put aside': 'r5', locked: 'x1' }
  for (const [state, lesson] of Object.entries({ ...states, assumed: 'f1', 'without its equipment': 'e1' })) {
    await add(`lesson ${state}`, cora, `/lessons/${lesson}`)
  }
  await mark(cora, 's1', 'started', { from: 'lesson' })
  await add('lesson after its start', cora, '/lessons/s1')
  await add('lesson that is not there', cora, '/lessons/z9')
  addPage('lesson marked with what is no mark', '/lessons/f1/progress', await mark(cora, 'f1', 'finished'))

  const { browser: vera } = await learner(app, 'Vera')
  await passAll(vera)
  await answer(vera, 'robotics', { skillLevel: 'advanced' })
  await saveAnswers(vera)
  await vera.get('/dashboard')
  await add('dashboard of somebody advanced', vera, '/dashboard')
  const advanced = LESSONS.filter((lesson) => !'f1 f2 r1 r2 r3 s1 s2'.split(' ').includes(lesson))
  await markAll(vera, advanced, 'done')
  await vera.get('/dashboard')
  await add('dashboard with all done but what is taken as known', vera, '/dashboard')
}
