/** The cookies of the second step: the ticket of a login that is half done, and the device that need not do it. */
import type { Request, Response } from 'express'
import { findTicket, issueTicket, type Ticket, type TicketLuggage } from '../../accounts/second-step/login-tickets.ts'
import { isRemembered, madeRemembered } from '../../accounts/second-step/remembered-devices.ts'
import type { User } from '../../accounts/users.ts'
import { Unavailable } from '../../base/failures.ts'
import type { Deps } from '../../deps.ts'
import { COOKIES, cookieName, readCookie, sessionCookie } from './cookies.ts'

/** Where a login goes on. */
export const SECOND_STEP_PAGE = '/login/second-step'

type Account = { user: User; passwordVersion: number }

const nameOf = (cookie: 'ticket' | 'rememberedDevice', { config }: Deps): string =>
  cookieName(COOKIES[cookie], config.secureCookies)

function keep(res: Response, deps: Deps, cookie: 'ticket' | 'rememberedDevice', value: string): void {
  const attributes = { ...sessionCookie(deps.config.secureCookies), maxAge: COOKIES[cookie].lastsMs }
  res.cookie(nameOf(cookie, deps), value, attributes)
}

/** Gives the browser a ticket. @throws {Unavailable} when the account is gone; a login tried again is told so. */
export async function keepTicket(res: Response, deps: Deps, user: User, luggage: TicketLuggage): Promise<void> {
  const id = await issueTicket(deps.sql, user.id, { ...luggage, kept: luggage.kept ?? null }, deps.now())
  if (id === undefined) throw new Unavailable('the account changed during the login', { retryAfterSeconds: 1 })
  keep(res, deps, 'ticket', id)
}

/** The ticket that this browser holds, if it is good. */
export const ticketOf = (req: Request, deps: Deps): Promise<Ticket | undefined> =>
  findTicket(deps.sql, readCookie(req, nameOf('ticket', deps)), deps.now())

export function forgetTicket(res: Response, deps: Deps): void {
  res.clearCookie(nameOf('ticket', deps), sessionCookie(deps.config.secureCookies))
}

/** Whether this browser need not do the second step of this account. */
export const skipsSecondStep = (req: Request, deps: Deps, account: Account): Promise<boolean> =>
  isRemembered(deps, readCookie(req, nameOf('rememberedDevice', deps)), account)

/** For 30 days, this browser need not do the second step of this account. */
export async function skipSecondStep(req: Request, res: Response, deps: Deps, account: Account): Promise<void> {
  const held = await madeRemembered(deps, readCookie(req, nameOf('rememberedDevice', deps)), account)
  if (held !== undefined) keep(res, deps, 'rememberedDevice', held)
}
