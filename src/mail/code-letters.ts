/** The texts of mails with a code to be typed, and sometimes a link beside it. */
import { compose } from './letter.ts'
import type { Draft } from './outbox.ts'

const MINUTE = 60_000
export const CODE_LASTS_MS = 10 * MINUTE

const WORDS = {
  'sign-in': { subject: 'Your code to log in', use: 'log in to Matricula' },
  'email-verification': {
    subject: 'Your code to confirm your address',
    use: 'confirm your email address for Matricula',
  },
  'forget-password': { subject: 'Your code for a new password', use: 'choose a new password for Matricula' },
} as const

/** `device` and `network` are those of whoever has asked, so that an owner who has not can see it. */
type Code = { purpose: keyof typeof WORDS; code: string; link?: string | undefined; device: string; network: string }

export function mailedCode(to: string, { purpose, code, link, device, network }: Code): Draft {
  const { subject, use } = WORDS[purpose]
  const or = link ? ['Or open this link in the same browser, and press its button:'] : []
  return {
    kind: `${purpose}-code`,
    lastsMs: CODE_LASTS_MS,
    mail: compose(to, {
      subject,
      before: [`To ${use}, type this code in the browser where you asked for it:`, code, ...or],
      ...(link ? { link } : {}),
      after: [
        `It works once, for 10 minutes. It was asked for on this device: ${device}, in the network ${network}.`,
        'If that was not you, ignore this email, and tell nobody the code: whoever asks you for it wants to get into your account. Nothing changes without it.',
      ],
    }),
  }
}
