/** Passkeys: added, logged in with, also with a counter that went back, and removed. */
import fc from 'fast-check'
import { makeAuthenticator } from '../support/authenticator.ts'
import { type AnyAction, action, browserWith, pick } from './action.ts'
import { whoActs, withCookie } from './credentials.ts'
import { browserIndex, byApi, some } from './in-and-out.ts'
import { accountOf, addLink, isConfirmed, isStepped, MINUTE, type Model, sessionIn } from './model.ts'
import { askDevicesAgain, enter, heldBy, type Passkey } from './ways-in.ts'
import { ofApi, ofPage, type World } from './world.ts'

const PAGE = '/account/passkeys'
const API = '/api/auth/passkey'
const CHALLENGE_LASTS_MS = 5 * MINUTE
const PASSKEYS_MAX = 10

const isFresh = (model: Model, browser: number): boolean => {
  const session = sessionIn(model, browser)
  return session !== undefined && isConfirmed(model, session) && isStepped(model, session)
}
const ofAccount = (model: Model, account: string): Passkey[] =>
  model.passkeys.filter((it) => it.account === account && !it.isGone)

/** Passkeys are made for the address of the settings. */
const home = ({ app }: World): string => new URL(app.deps.config.issuer).origin

export const begin = action({
  name: 'begin to add a passkey',
  weight: 2,
  isVain: true,
  args: fc.record({ browser: browserIndex }),
  aim: (model, args) => withCookie(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser }, key) {
    const { learner } = whoActs(model, browser) ?? {}
    if (!learner?.isVerified || !isFresh(model, browser)) return { outcome: 'no' }
    const { key: account, version } = learner
    heldBy(model, browser).adding = { key, account, version, expiresAt: model.now + CHALLENGE_LASTS_MS }
    return { outcome: 'done' }
  },
  async perform(world, { browser }, key) {
    const answer = await world.browser(browser).get(`${API}/generate-register-options`)
    if (answer.status === 200) world.offers.set(key, JSON.parse(answer.text))
    return ofApi(answer)
  },
})

export const add = action({
  name: 'add a passkey',
  weight: 3,
  args: fc.record({ browser: browserIndex, byApi, counts: fc.boolean() }),
  aim: (model, args) => {
    const browser = browserWith(args.browser, (one) => heldBy(model, one).adding !== undefined)
    const { adding } = browser === undefined ? {} : heldBy(model, browser)
    return adding && browser !== undefined && model.browsers[browser] !== undefined
      ? { ...args, browser, offer: adding.key }
      : undefined
  },
  browser: ({ browser }) => browser,
  step(model, { browser, counts }, key) {
    const { learner } = whoActs(model, browser) ?? {}
    const { adding } = heldBy(model, browser)
    if (learner === undefined || adding === undefined || !isFresh(model, browser)) return { outcome: 'no' }
    const isOwn = adding.account === learner.key && adding.version === learner.version
    if (!isOwn || adding.isUsed || adding.expiresAt <= model.now) return { outcome: 'no' }
    adding.isUsed = true
    if (ofAccount(model, learner.key).length >= PASSKEYS_MAX) return { outcome: 'no' }
    model.passkeys.push({ key, account: learner.key, count: counts ? 1 : 0 })
    return { outcome: 'done', letters: [addLink(model, learner, 'not-me', { key })] }
  },
  async perform(world, { browser, offer, byApi, counts }, key) {
    const client = world.browser(browser)
    const authenticator = makeAuthenticator(home(world))
    const options = world.offers.get(offer)
    if (options === undefined) return 'nothing'
    const response = authenticator.create(options, { count: counts ? 1 : 0 })
    const answer = byApi
      ? await client.call(`${API}/verify-registration`, { response })
      : await client.submit(PAGE, { credential: JSON.stringify(response) })
    const outcome = byApi ? ofApi(answer) : ofPage(answer)
    if (outcome === 'done') {
      const id: string = byApi ? JSON.parse(answer.text).id : (answer.location.split('/').at(-1) ?? '')
      world.authenticators.set(key, { ...authenticator, passkeyId: id })
    }
    return outcome
  },
})

/** One that somebody has, or had. */
const aimAt = (model: Model, index: number): Passkey | undefined => pick(model.passkeys, index)

