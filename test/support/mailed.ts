/** The links of letters, as people open them: they follow the link, come to its page, and press its button. */
import { parse } from 'node-html-parser'
import type { Letter, Mailbox } from './mailbox.ts'
import type { Browser, Response } from './people.ts'

export const RESET = { page: '/password-reset/new', subject: /Reset your password/ }
export const VERIFY = { page: '/email-verification/confirm', subject: /Confirm your email address/ }
export const CHANGE = { page: '/email-verification/confirm', subject: /Confirm your new email address/ }
export const NEW_PASSWORD = 'another tidy copper lantern'

/** The link as a path of the app. */
export function pathOf({ link }: Pick<Letter, 'link'>): string {
  const { pathname, search } = new URL(link)
  return pathname + search
}

/** The token in the link of a letter, which no page, log or table may hold. */
export const secretOf = ({ link }: Pick<Letter, 'link'>): string => new URL(link).pathname.split('/').at(-1) ?? ''

/** Opens the link and goes where it leads: the page that it ends at. */
export async function open(browser: Browser, letter: Pick<Letter, 'link'>): Promise<Response> {
  const { headers } = await browser.get(pathOf(letter))
  return browser.get(headers.location ?? '/')
}

/** Asks for a link to reset the password and waits for the letter, which is the newest of `count`. */
export async function askForReset(browser: Browser, mailbox: Mailbox, email: string, count = 1): Promise<Letter> {
  const { status } = await browser.submit('/password-reset', { email })
  if (status !== 303) throw new Error(`asking for a link answered ${status}`)
  return mailbox.letterTo(email, RESET.subject, count)
}

/** Asks for another address and waits for the letter that goes there. */
export async function askForChange(browser: Browser, mailbox: Mailbox, email: string, count = 1): Promise<Letter> {
  const { status } = await browser.submit('/account/email-change', { email })
  if (status !== 303) throw new Error(`asking for another address answered ${status}`)
  return mailbox.letterTo(email, CHANGE.subject, count)
}

/** Opens the link and presses “Confirm email”. */
export async function confirm(browser: Browser, letter: Pick<Letter, 'link'>): Promise<Response> {
  await open(browser, letter)
  return browser.submit('/email-verification/confirm', {})
}

/** Opens the link and sets a new password by it. */
export async function resetBy(browser: Browser, letter: Letter, password = NEW_PASSWORD): Promise<Response> {
  await open(browser, letter)
  return browser.submit(RESET.page, { password })
}

export const headingOf = ({ text }: Pick<Response, 'text'>): string => parse(text).querySelector('h1')?.text ?? ''

/** Where an answer leads, with its status. */
export const leads = ({ status, headers }: Response): [number, string | undefined] => [status, headers.location]
