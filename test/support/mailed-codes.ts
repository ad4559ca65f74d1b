/** People who log in by a code of a mail: they ask in a browser, read their mail, and type what is in it. */
import assert from 'node:assert/strict'
import type { TestApp } from './app.ts'
import { call } from './calls.ts'
import type { Letter, Mailbox } from './mailbox.ts'
import type { Browser, Response } from './people.ts'

export const ASK = '/login/code'
export const ENTER = `${ASK}/enter`
export const CONFIRM = `${ASK}/confirm`
export const SUBJECT = /Your code to log in/
export const REQUEST_COOKIE = 'matricula-code'

/** The six digits, which stand on a line of their own. */
export const codeOf = ({ text }: Pick<Letter, 'text'>): string => /^(\d{6})$/m.exec(text)?.[1] ?? assert.fail('no code')

/** Six digits that are not these. */
export const notThis = (code: string, more = 0): string =>
  String((Number(code) + 1 + more) % 1_000_000).padStart(6, '0')

export async function ask(browser: Browser, email: string, more: Record<string, string> = {}): Promise<void> {
  const response = await browser.submit(ASK, { email, ...more })
  assert.equal(response.status, 303, response.text)
}

/** Asks, waits until there are `count` letters, and returns the newest and its code. */
export async function askForCode(
  browser: Browser,
  mailbox: Mailbox,
  email: string,
  count = 1,
): Promise<{ code: string; letter: Letter }> {
  await ask(browser, email)
  const letter = await mailbox.letterTo(email, SUBJECT, count)
  return { code: codeOf(letter), letter }
}

type Purpose = 'sign-in' | 'email-verification' | 'forget-password'

/** Asks by the API. Returns the code that is mailed, and the cookie of whoever asked, as the value of a `Cookie` header. */
export async function askByApi(
  app: Pick<TestApp, 'port'>,
  mailbox: Mailbox,
  { email, type }: { email: string; type: Purpose },
): Promise<{ otp: string; cookie: string }> {
  const subject = /^Your code/
  const before = mailbox.letters.filter((letter) => letter.to === email && subject.test(letter.subject)).length
  const { status, headers, text } = await call(app, '/api/auth/email-otp/send-verification-otp', {
    body: { email, type },
  })
  assert.equal(status, 200, text)
  const [cookie = ''] = String(headers['set-cookie']).split(';')
  return { otp: codeOf(await mailbox.letterTo(email, subject, before + 1)), cookie }
}

export const type = (browser: Browser, code: string, more: Record<string, string> = {}): Promise<Response> =>
  browser.submit(ENTER, { code, ...more })
