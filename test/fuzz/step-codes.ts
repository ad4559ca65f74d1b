/** Codes of the second step, of the app and for recovery: at the end of a login, and once more in an open session. */
import fc from 'fast-check'
import { Secret, TOTP } from 'otpauth'
import { COOKIES } from '../../src/web/session/cookies.ts'
import { COOKIE } from '../support/sessions.ts'
import { type AnyAction, action, browserWith } from './action.ts'
import { whoActs } from './credentials.ts'
import { browserIndex, byApi } from './in-and-out.ts'
import {
  type Account,
  accountOf,
  addLink,
  type Expected,
  type Letter,
  learnerIn,
  type Model,
  sessionIn,
} from './model.ts'
import { enter, HALF_MINUTE, halfMinuteOf, heldBy, renew, type SecondStep, skipUntil, ticketIn } from './ways-in.ts'
import { ofApi, ofPage, type World } from './world.ts'

const LOGIN_PAGE = '/login/second-step'
const CONFIRMATION = '/account/second-step/confirmation'

/** A code by whose secret and half minute, or in which place of whose recovery codes. */
export type Typed =
  | { kind: 'app' | 'wrong'; secret: string; at: number }
  | { kind: 'recovery'; of: string; index: number }
type Kind = 'app' | 'old' | 'wrong' | 'recovery 0' | 'recovery 1'
const kindOfCode = fc.constantFrom<Kind>('app', 'app', 'app', 'old', 'wrong', 'recovery 0', 'recovery 1')

/** The code of the next half minute, which counts as long as anybody takes to type it; or one that was taken before. */
export function typedBy(
  model: Model,
  { secret, recovery, lastStep }: Pick<SecondStep, 'secret' | 'recovery' | 'lastStep'>,
  kind: Kind,
): Typed | undefined {
  if (kind === 'recovery 0' || kind === 'recovery 1')
    return recovery && { kind: 'recovery', of: recovery.of, index: Number(kind.at(-1)) }
  if (secret === undefined || (kind === 'old' && lastStep === 0)) return undefined
  const at = kind === 'old' ? lastStep : halfMinuteOf(model) + 1
  return { kind: kind === 'wrong' ? 'wrong' : 'app', secret, at }
}

/** What is typed. Undefined for a code that nobody has seen, since a session ended before it was shown. */
export function digitsOf({ secrets }: World, typed: Typed): string | undefined {
  if (typed.kind === 'recovery') return secrets.get(`${typed.of} recovery ${typed.index}`)
  const secret = secrets.get(typed.secret)
  if (secret === undefined) return undefined
  const totp = new TOTP({ secret: Secret.fromBase32(secret) })
  const codeOf = (step: number) => totp.generate({ timestamp: step * HALF_MINUTE })
  if (typed.kind === 'app') return codeOf(typed.at)
  const good = [-3, -2, -1, 0, 1, 2].map((off) => codeOf(typed.at + off))
  return Array.from({ length: 7 }, (_, digit) => `00000${digit}`).find((code) => !good.includes(code))
}

/** Each code is taken once. */
export function takes(step: SecondStep, typed: Typed): boolean {
  if (typed.kind === 'recovery') {
    const isGood = step.recovery?.of === typed.of && !step.recovery.used.includes(typed.index)
    if (isGood) step.recovery?.used.push(typed.index)
    return isGood
  }
  const isGood = typed.kind === 'app' && typed.secret === step.secret && typed.at > step.lastStep
  if (isGood) step.lastStep = typed.at
  return isGood
}

/** The owner hears of a recovery code that was used. */
const lettersOf = (model: Model, account: Account, typed: Typed, key: string): Letter[] =>
  typed.kind === 'recovery' ? [addLink(model, account, 'not-me', { key: `${key} recovery` })] : []

type Attempt = { browser: number; typed: Typed; byApi: boolean; skip: boolean }

function endLogin(model: Model, { browser, typed, byApi, skip }: Attempt, key: string): Expected {
  const held = heldBy(model, browser)
  const { ticket, account } = ticketIn(model, browser) ?? {}
  if (ticket === undefined || account?.step === undefined) {
    if (!byApi) held.ticket = undefined
    return { outcome: 'no' }
  }
  if (!takes(account.step, typed)) return { outcome: 'no' }
  ticket.isUsed = true
  held.ticket = undefined
  const letters = lettersOf(model, account, typed, key)
  if (skip) held.skips = [...held.skips, { account: account.key, expiresAt: skipUntil(model) }]
  const { remembered, confirms } = ticket
  const entered = enter(model, browser, { key, account, remembered, beside: byApi, confirms, isBoth: true })
  return { ...entered, letters: [...letters, ...(entered.letters ?? [])] }
}

