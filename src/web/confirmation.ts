/** What becomes of a session at which the password that should confirm a change is wrong. */
import type { Request, Response } from 'express'
import type { Deps } from '../deps.ts'
import { logOut } from './auth.ts'
import { renderError } from './errors.ts'
import { Refusal } from './refusals.ts'

type Refused = { reason: 'wrong' } | { reason: 'too-many-tries'; retryAfterSeconds: number }

/** To a program: whoever guesses at an open session does not know the password, so it ends when the tries are used up. */
export async function refuseConfirmation(req: Request, res: Response, deps: Deps, refused: Refused): Promise<Refusal> {
  if (refused.reason === 'wrong') return new Refusal('INVALID_PASSWORD')
  await logOut(req, res, deps)
  return new Refusal('RATE_LIMITED', refused)
}

/** To a person: what `again` shows, which is their form with this message, or the end of the session. */
export async function refuseConfirmationOnPage(
  req: Request,
  res: Response,
  deps: Deps,
  { refused, again }: { refused: Refused; again: (message: string) => void },
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
