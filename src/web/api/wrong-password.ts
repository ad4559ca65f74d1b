/** Refuses a call whose password, asked for once more before a change, is wrong. */
import type { Request, Response } from 'express'
import type { Confirmation } from '../../accounts/passwords/password-check.ts'
import type { Deps } from '../../deps.ts'
import { logOut } from '../session/identity.ts'
import { Refusal } from './refusals.ts'

/** Ends the session once the tries are used up: whoever guesses at an open session is not its owner. */
export async function refuseWrongPassword(
  req: Request,
  res: Response,
  deps: Deps,
  refused: Exclude<Confirmation, { ok: true }>,
): Promise<Refusal> {
  if (refused.reason === 'wrong') return new Refusal('INVALID_PASSWORD')
  await logOut(req, res, deps)
  return new Refusal('RATE_LIMITED', refused)
}
