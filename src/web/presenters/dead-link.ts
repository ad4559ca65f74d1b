/** The page for a link of a mail that does not work any more. */
import type { Response } from 'express'

const DEAD = {
  expired: { status: 410, title: 'This link has expired', text: 'Links of emails work for a limited time.' },
  used: { status: 410, title: 'This link has been used', text: 'Each link works once.' },
  superseded: {
    status: 410,
    title: 'This link has been replaced',
    text: 'A newer one was asked for, or the account has changed since. Look for the newest email.',
  },
  cancelled: { status: 410, title: 'This change was cancelled', text: 'The address of the account stays as it is.' },
  taken: {
    status: 410,
    title: 'This link cannot be used any more',
    text: 'The account or the address has changed since.',
  },
  kept: {
    status: 410,
    title: 'This link has been used',
    text: 'The account was kept. Log in with its address and password as before.',
  },
  deleted: { status: 410, title: 'The account is deleted', text: 'The time to keep it is over.' },
  'no-undo': {
    status: 404,
    title: 'This link does not work',
    text: 'Part of it may be missing: open it from the email, or copy the whole line. Or the account has been deleted for good, and there is nothing to keep any more.',
  },
  gone: { status: 410, title: 'This account is gone', text: 'It was deleted, and its links with it.' },
  unknown: {
    status: 404,
    title: 'This link does not work',
    text: 'Part of it may be missing. Open it from the email, or copy the whole line.',
  },
} as const

export type DeadLink = keyof typeof DEAD

/** Says what became of a link; `again` is the button that asks for a new one. */
export function renderDeadLink(
  res: Response,
  reason: DeadLink,
  again: { action: string; label: string } | undefined,
): void {
  const { status, ...words } = DEAD[reason]
  res.status(status).render('dead-link', { ...words, again })
}
