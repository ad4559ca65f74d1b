/** The texts of mails, plain and in simple HTML, with one link on its own line and nothing that tracks whether they are read. */
import { momentInWords } from '../base/dates.ts'
import type { Draft, Mail } from './outbox.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** How long a link is good (ASVS 6.4.1): an hour if it gives access to an account, a day if it only confirms an address. */
export const LINK_LASTS_MS = {
  'reset-password': HOUR,
  'new-device': HOUR,
  'verify-email': DAY,
  'change-email': DAY,
} as const

/** How long a notice about something that has happened is worth sending. */
const NOTICE_LASTS_MS = 2 * DAY

const IGNORE = 'If you did not ask for this, ignore this email. Nothing changes without you.'

type Text = { subject: string; before: readonly string[]; link?: string; after?: readonly string[] }

function compose(to: string, { subject, before, link, after = [] }: Text): Mail {
  // Without line breaks, so that no address can add a line of its own.
  const onOneLine = (text: string) => text.replace(/\s+/g, ' ')
  const href = link && onOneLine(link)
  const lines = ['Hello,', ...before, ...(href ? [href] : []), ...after, 'Matricula'].map(onOneLine)
  const html = lines.map(
    (line) => `<p>${line === href ? `<a href="${escapeHtml(line)}">${escapeHtml(line)}</a>` : escapeHtml(line)}</p>`,
  )
  return {
    to,
    subject,
    text: `${lines.join('\n\n')}\n`,
    html: `<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>\n<body>\n${html.join('\n')}\n</body>\n</html>\n`,
  }
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

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
      'If you did not sign up, ignore this email, or open the link and say so there: the account is then removed.',
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

export const guessingStopped = (to: string, link: string): Draft => ({
  kind: 'guessing-stopped',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Too many wrong passwords for your account',
    before: [
      'A wrong password for your Matricula account was typed 100 times in a row, on devices that had not logged in before. None of these tries got in, and such devices cannot try any more.',
      'You need do nothing. Devices from which you have logged in work as before. To log in from another one, get a link for it here:',
    ],
    link,
    after: ['This is the only email about it.'],
  }),
})

export const passwordChanged = (to: string, link: string): Draft => ({
  kind: 'password-changed',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Your password was changed',
    before: [
      'The password of your Matricula account was changed just now.',
      'If it was you, there is nothing to do. If it was not, reset your password at once:',
    ],
    link,
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

export const emailChangeAsked = (to: string, { newEmail, link }: { newEmail: string; link: string }): Draft => ({
  kind: 'email-change-asked',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Your email address is about to change',
    before: [
      `The address of your Matricula account is to become ${newEmail}. It changes when the link that we sent there is confirmed.`,
      'If it was you, there is nothing to do. If it was not, cancel the change there and then choose a new password:',
    ],
    link,
  }),
})

export const emailChanged = (to: string, { newEmail, link }: { newEmail: string; link: string }): Draft => ({
  kind: 'email-changed',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Your email address was changed',
    before: [
      `The address of your Matricula account is now ${newEmail}. This address no longer belongs to it.`,
      'If it was not you, write to us:',
    ],
    link,
  }),
})

/** To the owner of an address that somebody else wants to use for their own account. */
export const addressInUse = (to: string, link: string): Draft => ({
  kind: 'address-in-use',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'You already have an account',
    before: [
      'Somebody wanted to use this address for their Matricula account. You have an account with it already, and nothing has changed.',
      'If it was you, log in with this address, or reset its password here:',
    ],
    link,
  }),
})

/** To the owner of an address that somebody else wants to use, while the account that has it is deleted. */
export const addressOfLeaving = (to: string, { link, until }: { link: string; until: Date }): Draft => ({
  kind: 'address-in-use',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Your account is about to be deleted',
    before: [
      'Somebody wanted to use this address for their Matricula account. It belongs to the one that you deleted, and nothing has changed.',
      `That account is deleted for good on ${momentInWords(until)}, and the address is free then. To keep the account, or to delete it at once, enter this address here and we send you a link:`,
    ],
    link,
  }),
})

/** The goodbye, with the way back, until which the mail is worth sending. */
export const accountLeaving = (
  to: string,
  { link, until, lastsMs }: { link: string; until: Date; lastsMs: number },
): Draft => ({
  kind: 'account-leaving',
  lastsMs,
  mail: compose(to, {
    subject: 'Your account is about to be deleted',
    before: [
      `Your Matricula account was deleted, as you asked. Nobody can use it now. On ${momentInWords(until)} everything in it is deleted for good.`,
      'Until then you can change your mind. Open this link and press the button:',
    ],
    link,
    after: [
      'If it was not you who deleted it, keep the account by this link, and then reset your password at once.',
      'If you do nothing, this is the last email you get from us.',
    ],
  }),
})

export const accountDeleted = (to: string): Draft => ({
  kind: 'account-deleted',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Your account was deleted',
    before: [
      'Your Matricula account and everything in it was deleted, as you asked. Your address is free to sign up again.',
      'This is the last email you get from us.',
    ],
  }),
})
