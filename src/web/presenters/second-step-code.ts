/** The field for a code of the second step, and the answers to one that is not taken. */
import type { Request, Response } from 'express'
import { z } from 'zod'
import type { CodeCheck } from '../../accounts/second-step/codes.ts'
import { typedCode } from '../../accounts/second-step/recovery-codes.ts'
import type { Deps } from '../../deps.ts'
import { renderError } from '../middleware/errors.ts'
import { logOut } from '../session/identity.ts'

const LENGTH_MAX = 100

/** Never shown again: what was typed is wrong, or good only once. */
export const CODE_FIELD = { code: { id: 'code', secret: true } } as const

export const CodeForm = z.object({
  code: z
    .string({ error: 'Enter a code' })
    .max(LENGTH_MAX, 'That is too long for a code')
    .refine((code) => typedCode(code) !== '', 'Enter a code'),
})

/** What stands at the field. */
export const CODE_REFUSED = {
  wrong: 'That code is not right. Codes change every 30 seconds, and the clock of your device must be right',
  /** Where a recovery code was asked for: one that was used, and one that never was. */
  recovery: 'That is not one of your recovery codes, or it was used before',
  used: 'That code was used before. Wait until the app shows the next one',
} as const

type Refused = Exclude<CodeCheck, { ok: true } | { reason: 'over' }>

/**
 * In an open session: calls `again`, which shows the form with this message. Once the tries are used up it ends the session
 * instead, as after wrong passwords: whoever guesses at an open session is not its owner.
 */
export async function refuseWrongCode(
  req: Request,
  res: Response,
  deps: Deps,
  { refused, again }: { refused: Refused; again: (message: string) => void },
): Promise<void> {
  if (refused.reason !== 'too-many-tries') {
    res.status(422)
    return again(CODE_REFUSED[refused.reason])
  }
  await logOut(req, res, deps)
  req.user = undefined
  res.set('Retry-After', String(refused.retryAfterSeconds))
  renderError(req, res, 429, {
    title: 'You are logged out',
    text: 'The code was wrong too often. Log in again, with a new code or a recovery code.',
    links: [{ href: '/login', label: 'Log in' }],
  })
}
