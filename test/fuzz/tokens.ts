/** What programs hold: access tokens, and families of refresh tokens. */

import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { type AnyAction, action, pick } from './action.ts'
import { whoActs, withCookie } from './credentials.ts'
import { browserIndex, some } from './in-and-out.ts'
import { DAY, endsOf, type Family, GRACE_MS, isOpen, type Model, type Session, type Token } from './model.ts'
import { ofApi } from './world.ts'

const GOOD_FOR_MS = 895_000
/** As long after its use, a token is neither surely sent again nor surely used twice. */
const UNSURE_MS = [GRACE_MS - 8_000, GRACE_MS + 60_000] as const

const takePass = action({
  name: 'take an access token',
  isVain: true,
  args: fc.record({ browser: browserIndex }),
  aim: (model, args) => withCookie(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser }, key) {
    const { session } = whoActs(model, browser) ?? {}
    if (session === undefined) return { outcome: 'no' }
    model.passes.push({ key, session: session.key, goodUntil: model.now + GOOD_FOR_MS })
    return { outcome: 'done' }
  },
  async perform(world, { browser }, key) {
    const answer = await world.browser(browser).get('/api/auth/token')
    if (answer.status === 200) world.passes.set(key, JSON.parse(answer.text).token)
    return ofApi(answer)
  },
})

const startFamily = action({
  name: 'take a refresh token',
  args: fc.record({ browser: browserIndex }),
  aim: (model, args) => withCookie(model, args),
  browser: ({ browser }) => browser,
  step(model, { browser }, key) {
    const { session } = whoActs(model, browser) ?? {}
    if (session === undefined) return { outcome: 'no' }
    const [, absolute] = endsOf(session)
    const endsAt = Math.min(model.now + 30 * DAY, absolute)
    const expiresAt = Math.min(model.now + 14 * DAY, endsAt)
    model.families.push({
      session: session.key,
      endsAt,
      hasEnded: false,
      tokens: [{ key: `${key} refresh`, expiresAt }],
    })
    return { outcome: 'done' }
  },
  async perform(world, { browser }, key) {
    const answer = await world.browser(browser).call('/api/auth/refresh-token', {})
    if (answer.status === 200) world.secrets.set(`${key} refresh`, JSON.parse(answer.text).refreshToken)
    return ofApi(answer)
  },
})

export const allTokens = (model: Model): Token[] => model.families.flatMap(({ tokens }) => tokens)

/** The token, its family and its open session, if the family counts. */
function familyOf(model: Model, key: string): { token: Token; family: Family; session: Session } | undefined {
  const family = model.families.find(({ tokens }) => tokens.some((it) => it.key === key))
  const token = family?.tokens.find((it) => it.key === key)
  const session = model.sessions.find((it) => it.key === family?.session)
  const counts = family && session && !family.hasEnded && family.endsAt > model.now && isOpen(model, session)
  return counts && token ? { token, family, session } : undefined
}

function aimAt(model: Model, index: number): { token: string } | undefined {
  const token = pick(allTokens(model), index)
  const age = token?.usedAt === undefined ? 0 : model.now - token.usedAt
  return token === undefined || (age > UNSURE_MS[0] && age < UNSURE_MS[1]) ? undefined : { token: token.key }
}

export const refresh = action({
  name: 'refresh',
  args: fc.record({ token: some }),
  aim: (model, { token }) => aimAt(model, token),
  step(model, { token: key }, made) {
    const { token, family, session } = familyOf(model, key) ?? {}
    if (token === undefined || family === undefined || session === undefined) return { outcome: 'no' }
    if (token.usedAt !== undefined && model.now - token.usedAt > GRACE_MS) {
      family.hasEnded = true
      return { outcome: 'no' }
    }
    if (token.usedAt === undefined) {
      if (token.expiresAt <= model.now) return { outcome: 'no' }
      token.usedAt = model.now
      session.seenAt = model.now
      family.tokens.push({ key: `${key}+`, expiresAt: Math.min(model.now + 14 * DAY, family.endsAt) })
    }
    model.passes.push({ key: made, session: session.key, goodUntil: model.now + GOOD_FOR_MS })
    return { outcome: 'done' }
  },
  async perform(world, { token: key }, made) {
    const answer = await world
      .browser(0)
      .send('POST', '/api/auth/refresh', { json: { refreshToken: world.secret(key) } })
    if (answer.status === 200) {
      const { token, refreshToken } = JSON.parse(answer.text)
      world.passes.set(made, token)
      assert.equal(refreshToken, world.secrets.get(`${key}+`) ?? refreshToken, 'a token has one successor')
      world.secrets.set(`${key}+`, refreshToken)
    }
    return ofApi(answer)
  },
})

const endFamily = action({
  name: 'revoke a refresh token',
  args: fc.record({ token: some }),
  aim: (model, { token }) => aimAt(model, token),
  step(model, { token: key }) {
    for (const family of model.families) if (family.tokens.some((it) => it.key === key)) family.hasEnded = true
    return { outcome: 'done' }
  },
  perform: async (world, { token }) =>
    ofApi(await world.browser(0).call('/api/auth/revoke', { refreshToken: world.secret(token) })),
})

export const TOKENS: AnyAction[] = [takePass, startFamily, refresh, endFamily]
