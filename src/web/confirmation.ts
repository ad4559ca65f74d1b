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

/** To a person, when the tries are used up. */
export async function endForGuessing(
  req: Request,
  res: Response,
  deps: Deps,
  retryAfterSeconds: number,
): Promise<void> {
  await logOut(req, res, deps)
  req.user = undefined
  res.set('Retry-After', String(retryAfterSeconds))
  renderError(req, res, 429, {
    title: 'You are logged out',
    text: 'The password was wrong too often. Log in again, or reset it if you have forgotten it.',
    links: [
      { href: '/login', label: 'Log in' },
      { href: '/password-reset', label: 'Reset your password' },
    ],
  })
}
