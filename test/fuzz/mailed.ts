/** The links of letters: asked for, opened in any browser, and used. */
import fc from 'fast-check'
import { COOKIES } from '../../src/web/session/cookies.ts'
import { type AnyAction, action, pick } from './action.ts'
import { browserIndex, byApi, emailIndex, password, some } from './in-and-out.ts'
import {
  type Account,
  accountOf,
  addLink,
  type Expected,
  holderOf,
  isGood,
  type Link,
  learnerIn,
  type Model,
  type Purpose,
  removeAccount,
} from './model.ts'
import { beginAnew, endPasskeys, endStep } from './ways-in.ts'
import { ofApi, ofPage, type World } from './world.ts'

export const linkTo = (model: Model, index: number, ...purposes: Purpose[]): string | undefined =>
  pick(
    model.links.filter(({ purpose, isMailed }) => isMailed && purposes.includes(purpose)),
    index,
  )?.key

/** The link and its account, if it still does what it was sent for. */
export function goodLink(model: Model, key: string): { link: Link; account: Account } | undefined {
  const link = model.links.find((it) => it.key === key)
  const account = link && accountOf(model, link.account)
  return link && account && isGood(model, link) ? { link, account } : undefined
}

export const use = (model: Model, link: Link): void => {
  model.count += 1
  link.usedAt = model.count
}

export const openLink = (world: World, browser: number, key: string) => world.browser(browser).get(world.secret(key))
export const tokenOf = (world: World, key: string): string => world.secret(key).split('/').at(-1) ?? ''

/** The link of a reset that a page keeps for the browser, rather than mailing it. */
export function keepHandedLink(world: World, browser: number, key: string): void {
  const cookie = world.browser(browser).cookie(COOKIES.link.name, '/password-reset') ?? ''
  const [token]: string[] = JSON.parse(Buffer.from(cookie, 'base64url').toString())
  world.secrets.set(`${key} reset-password`, `/password-reset/link/${token}`)
}
export function handLink(model: Model, account: Account, key: string): void {
  const { key: name } = addLink(model, account, 'reset-password', { key })
  for (const link of model.links) if (link.key === name) link.isMailed = true
}

const askReset = action({
  name: 'ask for a reset',
  isVain: true,
  args: fc.record({ browser: browserIndex, email: emailIndex, byApi }),
  aim: (_model, args) => args,
  browser: ({ browser }) => browser,
  step(model, { email: index }, key) {
    const account = holderOf(model, model.emails[index] ?? '')
    if (account === undefined) return { outcome: 'done' }
    const { leavesAt } = account
    if (leavesAt === undefined)
      return { outcome: 'done', letters: [addLink(model, account, 'reset-password', { key })] }
    if (leavesAt <= model.now) return { outcome: 'done' }
    return { outcome: 'done', letters: [addLink(model, account, 'undo-deletion', { key, until: leavesAt })] }
  },
  async perform(world, { browser, email: index, byApi }) {
    const client = world.browser(browser)
    const email = world.emails[index] ?? ''
    return byApi
      ? ofApi(await client.call('/api/auth/request-password-reset', { email }))
      : ofPage(await client.submit('/password-reset', { email }))
  },
})

/** Everything from before ends, for whoever sets a password by a mailbox. */
function setPassword(
  model: Model,
  { link, account }: { link: Link; account: Account },
  password: string,
  key: string,
): Expected {
  use(model, link)
  if (!account.isVerified) endPasskeys(model, account)
  if (!account.step?.isOn) endStep(model, account)
  account.isVerified = true
  beginAnew(model, account, password)
  return { outcome: 'done', letters: [addLink(model, account, 'not-me', { key })] }
}

export const reset = action({
  name: 'reset the password',
  args: fc.record({ browser: browserIndex, link: some, password, byApi }),
  aim: (model, { link: index, ...args }) => {
    const link = linkTo(model, index, 'reset-password')
    return link === undefined ? undefined : { ...args, link }
  },
  browser: ({ browser }) => browser,
  step(model, { link: key, password }, made) {
    const good = goodLink(model, key)
    return good ? setPassword(model, good, password, made) : { outcome: 'no' }
  },
  async perform(world, { browser, link, password, byApi }) {
    const client = world.browser(browser)
    if (byApi) {
      return ofApi(
        await client.call('/api/auth/reset-password', { token: tokenOf(world, link), newPassword: password }),
      )
    }
    await openLink(world, browser, link)
    return ofPage(await client.submit('/password-reset/new', { password }))
  },
})

