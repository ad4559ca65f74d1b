/** Uses the links in letters as people do: open the link, come to its page, press its button. */
import { parse } from 'node-html-parser'
import type { Letter, Mailbox } from './mailbox.ts'
import { type Browser, PASSWORD, type Response } from './people.ts'

export const RESET = { page: '/password-reset/new', subject: /Reset your password/ }
export const VERIFY = { page: '/email-verification/confirm', subject: /Confirm your email address/ }
export const CHANGE = { page: '/email-verification/confirm', subject: /Confirm your new email address/ }
export const NEW_PASSWORD = 'another tidy copper lantern'

/** The link as a path of the app. */
export function pathOf({ link }: Pick<Letter, 'link'>): string {
  const { pathname, search } = new URL(link)
  return pathname + search
}

/** The token in the link of a letter. It must not be in any page, log or table. */
export const secretOf = ({ link }: Pick<Letter, 'link'>): string => new URL(link).pathname.split('/').at(-1) ?? ''

/** Opens the link, follows its redirect, and returns that page. */
export async function open(browser: Browser, letter: Pick<Letter, 'link'>): Promise<Response> {
  const { headers } = await browser.get(pathOf(letter))
  return browser.get(headers.location ?? '/')
}

/** Asks for a link to reset the password, waits until there are `count` letters, and returns the newest. */
export async function askForReset(browser: Browser, mailbox: Mailbox, email: string, count = 1): Promise<Letter> {
  const { status } = await browser.submit('/password-reset', { email })
  if (status !== 303) throw new Error(`asking for a link answered ${status}`)
  return mailbox.letterTo(email, RESET.subject, count)
}

/** Asks to change the address and waits for the letter to the new address. */
export async function askForChange(browser: Browser, mailbox: Mailbox, email: string, count = 1): Promise<Letter> {
  const { status } = await browser.submit('/account/email-change', { email })
  if (status !== 303) throw new Error(`asking for another address answered ${status}`)
  return mailbox.letterTo(email, CHANGE.subject, count)
}

/** Opens the link and presses “Confirm email”. Where nobody is logged in to the account, the page asks for the password. */
export async function confirm(
  browser: Browser,
  letter: Pick<Letter, 'link'>,
  { password = PASSWORD } = {},
): Promise<Response> {
  await open(browser, letter)
  return browser.submit('/email-verification/confirm', { password })
}

/** Opens the link and sets a new password. */
export async function resetBy(browser: Browser, letter: Letter, password = NEW_PASSWORD): Promise<Response> {
  await open(browser, letter)
  return browser.submit(RESET.page, { password })
}

export const headingOf = ({ text }: Pick<Response, 'text'>): string => parse(text).querySelector('h1')?.text ?? ''

/** The status and `Location` of an answer. */
export const leads = ({ status, headers }: Response): [number, string | undefined] => [status, headers.location]
