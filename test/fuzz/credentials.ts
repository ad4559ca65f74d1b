/** What somebody who is logged in changes: password and address, and showing the password for it. */
import fc from 'fast-check'
import { type AnyAction, action, browserWith } from './action.ts'
import { browserIndex, byApi, emailIndex, password } from './in-and-out.ts'
import {
  type Account,
  addLink,
  endSessions,
  holderOf,
  isConfirmed,
  isStepped,
  learnerIn,
  type Model,
  type Session,
  sessionIn,
} from './model.ts'
import { askDevicesAgain, renew } from './ways-in.ts'
import { ofApi, ofPage } from './world.ts'

/** Who acts, with the cookie of a session that may be over. */
export function whoActs(model: Model, browser: number): { session: Session; learner: Account } | undefined {
  const [session, learner] = [sessionIn(model, browser), learnerIn(model, browser)]
  return session && learner ? { session, learner } : undefined
}
export function withCookie<Args extends { browser: number }>(model: Model, args: Args): Args | undefined {
  const browser = browserWith(args.browser, (one) => model.browsers[one] !== undefined)
  return browser === undefined ? undefined : { ...args, browser }
}

export const changePassword = action({
  name: 'change the password',
  args: fc.record({ browser: browserIndex, current: password, next: password, endOthers: fc.boolean(), byApi }),
  aim: (model, args) => withCookie(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser, current, next, endOthers, byApi }, key) {
    const { session, learner } = whoActs(model, browser) ?? {}
    if (session === undefined || learner === undefined || learner.password !== current) return { outcome: 'no' }
    if (next === current || !isStepped(model, session)) return { outcome: 'no' }
    learner.password = next
    learner.version += 1
    askDevicesAgain(model, learner)
    if (endOthers) endSessions(model, learner)
    if (endOthers || !byApi) renew(model, browser, { key, confirmedAt: model.now })
    return { outcome: 'done', letters: [addLink(model, learner, 'not-me', { key })] }
  },
  async perform(world, { browser, current: currentPassword, next: newPassword, endOthers, byApi }, key) {
    const client = world.browser(browser)
    const outcome = byApi
      ? ofApi(
          await client.call('/api/auth/change-password', {
            currentPassword,
            newPassword,
            revokeOtherSessions: endOthers,
          }),
        )
      : ofPage(
          await client.submit('/account/password-change', {
            currentPassword,
            newPassword,
            ...(endOthers ? { endOthers: 'yes' } : {}),
          }),
        )
    if (outcome === 'done' && (endOthers || !byApi)) world.keepCookie(browser, key)
    return outcome
  },
})

const confirm = action({
  name: 'show the password',
  args: fc.record({ browser: browserIndex, password, byApi }),
  aim: (model, args) => withCookie(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser, password, byApi }, key) {
    const { session, learner } = whoActs(model, browser) ?? {}
    if (session === undefined || learner === undefined || learner.password !== password) return { outcome: 'no' }
    if (byApi) session.confirmedAt = model.now
    else renew(model, browser, { key, confirmedAt: model.now })
    return { outcome: 'done' }
  },
  async perform(world, { browser, password, byApi }, key) {
    const client = world.browser(browser)
    if (byApi) return ofApi(await client.call('/api/auth/verify-password', { password }))
    const outcome = ofPage(await client.submit('/account/password-confirmation', { password }))
    if (outcome === 'done') world.keepCookie(browser, key)
    return outcome
  },
})

const changeEmail = action({
  name: 'ask for another address',
  isVain: true,
  args: fc.record({ browser: browserIndex, email: emailIndex, byApi }),
  aim: (model, args) => withCookie(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser, email: index }, key) {
    const { session, learner } = whoActs(model, browser) ?? {}
    const email = model.emails[index] ?? ''
    if (session === undefined || learner === undefined || !isConfirmed(model, session)) return { outcome: 'no' }
    if (email === learner.email || !isStepped(model, session)) return { outcome: 'no' }
    const isTaken = holderOf(model, email) !== undefined
    const link = addLink(model, learner, 'change-email', { key, email })
    const notice = addLink(model, learner, 'not-me', { key })
    // The owner of an address that is taken hears of it, by a letter without a link.
    return { outcome: 'done', letters: [isTaken ? { to: email, page: '' } : link, notice] }
  },
  async perform(world, { browser, email: index, byApi }) {
    const client = world.browser(browser)
    const email = world.emails[index] ?? ''
    return byApi
      ? ofApi(await client.call('/api/auth/change-email', { newEmail: email }))
      : ofPage(await client.submit('/account/email-change', { email }))
  },
})

const cancelChange = action({
  name: 'cancel the other address',
  isVain: true,
  args: fc.record({ browser: browserIndex }),
  aim: (model, args) => withCookie(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser }) {
    const learner = learnerIn(model, browser)
    if (learner === undefined) return { outcome: 'no' }
    for (const link of model.links) {
      const isOpen = link.account === learner.key && link.purpose === 'change-email' && link.usedAt === undefined
      if (isOpen) link.isCancelled = true
    }
    return { outcome: 'done' }
  },
  perform: async (world, { browser }) =>
    ofPage(await world.browser(browser).submit('/account', {}, '/account/email-change/cancel')),
})

export const CREDENTIALS: AnyAction[] = [changePassword, confirm, changeEmail, cancelChange]
