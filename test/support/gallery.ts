/** Every page and every state of a page, as the app answers it: what the checks of all pages walk through. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import expressSession from 'express-session'
import { type HTMLElement, parse } from 'node-html-parser'
import type { Page } from 'playwright-core'
import { Busy, Unavailable } from '../../src/base/failures.ts'
import { addAccount } from './account-gallery.ts'
import { BEHIND_TLS, startApp, type TestApp } from './app.ts'
import { addLearning } from './learning-gallery.ts'
import { openMailbox } from './mailbox.ts'
import { askForReset, NEW_PASSWORD, open, RESET, VERIFY } from './mailed.ts'
import { type Browser, learner, openBrowser, PASSWORD, type Response, somebody, tokenOf } from './people.ts'

export type Exhibit = {
  name: string
  viewer: 'visitor' | 'learner'
  path: string
  status: number
  headers: Record<string, string>
  html: string
  page: HTMLElement
}

export const PAGES_OF_EVERYBODY = ['/', '/help', '/privacy', '/terms', '/accessibility', '/password-reset', '/api']
export const PAGES_OF_VISITORS = [...PAGES_OF_EVERYBODY, '/sign-up', '/login', '/logout']
export const PAGES_OF_LEARNERS = [
  ...PAGES_OF_EVERYBODY,
  '/dashboard',
  '/onboarding/programming',
  '/profile',
  '/lessons/f1',
  '/plan',
  '/plan/skip/ros2',
  '/logout',
]

/** A hundred characters without a place to break: the widest name that is taken. */
const WIDEST_NAME = 'W'.repeat(100)
const TRIES_BEFORE_PAUSE = 10
const SIGN_UPS_OF_ONE_ADDRESS = 100

const COLLECTED_WITHIN_MS = 120_000

/**
 * To be awaited at the top of a test file, as `startApp` is. Of several test files, the first one collects and the others
 * read what it has found.
 */
export async function collectGallery(app: TestApp): Promise<Exhibit[]> {
  const file = process.env.GALLERY_FILE
  if (file === undefined) return collect(app)
  const isFirst = await mkdir(`${file}.lock`).then(
    () => true,
    () => false,
  )
  if (isFirst) {
    const exhibits = await collect(app)
    await writeFile(`${file}.new`, JSON.stringify(exhibits.map(({ page: _, ...exhibit }) => exhibit)))
    await rename(`${file}.new`, file)
    return exhibits
  }
  for (const deadline = Date.now() + COLLECTED_WITHIN_MS; !existsSync(file); await sleep(100)) {
    if (Date.now() > deadline) throw new Error('The gallery was not collected: see the other test files that need it')
  }
  const exhibits: Omit<Exhibit, 'page'>[] = JSON.parse(await readFile(file, 'utf8'))
  return exhibits.map((exhibit) => ({ ...exhibit, page: parse(exhibit.html) }))
}

