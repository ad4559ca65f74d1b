/** The field for the code of a mail, and the answers to one that is not taken. */
import { z } from 'zod'
import { typedCode } from '../../accounts/second-step/recovery-codes.ts'

/** Never shown again: what was typed is wrong, or good only once. */
export const MAILED_CODE_FIELD = { code: { id: 'code', secret: true } } as const

export const MailedCodeForm = z.object({
  code: z
    .string({ error: 'Enter the six digits of the email' })
    .max(100, 'Enter the six digits of the email')
    .transform(typedCode)
    .refine((code) => /^\d{6}$/.test(code), 'Enter the six digits of the email'),
})

export function wrongCodeInWords(triesLeft: number): string {
  return `That code is not right. Look for the newest email; you have ${triesLeft} ${triesLeft === 1 ? 'try' : 'tries'} left`
}

/** Why a code is no good any more. */
export const CODE_OVER = {
  expired: { title: 'This code has expired', text: 'Codes of emails work for 10 minutes.' },
  exhausted: {
    title: 'This code is over',
    text: 'It was typed wrong five times. For your safety it is not taken any more, not even the right one.',
  },
  over: {
    title: 'This code is over',
    text: 'It was used, or another one was asked for, or it belongs to another browser, or the account has changed since.',
  },
} as const
