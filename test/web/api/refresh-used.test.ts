/** Using refresh tokens: each is good for one use, a retry does no harm, and a copied one ends its family. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { type ApiClient, apiLearner, bearer, openApi } from '../../support/api.ts'
import { SECRET, startApp } from '../../support/app.ts'
import {
  assertNothingSecretLogged,
  DAY,
  decode,
  firstPair,
  isRefused,
  type Json,
  MINUTE,
  type Pair,
  refresh,
  SECOND,
  setClock,
  successor,
} from '../../support/tokens.ts'

const app = await startApp({}, { atPublicUrl: true })
const other = await startApp({ PUBLIC_URL: app.url }, { databaseUrl: app.databaseUrl })

const advance = (milliseconds: number) => {
  const to = app.deps.now() + milliseconds
  for (const instance of [app, other]) setClock(instance, to)
}

type Row = { tokenHash: string; family: string; expiresAt: Date; usedAt: Date | null }
const hashed = (token: string) => createHash('sha256').update(token).digest('base64url')

/** All tokens of this token's family. */
const familyOf = ({ refreshToken }: Pair): Promise<Row[]> => app.sql<Row>`
  select * from refresh_tokens
  where family = (select family from refresh_tokens where token_hash = ${hashed(refreshToken)})`

async function isGood(pair: Pair): Promise<Pair> {
  const next = await successor(app, pair)
  assert.equal((await openApi(app).get('/api/me', bearer(next.token))).status, 200)
  return next
}

const start = async (name: string): Promise<{ api: ApiClient; first: Pair }> => {
  const { api } = await apiLearner(app, name)
  return { api, first: await firstPair(api) }
}

describe('a refresh token', () => {
  it('comes with an access token of its session, and tells how long both are good', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const before = app.deps.now()
    const pair = await firstPair(api)
    assert.deepEqual(Object.keys(pair), ['token', 'refreshToken', 'expiresIn', 'refreshExpiresAt'])
    // 900 seconds minus the 5 by which it is backdated.
    assert.equal(pair.expiresIn, 895)
    assert.ok(
      Math.abs(decode(pair.token).claims.exp * SECOND - before - pair.expiresIn * SECOND) <= 2 * SECOND,
      'as its token says',
    )
    assert.match(pair.refreshToken, /^[\w-]{43}$/)
    assert.match(pair.refreshExpiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    const left = Date.parse(pair.refreshExpiresAt) - before
    assert.ok(left >= 14 * DAY && left < 14 * DAY + MINUTE, `${left} ms`)
    const { session, user } = (await api.get('/api/auth/get-session')).body
    assert.equal(decode(pair.token).claims.sid, session.token)
    assert.equal(decode(pair.token).claims.sub, user.id)
  })

  it('[J25] is used up by its successor, which has its own time, without any cookie', async () => {
    const { first } = await start('Ada')
    advance(DAY)
    const response = await refresh(app, first.refreshToken)
    assert.equal(response.status, 200, response.text)
    assert.deepEqual(Object.keys(response.body), ['token', 'refreshToken', 'expiresIn', 'refreshExpiresAt'])
    assert.equal(response.headers['set-cookie'], undefined)
    assert.equal(response.headers['cache-control'], 'no-store')
    assert.notEqual(response.body.refreshToken, first.refreshToken)
    const later = Date.parse(response.body.refreshExpiresAt) - Date.parse(first.refreshExpiresAt)
    assert.ok(later >= DAY && later < DAY + MINUTE, `${later} ms`)
    const [old, fresh] = [decode(first.token).claims, decode(response.body.token).claims]
    assert.equal(fresh.sid, old.sid)
    assert.equal(fresh.sub, old.sub)
    assert.notEqual(fresh.jti, old.jti)
    assert.ok(fresh.iat - old.iat >= DAY / SECOND, 'signed anew')
  })

  it('goes on for as long as its successors are used one after the other', async () => {
    const { first } = await start('Ada')
    let last = first
    for (let times = 0; times < 10; times += 1) {
      advance(MINUTE)
      last = await isGood(last)
    }
    const rows = await familyOf(last)
    assert.equal(rows.length, 11)
    assert.equal(rows.filter(({ usedAt }) => usedAt === null).length, 1)
  })

  it('[J25] is in no table, and nothing that is there refreshes', async () => {
    const { first } = await start('Ada')
    const second = await successor(app, first)
    const families = await app.sql`select * from refresh_families`
    const everything = JSON.stringify([await app.sql`select * from refresh_tokens`, families])
    for (const { refreshToken } of [first, second]) {
      assert.equal(everything.includes(refreshToken.slice(0, 12)), false)
      assert.equal(everything.includes(hashed(refreshToken)), true)
    }
    for (const { tokenHash, family } of await familyOf(first)) {
      isRefused(await refresh(app, tokenHash))
      isRefused(await refresh(app, family))
    }
    await isGood(second)
  })

  it('of two families of one session differs, and so do their ends', async () => {
    const { api, first } = await start('Ada')
    const second = await firstPair(api)
    assert.notEqual(second.refreshToken, first.refreshToken)
    assert.equal((await openApi(app).post('/api/auth/revoke', { refreshToken: first.refreshToken })).status, 200)
    isRefused(await refresh(app, first.refreshToken))
    await isGood(second)
  })

  it('tells of the user as they are now', async () => {
    const { api, first } = await start('Ada')
    await api.post('/api/auth/update-user', { name: 'Augusta' })
    assert.equal(decode((await successor(app, first)).token).claims.name, 'Augusta')
  })
})

