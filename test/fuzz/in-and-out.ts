/** Signing up, logging in and out, here and on other devices. */
import fc from 'fast-check'
import { signOutByOperator } from '../../src/accounts/account-sessions.ts'
import { resumeAccount, suspendAccount } from '../../src/accounts/suspension.ts'
import { COOKIE } from '../support/sessions.ts'
import { type AnyAction, action, pick } from './action.ts'
import {
  type Account,
  accountOf,
  addLink,
  BROWSERS,
  endSession,
  endSessions,
  holderOf,
  learnerIn,
  type Model,
  sessionIn,
  startSession,
} from './model.ts'
import { askDevicesAgain, enter } from './ways-in.ts'
import { EMAILS, ofApi, ofLogin, ofPage, PASSWORDS } from './world.ts'

export const browserIndex = fc.nat(BROWSERS - 1)
export const emailIndex = fc.nat(EMAILS - 1)
export const password = fc.constantFrom(...PASSWORDS)
/** By a page, or by a call of the API. */
export const byApi = fc.boolean()
export const some = fc.nat(11)

export const signUp = action({
  name: 'sign up',
  weight: 4,
  args: fc.record({ browser: browserIndex, email: emailIndex, password, byApi, remember: fc.boolean() }),
  // The form is for visitors only. Sent again it is the same sign-up, and no new one.
  aim: (model, args) => {
    const isSame = holderOf(model, model.emails[args.email] ?? '')?.form === args.browser
    return args.byApi || !(isSame || learnerIn(model, args.browser)) ? args : undefined
  },
  browser: ({ browser }) => browser,
  step(model, { browser, email: index, password, byApi, remember }, key) {
    const email = model.emails[index] ?? ''
    if (holderOf(model, email)) return { outcome: 'no' }
    const made = { key, email, password, version: 0, isVerified: false, isSuspended: false }
    const account = { ...made, form: byApi ? undefined : browser }
    model.accounts.push(account)
    startSession(model, browser, { key, account, remembered: byApi && remember })
    return { outcome: 'done', letters: [addLink(model, account, 'verify-email', { key })] }
  },
  async perform(world, { browser, email: index, password, byApi, remember }, key) {
    const client = world.browser(browser)
    const person = { name: key, email: world.emails[index] ?? '', password }
    const outcome = byApi
      ? ofApi(await client.call('/api/auth/sign-up/email', { ...person, rememberMe: remember }))
      : ofPage(await client.submit('/sign-up', person))
    if (outcome === 'done') world.keepCookie(browser, key)
    return outcome
  },
})

/** Most people know their address and their password. */
export const knows = fc.constantFrom(true, true, true, false)
export const knownTo = (model: Model, { knows, email }: { knows: boolean; email: number }): Account | undefined =>
  knows ? pick(model.accounts, email) : undefined

export const logIn = action({
  name: 'log in',
  weight: 4,
  args: fc.record({ browser: browserIndex, email: emailIndex, password, byApi, remember: fc.boolean(), knows }),
  aim: (model, args) => {
    const own = knownTo(model, args)
    if (own === undefined) return args
    return { ...args, email: model.emails.indexOf(own.email), password: own.password ?? args.password }
  },
  browser: ({ browser }) => browser,
  step(model, { browser, email: index, password, byApi, remember }, key) {
    const account = holderOf(model, model.emails[index] ?? '')
    if (account?.password !== password || account.leavesAt !== undefined || account.isSuspended)
      return { outcome: 'no' }
    const wayIn = { key, account, remembered: remember, beside: byApi, confirms: true, isBoth: false }
    return enter(model, browser, wayIn)
  },
  async perform(world, { browser, email: index, password, byApi, remember }, key) {
    const client = world.browser(browser)
    const email = world.emails[index] ?? ''
    const answer = byApi
      ? await client.call('/api/auth/sign-in/email', { email, password, rememberMe: remember })
      : await client.submit('/login', { email, password, ...(remember ? { remember: 'yes' } : {}) })
    return world.keepLogin(browser, key, ofLogin(answer))
  },
})

const logOut = action({
  name: 'log out',
  isVain: true,
  args: fc.record({ browser: browserIndex, byApi }),
  aim: (model, args) => (model.browsers[args.browser] === undefined ? undefined : args),
  browser: ({ browser }) => browser,
  step(model, { browser }) {
    endSession(model, model.browsers[browser])
    return { outcome: 'done' }
  },
  async perform(world, { browser, byApi }) {
    const client = world.browser(browser)
    return byApi
      ? ofApi(await client.call('/api/auth/sign-out', {}))
      : ofPage(await client.submit('/cookies', {}, '/logout'))
  },
})

