/** People who have it all from the beginning, so that a short sequence gets as far as their second step and their passkey. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { confirmByOperator } from '../../src/accounts/links/email-verification.ts'
import { type AnyAction, action } from './action.ts'
import { browserIndex, emailIndex, password, signUp } from './in-and-out.ts'
import { holderOf, type Letter, type Model } from './model.ts'
import { add, begin } from './passkeys.ts'
import { setUp, switchOn } from './second-steps.ts'
import { halfMinuteOf } from './ways-in.ts'
import type { World } from './world.ts'

const COMES_WITH = ['second step', 'passkey', 'both', 'confirmed'] as const

type Args = { browser: number; email: number; password: string; has: (typeof COMES_WITH)[number]; at: number }
type Part = { part: AnyAction; aim: unknown; key: string }

/** What follows on the sign-up, in the same browser: nothing of it asks for the password again. */
function partsOf({ browser, has, at }: Args, key: string): Part[] {
  const typed = { kind: 'app', secret: `${key}u app`, at } as const
  const step: Part[] = [
    { part: setUp, aim: { browser, password: undefined }, key: `${key}u` },
    { part: switchOn, aim: { browser, typed, byApi: false }, key: `${key}o` },
  ]
  const passkey: Part[] = [
    { part: begin, aim: { browser }, key: `${key}b` },
    { part: add, aim: { browser, offer: `${key}b`, byApi: false, counts: true }, key: `${key}p` },
  ]
  return [
    ...(has === 'second step' || has === 'both' ? step : []),
    ...(has === 'passkey' || has === 'both' ? passkey : []),
  ]
}

const signUpOf = ({ browser, email, password }: Args) => ({ browser, email, password, byApi: true, remember: false })

const begins = action({
  name: 'sign up with care',
  weight: 10,
  alone: true,
  args: fc.record({ browser: browserIndex, email: emailIndex, password, has: fc.constantFrom(...COMES_WITH) }),
  aim: (model: Model, args): Args | undefined =>
    holderOf(model, model.emails[args.email] ?? '') ? undefined : { ...args, at: halfMinuteOf(model) + 1 },
  browser: ({ browser }) => browser,
  step(model, args: Args, key) {
    const letters: Letter[] = [...(signUp.step(model, signUpOf(args), key).letters ?? [])]
    for (const account of model.accounts) if (account.key === key) account.isVerified = true
    for (const { part, aim, key: name } of partsOf(args, key)) {
      const { outcome, letters: more = [] } = part.step(model, aim, name)
      assert.equal(outcome, 'done', part.name)
      letters.push(...more)
    }
    return { outcome: 'done', letters }
  },
  async perform(world: World, args: Args, key) {
    assert.equal(await signUp.perform(world, signUpOf(args), key), 'done')
    const { sql, deps } = world.app
    const [row] = await sql<{ id: string }>`select id from users where name = ${key} and email = any(${world.emails})`
    assert.ok(row && (await confirmByOperator(deps, row.id)))
    for (const { part, aim, key: name } of partsOf(args, key)) {
      assert.equal(await part.perform(world, aim, name), 'done', part.name)
    }
    return 'done'
  },
})

export const CAREFUL: AnyAction[] = [begins]