export const logInWith = action({
  name: 'log in with a passkey',
  weight: 4,
  isLogin: true,
  args: fc.record({
    ...{ browser: browserIndex, passkey: some, byApi, remember: fc.boolean() },
    counts: fc.constantFrom('on', 'on', 'on', 'back', 'not'),
  }),
  aim: (model, { passkey: index, counts, ...args }) => {
    const passkey = aimAt(model, index)
    if (passkey === undefined) return undefined
    const { key, count } = passkey
    const next = { on: count + 1, back: Math.max(0, count - 1), not: 0 }
    return { ...args, passkey: key, count: next[counts as keyof typeof next] }
  },
  browser: ({ browser }) => browser,
  step(model, { browser, passkey: key, byApi, remember, count }, made) {
    const passkey = model.passkeys.find((it) => it.key === key)
    const account = accountOf(model, passkey?.account ?? '')
    if (passkey === undefined || passkey.isGone || account === undefined || account.leavesAt !== undefined)
      return { outcome: 'no' }
    // It is the same number, or went back: somebody may have copied the authenticator, and its owner hears of it.
    if (count <= passkey.count && !(count === 0 && passkey.count === 0))
      return { outcome: 'no', letters: [addLink(model, account, 'not-me', { key: made })] }
    passkey.count = count
    if (account.isSuspended) return { outcome: 'no' }
    const remembered = byApi || remember
    return enter(model, browser, { key: made, account, remembered, beside: byApi, confirms: true, isBoth: true })
  },
  async perform(world, { browser, passkey, byApi, remember, count }, key) {
    const client = world.browser(browser)
    const authenticator = world.authenticators.get(passkey)
    if (authenticator === undefined) return 'nothing'
    const options = JSON.parse((await client.get(`${API}/generate-authenticate-options`)).text)
    const response = authenticator.get(options, { count })
    const outcome = byApi
      ? ofApi(await client.call(`${API}/verify-authentication`, { response }))
      : ofPage(
          await client.submit(
            '/login',
            { credential: JSON.stringify(response), ...(remember ? { remember: 'yes' } : {}) },
            '/login/passkey',
          ),
        )
    return world.keepLogin(browser, key, outcome)
  },
})

export const remove = action({
  name: 'remove a passkey',
  args: fc.record({ browser: browserIndex, passkey: some, byApi }),
  aim: (model, { passkey: index, ...args }) => {
    const passkey = aimAt(model, index)
    return passkey && withCookie(model, args) ? { ...args, passkey: passkey.key } : undefined
  },
  browser: ({ browser }) => browser,
  step(model, { browser, passkey: key, byApi }, made) {
    const { learner } = whoActs(model, browser) ?? {}
    if (learner === undefined || !isFresh(model, browser)) return { outcome: 'no' }
    const own = ofAccount(model, learner.key)
    const passkey = own.find((it) => it.key === key)
    // On the page, one that is gone is what was wanted.
    if (passkey === undefined) return { outcome: byApi ? 'no' : 'done' }
    if (own.length === 1 && learner.password === undefined) return { outcome: 'no' }
    passkey.isGone = true
    return { outcome: 'done', letters: [addLink(model, learner, 'not-me', { key: made })] }
  },
  async perform(world, { browser, passkey, byApi }) {
    const client = world.browser(browser)
    const id = world.authenticators.get(passkey)?.passkeyId
    if (id === undefined) return 'nothing'
    return byApi
      ? ofApi(await client.call(`${API}/delete-passkey`, { id }))
      : ofPage(await client.submit(PAGE, {}, `${PAGE}/${id}/remove`))
  },
})

/** An account may come to have no password, and then the last passkey is the only way in where no mail is sent. */
const losePassword = action({
  name: 'lose the password',
  alone: true,
  args: fc.record({ account: some }),
  aim: (model, { account: index }) => {
    const account = pick(
      model.accounts.filter(({ key }) => ofAccount(model, key).length > 0),
      index,
    )
    return account && { account: account.key }
  },
  step(model, { account: key }) {
    const account = accountOf(model, key)
    if (account) {
      Object.assign(account, { password: undefined, version: account.version + 1, form: undefined })
      askDevicesAgain(model, account)
    }
    return { outcome: 'done' }
  },
  async perform({ app: { sql }, emails }, { account }) {
    await sql`
      update all_users set password_hash = null, password_version = password_version + 1, sign_up_form = null
      where name = ${account} and email = any(${emails})`
    return 'done'
  },
})

export const PASSKEYS: AnyAction[] = [begin, add, logInWith, remove, losePassword]
