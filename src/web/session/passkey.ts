/** The cookie that binds the challenges of passkeys to a browser. */
import type { Request, Response } from 'express'
import { newBrowser } from '../../accounts/passkeys/challenges.ts'
import type { Deps } from '../../deps.ts'
import { heldCookie, keepCookie } from './cookies.ts'

const BROWSER = /^[\w-]{22}$/

/** The browser that asks, which keeps its name for another five minutes: so several tabs can ask at once. */
export function browserOf(req: Request, res: Response, deps: Deps): string {
  const held = heldBrowser(req, deps)
  const browser = BROWSER.test(held) ? held : newBrowser()
  keepCookie(res, deps, 'passkey', browser)
  return browser
}

/** The browser that answers; an empty text if it has asked for nothing. */
export const heldBrowser = (req: Request, deps: Deps): string => heldCookie(req, deps, 'passkey') ?? ''
