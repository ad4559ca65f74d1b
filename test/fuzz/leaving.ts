/** “It was not me”, deleting an account and keeping it after all, and time, which ends the rest. */
import fc from 'fast-check'
import { deleteWhatIsOver } from '../../src/clearing.ts'
import { type AnyAction, action } from './action.ts'
import { whoActs, withCookie } from './credentials.ts'
import { browserIndex, byApi, password, some } from './in-and-out.ts'
import { goodLink, handLink, keepHandedLink, linkTo, openLink, use } from './mailed.ts'
import {
  type Account,
  accountOf,
  addLink,
  BROWSERS,
  DAY,
  endings,
  endSessions,
  holderOf,
  isConfirmed,
  isHeld,
  isOpen,
  isStepped,
  type Link,
  MINUTE,
  type Model,
  removeAccount,
  sessionIn,
  visit,
} from './model.ts'
import { askDevicesAgain, beginAnew, dropLogins, endPasskeys, endStep } from './ways-in.ts'
import { ofApi, ofPage } from './world.ts'

const GRACE_OF_ACCOUNTS_MS = 7 * DAY
/** For as long after its end a link can still say what became of it. */
const LINKS_KEPT_MS = 7 * DAY

/** The password is worthless from now on, and whoever has the mailbox is handed a link for a new one. */
function startAnew(model: Model, account: Account, key: string): void {
  beginAnew(model, account, undefined)
  endPasskeys(model, account)
  handLink(model, account, key)
}

/** The account is there again, and no letter about its end does anything any more. */
function comeBack(model: Model, account: Account): void {
  account.leavesAt = undefined
  for (const link of model.links) {
    if (link.account === account.key && link.purpose === 'undo-deletion' && link.usedAt === undefined) use(model, link)
  }
}

/** Changed the address and switched the second step on at the same moment: nobody knows whether the undo takes both back. */
function isUnsure(model: Model, key: string): boolean {
  const link = model.links.find((it) => it.key === key)
  const step = link && accountOf(model, link.account)?.step
  return link?.purpose === 'undo-email-change' && link.expiresAt - LINKS_KEPT_MS === step?.since
}

/** The link of its own notice takes a second step back, and a change of address that came before it. */
function undoStep(model: Model, account: Account, link: Link): void {
  const { step } = account
  const isAnnounced =
    link.purpose === 'undo-second-step' || (link.purpose === 'undo-email-change' && step && step.order > link.order)
  if (!step?.isOn || isAnnounced) endStep(model, account)
}

export const sayNotMe = action({
  name: 'say it was not me',
  args: fc.record({ browser: browserIndex, link: some }),
  aim: (model, { link: index, browser }) => {
    const link = linkTo(model, index, 'not-me', 'undo-email-change', 'undo-second-step')
    return link === undefined || isUnsure(model, link) ? undefined : { browser, link }
  },
  browser: ({ browser }) => browser,
  step(model, { link: key }, made) {
    const { link, account } = goodLink(model, key) ?? {}
    if (link === undefined || account === undefined) return { outcome: 'no' }
    const isUndo = link.purpose === 'undo-email-change'
    const other = holderOf(model, link.email)
    if (isUndo && other && other.key !== account.key) {
      if (other.isVerified) return { outcome: 'no' }
      removeAccount(model, other)
    }
    use(model, link)
    const letters = isUndo ? [{ to: account.email, page: '' }] : []
    if (isUndo) {
      if (account.leavesAt !== undefined) comeBack(model, account)
      Object.assign(account, { email: link.email, isVerified: true })
      for (const later of model.links) {
        const isLater = later.account === account.key && later.purpose === link.purpose && later.order > link.order
        if (isLater && later.usedAt === undefined) later.isCancelled = true
      }
    }
    undoStep(model, account, link)
    startAnew(model, account, made)
    return { outcome: 'done', letters }
  },
  async perform(world, { browser, link }, made) {
    await openLink(world, browser, link)
    const outcome = ofPage(await world.browser(browser).submit('/not-me/confirm', {}))
    if (outcome === 'done') keepHandedLink(world, browser, made)
    return outcome
  },
})

export const deleteAccount = action({
  name: 'delete the account',
  args: fc.record({ browser: browserIndex, password: fc.option(password, { nil: undefined }), byApi }),
  aim: (model, args) => withCookie(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser, password, byApi }, key) {
    const { session, learner } = whoActs(model, browser) ?? {}
    if (session === undefined || learner === undefined) return { outcome: 'no' }
    const isAllowed = password === undefined ? byApi && isConfirmed(model, session) : password === learner.password
    if (!isAllowed || !isStepped(model, session)) return { outcome: 'no' }
    endSessions(model, learner)
    askDevicesAgain(model, learner)
    dropLogins(model, learner)
    const held = isHeld(model, learner).map(({ expiresAt }) => expiresAt)
    const until = Math.max(model.now + GRACE_OF_ACCOUNTS_MS, ...held)
    learner.leavesAt = until
    dropLinks(model, learner)
    const letter = addLink(model, learner, 'undo-deletion', { key, until })
    return { outcome: 'done', letters: [letter], silences: learner.email }
  },
  async perform(world, { browser, password, byApi }) {
    const client = world.browser(browser)
    if (byApi) return ofApi(await client.call('/api/auth/delete-user', password === undefined ? {} : { password }))
    return ofPage(await client.submit('/account/account-deletion', { password: password ?? '', sure: 'yes' }))
  },
})

