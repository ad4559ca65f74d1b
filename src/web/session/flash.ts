/** A message for the next page. It is shown once, after a redirect. */
import { promisify } from 'node:util'
import type { Request } from 'express'

const MESSAGES = {
  'account-created': 'Your account is ready and you are logged in.',
  'answers-saved': 'Your answers are saved.',
  'name-saved': 'Your name is saved.',
  'password-saved': 'Your password is changed.',
  'email-change-sent': 'We sent a link to the new address. Your address changes when you confirm it there.',
  'email-change-cancelled': 'Your email address stays as it is.',
  'login-notices-on': 'We email you when a new device logs in.',
  'login-notices-off': 'We no longer email you about new devices.',
  'second-step-off': 'The second step is switched off. Your password is enough again.',
  'second-step-devices-forgotten': 'From now on, every device asks for a code.',
  'recovery-code-used':
    'You are logged in, and that recovery code is used up. On your account you can see how many are left.',
  'claimed-by-code':
    'You are logged in, and your address is confirmed. Whatever password the account had is gone, and all other devices are logged out. You can choose a new password by email, at “Forgot your password?”.',
  'passkey-added': 'Your passkey is added. You can log in with it.',
  'passkey-named': 'Your passkey has its new name.',
  'passkey-removed': 'That passkey is removed.',
  'session-ended': 'That device is logged out.',
  'sessions-ended': 'All other devices are logged out.',
  'plan-saved': 'Your plan is saved.',
  'calendar-closed': 'The address of your calendar is withdrawn. Programs that use it get nothing any more.',
  'known-taken-back': 'All is as it was before.',
} as const

/**
 * One of the messages; or `lesson:` and the id of a lesson, whose state is then read from the progress; or `known:` and the
 * part of the course, the time and the number of lessons that were marked together; or `calendar:` or `codes:` and something sealed.
 */
export type FlashMessage =
  | keyof typeof MESSAGES
  | `lesson:${string}`
  | `known:${string}:${number}:${number}`
  | `calendar:${string}`
  | `codes:${string}`

type Flash = {
  text?: string
  lessonId?: string
  known?: { module: string; at: number; count: number }
  calendar?: string
  codes?: string
}

export function setFlash(req: Request, message: FlashMessage): void {
  req.session.flash = message
}

/** Sets the message and waits until it is saved, so that a redirect cannot overtake it. */
export async function saveFlash(req: Request, message: FlashMessage): Promise<void> {
  setFlash(req, message)
  await promisify(req.session.save).call(req.session)
}

/** The waiting message, for pages that do not speak of lessons. It is then deleted. */
export function takeMessage(req: Request): { text: string } | undefined {
  const text = takeFlash(req)?.text
  return text === undefined ? undefined : { text }
}

/** The waiting message. It is then deleted. Recovery codes wait for the one page that can show them, since nothing else can. */
export function takeFlash(req: Request, { withCodes = false } = {}): Flash | undefined {
  // A HEAD request shows no page.
  const name = req.user && req.method === 'GET' ? req.session.flash : undefined
  if (name === undefined || (name.startsWith('codes:') && !withCodes)) return undefined
  delete req.session.flash
  const [kind, first = '', at, count] = name.split(':')
  if (kind === 'lesson') return { lessonId: first }
  if (kind === 'known') return { known: { module: first, at: Number(at), count: Number(count) } }
  if (kind === 'calendar') return { calendar: first }
  if (kind === 'codes') return { codes: first }
  return Object.hasOwn(MESSAGES, name) ? { text: MESSAGES[name as keyof typeof MESSAGES] } : undefined
}
