/** The cookies of the second step: the ticket of a login that is half done, and the device that need not do it. */
import type { Request, Response } from 'express'
import { findTicket, issueTicket, type Ticket, type TicketLuggage } from '../../accounts/second-step/login-tickets.ts'
import { isRemembered, madeRemembered } from '../../accounts/second-step/remembered-devices.ts'
import type { User } from '../../accounts/users.ts'
import { Unavailable } from '../../base/failures.ts'
import type { Deps } from '../../deps.ts'
import { forgetCookie, heldCookie, keepCookie } from './cookies.ts'

/** Where a login goes on. */
export const SECOND_STEP_PAGE = '/login/second-step'

type Account = { user: User; passwordVersion: number }

/** Gives the browser a ticket. @throws {Unavailable} when the account is gone; a login tried again is told so. */
export async function keepTicket(res: Response, deps: Deps, user: User, luggage: TicketLuggage): Promise<void> {
  const id = await issueTicket(deps.sql, user.id, { ...luggage, kept: luggage.kept ?? null }, deps.now())
  if (id === undefined) throw new Unavailable('the account changed during the login', { retryAfterSeconds: 1 })
  keepCookie(res, deps, 'ticket', id)
}

/** The ticket that this browser holds, if it is good. */
export const ticketOf = (req: Request, deps: Deps): Promise<Ticket | undefined> =>
  findTicket(deps.sql, heldCookie(req, deps, 'ticket'), deps.now())

export const forgetTicket = (res: Response, deps: Deps): void => forgetCookie(res, deps, 'ticket')

/** Whether this browser need not do the second step of this account. */
export const skipsSecondStep = (req: Request, deps: Deps, account: Account): Promise<boolean> =>
  isRemembered(deps, heldCookie(req, deps, 'rememberedDevice'), account)

/** For 30 days, this browser need not do the second step of this account. */
export async function skipSecondStep(req: Request, res: Response, deps: Deps, account: Account): Promise<void> {
  const held = await madeRemembered(deps, heldCookie(req, deps, 'rememberedDevice'), account)
  if (held !== undefined) keepCookie(res, deps, 'rememberedDevice', held)
}