const callFor = ({ kind }: Typed): string =>
  `/api/auth/two-factor/${kind === 'recovery' ? 'verify-backup-code' : 'verify-totp'}`

export const typeAtLogin = action({
  name: 'type a code to log in',
  weight: 6,
  isLogin: true,
  yields: true,
  args: fc.record({ browser: browserIndex, kind: kindOfCode, byApi, skip: fc.boolean() }),
  // In an open session the API takes it for a code of that.
  aim: (model, { kind, ...args }) => {
    const browser = browserWith(args.browser, (one) => heldBy(model, one).ticket !== undefined)
    if (browser === undefined || (args.byApi && sessionIn(model, browser))) return undefined
    const ticket = model.tickets.find(({ key }) => key === heldBy(model, browser).ticket)
    if (ticket === undefined) return undefined
    const step = accountOf(model, ticket.account)?.step
    const typed = typedBy(model, step?.isOn ? step : { secret: ticket.secret, recovery: undefined, lastStep: 0 }, kind)
    return typed && { ...args, browser, typed }
  },
  browser: ({ browser }) => browser,
  step: endLogin,
  async perform(world, { browser, typed, byApi, skip }, key) {
    const client = world.browser(browser)
    const code = digitsOf(world, typed)
    if (code === undefined) return 'nothing'
    const outcome = byApi
      ? ofApi(await client.call(callFor(typed), { code, trustDevice: skip }))
      : ofPage(await client.submit(LOGIN_PAGE, { code, ...(skip ? { rememberDevice: 'yes' } : {}) }))
    return world.keepLogin(browser, key, outcome)
  },
})

const typeInSession = action({
  name: 'show a code',
  weight: 2,
  yields: true,
  args: fc.record({ browser: browserIndex, kind: kindOfCode, byApi }),
  aim: (model, { kind, ...args }) => {
    const browser = browserWith(args.browser, (one) => learnerIn(model, one)?.step?.isOn === true)
    const step = browser === undefined ? undefined : learnerIn(model, browser)?.step
    const typed = step && typedBy(model, step, kind)
    return typed && browser !== undefined ? { ...args, browser, typed } : undefined
  },
  browser: ({ browser }) => browser,
  step(model, { browser, typed, byApi }, key) {
    const { session, learner } = whoActs(model, browser) ?? {}
    if (session === undefined || learner === undefined)
      return byApi ? endLogin(model, { browser, typed, byApi, skip: false }, key) : { outcome: 'no' }
    // On the page, whoever has no second step has nothing to show.
    if (!learner.step?.isOn) return { outcome: byApi ? 'no' : 'done' }
    if (!takes(learner.step, typed)) return { outcome: 'no' }
    const letters = lettersOf(model, learner, typed, key)
    if (byApi) session.steppedAt = model.now
    else renew(model, browser, { key, steppedAt: model.now })
    return { outcome: 'done', letters }
  },
  async perform(world, { browser, typed, byApi }, key) {
    const client = world.browser(browser)
    const code = digitsOf(world, typed)
    if (code === undefined) return 'nothing'
    const before = client.cookie(COOKIE)
    const outcome = byApi
      ? ofApi(await client.call(callFor(typed), { code }))
      : ofPage(await client.submit(CONFIRMATION, { code }))
    if (outcome === 'done' && client.cookie(COOKIE) !== before) world.keepCookie(browser, key)
    return outcome
  },
})

const COPIED = [COOKIES.ticket, COOKIES.code, COOKIES.rememberedDevice, COOKIES.passkey].map(({ name }) => name)

/** Somebody has what a browser holds between the steps of a login, so that it is used in two places. */
const copyHeld = action({
  name: 'copy half a login',
  weight: 2,
  args: fc.record({ from: browserIndex, to: browserIndex }),
  aim: (model, { from: index, to }) => {
    const from = browserWith(index, (one) => {
      const { ticket, code, adding } = heldBy(model, one)
      return one !== to && [ticket, code, adding].some((it) => it !== undefined)
    })
    return from === undefined ? undefined : { from, to }
  },
  browser: ({ to }) => to,
  alone: true,
  step(model, { from, to }) {
    const held = heldBy(model, from)
    model.held[to] = { ...held, skips: [...held.skips] }
    return { outcome: 'done' }
  },
  async perform(world, { from, to }) {
    for (const name of COPIED) world.browser(to).put(name, world.browser(from).cookie(name))
    return 'done'
  },
})

export const STEP_CODES: AnyAction[] = [typeAtLogin, typeInSession, copyHeld]
