/** The answer to too many tries: the form as it was, and when to try again, in words and in `Retry-After`. */
import type { Request, Response } from 'express'
import { renderError } from '../middleware/errors.ts'
import { type FormState, refuse } from './form.ts'

/** The page for a request that has no form to show again. */
export function tooManyTries(req: Request, res: Response, retryAfterSeconds: number): void {
  res.set('Retry-After', String(retryAfterSeconds))
  const text = `Nothing was changed. Try again in ${inWords(retryAfterSeconds)}.`
  renderError(req, res, 429, { title: 'Too many tries', text })
}

export function refuseTooManyTries(
  res: Response,
  state: FormState,
  retryAfterSeconds: number,
  field = 'email',
): FormState {
  res.status(429).set('Retry-After', String(retryAfterSeconds))
  return refuse(state, field, `Too many tries. Try again in ${inWords(retryAfterSeconds)}`)
}

function inWords(seconds: number): string {
  const minutes = Math.ceil(seconds / 60)
  if (minutes >= 60) return 'an hour'
  return minutes === 1 ? 'a minute' : `${minutes} minutes`
}
