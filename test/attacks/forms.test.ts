/** Every form, sent by a real browser without JavaScript, under the headers that the server ships. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { addPasskey, PASSKEYS, passkeyIds } from '../support/authenticator.ts'
import { startBrowser } from '../support/browser.ts'
import { passAll } from '../support/learning.ts'
import { openMailbox } from '../support/mailbox.ts'
import { SUBJECT } from '../support/mailed-codes.ts'
import { type Browser, learner, openBrowser, type Person, somebody } from '../support/people.ts'
import { formPathsOf } from '../support/routes.ts'
import { firstStep, LOGIN_PAGE, PAGE as SECOND_STEP, SETUP, switchOn } from '../support/second-step.ts'
import { COOKIE } from '../support/sessions.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const chromium = await startBrowser()

type Ada = { person: Person; browser: Browser }
/** `path`: where the forms are; empty where the link has them. `prepare`: what happens before; a link that it returns is opened first. */
type Place = {
  path: string
  as: 'visitor' | 'learner' | 'between two steps'
  prepare?: (ada: Ada) => Promise<unknown>
  /** What happens before in the same browser. */
  arrive?: (page: Page, ada: Ada) => Promise<unknown>
}

const linkTo = async ({ email }: Person, subject: RegExp, count = 1) =>
  (await mailbox.letterTo(email, subject, count)).link

/** A link that has been replaced, with a button for another one. */
async function replaced({ browser, person }: Ada, page: string, subject: RegExp): Promise<string> {
  await browser.submitTo('/account', '/logout')
  // The first link to confirm an address is sent by the sign-up.
  if (page !== '/email-verification') await browser.submit(page, { email: person.email })
  const link = await linkTo(person, subject)
  await browser.submit(page, { email: person.email })
  await linkTo(person, subject, 2)
  return link
}

/** Asks for a code by mail, which only the browser that asks may use. */
async function askForCode(page: Page, { person }: Ada): Promise<void> {
  await page.goto(`${app.url}/login/code`)
  await page.getByLabel('Email address').fill(person.email)
  await page.getByRole('button', { name: 'Send me a code' }).click()
  await page.waitForURL('**/login/code/enter')
}

const CODE_PLACES: Place[] = [
  { path: '/login/code', as: 'visitor' },
  { path: '/login/code/enter', as: 'visitor', arrive: askForCode },
  {
    path: '/login/code/confirm',
    as: 'visitor',
    arrive: async (page, ada) => {
      await askForCode(page, ada)
      await page.goto(await linkTo(ada.person, SUBJECT))
    },
  },
]

