/** Codes by mail: asked for in one browser, typed there or elsewhere, and the link beside them. */
import fc from 'fast-check'
import { COOKIES } from '../../src/web/session/cookies.ts'
import { type AnyAction, action, browserWith, pick } from './action.ts'
import { browserIndex, byApi, emailIndex, knownTo, knows, some } from './in-and-out.ts'
import { accountOf, addLink, type Expected, holderOf, MINUTE, type Model } from './model.ts'
import { beginAnew, endPasskeys, endStep, enter, heldBy, isGoodCode, type MailedCode } from './ways-in.ts'
import { ofApi, ofLogin, ofPage } from './world.ts'

const PAGE = '/login/code'
const LASTS_MS = 10 * MINUTE
const TRIES = 5

const ask = action({
  name: 'ask for a code',
  weight: 3,
  isLogin: true,
  args: fc.record({ browser: browserIndex, email: emailIndex, byApi, knows }),
  aim: (model, args) => {
    const own = knownTo(model, args)
    return own ? { ...args, email: model.emails.indexOf(own.email) } : args
  },
  browser: ({ browser }) => browser,
  step(model, { browser, email: index }, key) {
    const email = model.emails[index] ?? ''
    const holder = holderOf(model, email)
    const account = holder?.leavesAt === undefined ? holder : undefined
    const { version = 0 } = account ?? {}
    heldBy(model, browser).code = key
    model.codes.push({ key, account: account?.key, email, version, expiresAt: model.now + LASTS_MS, tries: 0 })
    if (account) return { outcome: 'done', letters: [{ to: email, page: PAGE, key }] }
    const until = holder?.leavesAt ?? 0
    if (holder === undefined || until <= model.now) return { outcome: 'done' }
    // Whoever has left is told how to come back, behind the answer.
    const letter = addLink(model, holder, 'undo-deletion', { key, until })
    return { outcome: 'done', letters: [{ ...letter, isLate: true }] }
  },
  async perform(world, { browser, email: index, byApi }, key) {
    const client = world.browser(browser)
    const email = world.emails[index] ?? ''
    const outcome = byApi
      ? ofApi(await client.call('/api/auth/email-otp/send-verification-otp', { email, type: 'sign-in' }))
      : ofPage(await client.submit(PAGE, { email }))
    world.secrets.set(`${key} request`, client.cookie(COOKIES.code.name) ?? '')
    return outcome
  },
})

type WayIn = { browser: number; remembered: boolean; beside: boolean }

/** A first step only. It proves the address, so an account that was not confirmed begins anew. */
function comeIn(model: Model, code: MailedCode, { browser, ...how }: WayIn, key: string): Expected {
  code.isUsed = true
  const account = accountOf(model, code.account ?? '')
  if (account === undefined || account.isSuspended) return { outcome: 'no' }
  heldBy(model, browser).code = undefined
  if (!account.isVerified) {
    account.isVerified = true
    beginAnew(model, account, undefined)
    endStep(model, account)
    endPasskeys(model, account)
  }
  return enter(model, browser, { key, account, ...how, confirms: false, isBoth: false })
}

/** By whose code: that of this browser, some other one, or one that nobody was sent. */
const whose = fc.constantFrom('own', 'own', 'own', 'other', 'wrong')

export const typeCode = action({
  name: 'type a mailed code',
  weight: 4,
  isLogin: true,
  args: fc.record({ browser: browserIndex, whose, other: some, byApi, remember: fc.boolean() }),
  aim: (model, { whose, other, ...args }) => {
    const asked = browserWith(args.browser, (one) => heldBy(model, one).code !== undefined)
    const browser = whose === 'other' ? args.browser : (asked ?? args.browser)
    const own = model.codes.find(({ key }) => key === heldBy(model, browser).code)
    const code = whose === 'other' ? pick(model.codes, other) : own
    if (code === undefined || (whose !== 'wrong' && !code.isMailed)) return undefined
    return {
      ...args,
      browser,
      email: (own ?? code).email,
      near: code.key,
      typed: whose === 'wrong' ? undefined : code.key,
    }
  },
  browser: ({ browser }) => browser,
  step(model, { browser, typed, byApi, remember }, key) {
    const code = model.codes.find((it) => it.key === heldBy(model, browser).code)
    if (code === undefined || code.isUsed || code.expiresAt <= model.now || code.tries >= TRIES)
      return { outcome: 'no' }
    if (typed !== code.key || !isGoodCode(model, code)) {
      code.tries += 1
      return { outcome: 'no' }
    }
    return comeIn(model, code, { browser, remembered: byApi || remember, beside: byApi }, key)
  },
  async perform(world, { browser, email, near, typed, byApi, remember }, key) {
    const client = world.browser(browser)
    const digits = world.digits.get(near) ?? '000000'
    const code = typed === undefined ? String((Number(digits) + 1) % 1_000_000).padStart(6, '0') : digits
    const answer = byApi
      ? await client.call('/api/auth/sign-in/email-otp', { email, otp: code })
      : await client.submit(`${PAGE}/enter`, { code, ...(remember ? { remember: 'yes' } : {}) })
    return world.keepLogin(browser, key, ofLogin(answer))
  },
})

export const pressLink = action({
  name: 'open the link of a code',
  weight: 2,
  isLogin: true,
  args: fc.record({ browser: browserIndex, code: some }),
  aim: (model, { browser, code: index }) => {
    const code = pick(
      model.codes.filter(({ isMailed }) => isMailed),
      index,
    )
    return code && { browser, code: code.key }
  },
  browser: ({ browser }) => browser,
  step(model, { browser, code: key }, made) {
    const code = model.codes.find((it) => it.key === key)
    if (code === undefined || heldBy(model, browser).code !== key || !isGoodCode(model, code)) return { outcome: 'no' }
    return comeIn(model, code, { browser, remembered: false, beside: false }, made)
  },
  async perform(world, { browser, code }, key) {
    const client = world.browser(browser)
    await client.get(world.secret(code))
    return world.keepLogin(browser, key, ofLogin(await client.submit(`${PAGE}/confirm`, {})))
  },
})

export const CODE_LOGINS: AnyAction[] = [ask, typeCode, pressLink]