/** Somebody has the cookie of another browser, as after a theft or a copied profile. */
const copyCookie = action({
  name: 'copy the cookie',
  args: fc.record({ from: browserIndex, to: browserIndex }),
  aim: (model, { from, to }) => {
    const session = model.browsers[from]
    return session === undefined || from === to ? undefined : { session, to }
  },
  browser: ({ to }) => to,
  step(model, { session, to }) {
    model.browsers[to] = session
    return { outcome: 'done' }
  },
  async perform(world, { session, to }) {
    world.browser(to).put(COOKIE, world.cookies.get(session))
    return 'done'
  },
})

const endOne = action({
  name: 'end one session',
  isVain: true,
  args: fc.record({ browser: browserIndex, session: some, byApi }),
  aim: (model, { session: index, ...args }) => {
    const session = pick(model.sessions, index)
    return session && model.browsers[args.browser] !== undefined ? { ...args, session: session.key } : undefined
  },
  browser: ({ browser }) => browser,
  step(model, { browser, session: key, byApi }) {
    const learner = learnerIn(model, browser)
    const session = model.sessions.find((it) => it.key === key)
    if (learner === undefined || session === undefined) return { outcome: 'no' }
    const isTheirs = session.account === learner.key && !session.hasEnded
    if (isTheirs) endSession(model, key)
    return { outcome: isTheirs || byApi ? 'done' : 'no' }
  },
  async perform(world, { browser, session, byApi }) {
    const client = world.browser(browser)
    const handle = world.handles.get(session) ?? 'A'.repeat(32)
    return byApi
      ? ofApi(await client.call('/api/auth/revoke-session', { token: handle }))
      : ofPage(await client.submit('/account/sessions', {}, `/account/sessions/${handle}/end`))
  },
})

const endOthers = action({
  name: 'end the other sessions',
  isVain: true,
  args: fc.record({ browser: browserIndex, byApi }),
  aim: (model, args) => (model.browsers[args.browser] === undefined ? undefined : args),
  browser: ({ browser }) => browser,
  step(model, { browser }) {
    const session = sessionIn(model, browser)
    const learner = learnerIn(model, browser)
    if (session === undefined || learner === undefined) return { outcome: 'no' }
    endSessions(model, learner, { but: session.key })
    askDevicesAgain(model, learner)
    return { outcome: 'done' }
  },
  async perform(world, { browser, byApi }) {
    const client = world.browser(browser)
    return byApi
      ? ofApi(await client.call('/api/auth/revoke-other-sessions', {}))
      : ofPage(await client.submit('/account/sessions', {}, '/account/sessions/end-others'))
  },
})

const endAll = action({
  name: 'end all sessions',
  isVain: true,
  args: fc.record({ browser: browserIndex }),
  aim: (model, args) => (model.browsers[args.browser] === undefined ? undefined : args),
  browser: ({ browser }) => browser,
  step(model, { browser }) {
    const learner = learnerIn(model, browser)
    if (learner === undefined) return { outcome: 'no' }
    endSessions(model, learner)
    askDevicesAgain(model, learner)
    return { outcome: 'done' }
  },
  perform: async (world, { browser }) => ofApi(await world.browser(browser).call('/api/auth/revoke-sessions', {})),
})

const OPERATORS = ['suspend', 'resume', 'sign out'] as const

const operate = action({
  name: 'an operator',
  args: fc.record({ account: some, does: fc.constantFrom(...OPERATORS) }),
  aim: (model: Model, { account: index, does }) => {
    const account = pick(model.accounts, index)
    return account && { account: account.key, email: account.email, does }
  },
  step(model, { account: key, does }) {
    const account = accountOf(model, key)
    if (account === undefined) return { outcome: 'no' }
    const wasSuspended = account.isSuspended
    if (does !== 'resume') endSessions(model, account)
    if (does === 'sign out') askDevicesAgain(model, account)
    if (does === 'sign out') return { outcome: account.leavesAt === undefined ? 'done' : 'no' }
    account.isSuspended = does === 'suspend'
    return { outcome: wasSuspended === account.isSuspended ? 'no' : 'done' }
  },
  async perform({ app: { deps, sql }, emails }, { account: name, email, does }) {
    const [row] = await sql<{ id: string }>`select id from all_users where name = ${name} and email = any(${emails})`
    if (row === undefined) return 'no'
    const account = { id: row.id, email }
    if (does === 'sign out')
      return (await signOutByOperator(deps.sql, row.id, deps.now())) === undefined ? 'no' : 'done'
    const changed =
      does === 'suspend'
        ? await suspendAccount(deps, account, { reason: '', notify: false })
        : await resumeAccount(deps, account, { notify: false })
    return changed ? 'done' : 'no'
  },
})

export const IN_AND_OUT: AnyAction[] = [signUp, logIn, logOut, copyCookie, endOne, endOthers, endAll, operate]
