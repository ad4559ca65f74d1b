/** The answer to too many tries: when to try again in words and in `Retry-After`, and the form as it was. */
import type { Response } from 'express'
import { type FormState, refuse } from './forms.ts'

export function refuseTooManyTries(res: Response, state: FormState, retryAfterSeconds: number): FormState {
  res.status(429).set('Retry-After', String(retryAfterSeconds))
  return refuse(state, 'email', `Too many tries. Try again in ${inWords(retryAfterSeconds)}`)
}

function inWords(seconds: number): string {
  const minutes = Math.ceil(seconds / 60)
  if (minutes >= 60) return 'an hour'
  return minutes === 1 ? 'a minute' : `${minutes} minutes`
}
