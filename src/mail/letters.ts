/** The texts of mails with a link to do something. */
import { compose } from './letter.ts'
import type { Draft } from './outbox.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** How long a link is good (ASVS 6.4.1): an hour if it gives access to an account, a day if it only confirms an address. Of a notice a week, in which its owner should have read it. */
export const LINK_LASTS_MS = {
  'reset-password': HOUR,
  'new-device': HOUR,
  'verify-email': DAY,
  'change-email': DAY,
  'not-me': 7 * DAY,
  'undo-email-change': 7 * DAY,
  'undo-second-step': 7 * DAY,
} as const

const IGNORE = 'If you did not ask for this, ignore this email. Nothing changes without you.'

/** Written for an unknown address and sent to nobody, so that it costs the same as a mail to a known address. */
export const nothing: Draft = {
  kind: 'nothing',
  mail: compose('', { subject: '', before: ['-'.repeat(400)] }),
  lastsMs: MINUTE,
}

export const verifyEmail = (to: string, link: string): Draft => ({
  kind: 'verify-email',
  lastsMs: LINK_LASTS_MS['verify-email'],
  mail: compose(to, {
    subject: 'Confirm your email address',
    before: ['Confirm that this is the email address of your Matricula account. Open this link and press the button:'],
    link,
    after: [
      'The link works for 24 hours.',
      'If you did not sign up, ignore this email, or open the link and say so there: you then make the account yours, or remove it.',
    ],
  }),
})

export const resetPassword = (to: string, link: string): Draft => ({
  kind: 'reset-password',
  lastsMs: LINK_LASTS_MS['reset-password'],
  mail: compose(to, {
    subject: 'Reset your password',
    before: ['Open this link to choose a new password for Matricula:'],
    link,
    after: ['The link works once, for one hour.', IGNORE],
  }),
})

export const newDevice = (to: string, link: string): Draft => ({
  kind: 'new-device',
  lastsMs: LINK_LASTS_MS['new-device'],
  mail: compose(to, {
    subject: 'Log in from a new device',
    before: [
      'Open this link on the device from which you want to log in to Matricula, and press the button. Your password works there afterwards:',
    ],
    link,
    after: ['The link works once, for one hour.', IGNORE],
  }),
})

export const confirmNewEmail = (to: string, link: string): Draft => ({
  kind: 'change-email',
  lastsMs: LINK_LASTS_MS['change-email'],
  mail: compose(to, {
    subject: 'Confirm your new email address',
    before: [
      'Somebody wants to use this address for their Matricula account. If it is you, open this link and press the button:',
    ],
    link,
    after: ['The link works once, for 24 hours.', IGNORE],
  }),
})
