/** The texts of mails about what has happened to an account. Each leads to “It was not me”, where there is something to undo. */
import { momentInWords } from '../base/dates.ts'
import { compose } from './letter.ts'
import type { Draft } from './outbox.ts'

/** How long such a mail is worth sending. */
export const NOTICE_LASTS_MS = 2 * 24 * 60 * 60_000

/** Before the link of a notice. */
export const IF_NOT_YOU =
  'If it was you, there is nothing to do. If it was not, open this link within 7 days. Its button signs out every device, and you choose a new password:'

/** How somebody has logged in, from the names of RFC 8176: their owner must know which way in somebody else has found. */
function waysIn(amr: readonly string[]): string {
  if (amr.includes('user')) return 'with a passkey'
  const first = amr.includes('pwd') ? 'with your password' : 'with a code that we emailed to you'
  return amr.includes('mfa') ? `${first} and the second step` : first
}

type NewLogin = { device: string; network: string; at: Date; amr: readonly string[]; link: string }

/** `device` and `network` are words of ours, never what a browser calls itself. */
export const newLogin = (to: string, { device, network, at, amr, link }: NewLogin): Draft => ({
  kind: 'new-login',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'A new device was used to log in',
    before: [
      `Somebody logged in to your Matricula account ${waysIn(amr)}, on a device that we do not know: ${device}, network ${network}, on ${momentInWords(at)}.`,
      IF_NOT_YOU,
    ],
    link,
    after: ['On your account page you can turn these emails off.'],
  }),
})

export const passwordChanged = (to: string, link: string): Draft => ({
  kind: 'password-changed',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Your password was changed',
    before: ['The password of your Matricula account was changed just now.', IF_NOT_YOU],
    link,
  }),
})

export const dataExported = (to: string, link: string): Draft => ({
  kind: 'data-exported',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'A copy of your data was downloaded',
    before: ['A copy of everything in your Matricula account was downloaded just now.', IF_NOT_YOU],
    link,
  }),
})

export const emailChangeAsked = (to: string, { newEmail, link }: { newEmail: string; link: string }): Draft => ({
  kind: 'email-change-asked',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Your email address is about to change',
    before: [
      `The address of your Matricula account is to become ${newEmail}. It changes when the link that we sent there is confirmed.`,
      'If it was you, there is nothing to do. If it was not, open this link within 7 days. Its button cancels the change and signs out every device, and you choose a new password:',
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

/** To an address that was confirmed, from where the change can be undone. */
export const emailChangedWithUndo = (to: string, { newEmail, link }: { newEmail: string; link: string }): Draft => ({
  kind: 'email-changed',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Your email address was changed',
    before: [
      `The address of your Matricula account is now ${newEmail}. This address no longer belongs to it.`,
      'If it was you, there is nothing to do. If it was not, open this link within 7 days. Its button puts this address back and signs out every device, and you choose a new password:',
    ],
    link,
  }),
})

/** To the address that an account had for a few days. */
export const emailPutBack = (to: string, link: string): Draft => ({
  kind: 'email-put-back',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Your email address was changed back',
    before: [
      'This address no longer belongs to a Matricula account: the address of before is back. Somebody who reads emails there said that they had not changed it.',
      'If the account is yours, write to us:',
    ],
    link,
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
      'If it was not you who deleted it, say so there: the account is kept, and you choose a new password.',
      'If you do nothing, this is the last email you get from us.',
    ],
  }),
})

/** Why is not said: the reason is for operators, and may speak of others. */
export const accountSuspended = (to: string, link: string): Draft => ({
  kind: 'account-suspended',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Your account was suspended',
    before: [
      'The people who run Matricula have suspended your account. Nobody can log in to it for now. Nothing in it was deleted.',
      'To ask why, or to have it opened again, write to them. Here it says how:',
    ],
    link,
  }),
})

export const accountResumed = (to: string, link: string): Draft => ({
  kind: 'account-resumed',
  lastsMs: NOTICE_LASTS_MS,
  mail: compose(to, {
    subject: 'Your account is open again',
    before: ['Your Matricula account is no longer suspended, and all that was in it is still there. Log in as before:'],
    link,
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
