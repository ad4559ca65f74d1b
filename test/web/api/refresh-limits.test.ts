/** How long refresh tokens last: their own idle limit, and never longer than their session. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { prune } from '../../../src/database/pruning.ts'
import { OLD_REFRESH_FAMILIES } from '../../../src/tokens/refresh-tokens.ts'
import { type ApiClient, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { type Person, somebody } from '../../support/people.ts'
import { onlySessionOf } from '../../support/sessions.ts'
import {
  assertNothingSecretLogged,
  DAY,
  firstPair,
  HOUR,
  isRefused,
  MINUTE,
  type Pair,
  refresh,
  SECOND,
  setClock,
  successor,
} from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })

/** Signs somebody up with one session. `start` is when it began. */
async function signedUp(rememberMe: boolean): Promise<{ person: Person; api: ApiClient; start: number }> {
  const person = somebody('Ada')
  const api = openApi(app)
  assert.equal((await api.signUp(person, { rememberMe })).status, 200)
  return { person, api, start: Number((await onlySessionOf(app, person)).createdAt) }
}

const endOf = (pair: Pair): number => Date.parse(pair.refreshExpiresAt)

describe('a refresh token of a remembered session', () => {
  it('[J29] is good for 14 days without use, and not a second longer, although its session lives', async () => {
    const { api } = await signedUp(true)
    const [early, late] = [await firstPair(api), await firstPair(api)]
    const end = endOf(late)
    for (const days of [5, 10]) {
      setClock(app, endOf(early) - (14 - days) * DAY)
      assert.equal((await api.get('/api/me')).status, 200)
    }
    setClock(app, endOf(early) - SECOND)
    const next = await successor(app, early)
    setClock(app, end + SECOND)
    isRefused(await refresh(app, late.refreshToken))
    assert.equal((await api.get('/api/me')).status, 200)
    await successor(app, next)
  })

  it('[J29] ends with its session after 30 days, however often it is used', async () => {
    const { api, start } = await signedUp(true)
    let pair = await firstPair(api)
    for (let days = 1; days < 30; days += 1) {
      setClock(app, start + days * DAY)
      pair = await successor(app, pair)
      assert.ok(endOf(pair) <= start + 30 * DAY, `promised until ${pair.refreshExpiresAt} on day ${days}`)
    }
    assert.ok(endOf(pair) > start + 30 * DAY - SECOND, `promised until ${pair.refreshExpiresAt} at last`)
    setClock(app, start + 30 * DAY - SECOND)
    pair = await successor(app, pair)
    assert.equal((await openApi(app).get('/api/me', bearer(pair.token))).status, 200)
    setClock(app, start + 30 * DAY + SECOND)
    isRefused(await refresh(app, pair.refreshToken))
    assert.equal((await openApi(app).get('/api/me', bearer(pair.token))).status, 401)
    assert.equal((await api.get('/api/auth/get-session')).body, null)
  })

  it('that is made late in its session promises no more than what is left of it', async () => {
    const { api, start } = await signedUp(true)
    for (const days of [10, 20, 29]) {
      setClock(app, start + days * DAY)
      const pair = await firstPair(api)
      const left = Math.min(14, 30 - days) * DAY
      const promised = endOf(pair) - start - days * DAY
      assert.ok(promised <= left + MINUTE && promised >= left - MINUTE, `${promised} ms on day ${days}`)
    }
    setClock(app, start + 29.5 * DAY)
    const last = await firstPair(api)
    setClock(app, start + 30 * DAY + SECOND)
    isRefused(await refresh(app, last.refreshToken))
  })
})

describe('a refresh token of a session of the browser', () => {
  it('keeps its session open by its use, as a visit does, but not past 24 hours', async () => {
    const { person, api, start } = await signedUp(false)
    let pair = await firstPair(api)
    for (let hours = 1.5; hours < 24; hours += 1.5) {
      setClock(app, start + hours * HOUR)
      pair = await successor(app, pair)
      const { seenAt, expire } = await onlySessionOf(app, person)
      assert.ok(Number(seenAt) >= start + hours * HOUR, 'seen')
      assert.ok(Number(expire) <= start + DAY, 'not past its end')
      // The answer promises the time until which the session lasts without another visit.
      assert.equal(endOf(pair), Number(expire))
    }
    // The refreshes alone kept it open: no page and no cookie was used.
    assert.equal((await api.get('/api/me')).status, 200)
    setClock(app, start + DAY - SECOND)
    pair = await successor(app, pair)
    setClock(app, start + DAY + SECOND)
    isRefused(await refresh(app, pair.refreshToken))
    assert.equal((await api.get('/api/me')).status, 401)
  })

  it('ends after 2 hours without a visit, as its session does', async () => {
    const { api, start } = await signedUp(false)
    const pair = await firstPair(api)
    setClock(app, start + 2 * HOUR + MINUTE)
    isRefused(await refresh(app, pair.refreshToken))
    // A refused refresh does not count as a visit.
    assert.equal((await api.get('/api/me')).status, 401)
  })

  it('is no visit when it is refused', async () => {
    const { person, api, start } = await signedUp(false)
    const pair = await firstPair(api)
    await successor(app, pair)
    const before = await onlySessionOf(app, person)
    setClock(app, start + HOUR)
    isRefused(await refresh(app, pair.refreshToken))
    const after = await onlySessionOf(app, person)
    assert.deepEqual(after.seenAt, before.seenAt)
    assert.deepEqual(after.expire, before.expire)
  })
})

describe('what is over', () => {
  it('is deleted with its tokens, no more than so many families at a time, and nothing else', async () => {
    await app.sql`delete from refresh_families`
    const { api, start } = await signedUp(true)
    const old = [await firstPair(api), await firstPair(api), await firstPair(api)]
    await successor(app, old[0] ?? assert.fail('there are three'))
    setClock(app, start + 29 * DAY)
    const { api: benApi } = await signedUp(true)
    const fresh = await firstPair(benApi)
    assert.equal(await prune(app.sql, OLD_REFRESH_FAMILIES, app.deps.now(), 10), 0)
    setClock(app, start + 30 * DAY + MINUTE)
    assert.equal(await prune(app.sql, OLD_REFRESH_FAMILIES, app.deps.now(), 2), 2)
    assert.equal(await prune(app.sql, OLD_REFRESH_FAMILIES, app.deps.now(), 2), 1)
    assert.equal(await prune(app.sql, OLD_REFRESH_FAMILIES, app.deps.now(), 2), 0)
    const rows = await app.sql`select 1 from refresh_tokens`
    assert.equal(rows.length, 1)
    await successor(app, fresh)
  })
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app)
})