describe('a refresh token that is used again', () => {
  it('within 20 seconds answers with the same successor, also after that was used', async () => {
    const { first } = await start('Ada')
    const second = await successor(app, first)
    const third = await successor(other, second)
    advance(18 * SECOND)
    for (const instance of [app, other]) {
      assert.equal((await successor(instance, first)).refreshToken, second.refreshToken)
      assert.equal((await successor(instance, second)).refreshToken, third.refreshToken)
    }
    assert.equal((await familyOf(first)).length, 3)
    await isGood(third)
  })

  it('[J27] twenty times at once over two instances has one successor', async () => {
    for (let times = 0; times < 3; times += 1) {
      const { first } = await start('Ada')
      const pairs = await Promise.all(
        Array.from({ length: 20 }, (_, index) => successor(index % 2 ? app : other, first)),
      )
      assert.equal(new Set(pairs.map(({ refreshToken }) => refreshToken)).size, 1)
      assert.equal((await familyOf(first)).length, 2)
      const second = pairs[0] ?? assert.fail('there is one')
      assert.equal((await familyOf(second)).filter(({ usedAt }) => usedAt === null).length, 1)
      await isGood(second)
    }
  })

  it('[J26] after 20 seconds ends its family: no token of it is good any more', async () => {
    const { first } = await start('Ada')
    const second = await successor(app, first)
    const third = await successor(app, second)
    advance(21 * SECOND)
    isRefused(await refresh(app, first.refreshToken))
    for (const { refreshToken } of [third, second, first]) isRefused(await refresh(other, refreshToken))
    assert.equal((await familyOf(third)).length, 0)
  })

  it('after 20 seconds ends its family whichever of the old ones it is', async () => {
    const { first } = await start('Ada')
    const second = await successor(app, first)
    const third = await successor(app, second)
    advance(21 * SECOND)
    isRefused(await refresh(other, second.refreshToken))
    isRefused(await refresh(app, third.refreshToken))
  })

  it('after its own time is over ends its family all the same', async () => {
    const { first } = await start('Ada')
    advance(MINUTE)
    const second = await successor(app, first)
    advance(10 * DAY)
    const third = await successor(app, second)
    advance(5 * DAY)
    // It is expired and used, so only a thief would still send it.
    isRefused(await refresh(app, first.refreshToken))
    isRefused(await refresh(app, third.refreshToken))
  })

  it('ends neither the session, nor its access tokens, nor its other families', async () => {
    const { api, first } = await start('Ada')
    const beside = await firstPair(api)
    const second = await successor(app, first)
    advance(21 * SECOND)
    isRefused(await refresh(app, first.refreshToken))
    isRefused(await refresh(app, second.refreshToken))
    await isGood(beside)
    assert.equal((await api.get('/api/me')).status, 200)
    assert.equal((await openApi(app).get('/api/me', bearer(second.token))).status, 200)
    await isGood(await firstPair(api))
  })

  it('[J26] is told in the log by a pseudonym, once, and without the token', async () => {
    const { first } = await start('Ada')
    await successor(app, first)
    advance(21 * SECOND)
    const before = app.log().length
    for (let times = 0; times < 3; times += 1) isRefused(await refresh(app, first.refreshToken))
    const lines: Json[] = app
      .log()
      .slice(before)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const events = lines.filter(({ msg }) => typeof msg === 'string' && msg.includes('family ended'))
    assert.equal(events.length, 1)
    const [{ user, requestId, level } = {}] = events
    const userId = String(decode(first.token).claims.sub)
    assert.equal(user, createHash('sha256').update(userId).digest('base64url').slice(0, 12))
    assert.equal(level, 40)
    assert.ok(
      lines.some((line) => line.requestId === requestId && line.route === '/api/auth/refresh' && line.status === 401),
      'it names the request',
    )
    assert.equal(app.log().slice(before).includes(userId), false)
  })

  it('at an instance that has a newer secret already gets the same successor', async () => {
    const newer = await startApp(
      { PUBLIC_URL: app.url, APP_SECRETS: `a-newer-secret-of-the-tests-9876543210zyx,${SECRET}` },
      { databaseUrl: app.databaseUrl },
    )
    setClock(newer, app.deps.now())
    const { first } = await start('Ada')
    const second = await successor(app, first)
    assert.equal((await successor(newer, first)).refreshToken, second.refreshToken)
  })
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app)
})
