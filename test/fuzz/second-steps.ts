/** The second step of an account: set up, switched on and off, ten new recovery codes, devices that are asked again. */
import fc from 'fast-check'
import { takeSecondStepOff } from '../../src/accounts/second-step/switching-off.ts'
import { COOKIE } from '../support/sessions.ts'
import { type AnyAction, action, browserWith, pick } from './action.ts'
import { whoActs, withCookie } from './credentials.ts'
import { browserIndex, byApi, password, some } from './in-and-out.ts'
import {
  type Account,
  accountOf,
  addLink,
  type Expected,
  endSessions,
  HOUR,
  isConfirmed,
  isStepped,
  learnerIn,
  type Model,
} from './model.ts'
import { digitsOf, type Typed, takes, typedBy } from './step-codes.ts'
import { askDevicesAgain, endStep, renew } from './ways-in.ts'
import { ofApi, ofPage, type World } from './world.ts'

const PAGE = '/account/second-step'
const SETUP = `${PAGE}/setup`
const API = '/api/auth/two-factor'

/** Whether whoever acts has shown who they are: by the password with the call, or on the pages a moment ago. */
function mayChange(model: Model, browser: number, typed: string | undefined): Account | undefined {
  const { session, learner } = whoActs(model, browser) ?? {}
  if (session === undefined || learner === undefined) return undefined
  const isShown = typed === undefined ? isConfirmed(model, session) : typed === learner.password
  return isShown && isStepped(model, session) ? learner : undefined
}

/** In a browser of somebody who has it on. */
function whereOn<Args extends { browser: number }>(model: Model, args: Args): Args | undefined {
  const browser = browserWith(args.browser, (one) => learnerIn(model, one)?.step?.isOn === true)
  return browser === undefined ? undefined : { ...args, browser }
}

/** With the password it is a call of the API, without it the form of a page. */
const passwordOrPage = fc.option(password, { nil: undefined })

function keepRecoveryCodes(world: World, key: string, codes: readonly string[]): void {
  for (const [index, code] of codes.entries()) world.secrets.set(`${key} recovery ${index}`, code)
}

/** The recovery codes that a page shows once. */
async function readRecoveryCodes(world: World, browser: number, key: string): Promise<boolean> {
  const { text } = await world.browser(browser).get(PAGE)
  const codes = [...text.matchAll(/<li><code>([^<]+)<\/code>/g)].map(([, code = '']) => code)
  keepRecoveryCodes(world, key, codes)
  return codes.length > 0
}

export const setUp = action({
  name: 'set up a second step',
  weight: 2,
  args: fc.record({ browser: browserIndex, password: passwordOrPage }),
  aim: (model, args) => withCookie(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser, password }, key) {
    const learner = mayChange(model, browser, password)
    if (learner === undefined || !learner.isVerified || learner.step?.isOn) return { outcome: 'no' }
    const isOnly = learner.step?.since !== model.now
    learner.step = {
      ...{ secret: isOnly ? `${key} app` : undefined, isOn: false, since: model.now, order: 0, lastStep: 0 },
      ...{ recovery: password === undefined ? undefined : { of: key, used: [] }, expiresAt: model.now + HOUR },
    }
    return { outcome: 'done' }
  },
  async perform(world, { browser, password }, key) {
    const client = world.browser(browser)
    if (password !== undefined) {
      const answer = await client.call(`${API}/enable`, { password })
      if (answer.status !== 200) return ofApi(answer)
      const { totpURI, backupCodes } = JSON.parse(answer.text)
      world.secrets.set(`${key} app`, new URL(totpURI).searchParams.get('secret') ?? '')
      keepRecoveryCodes(world, key, backupCodes)
      return 'done'
    }
    if ((await client.submit(PAGE, {})).location !== SETUP) return 'no'
    const secret = /class="secret"[^>]*><code>([^<]+)/.exec((await client.get(SETUP)).text)?.[1]
    if (secret !== undefined) world.secrets.set(`${key} app`, secret.replaceAll(' ', ''))
    return 'done'
  },
})

type On = { browser: number; typed: Typed; byApi: boolean }

/** Switched on by the first code. Everybody else is logged out, for they came in without one. */
function switchedOn(model: Model, { browser, typed, byApi }: On, key: string): Expected {
  const { session, learner } = whoActs(model, browser) ?? {}
  const { step } = learner ?? {}
  if (session === undefined || learner === undefined || step === undefined || step.isOn) return { outcome: 'no' }
  if ((step.expiresAt ?? 0) <= model.now || !(byApi || isConfirmed(model, session))) return { outcome: 'no' }
  if (!takes(step, typed)) return { outcome: 'no' }
  model.count += 1
  Object.assign(step, { isOn: true, since: model.now, order: model.count, expiresAt: undefined })
  if (!byApi) step.recovery = { of: key, used: [] }
  endSessions(model, learner, { but: session.key })
  renew(model, browser, { key, steppedAt: model.now })
  return { outcome: 'done', letters: [addLink(model, learner, 'undo-second-step', { key })] }
}