async function collect(app: TestApp): Promise<Exhibit[]> {
  const exhibits: Exhibit[] = []
  const add = (name: string, viewer: Exhibit['viewer'], path: string, response: Response) => {
    const { status, headers, text: html } = response
    exhibits.push({ name, viewer, path, status, headers, html, page: parse(html) })
    return response
  }

  const visitor = openBrowser(app)
  for (const path of PAGES_OF_VISITORS) add(`${path} for a visitor`, 'visitor', path, await visitor.get(path))
  add('page not found for a visitor', 'visitor', '/nowhere', await visitor.get('/nowhere'))

  const { browser: ada, person } = await learner(app, 'Ada')
  add('first question after sign-up', 'learner', '/onboarding/programming', await ada.get('/onboarding/programming'))
  for (const path of PAGES_OF_LEARNERS) add(`${path} for a learner`, 'learner', path, await ada.get(path))
  add('page not found for a learner', 'learner', '/nowhere', await ada.get('/nowhere'))

  const wide = { ...somebody('wide'), name: WIDEST_NAME }
  const wideBrowser = openBrowser(app)
  await wideBrowser.signUp(wide)
  add('dashboard of the widest name', 'learner', '/dashboard', await wideBrowser.get('/dashboard'))

  const { browser: nameless, person: withoutName } = await learner(app, 'Ben')
  await app.sql`update users set name = '' where email = ${withoutName.email}`
  add('dashboard of a learner without a name', 'learner', '/dashboard', await nameless.get('/dashboard'))

  const signUp = (fields: Record<string, string>) => visitor.submit('/sign-up', fields)
  add('sign-up left empty', 'visitor', '/sign-up', await signUp({}))
  const allWrong = { name: '\u0007', email: 'ada', password: 'short' }
  add('sign-up with everything wrong', 'visitor', '/sign-up', await signUp(allWrong))
  add('sign-up with an address that is taken', 'visitor', '/sign-up', await signUp(person))
  const mistyped = { ...somebody('ada'), email: 'ada@gmial.com', password: 'short' }
  add('sign-up, address perhaps mistyped', 'visitor', '/sign-up', await signUp(mistyped))
  const busy = somebody('busy')
  for (let tries = 0; tries < SIGN_UPS_OF_ONE_ADDRESS; tries += 1) {
    await app.deps.rateLimits.count('signUpByAddress', busy.email)
  }
  add('sign-up paused', 'visitor', '/sign-up', await signUp(busy))

  const logIn = (fields: Record<string, string>) => visitor.submit('/login', { next: '/dashboard', ...fields })
  add('login left empty', 'visitor', '/login', await logIn({}))
  const tampered = await logIn({ email: 'ada', password: '', remember: 'perhaps' })
  add('login with everything wrong', 'visitor', '/login', tampered)
  const { email } = somebody('guessed')
  const wrong = { email, password: 'not the password', remember: 'yes' }
  for (let left = TRIES_BEFORE_PAUSE - 1; left >= 0; left -= 1) {
    const response = await logIn(wrong)
    if ([TRIES_BEFORE_PAUSE - 1, 3, 1, 0].includes(left))
      add(`login, ${left} tries left`, 'visitor', '/login', response)
  }
  add('login paused', 'visitor', '/login', await logIn(wrong))
  await addStorm(app, add)

  add('form without a token', 'visitor', '/login', await visitor.post('/login', wrong))
  const elsewhere = { 'Sec-Fetch-Site': 'cross-site' }
  add('form of another site', 'visitor', '/login', await visitor.submit('/login', wrong, elsewhere))
  const forgotten = openBrowser(app, { Cookie: `matricula=${ada.cookie('matricula')}x` })
  add('form after the session ended', 'visitor', '/login', await forgotten.post('/login', wrong))
  add('form from before the login', 'learner', '/login', await ada.post('/login', wrong))
  add('method not allowed', 'visitor', '/help', await visitor.submitTo('/login', '/help'))
  add('too much at once', 'visitor', '/login', await visitor.post('/login', `email=${'a'.repeat(20_000)}`))
  const json = visitor.agent.post('/login').ok(() => true)
  add('another format', 'visitor', '/login', await json.send({ email: 'ada@example.org' }))

  const behindTls = await startApp(BEHIND_TLS, { databaseUrl: app.databaseUrl })
  add('plain form behind TLS', 'visitor', '/login', await openBrowser(behindTls).post('/login', wrong))
  await addOutages(app, ada, add)
  await addLearning(app, add)
  await addAccount(app, add)
  return exhibits
}

/**
 * Shows states in a page of Chromium as the app answered them, with their own headers and at their own address. One
 * route for the whole life of the page: a request that is under way while routing ends is never answered.
 */
export async function exhibitIn(page: Page, app: TestApp): Promise<(exhibit: Exhibit) => Promise<void>> {
  let shown: Exhibit | undefined
  await page.route('**/*', async (route) => {
    if (!shown || !route.request().isNavigationRequest()) return route.fallback()
    const { status, headers, html } = shown
    const kept = ['content-type', 'content-security-policy'].map((name) => [name, headers[name] ?? ''])
    return route.fulfill({ status, headers: Object.fromEntries(kept), body: html })
  })
  return async (exhibit) => {
    shown = exhibit
    await page.goto(app.url + exhibit.path)
  }
}

/** The same app with its sessions out of reach, and with a fault of ours in their place. */
async function addOutages(
  { databaseUrl }: TestApp,
  ada: Browser,
  add: (name: string, viewer: Exhibit['viewer'], path: string, response: Response) => Response,
) {
  const cookie = { Cookie: `matricula=${ada.cookie('matricula')}` }
  const logoutToken = tokenOf((await ada.get('/logout')).text)
  const away = await startApp({}, { databaseUrl, store: () => new BrokenStore(new Unavailable('the store is away')) })
  add('service out of reach', 'visitor', '/dashboard', await openBrowser(away, cookie).get('/dashboard'))
  const logout = await openBrowser(away, cookie).post('/logout', { _csrf: logoutToken })
  add('logout not finished', 'visitor', '/logout', logout)
  for (const [name, path, fields] of [
    ['login', '/login', { email: 'ada@example.org', password: PASSWORD, remember: 'yes', next: '/profile' }],
    ['login code', '/login/code/enter', { code: '123456', remember: 'yes', next: '/profile' }],
    ['sign-up', '/sign-up', { ...somebody('Ada') }],
    ['question', '/onboarding/goals', { projectGoals: 'career', projectGoalsText: 'A robot that folds laundry' }],
    ['profile', '/profile', { projectGoals: 'career', projectGoalsText: 'A robot that folds laundry' }],
    ['mark of a lesson', '/lessons/f1/progress', { state: 'done', from: 'lesson' }],
    ['code at login', '/login/second-step', { code: '123456', rememberDevice: 'yes' }],
    ['recovery code at login', '/login/second-step', { code: 'aaaaa-bbbbb', with: 'recovery-code' }],
    ['second step, asked once more,', '/account/second-step/confirmation', { code: '123456', next: '/account' }],
    ['hours', '/plan', { hours: '5', from: 'plan' }],
  ] as const) {
    add(
      `${name} out of reach`,
      'visitor',
      path,
      await openBrowser(away, cookie).post(path, { ...fields, _csrf: logoutToken }),
    )
  }
  const faulty = await startApp({}, { databaseUrl, store: () => new BrokenStore(new Error('a detail of the store')) })
  add('fault of ours', 'visitor', '/dashboard', await openBrowser(faulty, cookie).get('/dashboard'))
}

