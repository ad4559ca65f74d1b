/** What the model knows of second steps, codes by mail and passkeys, and how a login ends: in a session, or halfway. */
import {
  type Account,
  accountOf,
  addLink,
  DAY,
  type Expected,
  endSession,
  endSessions,
  MINUTE,
  type Model,
  sessionIn,
  startSession,
} from './model.ts'

export type SecondStep = {
  /** The secret that the app has, by its name. Undefined when of two at the same moment nobody knows which is the last. */
  secret: string | undefined
  /** Whose recovery codes count, and which of them are used. */
  recovery?: { of: string; used: number[] } | undefined
  isOn: boolean
  /** When it was begun, and then when it was switched on. */
  since: number
  /** Its place among links and uses of links, once it is on. */
  order: number
  /** Of what is only being set up. */
  expiresAt?: number | undefined
  /** The half minute whose code was taken last. */
  lastStep: number
}
/** Between the two steps of a login. */
export type Ticket = {
  key: string
  account: string
  version: number
  remembered: boolean
  /** Whether the first step counts as showing the password. */
  confirms: boolean
  /** The secret of then: whoever comes too late still has that app. */
  secret: string | undefined
  expiresAt: number
  isUsed?: boolean
}
export type MailedCode = {
  key: string
  /** Nobody's, where the address had no account. */
  account: string | undefined
  email: string
  version: number
  expiresAt: number
  tries: number
  isUsed?: boolean
  isMailed?: boolean
}
/** `count`: how often its authenticator says that it has signed. */
export type Passkey = { key: string; account: string; count: number; isGone?: boolean }
/** A passkey that a browser is about to add. */
type Adding = { key: string; account: string; version: number; expiresAt: number; isUsed?: boolean }
/** What a browser holds: the ticket of a login, its part of a code, and for which accounts it skips the second step. */
export type Held = {
  ticket?: string | undefined
  code?: string | undefined
  adding?: Adding | undefined
  skips: { account: string; expiresAt: number }[]
}

const TICKET_LASTS_MS = 10 * MINUTE
const SKIPS_DAYS = 30

export const heldBy = (model: Model, browser: number): Held => model.held[browser] ?? { skips: [] }

type WayIn = {
  key: string
  account: Account
  remembered: boolean
  /** By the API, where the session of before stays open. */
  beside: boolean
  /** Whether it counts as showing the password, and whether it is both steps. */
  confirms: boolean
  isBoth: boolean
}

/** A client of the API is logged out first, or the code would be taken for one of the session of before. */
export function leaveHalfway(
  model: Model,
  browser: number,
  { beside, ticket }: { beside: boolean; ticket?: string },
): void {
  heldBy(model, browser).ticket = ticket
  if (beside && sessionIn(model, browser)) model.browsers[browser] = undefined
}

/** Every login ends here: with a session, or with a ticket for the second step. */
export function enter(model: Model, browser: number, wayIn: WayIn): Expected {
  const { key, account, remembered, beside, confirms, isBoth } = wayIn
  const { now } = model
  const held = heldBy(model, browser)
  const skips = held.skips.some((it) => it.account === account.key && it.expiresAt > now)
  if (account.step?.isOn && !isBoth && !skips) {
    const { version, step } = account
    model.tickets.push({
      ...{ key, account: account.key, version, remembered, confirms },
      ...{ secret: step.secret, expiresAt: now + TICKET_LASTS_MS },
    })
    leaveHalfway(model, browser, { beside, ticket: key })
    return { outcome: 'second step' }
  }
  if (!beside) endSession(model, model.browsers[browser])
  const times = { confirmedAt: confirms ? now : 0, steppedAt: isBoth ? now : 0 }
  startSession(model, browser, { key, account, remembered, ...times })
  return { outcome: 'done', letters: [{ ...addLink(model, account, 'not-me', { key }), isOptional: true }] }
}

/** The session goes on under a new id and name, for as long as before. */
export function renew(
  model: Model,
  browser: number,
  { key, ...shown }: { key: string; confirmedAt?: number; steppedAt?: number },
): void {
  const session = model.sessions.find((it) => it.key === model.browsers[browser])
  const account = session && accountOf(model, session.account)
  if (session === undefined || account === undefined) return
  const { remembered, loggedInAt, confirmedAt, steppedAt } = session
  endSession(model, session.key)
  startSession(model, browser, { key, account, remembered, loggedInAt, confirmedAt, steppedAt, ...shown })
}

const isHere = (account: Account | undefined): account is Account =>
  account !== undefined && account.leavesAt === undefined

export function isGoodTicket(model: Model, ticket: Ticket): boolean {
  const account = accountOf(model, ticket.account)
  if (!isHere(account) || account.isSuspended || !account.step?.isOn) return false
  return !ticket.isUsed && ticket.expiresAt > model.now && ticket.version === account.version
}

/** The login that is half done in this browser. */
export function ticketIn(model: Model, browser: number): { ticket: Ticket; account: Account } | undefined {
  const ticket = model.tickets.find(({ key }) => key === heldBy(model, browser).ticket)
  const account = ticket && accountOf(model, ticket.account)
  return ticket && account && isGoodTicket(model, ticket) ? { ticket, account } : undefined
}

/** Whether the link beside the code still logs in. The code does while it was not wrong five times. */
export function isGoodCode(model: Model, code: MailedCode): boolean {
  const account = code.account === undefined ? undefined : accountOf(model, code.account)
  if (!isHere(account) || code.isUsed || code.expiresAt <= model.now) return false
  return account.email === code.email && account.version === code.version
}

export const skipUntil = ({ now }: Model): number => (Math.floor(now / DAY) + SKIPS_DAYS) * DAY

/** No device skips the second step any more. */
export function askDevicesAgain(model: Model, { key }: Account): void {
  for (const held of model.held) held.skips = held.skips.filter(({ account }) => account !== key)
}

export function endStep(model: Model, account: Account): void {
  account.step = undefined
  askDevicesAgain(model, account)
}

export function endPasskeys(model: Model, { key }: Account): void {
  for (const passkey of model.passkeys) if (passkey.account === key) passkey.isGone = true
}

/** Logins that are half done, and codes that were asked for, before the account was deleted. */
export function dropLogins(model: Model, { key }: Account): void {
  for (const it of [...model.tickets, ...model.codes]) if (it.account === key) it.isUsed = true
}

/** A new version of the password: devices ask for the second step again, and a set-up that was begun is over. */
export function beginAnew(model: Model, account: Account, password: string | undefined): void {
  Object.assign(account, { password, version: account.version + 1 })
  endSessions(model, account)
  askDevicesAgain(model, account)
}

/** Half a minute, for which a code of an app counts, and which of them it is now. */
export const HALF_MINUTE = 30_000
export const halfMinuteOf = ({ now }: Model): number => Math.floor(now / HALF_MINUTE)

/** Whose passkeys there are, and what is on: as the app's tables say it too. */
export function described(model: Model, { key, step }: Account): string {
  const counts = model.passkeys.filter((it) => it.account === key && !it.isGone).map(({ count }) => count)
  const passkeys = `passkeys ${counts.toSorted((one, other) => one - other).join() || 'none'}`
  if (!step?.isOn) return `${passkeys}, one step`
  const left = step.recovery ? 10 - step.recovery.used.length : 0
  return `${passkeys}, second step ${step.lastStep} with ${left} codes`
}
