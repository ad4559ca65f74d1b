/**
 * What the fuzz believes of the app: who has an account, who is in where, which tokens and links still count. It knows
 * nothing of tables, hashes or requests. Everything is plain data, so that a race can be tried in both orders on copies.
 */
import type { Held, MailedCode, Passkey, SecondStep, Ticket } from './ways-in.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
const CONFIRMED_MS = 10 * MINUTE
export const GRACE_MS = 20_000
export const NOTICES = ['not-me', 'undo-email-change']

export type Purpose =
  | 'verify-email'
  | 'change-email'
  | 'reset-password'
  | 'not-me'
  | 'undo-email-change'
  | 'undo-second-step'
  | 'undo-deletion'
const LINK_LASTS: Record<Purpose, number> = {
  'verify-email': DAY,
  'change-email': DAY,
  'reset-password': HOUR,
  'not-me': 7 * DAY,
  'undo-email-change': 7 * DAY,
  'undo-second-step': 7 * DAY,
  'undo-deletion': 7 * DAY,
}
/** The page that a mailed link leads to. */
export const PAGE_OF: Record<Purpose, string> = {
  'verify-email': '/email-verification',
  'change-email': '/email-verification',
  'reset-password': '/password-reset',
  'not-me': '/not-me',
  'undo-email-change': '/not-me',
  'undo-second-step': '/not-me',
  'undo-deletion': '/deletion-undo',
}

export type Account = {
  key: string
  email: string
  password: string | undefined
  version: number
  isVerified: boolean
  isSuspended: boolean
  /** The browser whose form has made it, while that form sent once more would be the same sign-up. */
  form?: number | undefined
  /** When it is deleted for good. */
  leavesAt?: number | undefined
  /** Its second step, on or being set up. */
  step?: SecondStep | undefined
}
export type Session = {
  key: string
  account: string
  remembered: boolean
  loggedInAt: number
  seenAt: number
  /** When the password was shown, or a passkey, and when the second step was done; 0 for never. */
  confirmedAt: number
  steppedAt: number
  hasEnded: boolean
}
export type Token = { key: string; expiresAt: number; usedAt?: number }
export type Family = { session: string; endsAt: number; hasEnded: boolean; tokens: Token[] }
export type Link = {
  key: string
  account: string
  purpose: Purpose
  email: string
  version: number
  expiresAt: number
  /** Its place among all links and uses of links. */
  order: number
  usedAt?: number
  isCancelled?: boolean
  /** Whether a letter brought it. A link that nobody was sent still replaces the one before. */
  isMailed?: boolean
}
/** An access token. */
export type Pass = { key: string; session: string; goodUntil: number }
/** A letter that must come; `isOptional` if that depends on what the model does not know, `isLate` if nobody waits for it. */
export type Letter = { to: string; page: string; key?: string; isOptional?: boolean; isLate?: boolean }
/** `second step`: the first one is done, and nobody is logged in. `nothing`: it could not even be tried. */
export type Outcome = 'done' | 'second step' | 'no' | 'nothing'
/** `silences`: whose letters that still wait are not sent any more. */
export type Expected = { outcome: Outcome; letters?: Letter[]; silences?: string }

export type Model = {
  now: number
  /** The addresses that people have here. */
  emails: string[]
  count: number
  accounts: Account[]
  sessions: Session[]
  families: Family[]
  links: Link[]
  passes: Pass[]
  /** The session in each browser's cookie, open or not. */
  browsers: (string | undefined)[]
  /** What each browser holds beside it. */
  held: Held[]
  tickets: Ticket[]
  codes: MailedCode[]
  passkeys: Passkey[]
  /** Letters that nobody waits for: they may come with any later step. */
  late: Letter[]
}

export const BROWSERS = 3

export const newModel = (now: number, emails: string[]): Model => ({
  now,
  emails,
  count: 0,
  accounts: [],
  sessions: [],
  families: [],
  links: [],
  passes: [],
  browsers: Array<undefined>(BROWSERS).fill(undefined),
  held: Array.from({ length: BROWSERS }, () => ({ skips: [] })),
  tickets: [],
  codes: [],
  passkeys: [],
  late: [],
})

export const accountOf = (model: Model, key: string): Account | undefined => model.accounts.find((it) => it.key === key)
export const holderOf = (model: Model, email: string): Account | undefined =>
  model.accounts.find((it) => it.email === email)

/** When a session ends if nobody uses it any more, and when at the latest. */
export function endsOf({ remembered, loggedInAt, seenAt }: Session): [idle: number, absolute: number] {
  const [idle, absolute] = remembered ? [14 * DAY, 30 * DAY] : [2 * HOUR, DAY]
  return [seenAt + idle, loggedInAt + absolute]
}

export function isOpen(model: Model, session: Session): boolean {
  const account = accountOf(model, session.account)
  const isHere = account !== undefined && account.leavesAt === undefined && !account.isSuspended
  return !session.hasEnded && isHere && Math.min(...endsOf(session)) > model.now
}

/** The open session in this browser. */
export function sessionIn(model: Model, browser: number): Session | undefined {
  const session = model.sessions.find(({ key }) => key === model.browsers[browser])
  return session && isOpen(model, session) ? session : undefined
}

