/** People with a second step: they set it up as an app does, from the secret on the page. */
import assert from 'node:assert/strict'
import { parse } from 'node-html-parser'
import { Secret, TOTP } from 'otpauth'
import type { TestApp } from './app.ts'
import { type Browser, learner, type Person, type Response } from './people.ts'

export const PAGE = '/account/second-step'
export const SETUP = `${PAGE}/setup`
export const LOGIN_PAGE = '/login/second-step'
export const STEP_MS = 30_000

/** The code that an app shows at the time of the site, or so many steps off. */
export const codeAt = ({ deps }: Pick<TestApp, 'deps'>, secret: string, stepsOff = 0): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: deps.now() + stepsOff * STEP_MS })

/** A code that was not taken yet: half a minute later, each app shows another one. */
export function nextCode(app: TestApp, secret: string): string {
  app.advance(STEP_MS)
  return codeAt(app, secret)
}

/** Six digits that are none of the codes of now. */
export function wrongCode(app: TestApp, secret: string): string {
  const good = [-2, -1, 0, 1, 2].map((steps) => codeAt(app, secret, steps))
  return ['000000', '000001', '000002', '000003', '000004', '000005'].find((code) => !good.includes(code)) ?? ''
}

/** The secret that a page shows to be typed into an app. */
export const secretOn = (html: string): string =>
  (parse(html).querySelector('.secret code')?.text ?? '').replaceAll(' ', '')

export const recoveryCodesOn = (html: string): string[] =>
  parse(html)
    .querySelectorAll('.recovery-codes li')
    .map(({ text }) => text.trim())

/** Sets it up on the pages, and switches it on. */
export async function switchOn(app: TestApp, browser: Browser): Promise<{ secret: string; codes: string[] }> {
  assert.equal((await browser.submitTo(PAGE, PAGE)).headers.location, SETUP)
  const secret = secretOn((await browser.get(SETUP)).text)
  const done = await browser.submit(SETUP, { code: codeAt(app, secret) })
  assert.equal(done.headers.location, PAGE, done.text)
  return { secret, codes: recoveryCodesOn((await browser.get(PAGE)).text) }
}

export type Careful = { person: Person; browser: Browser; secret: string; codes: string[] }

/** Somebody with a second step, and the browser in which they are logged in. */
export async function careful(app: TestApp, name: string): Promise<Careful> {
  const { person, browser } = await learner(app, name)
  return { person, browser, ...(await switchOn(app, browser)) }
}

/** Types the password, and is asked for a code. */
export async function firstStep(
  browser: Browser,
  person: Pick<Person, 'email' | 'password'>,
  more: Record<string, string> = {},
): Promise<void> {
  const response = await browser.logIn(person, more)
  assert.equal(response.headers.location, LOGIN_PAGE, response.text)
}

export const enterCode = (browser: Browser, code: string, more: Record<string, string> = {}): Promise<Response> =>
  browser.submit(LOGIN_PAGE, { code, ...more })