export const switchOn = action({
  name: 'switch the second step on',
  weight: 2,
  yields: true,
  args: fc.record({ browser: browserIndex, kind: fc.constantFrom('app', 'app', 'app', 'wrong'), byApi }),
  aim: (model, { browser, kind, byApi }): On | undefined => {
    const isBegun = (one: number) => learnerIn(model, one)?.step?.isOn === false
    const found = browserWith(browser, isBegun)
    const step = found === undefined ? undefined : learnerIn(model, found)?.step
    const typed = step && typedBy(model, step, kind)
    return typed && found !== undefined ? { browser: found, typed, byApi } : undefined
  },
  browser: ({ browser }) => browser,
  step: switchedOn,
  async perform(world, { browser, typed, byApi }, key) {
    const client = world.browser(browser)
    const code = digitsOf(world, typed)
    if (code === undefined) return 'nothing'
    if (byApi) {
      const outcome = ofApi(await client.call(`${API}/verify-totp`, { code }))
      return world.keepLogin(browser, key, outcome)
    }
    const before = client.cookie(COOKIE)
    await client.submit(SETUP, { code })
    // Where it is on already, or was not begun, it leads to the same page. Only a session under another name tells.
    if (client.cookie(COOKIE) === before) return 'no'
    world.keepCookie(browser, key)
    await readRecoveryCodes(world, browser, key)
    return 'done'
  },
})

function switchedOff(model: Model, account: Account, key: string): Expected {
  if (!account.step?.isOn) return { outcome: 'done' }
  endStep(model, account)
  return { outcome: 'done', letters: [addLink(model, account, 'not-me', { key })] }
}

export const switchOff = action({
  name: 'switch the second step off',
  args: fc.record({ browser: browserIndex, password: passwordOrPage }),
  aim: (model, args) => whereOn(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser, password }, key) {
    const learner = mayChange(model, browser, password)
    return learner ? switchedOff(model, learner, key) : { outcome: 'no' }
  },
  async perform(world, { browser, password }) {
    const client = world.browser(browser)
    if (password !== undefined) return ofApi(await client.call(`${API}/disable`, { password }))
    return ofPage(await client.submit(PAGE, {}, `${PAGE}/off`))
  },
})

export const newRecoveryCodes = action({
  name: 'make new recovery codes',
  yields: true,
  args: fc.record({ browser: browserIndex, password: passwordOrPage }),
  aim: (model, args) => whereOn(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser, password }, key) {
    const learner = mayChange(model, browser, password)
    if (!learner?.step?.isOn) return { outcome: 'no' }
    learner.step.recovery = { of: key, used: [] }
    return { outcome: 'done', letters: [addLink(model, learner, 'not-me', { key })] }
  },
  async perform(world, { browser, password }, key) {
    const client = world.browser(browser)
    if (password !== undefined) {
      const answer = await client.call(`${API}/generate-backup-codes`, { password })
      if (answer.status === 200) keepRecoveryCodes(world, key, JSON.parse(answer.text).backupCodes)
      return ofApi(answer)
    }
    await client.submit(PAGE, {}, `${PAGE}/recovery-codes`)
    return (await readRecoveryCodes(world, browser, key)) ? 'done' : 'no'
  },
})

const forgetDevices = action({
  name: 'have devices asked again',
  isVain: true,
  args: fc.record({ browser: browserIndex }),
  aim: (model, args) => whereOn(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser }) {
    const learner = mayChange(model, browser, undefined)
    if (learner === undefined) return { outcome: 'no' }
    askDevicesAgain(model, learner)
    return { outcome: 'done' }
  },
  perform: async (world, { browser }) =>
    ofPage(await world.browser(browser).submit(PAGE, {}, `${PAGE}/forget-devices`)),
})

const takeOff = action({
  name: 'an operator takes a second step off',
  args: fc.record({ account: some }),
  aim: (model, { account: index }) => {
    const account = pick(
      model.accounts.filter(({ step }) => step?.isOn),
      index,
    )
    return account && { account: account.key }
  },
  step(model, { account: key }) {
    const account = accountOf(model, key)
    if (!account?.step?.isOn || account.leavesAt !== undefined) return { outcome: 'no' }
    endStep(model, account)
    return { outcome: 'done' }
  },
  async perform({ app: { deps, sql }, emails }, { account: name }) {
    const [row] = await sql<{ id: string }>`select id from all_users where name = ${name} and email = any(${emails})`
    return row && (await takeSecondStepOff(deps, row.id, { notify: false })) ? 'done' : 'no'
  },
})

export const SECOND_STEPS: AnyAction[] = [setUp, switchOn, switchOff, newRecoveryCodes, forgetDevices, takeOff]