/** Whose session is in this browser. */
export function learnerIn(model: Model, browser: number): Account | undefined {
  const session = sessionIn(model, browser)
  return session && accountOf(model, session.account)
}

export const isConfirmed = (model: Model, session: Session): boolean => model.now - session.confirmedAt < CONFIRMED_MS
/** Whether the second step was done a moment ago, where there is one. */
export const isStepped = (model: Model, session: Session): boolean =>
  !accountOf(model, session.account)?.step?.isOn || model.now - session.steppedAt < CONFIRMED_MS

/** The form of a sign-up must not bring back a session that has ended, so it counts no longer. */
function end(model: Model, session: Session): void {
  if (session.hasEnded) return
  session.hasEnded = true
  for (const account of model.accounts) if (account.key === session.account) account.form = undefined
}

export function endSession(model: Model, key: string | undefined): void {
  for (const session of model.sessions) if (session.key === key) end(model, session)
}

export function endSessions(model: Model, { key }: Account, { but }: { but?: string } = {}): void {
  for (const session of model.sessions) if (session.account === key && session.key !== but) end(model, session)
}

export function startSession(
  model: Model,
  browser: number,
  {
    key,
    account,
    ...term
  }: { key: string; account: Account } & Pick<Session, 'remembered'> &
    Partial<Pick<Session, 'loggedInAt' | 'confirmedAt' | 'steppedAt'>>,
): void {
  const { now } = model
  model.sessions.push({
    key,
    account: account.key,
    loggedInAt: now,
    confirmedAt: now,
    steppedAt: 0,
    ...term,
    seenAt: now,
    hasEnded: false,
  })
  model.browsers[browser] = key
}

/** A visit with a session moves its idle limit. */
export function visit(model: Model, session: Session): void {
  if (isOpen(model, session)) session.seenAt = model.now
}

/** Adds a link and returns the letter that brings it. */
export function addLink(
  model: Model,
  account: Account,
  purpose: Purpose,
  {
    key,
    email = account.email,
    until = model.now + LINK_LASTS[purpose],
  }: { key: string; email?: string; until?: number },
): Letter {
  const name = `${key} ${purpose}`
  const order = ++model.count
  model.links.push({
    key: name,
    account: account.key,
    purpose,
    email,
    version: account.version,
    expiresAt: until,
    order,
  })
  return { to: email, page: PAGE_OF[purpose], key: name }
}

export const unused = (model: Model, { usedAt, isCancelled, expiresAt }: Link): boolean =>
  usedAt === undefined && !isCancelled && expiresAt > model.now

/** Whether a link still does what it was sent for. */
export function isGood(model: Model, link: Link): boolean {
  const account = accountOf(model, link.account)
  if (account === undefined || link.usedAt !== undefined) return false
  if (link.purpose === 'undo-deletion') return account.leavesAt !== undefined && account.leavesAt > model.now
  const isUndo = link.purpose === 'undo-email-change'
  const others = model.links.filter((it) => it.account === link.account && it.purpose === link.purpose)
  if (isUndo && others.some((it) => it.order < link.order && (it.usedAt ?? 0) > link.order)) return false
  const isNewest = NOTICES.includes(link.purpose) || others.every(({ order }) => order <= link.order)
  const isHere = isUndo || account.leavesAt === undefined
  const sameEmail = ['change-email', 'undo-email-change'].includes(link.purpose) || link.email === account.email
  const sameVersion =
    ['verify-email', 'undo-second-step', ...NOTICES].includes(link.purpose) || link.version === account.version
  return unused(model, link) && isHere && sameEmail && sameVersion && isNewest
}

export const isHeld = (model: Model, account: Account): Link[] =>
  model.links.filter((it) => it.account === account.key && it.purpose === 'undo-email-change' && unused(model, it))

export function removeAccount(model: Model, account: Account): void {
  endSessions(model, account)
  model.accounts = model.accounts.filter(({ key }) => key !== account.key)
  model.links = model.links.filter((link) => link.account !== account.key)
  for (const passkey of model.passkeys) if (passkey.account === account.key) passkey.isGone = true
}

/** Every moment at which something ends by itself. */
export const endings = (model: Model): number[] => [
  ...model.sessions.flatMap((it) =>
    it.hasEnded ? [] : [...endsOf(it), it.confirmedAt + CONFIRMED_MS, it.steppedAt + CONFIRMED_MS],
  ),
  ...model.families.flatMap(({ endsAt, tokens }) => [endsAt, ...tokens.map(({ expiresAt }) => expiresAt)]),
  ...model.links.flatMap(({ expiresAt }) => [expiresAt, expiresAt + 7 * DAY]),
  ...model.accounts.flatMap(({ leavesAt = 0, step }) => [leavesAt, step?.expiresAt ?? 0]),
  ...[...model.tickets, ...model.codes].map(({ expiresAt }) => expiresAt),
  ...model.held.flatMap(({ skips, adding }) => [...skips, ...(adding ? [adding] : [])].map((it) => it.expiresAt)),
  ...model.passes.map(({ goodUntil }) => goodUntil),
]
