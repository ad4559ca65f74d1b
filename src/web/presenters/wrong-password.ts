/** The answer to a wrong password, where one was asked for once more before a change. */
import type { Request, Response } from 'express'
import type { Confirmation } from '../../accounts/passwords/password-check.ts'
import type { Deps } from '../../deps.ts'
import { renderError } from '../middleware/errors.ts'
import { logOut } from '../session/identity.ts'

/**
 * Calls `again`, which shows the form with this message. Once the tries are used up it ends the session instead: whoever
 * guesses at an open session is not its owner.
 */
export async function refuseWrongPassword(
  req: Request,
  res: Response,
  deps: Deps,
  { refused, again }: { refused: Exclude<Confirmation, { ok: true }>; again: (message: string) => void },
): Promise<void> {
  if (refused.reason === 'wrong') {
    res.status(422)
    return again('This is not your current password')
  }
  await logOut(req, res, deps)
  req.user = undefined
  res.set('Retry-After', String(refused.retryAfterSeconds))
  renderError(req, res, 429, {
    title: 'You are logged out',
    text: 'The password was wrong too often. Log in again, or reset it if you have forgotten it.',
    links: [
      { href: '/login', label: 'Log in' },
      { href: '/password-reset', label: 'Reset your password' },
    ],
  })
}