const askVerification = action({
  name: 'ask for a link to confirm',
  isVain: true,
  args: fc.record({ browser: browserIndex }),
  aim: (model, args) => (learnerIn(model, args.browser) ? args : undefined),
  browser: ({ browser }) => browser,
  step(model, { browser }, key) {
    const learner = learnerIn(model, browser)
    if (learner === undefined) return { outcome: 'no' }
    if (learner.isVerified) return { outcome: 'done' }
    return { outcome: 'done', letters: [addLink(model, learner, 'verify-email', { key })] }
  },
  perform: async (world, { browser }) => ofPage(await world.browser(browser).submit('/email-verification', {})),
})

const confirmAddress = action({
  name: 'confirm an address',
  args: fc.record({ browser: browserIndex, link: some, password, byApi }),
  aim: (model, { link: index, ...args }) => {
    const link = linkTo(model, index, 'verify-email', 'change-email')
    return link === undefined ? undefined : { ...args, link }
  },
  browser: ({ browser }) => browser,
  step(model, { browser, link: key, password, byApi }, made) {
    const link = model.links.find((it) => it.key === key)
    const owner = link && accountOf(model, link.account)
    if (link === undefined || owner === undefined || owner.leavesAt !== undefined) return { outcome: 'no' }
    // Opening it again is no mistake.
    if (owner.email === link.email && owner.isVerified) return { outcome: 'done' }
    const isOwn = learnerIn(model, browser)?.key === owner.key
    const isProven = isOwn || (!byApi && owner.password === password)
    if (!isGood(model, link) || !isProven) return { outcome: 'no' }
    const from = owner.email
    if (link.purpose === 'change-email' && holderOf(model, link.email)) return { outcome: 'no' }
    use(model, link)
    const wasVerified = owner.isVerified
    Object.assign(owner, { email: link.email, isVerified: true })
    if (link.purpose === 'verify-email') return { outcome: 'done' }
    const notice = wasVerified
      ? addLink(model, owner, 'undo-email-change', { key: made, email: from })
      : { to: from, page: '' }
    return { outcome: 'done', letters: [notice] }
  },
  async perform(world, { browser, link, password, byApi }) {
    const client = world.browser(browser)
    if (byApi) {
      const path = `/api/auth/verify-email?token=${tokenOf(world, link)}`
      return ofApi(await client.get(path, { Accept: 'application/json' }))
    }
    await openLink(world, browser, link)
    return ofPage(await client.submit('/email-verification/confirm', { password }))
  },
})

/** Whoever has the mailbox takes an account that somebody else has made with its address, or removes it. */
const claim = action({
  name: 'take over or remove an account',
  args: fc.record({ browser: browserIndex, link: some, password, removes: fc.boolean() }),
  aim: (model, { link: index, ...args }) => {
    const link = linkTo(model, index, 'verify-email')
    return link === undefined ? undefined : { ...args, link }
  },
  browser: ({ browser }) => browser,
  step(model, { browser, link: key, password, removes }, made) {
    const good = goodLink(model, key)
    if (!good || good.account.isVerified || learnerIn(model, browser)?.key === good.account.key)
      return { outcome: 'no' }
    if (!removes) return setPassword(model, good, password, made)
    removeAccount(model, good.account)
    return { outcome: 'done' }
  },
  async perform(world, { browser, link, password, removes }) {
    const client = world.browser(browser)
    await openLink(world, browser, link)
    const page = '/email-verification/new-password'
    const answer = removes
      ? await client.submit(page, {}, '/email-verification/disown')
      : await client.submit(page, { password })
    // Whoever is logged in to the account is led to the page that confirms its address.
    return answer.location === '/email-verification/confirm' ? 'no' : ofPage(answer)
  },
})

export const MAILED: AnyAction[] = [askReset, reset, askVerification, confirmAddress, claim]