/** All links that were asked for before the account was deleted, or came back. */
function dropLinks(model: Model, { key }: Account): void {
  model.links = model.links.filter(({ account, purpose }) => account !== key || /^undo/.test(purpose))
}

const WAYS = { keep: '', 'not me': '/not-me', 'for good': '/for-good' } as const

const undoDeletion = action({
  name: 'answer the letter about the end',
  args: fc.record({ browser: browserIndex, link: some, way: fc.constantFrom('keep', 'keep', 'not me', 'for good') }),
  aim: (model, { link: index, ...args }) => {
    const link = linkTo(model, index, 'undo-deletion')
    return link === undefined ? undefined : { ...args, link }
  },
  browser: ({ browser }) => browser,
  step(model, { link: key, way }, made) {
    const { account } = goodLink(model, key) ?? {}
    if (account === undefined) return { outcome: 'no' }
    if (way === 'for good') {
      if (isHeld(model, account).length > 0) return { outcome: 'no' }
      removeAccount(model, account)
      return { outcome: 'done' }
    }
    comeBack(model, account)
    dropLinks(model, account)
    if (way === 'not me') startAnew(model, account, made)
    return { outcome: 'done' }
  },
  async perform(world, { browser, link, way }, made) {
    await openLink(world, browser, link)
    const page = '/deletion-undo'
    const answer = await world.browser(browser).submit(page, {}, page + WAYS[way as keyof typeof WAYS])
    const outcome = answer.location === page ? 'no' : ofPage(answer)
    if (outcome === 'done' && way === 'not me') keepHandedLink(world, browser, made)
    return outcome
  },
})

/** In minutes, with one visit in how many. */
const WAITS = [
  [3, 3],
  [12, 12],
  [61, 61],
  [130, 130],
  [130, 100],
  [1_390, 100],
  [1_500, 100],
  [8 * 1_440, 8 * 1_440],
  [15 * 1_440, 8 * 1_440],
  [31 * 1_440, 8 * 1_440],
] as const
/** A session may reach its idle limit this much too early, and a run may be held up. */
const MARGIN_MS = 3 * MINUTE

/** Waits, with a browser that is used all the while. Undefined if that would end at the very moment at which something ends. */
function waited(
  model: Model,
  { browser, minutes, every }: { browser: number; minutes: number; every: number },
): Model | undefined {
  const copy = structuredClone(model)
  for (let left = minutes; left > 0; left -= every) {
    copy.now += Math.min(left, every) * MINUTE
    if (endings(copy).some((end) => Math.abs(end - copy.now) < MARGIN_MS)) return undefined
    const session = sessionIn(copy, browser)
    if (session) visit(copy, session)
  }
  return copy
}

const wait = action({
  name: 'wait',
  args: fc.record({ browser: fc.nat(BROWSERS), how: fc.constantFrom(...WAITS) }),
  aim: (model, { browser, how: [minutes, every] }) => {
    const aim = { browser, minutes, every }
    return waited(model, aim) ? aim : undefined
  },
  alone: true,
  step(model, aim) {
    const { now } = model
    const after = waited({ ...model, now: now - aim.minutes * MINUTE }, aim)
    Object.assign(model, after, { now })
    return { outcome: 'done' }
  },
  async perform(world, { browser, minutes, every }) {
    for (let left = minutes; left > 0; left -= every) {
      world.app.advance(Math.min(left, every) * MINUTE)
      if (browser < BROWSERS) await world.browser(browser).get('/api/auth/get-session')
    }
    return 'done'
  },
})

const prune = action({
  name: 'prune what is over',
  args: fc.constant({}),
  aim: (_model, args) => args,
  step(model) {
    for (const account of model.accounts) {
      if (account.leavesAt !== undefined && account.leavesAt <= model.now) removeAccount(model, account)
    }
    for (const session of model.sessions) if (!isOpen(model, session)) session.hasEnded = true
    model.links = model.links.filter(({ expiresAt }) => expiresAt + LINKS_KEPT_MS > model.now)
    return { outcome: 'done' }
  },
  async perform(world) {
    await deleteWhatIsOver(world.app.deps)
    return 'done'
  },
})

export const LEAVING: AnyAction[] = [sayNotMe, deleteAccount, undoDeletion, wait, prune]
