/** What is true of a mail that a learner waits for, in plain words, and what they can do. */
import type { MailStatus } from '../../accounts/mail-status.ts'
import type { Outcome } from '../../mail/outcomes.ts'

/** `at` is the moment that the words speak of; it stands between them and `advice`. */
export type MailInWords = { words: string; at: Date; advice: string }

const CHECK = 'Check the address for a typing mistake, and change it if it is wrong.'

const ENDINGS: Record<Outcome, [words: string, advice: string]> = {
  'handed-over': [
    'It was handed over to the mail server on',
    'From there it can take a few minutes. Look in your spam folder, too.',
  ],
  'no-mailbox': ['It was refused, because the other side knows no such mailbox, on', CHECK],
  'mailbox-full': ['It was refused, because your mailbox is full, on', 'Make room there, then have it sent again.'],
  unwanted: [
    'It was refused, because the other side does not want our mail, on',
    'Use another address, or ask those who run your mailbox.',
  ],
  refused: ['It was refused by the other side, without a reason that we know, on', CHECK],
  dropped: ['It could not be sent, by a fault of ours, on', 'Have it sent again.'],
}

export function mailInWords(status: MailStatus): MailInWords {
  if (status.state === 'ended') {
    const [words, advice] = ENDINGS[status.outcome]
    return { words, at: status.at, advice }
  }
  if (status.state === 'lost') {
    return {
      words: 'It could not be sent in time. You asked for it on',
      at: status.askedAt,
      advice: 'Have it sent again.',
    }
  }
  if (status.attempts < 2) {
    return { words: 'It is waiting to be sent, since', at: status.askedAt, advice: 'Open this page again in a moment.' }
  }
  const words = `It could not be handed over yet, though it was tried ${status.attempts} times. The next try is on`
  return { words, at: status.dueAt, advice: 'There is nothing you have to do.' }
}
