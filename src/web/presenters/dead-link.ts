/** The opened link of a mail, and the page for one that does not work any more. */
import type { Request, Response } from 'express'
import { type Link, lookAtLink } from '../../accounts/links/email-links.ts'
import type { Deps } from '../../deps.ts'
import { openedLink } from '../session/opened-links.ts'
import { tooManyTries } from './too-many-tries.ts'

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

type Again = { action: string; label: string }

/** Says what became of a link; `again` is the button that asks for a new one. */
export function renderDeadLink(res: Response, reason: DeadLink, again: Again | undefined): void {
  const { status, ...words } = DEAD[reason]
  res.status(status).render('dead-link', { ...words, again })
}

type Purposes = Parameters<typeof lookAtLink>[1]['purposes']
type Opened = { token: string; link: Link }

/** The opened link, good or not. If there is none, sends the answer and returns undefined. */
export async function findOpened(
  req: Request,
  res: Response,
  deps: Deps,
  purposes: Purposes,
): Promise<Opened | undefined> {
  const token = openedLink(req, deps)?.token ?? ''
  const look = await lookAtLink(deps, { token, purposes, ip: req.ip ?? '' })
  if (look.ok) return { token, link: look.link }
  if (look.reason === 'too-many-tries') return void tooManyTries(req, res, look.retryAfterSeconds)
  return void renderDeadLink(res, 'unknown', undefined)
}

/** The opened link, if it is good. Otherwise sends the answer, with the button of `again`, and returns undefined. */
export async function findGood(
  req: Request,
  res: Response,
  deps: Deps,
  { purposes, again }: { purposes: Purposes; again?: Again },
): Promise<Opened | undefined> {
  const open = await findOpened(req, res, deps, purposes)
  if (open === undefined || open.link.state === 'good') return open
  return void renderDeadLink(res, open.link.state, again)
}
