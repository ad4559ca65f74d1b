/** The pages of the second step in all their states, for the checks that visit every page. */
import type { Add } from './account-gallery.ts'
import { apiOf } from './api.ts'
import type { TestApp } from './app.ts'
import { useUp } from './guessing.ts'
import { learner, openBrowser } from './people.ts'
import { codeAt, enterCode, firstStep, LOGIN_PAGE, nextCode, PAGE, SETUP, secretOn, wrongCode } from './second-step.ts'

const CONFIRMATION = `${PAGE}/confirmation`
const TRIES = 5
const MINUTE = 60_000

export async function addSecondStep({ app, add }: { app: TestApp; add: Add }): Promise<void> {
  const { browser: ada, person } = await learner(app, 'Ada')
  const see = async (name: string, path: string) => add(name, 'learner', path, await ada.get(path))
  await see('second step, address not confirmed', PAGE)
  await app.sql`update users set email_verified = true where email = ${person.email}`
  await see('second step, off', PAGE)
  await ada.submitTo(PAGE, PAGE)
  await see('second step, set up', SETUP)
  add('second step, set up without a code', 'learner', SETUP, await ada.submit(SETUP, { code: '' }))
  const secret = secretOn((await ada.get(SETUP)).text)
  const wrong = await ada.submit(SETUP, { code: wrongCode(app, secret) })
  add('second step, set up with a wrong code', 'learner', SETUP, wrong)
  const { user } = (await apiOf(app, ada).get('/api/auth/get-session')).body
  await useUp(app, 'switchOnsByUser', user.id, 5)
  add('second step, set up too often', 'learner', SETUP, await ada.submit(SETUP, { code: codeAt(app, secret) }))
  await app.deps.rateLimits.clear('switchOnsByUser', user.id)
  await ada.submit(SETUP, { code: codeAt(app, secret) })
  await see('second step, recovery codes', PAGE)
  await see('second step, on', PAGE)
  await see('account with a second step', '/account')
  app.advance(11 * MINUTE)
  await see('second step, asked once more', CONFIRMATION)
  const refused = await ada.submit(CONFIRMATION, { code: wrongCode(app, secret) })
  add('second step, asked once more, wrong', 'learner', CONFIRMATION, refused)

  const visitor = openBrowser(app)
  await firstStep(visitor, person)
  add('code at login', 'visitor', LOGIN_PAGE, await visitor.get(LOGIN_PAGE))
  const recovery = `${LOGIN_PAGE}?with=recovery-code`
  add('recovery code at login', 'visitor', LOGIN_PAGE, await visitor.get(recovery))
  add('code at login, left empty', 'visitor', LOGIN_PAGE, await enterCode(visitor, ''))
  const again = { with: 'recovery-code' }
  add('recovery code at login, wrong', 'visitor', LOGIN_PAGE, await enterCode(visitor, 'aaaaa-aaaaa', again))
  await enterCode(visitor, nextCode(app, secret))
  const eve = openBrowser(app)
  await firstStep(eve, person)
  add('code at login, used before', 'visitor', LOGIN_PAGE, await enterCode(eve, codeAt(app, secret)))
  for (let tries = 1; tries < TRIES; tries += 1) await enterCode(eve, wrongCode(app, secret))
  add('code at login, paused', 'visitor', LOGIN_PAGE, await enterCode(eve, nextCode(app, secret)))
  const over = '/login?done=second-step-over'
  add('login after a second step that took too long', 'visitor', '/login', await openBrowser(app).get(over))

  for (let tries = 1; tries < TRIES; tries += 1) await ada.submit(CONFIRMATION, { code: wrongCode(app, secret) })
  const guessed = await ada.submit(CONFIRMATION, { code: wrongCode(app, secret) })
  add('logged out for guessing codes', 'visitor', CONFIRMATION, guessed)
}
