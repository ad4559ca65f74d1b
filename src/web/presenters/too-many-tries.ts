/** The answer to too many tries: the form as it was, and when to try again, in words and in `Retry-After`. */
import type { Request, Response } from 'express'
import { Busy } from '../../base/failures.ts'
import { secondsInWords } from '../../base/text.ts'
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

/** For a device that an account does not know, after too many wrong passwords from such devices. */
export function refuseStrangers(res: Response, state: FormState, retryAfterSeconds: number): FormState {
  res.status(429).set('Retry-After', String(retryAfterSeconds))
  return refuse(state, 'email', 'Too many wrong passwords from devices we do not know')
}

/** What keeps everybody waiting, in the words of each form. */
export const MANY_LOG_IN = 'Many people are logging in'
export const NOT_CHECKED = `${MANY_LOG_IN}, so your password was not checked`
export const NOT_CHANGED = `${MANY_LOG_IN}, so nothing was changed`

/**
 * Catches `Busy`: the form comes back as it was, and says when there will be a place. Everything else is thrown on.
 */
export const sayBusy =
  (res: Response, state: FormState, { field, words }: { field: string; words: string }) =>
  (error: unknown): { busy: FormState } => {
    if (!(error instanceof Busy)) throw error
    const { retryAfterSeconds: seconds } = error
    res.status(503).set('Retry-After', String(seconds))
    return { busy: { ...refuse(state, field, `${words}. Try again in ${secondsInWords(seconds)}`), sendIn: seconds } }
  }

/** The form as it was while the database is away. The script counts down and sends it. */
export const outOfReach = (state: FormState, field: string, retryAfterSeconds: number): FormState => ({
  ...refuse(
    state,
    field,
    `The service is out of reach for a moment. Try again in ${secondsInWords(retryAfterSeconds)}`,
  ),
  sendIn: retryAfterSeconds,
})

/** A pause in words, rounded up: to minutes, and to hours from one on. */
export function inWords(seconds: number): string {
  const minutes = Math.ceil(seconds / 60)
  const hours = Math.ceil(minutes / 60)
  if (minutes > 60) return `${hours} hours`
  if (minutes === 60) return 'an hour'
  return minutes === 1 ? 'a minute' : `${minutes} minutes`
}
