/** A message for the next page: shown once, after a redirect. */
import type { Request } from 'express'

const MESSAGES = {
  'account-created': 'Your account is ready and you are logged in.',
} as const

export type FlashMessage = keyof typeof MESSAGES

export function setFlash(req: Request, message: FlashMessage): void {
  req.session.flash = message
}

/** The waiting message, which is then gone. */
export function takeFlash(req: Request): string | undefined {
  const name = req.session.flash
  if (name === undefined) return undefined
  delete req.session.flash
  return Object.hasOwn(MESSAGES, name) ? MESSAGES[name as FlashMessage] : undefined
}
