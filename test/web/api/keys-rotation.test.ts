/** Signing keys are replaced automatically, and no verifier has to refuse a token because of it. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { prune } from '../../../src/database/pruning.ts'
import { OLD_SIGNING_KEYS } from '../../../src/tokens/signing-keys.ts'
import { apiLearner, bearer, openApi } from '../../support/api.ts'
import { startApp, type TestApp } from '../../support/app.ts'
import {
  assertNothingSecretLogged,
  DAY,
  decode,
  ed25519,
  forge,
  HOUR,
  isUnauthorized,
  kidsOf,
  MINUTE,
  SECOND,
  setClock,
  signingKid,
} from '../../support/tokens.ts'

const DAYS = 2
const app = await startApp({ KEY_ROTATION_DAYS: String(DAYS) }, { atPublicUrl: true })
/** Another instance, which gets few requests. It signs and checks tokens for the same address. */
const other = await startApp({ KEY_ROTATION_DAYS: String(DAYS), PUBLIC_URL: app.url }, { databaseUrl: app.databaseUrl })
const both = [app, other]

const setBoth = (to: number) => {
  for (const instance of both) setClock(instance, to)
}

const signsFrom = async (kid: string): Promise<number> => {
  const [row] = await app.sql<{ signsFrom: Date }>`select signs_from from signing_keys where kid = ${kid}`
  return Number(row?.signsFrom)
}

async function isGoodAt(instance: TestApp, token: string): Promise<void> {
  const response = await openApi(instance).get('/api/me', bearer(token))
  assert.equal(response.status, 200, response.text)
}

const { api } = await apiLearner(app, 'Ada')

describe('a key that has signed for its days', () => {
  it('is followed by one that is published 15 minutes before it signs, and leaves 30 minutes after', async () => {
    const [first = ''] = await kidsOf(app)
    assert.equal(await signingKid(app), first)
    const due = (await signsFrom(first)) + DAYS * DAY

    setBoth(due - SECOND)
    assert.deepEqual(await kidsOf(app), [first])

    setBoth(due + MINUTE)
    const [, second = ''] = await kidsOf(app)
    assert.match(second, /^[\w-]{43}$/)
    assert.deepEqual(await kidsOf(app), [first, second])
    const turn = await signsFrom(second)
    assert.equal(turn - (due + MINUTE) >= 15 * MINUTE, true)
    assert.equal(await signingKid(app), first)

    setBoth(turn - 2 * SECOND)
    const { privateKey: firstKey } = await app.deps.keyRing.current()
    const lastOfFirst = await api.token()
    assert.equal(decode(lastOfFirst).header.kid, first)

    setBoth(turn + SECOND)
    const firstOfSecond = await api.token()
    assert.equal(decode(firstOfSecond).header.kid, second)
    // The other instance read the keys long before.
    await isGoodAt(other, firstOfSecond)
    await isGoodAt(other, lastOfFirst)
    assert.deepEqual(await kidsOf(other), [first, second])
    assert.equal(await signingKid(other), second)

    for (const minutes of [5, 10, 14]) {
      setBoth(turn + minutes * MINUTE)
      for (const instance of both) await isGoodAt(instance, lastOfFirst)
    }

    setBoth(turn + 30 * MINUTE - 5 * SECOND)
    for (const instance of both) assert.deepEqual(await kidsOf(instance), [first, second])
    /** A token that is valid except for its key. */
    const late = async () => {
      const { claims } = decode(await api.token())
      return forge({ alg: 'EdDSA', kid: first }, claims, ed25519(firstKey))
    }
    await isGoodAt(app, await late())
    assert.equal(await prune(app.sql, OLD_SIGNING_KEYS, app.deps.now(), 10), 0)

    setBoth(turn + 31 * MINUTE + SECOND)
    for (const instance of both) {
      assert.deepEqual(await kidsOf(instance), [second])
      isUnauthorized(await openApi(instance).get('/api/me', bearer(await late())))
    }
    assert.equal(await prune(app.sql, OLD_SIGNING_KEYS, app.deps.now(), 10), 1)
    const rows = await app.sql<{ kid: string }>`select kid from signing_keys`
    assert.deepEqual(
      rows.map(({ kid }) => kid),
      [second],
    )
  })

  it('is followed once, although two instances see at the same moment that it is due', async () => {
    const start = await signsFrom(await signingKid(app))
    for (let times = 1; times <= 3; times += 1) {
      const [current = ''] = (await kidsOf(app)).slice(-1)
      setBoth((await signsFrom(current)) + DAYS * DAY + MINUTE)
      const [one, two] = await Promise.all(both.map(kidsOf))
      assert.deepEqual(one, two)
      assert.equal(one?.at(-2) ?? one?.at(0), current)
      assert.notEqual(one?.at(-1), current)
    }
    assert.equal(app.deps.now() - start > 3 * DAYS * DAY, true)
  })

  it('is followed by no more than one when nobody asked for a long time', async () => {
    const current = (await kidsOf(app)).at(-1) ?? ''
    setBoth((await signsFrom(current)) + 11 * DAYS * DAY)
    const kids = await kidsOf(app)
    assert.equal(kids.length, 2)
    assert.equal(await signingKid(app), current)
    setBoth((await signsFrom(kids.at(-1) ?? '')) + 2 * HOUR)
    assert.deepEqual(await kidsOf(app), kids.slice(-1))
    assert.deepEqual(await kidsOf(other), kids.slice(-1))
  })
})

describe('two instances', () => {
  it('take each other’s tokens at every minute of a rotation', async () => {
    const { api: ben } = await apiLearner(app, 'Ben')
    const user = (await ben.get('/api/auth/get-session')).body
    const [learner] = await app.sql<never>`
      select id, name, email, email_verified, image, created_at, updated_at from users where id = ${user.user.id}`
    assert.ok(learner, 'Ben is there')
    const start = (await signsFrom(await signingKid(app))) + DAYS * DAY - 2 * MINUTE
    const kids = new Set<unknown>()
    for (let minute = 0; minute < 55; minute += 1) {
      // They never read the keys at the same moment.
      setClock(app, start + minute * MINUTE)
      setClock(other, start + minute * MINUTE + 17 * SECOND)
      for (const [signer, reader] of [
        [app, other],
        [other, app],
      ] as const) {
        const token = await signer.deps.accessTokens.sign(learner, {
          handle: user.session.id,
          statusIndex: 7,
          amr: ['pwd'],
          createdAt: new Date(),
        })
        kids.add(decode(token).header.kid)
        assert.ok(await reader.deps.accessTokens.verify(token), `refused in minute ${minute}`)
        assert.ok(
          (await kidsOf(reader)).includes(String(decode(token).header.kid)),
          `not published in minute ${minute}`,
        )
      }
    }
    assert.equal(kids.size, 2)
  })
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app)
})