/** Every form with a password, while more passwords are being checked than anybody would wait for. */
async function addStorm(
  { databaseUrl }: TestApp,
  add: (name: string, viewer: Exhibit['viewer'], path: string, response: Response) => Response,
) {
  const mailbox = await openMailbox()
  const app = await startApp({}, { databaseUrl, mailbox })
  const { person, browser } = await learner(app, 'early')
  const forgetful = openBrowser(app)
  await open(forgetful, await askForReset(forgetful, mailbox, person.email))
  await open(forgetful, await mailbox.letterTo(person.email, VERIFY.subject))
  const refuse = () => {
    throw new Busy('too many passwords are being checked', { retryAfterSeconds: 8 })
  }
  Object.assign(app.deps.passwords, { keepPlace: refuse, hash: refuse })
  const [password, newPassword] = [PASSWORD, NEW_PASSWORD]
  const login = await openBrowser(app).logIn(person, { next: '/dashboard', remember: 'yes' })
  add('login while many log in', 'visitor', '/login', login)
  add('sign-up while many log in', 'visitor', '/sign-up', await openBrowser(app).signUp(somebody('late')))
  add('reset while many log in', 'visitor', RESET.page, await forgetful.submit(RESET.page, { password: newPassword }))
  for (const [name, path, fields] of [
    ['confirming', VERIFY.page, { password }],
    ['taking over', '/email-verification/new-password', { password: newPassword, startEmpty: 'yes' }],
  ] as const) {
    add(`${name} while many log in`, 'visitor', path, await forgetful.submit(path, fields))
  }
  for (const [name, path, fields] of [
    ['password change', '/account/password-change', { currentPassword: password, newPassword, endOthers: 'yes' }],
    ['password confirmation', '/account/password-confirmation', { password, next: '/account/data-export' }],
    ['account deletion', '/account/account-deletion', { password, sure: 'yes' }],
  ] as const) {
    add(`${name} while many log in`, 'learner', path, await browser.submit(path, fields))
  }
}

class BrokenStore extends expressSession.Store {
  readonly #error: Error

  constructor(error: Error) {
    super()
    this.#error = error
  }

  override get(_id: string, done: (error: unknown) => void) {
    done(this.#error)
  }

  override set(_id: string, _session: unknown, done?: (error?: unknown) => void) {
    done?.(this.#error)
  }

  override destroy(_id: string, done?: (error?: unknown) => void) {
    done?.(this.#error)
  }
}

/** Words that blame, beg or come from machines, and exclamation marks (look.md, "Words"). */
const UNWANTED_WORDS = /\b(?:please|sorry|valid|invalid|oops|illegal|forbidden|unauthori[sz]ed|credentials)\b|!/gi

/** What a page says, also to a screen reader, in words that it should not use. */
export function unwantedWordsOf(html: string): string[] {
  const page = parse(html)
  const labels = page.querySelectorAll('[aria-label], [title], [alt], [data-busy]').flatMap((element) => {
    return ['aria-label', 'title', 'alt', 'data-busy'].map((name) => element.getAttribute(name) ?? '')
  })
  const said = [page.querySelector('title')?.text, page.querySelector('body')?.text, ...labels].join('\n')
  return said.match(UNWANTED_WORDS) ?? []
}

/** The attributes of each control of a form that a person meets, in page order. */
export function controlsOf(html: string, form: string): Record<string, string>[] {
  return parse(html)
    .querySelectorAll(`#${form} input, #${form} button`)
    .filter((control) => control.getAttribute('type') !== 'hidden')
    .map((control) => control.attributes)
}