const PLACES: Place[] = [
  ...['/sign-up', '/login', '/password-reset', '/new-device', '/email-verification'].map(
    (path): Place => ({ path, as: 'visitor' }),
  ),
  ...[
    '/dashboard',
    '/account',
    '/account/password-change',
    '/account/password-confirmation',
    '/account/data-export',
    '/account/account-deletion',
    '/onboarding/programming',
    '/profile',
    '/lessons/f1',
    '/plan/skip/ros2',
  ].map((path): Place => ({ path, as: 'learner' })),
  { path: '/onboarding/check', as: 'learner', prepare: ({ browser }) => passAll(browser).then(() => {}) },
  {
    path: '/account/email-change',
    as: 'learner',
    prepare: async ({ browser }) => {
      await browser.submit('/account/email-change', { email: somebody('other').email })
    },
  },
  {
    path: '',
    as: 'learner',
    prepare: async ({ browser, person }) => {
      await app.sql`update users set email_verified = true where email = ${person.email}`
      await addPasskey(app, browser)
      return `${app.url}${PASSKEYS}/${(await passkeyIds(browser))[0]}`
    },
  },
  {
    path: '/account/sessions',
    as: 'learner',
    prepare: async ({ person }) => {
      await openBrowser(app, { 'User-Agent': 'curl/8' }).logIn(person)
    },
  },
  ...[false, true].map(
    (made): Place => ({
      path: '/plan',
      as: 'learner',
      prepare: async ({ browser }) => {
        await browser.submit('/plan', { hours: '4' })
        if (made) await browser.submitTo('/plan', '/plan/calendar')
      },
    }),
  ),
  {
    path: '/plan/skip/ros2',
    as: 'learner',
    prepare: async ({ browser }) => {
      await browser.submit('/plan/skip/ros2', 'lessons=r1&lessons=r2')
    },
  },
  {
    path: '/password-reset/new',
    as: 'visitor',
    prepare: async ({ person }) => {
      await openBrowser(app).submit('/password-reset', { email: person.email })
      return linkTo(person, /Reset/)
    },
  },
  { path: '/password-reset/new', as: 'visitor', prepare: (ada) => replaced(ada, '/password-reset', /Reset/) },
  { path: '/new-device/confirm', as: 'visitor', prepare: (ada) => replaced(ada, '/new-device', /new device/) },
  {
    path: '/new-device/confirm',
    as: 'visitor',
    prepare: async ({ person }) => {
      await openBrowser(app).submit('/new-device', { email: person.email })
      return linkTo(person, /Log in from a new device/)
    },
  },
  {
    path: '/not-me/confirm',
    as: 'visitor',
    prepare: async ({ person }) => {
      await openBrowser(app, { 'User-Agent': 'curl/8' }).logIn(person)
      return linkTo(person, /A new device was used/)
    },
  },
  { path: '/email-verification/confirm', as: 'visitor', prepare: ({ person }) => linkTo(person, /Confirm/) },
  { path: '/email-verification/new-password', as: 'visitor', prepare: ({ person }) => linkTo(person, /Confirm/) },
  {
    path: '/email-verification/confirm',
    as: 'visitor',
    prepare: (ada) => replaced(ada, '/email-verification', /Confirm/),
  },
  {
    path: '/deletion-undo',
    as: 'visitor',
    prepare: async ({ person, browser }) => {
      await browser.submit('/account/account-deletion', { password: person.password, sure: 'yes' })
      return linkTo(person, /about to be deleted/)
    },
  },
]
const careful = async ({ person, browser }: Ada) => {
  await app.sql`update users set email_verified = true where email = ${person.email}`
  await switchOn(app, browser)
}
PLACES.push(
  {
    path: SECOND_STEP,
    as: 'learner',
    prepare: async ({ person }) => {
      await app.sql`update users set email_verified = true where email = ${person.email}`
    },
  },
  {
    path: SETUP,
    as: 'learner',
    prepare: async ({ person, browser }) => {
      await app.sql`update users set email_verified = true where email = ${person.email}`
      await browser.submitTo(SECOND_STEP, SECOND_STEP)
    },
  },
  { path: SECOND_STEP, as: 'learner', prepare: careful },
  {
    path: LOGIN_PAGE,
    as: 'between two steps',
    prepare: async (ada) => {
      await careful(ada)
      await ada.browser.logOut()
      await firstStep(ada.browser, ada.person)
    },
  },
  {
    path: `${SECOND_STEP}/confirmation`,
    as: 'learner',
    prepare: async (ada) => {
      await careful(ada)
      app.advance(11 * 60_000)
    },
  },
)
/** What only a script can send, since only a script can ask for a passkey. */
const BY_SCRIPT = ['/login/passkey', PASSKEYS]
const patterns = formPathsOf(app).filter((path) => !BY_SCRIPT.includes(path))
const sent = new Set<string>()

/** The route that takes a form for this path. */
const patternOf = (path: string): string =>
  patterns.includes(path)
    ? path
    : (patterns.find((pattern) => new RegExp(`^${pattern.replace(/:\w+/g, '[^/]+')}$`).test(path)) ?? assert.fail(path))

async function contextFor({ browser }: Ada, as: Place['as']): Promise<BrowserContext> {
  const context = await chromium.newContext({ javaScriptEnabled: false, acceptDownloads: true })
  const name = as === 'learner' ? COOKIE : 'matricula-ticket'
  if (as !== 'visitor') await context.addCookies([{ name, value: browser.cookie(name) ?? '', url: app.url }])
  return context
}

/** Sends each form of a page that was not sent before. Each by somebody else, since some forms end the session. */
async function sendAll({ path, as, prepare, arrive }: Place): Promise<void> {
  for (let at = 0, count = 1; at < count; at += 1) {
    const ada = await learner(app, 'Ada')
    const link = await prepare?.(ada)
    const context = await contextFor(ada, as)
    const page = await context.newPage()
    if (typeof link === 'string') await page.goto(link)
    await arrive?.(page, ada)
    const shown = await page.goto(path === '' ? String(link) : app.url + path)
    assert.ok([200, 410].includes(shown?.status() ?? 0), `${path} answers ${shown?.status()}`)
    const actions = await page
      .locator('form[method=post]')
      .evaluateAll((forms) => forms.map((form) => form.getAttribute('action') ?? ''))
    const left = actions.filter((action) => !sent.has(patternOf(action)))
    count = at + left.length
    const [action] = left
    if (action !== undefined) {
      const answer = page.waitForResponse((response) => response.request().method() === 'POST')
      // Some buttons are in a part of the page that is folded up.
      await page.locator(`form[method=post][action="${action}"] button`).first().dispatchEvent('click')
      const status = (await answer).status()
      assert.ok([200, 303, 410, 422].includes(status), `${action} on ${path} answers ${status}`)
      sent.add(patternOf(action))
    }
    await context.close()
  }
}

describe('without JavaScript, Chromium', () => {
  it('[C23] sends every form there is, and each is taken', async () => {
    for (const place of [...PLACES, ...CODE_PLACES]) await sendAll(place)
    assert.deepEqual(
      patterns.filter((pattern) => !sent.has(pattern)),
      [],
    )
  })
})
