/** The status lists, as a verifier uses them: whoever has logged out is in there a second later, and nobody else. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inflateSync } from 'node:zlib'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { prune } from '../../../src/database/pruning.ts'
import { OLD_SESSIONS } from '../../../src/sessions/sessions.ts'
import { bitsOf, compressed, LIST_SIZE, LISTS_MAX, OLD_TOKEN_STATUSES } from '../../../src/tokens/status-lists.ts'
import { apiLearner, apiOf, bearer, openApi } from '../../support/api.ts'
import { startApp, type TestApp } from '../../support/app.ts'
import { createDatabase } from '../../support/database.ts'
import { learner, openBrowser, PASSWORD, type Person } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'
import { startProxy } from '../../support/proxy.ts'
import { exchange } from '../../support/raw-http.ts'
import {
  assertNothingSecretLogged,
  decode,
  firstPair,
  HOUR,
  MINUTE,
  SECOND,
  signingKid,
  successor,
} from '../../support/tokens.ts'

const PATH = '/api/auth/status-list'
const app = await startApp({ DELETION_GRACE_DAYS: '0' }, { atPublicUrl: true })
/** Another process on the same database, at the same public address. */
const other = await startApp({ PUBLIC_URL: app.url }, { databaseUrl: app.databaseUrl })

type StatusClaim = { status_list: { idx: number; uri: string } }
const placeOf = (token: string) => (decode(token).claims.status as StatusClaim).status_list

const unpacked = (lst: string): Buffer => inflateSync(Buffer.from(lst, 'base64url'))

const bitOf = (bits: Buffer, place: number): number => (bits.readUInt8(place >> 3) >> (place & 7)) & 1

/** Fetches a list and checks all that section 8.3 of the draft asks a verifier to check. Returns its bits. */
async function bitsAt(server: Pick<TestApp, 'port' | 'deps'>, path = PATH): Promise<Buffer> {
  const { status, headers, text } = await exchange(server, path)
  assert.equal(status, 200, text)
  assert.equal(headers['content-type'], 'application/statuslist+jwt')
  const keys = createRemoteJWKSet(new URL(`http://127.0.0.1:${server.port}/api/auth/jwks`))
  const { payload, protectedHeader } = await jwtVerify(text, keys, {
    typ: 'statuslist+jwt',
    algorithms: ['EdDSA'],
    subject: `${server.deps.config.issuer}${path}`,
    requiredClaims: ['iat', 'exp', 'ttl', 'status_list'],
    currentDate: new Date(server.deps.now()),
  })
  assert.deepEqual(Object.keys(protectedHeader).toSorted(), ['alg', 'kid', 'typ'])
  const { bits, lst } = payload.status_list as { bits: number; lst: string }
  assert.equal(bits, 1)
  return unpacked(lst)
}

/** Whether a verifier that fetches the list now, a second or more after what happened, refuses the token. */
async function isEnded(server: TestApp, token: string): Promise<boolean> {
  const { idx, uri } = placeOf(token)
  assert.equal(uri, `${server.deps.config.issuer}${PATH}`)
  server.advance(SECOND)
  return bitOf(await bitsAt(server), idx) === 1
}

describe('the bits of a list', () => {
  // Section 4.1 and appendix "Test vectors for Status List encoding" of the draft.
  it('are those of the draft’s first example', () => {
    const bits = bitsOf([0, 3, 4, 5, 7, 8, 9, 13, 15], 16)
    assert.equal(bits.toString('hex'), 'b9a3')
    assert.ok(unpacked('eNrbuRgAAhcBXQ').equals(bits))
    // Compressors differ, what they mean does not.
    assert.ok(unpacked(compressed(bits)).equals(bits))
  })

  it('are those of the draft’s test vector with a bit for each of 2^20 tokens', () => {
    const ended = [0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345]
    const lst =
      'eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' +
      'AAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADje' +
      'lAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb'
    const bits = bitsOf(ended, 2 ** 20)
    assert.ok(unpacked(lst).equals(bits))
    assert.ok(unpacked(compressed(bits)).equals(bits))
  })

  it('of a million sessions are less than 130 KB, and next to nothing when few have ended', () => {
    assert.equal(bitsOf([], LIST_SIZE).length, 125_000)
    assert.ok(compressed(bitsOf([1, 500_000, 999_999], LIST_SIZE)).length < 500)
  })
})

describe('a session', () => {
  it('is not in the list while it is open, wherever its tokens come from, and keeps its place', async () => {
    const { api } = await apiLearner(app, 'Ada')
    const pair = await firstPair(api)
    const header = (await api.get('/api/auth/get-session')).headers['set-auth-jwt'] ?? ''
    const tokens = [await api.token(), pair.token, (await successor(app, pair)).token, header]
    assert.equal(new Set(tokens.map((token) => placeOf(token).idx)).size, 1)
    for (const token of tokens) assert.equal(await isEnded(app, token), false)
  })

  type Someone = { person: Person; server: TestApp }
  const ENDS: [
    by: string,
    end: (api: Awaited<ReturnType<typeof apiLearner>>['api'], of: Someone) => Promise<unknown>,
  ][] = [
    ['a logout on a page', (_, { person, server }) => logOutByPage(server, person)],
    ['sign-out', (api) => api.post('/api/auth/sign-out', {})],
    ['its owner on another device', (api) => endFromElsewhere(api)],
    ['the end of all sessions', (api) => api.post('/api/auth/revoke-sessions', {})],
    [
      'a changed password',
      (api) =>
        api.post('/api/auth/change-password', {
          currentPassword: PASSWORD,
          newPassword: `another ${PASSWORD}`,
          revokeOtherSessions: true,
        }),
    ],
    ['the deletion of the account', (api) => api.post('/api/auth/delete-user', { password: PASSWORD })],
    [
      'the loss of its row',
      (_, { person, server }) => server.sql`delete from sessions where user_id = (
        select id from users where email = ${person.email})`,
    ],
  ]
  /** Everybody logged in here has a session of the API; these take it over or end it. */
  async function logOutByPage(server: TestApp, person: Person) {
    const browser = openBrowser(server)
    await browser.logIn(person)
    const token = await apiOf(server, browser).token()
    await browser.logOut()
    assert.equal(await isEnded(server, token), true)
    await server.sql`delete from sessions where user_id = (select id from users where email = ${person.email})`
  }
  async function endFromElsewhere(api: Awaited<ReturnType<typeof apiLearner>>['api']) {
    const { session } = (await api.get('/api/auth/get-session')).body
    return api.post('/api/auth/revoke-session', { token: session.token })
  }

  for (const [by, end] of ENDS) {
    it(`is in the list of every process a second after its end by ${by}`, async () => {
      const { person, api } = await apiLearner(app, 'Ben')
      const { api: untouched } = await apiLearner(app, 'Eve')
      const token = await api.token()
      for (const server of [app, other]) assert.equal(await isEnded(server, token), false)
      await end(api, { person, server: app })
      for (const server of [app, other]) {
        assert.equal(await isEnded(server, token), true)
        assert.equal(await isEnded(server, await untouched.token()), false)
      }
    })
  }

  it('is in the list when its account is deleted for good, with all others of its owner', async () => {
    const { person, api } = await apiLearner(app, 'Carl')
    const second = openApi(app)
    await second.signIn(person)
    const tokens = [await api.token(), await second.token()]
    assert.notEqual(placeOf(tokens[0] ?? '').idx, placeOf(tokens[1] ?? '').idx)
    await app.sql`delete from users where email = ${person.email}`
    for (const token of tokens) assert.equal(await isEnded(app, token), true)
  })

  it('is in the list once its time is over, before its row is deleted and after', async () => {
    const mine = await startApp({}, { atPublicUrl: true })
    const { browser } = await learner(mine, 'Ada')
    const api = apiOf(mine, browser)
    const token = await api.token()
    mine.advance(2 * HOUR - MINUTE)
    assert.equal(await isEnded(mine, token), false)
    mine.advance(2 * MINUTE)
    assert.equal(await isEnded(mine, token), true)
    mine.advance(25 * MINUTE)
    assert.equal(await isEnded(mine, token), false, 'its last token was over long ago')
    const { browser: again } = await learner(mine, 'Ada')
    const late = await apiOf(mine, again).token()
    mine.advance(2 * HOUR)
    assert.equal(await isEnded(mine, late), true)
    await prune(mine.sql, OLD_SESSIONS, mine.deps.now(), 1_000)
    assert.equal(await isEnded(mine, late), true)
  })

  it('has a place that nobody else gets while a token of it may live, and that is free afterwards', async () => {
    const { api } = await apiLearner(app, 'Dora')
    const { idx } = placeOf(await api.token())
    const row = () => app.sql<{ endedAt: Date | null }>`select ended_at from token_status where status_index = ${idx}`
    assert.equal((await row())[0]?.endedAt, null)
    await api.post('/api/auth/sign-out', {})
    const age = (minutes: number) => app.sql`
      update token_status set ended_at = now() - ${minutes} * interval '1 minute' where status_index = ${idx}`
    const clear = () => prune(app.sql, OLD_TOKEN_STATUSES, app.deps.now(), 1_000)
    await age(19)
    await clear()
    assert.equal((await row()).length, 1)
    await age(21)
    await clear()
    assert.equal((await row()).length, 0)
  })

  it('takes a place at random, of those that are free', async () => {
    const taken = await app.sql<{ index: number }>`select take_status_index() as index from generate_series(1, 400)`
    const places = taken.map(({ index }) => index)
    assert.equal(new Set(places).size, 400)
    for (const place of places) assert.ok(place >= 0 && place < LIST_SIZE, String(place))
    // Of places in a row, none would be in the upper half.
    assert.ok(places.filter((place) => place >= LIST_SIZE / 2).length > 100)
  })

  it('is found by older versions of the program, which know no places: each row has its own', async () => {
    const { person } = await apiLearner(app, 'Emil')
    const [row] = await app.sql<{ id: string }>`select id from users where email = ${person.email}`
    await app.sql`insert into sessions (sid, sess, expire)
      select 'old ' || n, json_build_object('userId', ${row?.id ?? ''}::text), now() from generate_series(1, 50) n`
    const [count] = await app.sql<{ places: number }>`
      select count(distinct status_index)::int as places from sessions where sid like 'old %'`
    assert.equal(count?.places, 50)
    await app.sql`delete from sessions where sid like 'old %'`
  })
})

describe('a full list', () => {
  it('is followed by the next, at an address of its own', async () => {
    const mine = await startApp({}, { atPublicUrl: true })
    for (let from = 0; from < LIST_SIZE; from += 50_000) {
      await mine.sql`insert into token_status (status_index) select n from generate_series(${from}::int, ${from + 49_999}::int) n`
    }
    const { api } = await apiLearner(mine, 'Ada')
    const token = await api.token()
    const { idx, uri } = placeOf(token)
    assert.equal(uri, `${mine.url}${PATH}/1`)
    assert.ok(idx < LIST_SIZE)
    assert.equal(bitOf(await bitsAt(mine, `${PATH}/1`), idx), 0)
    await api.post('/api/auth/sign-out', {})
    mine.advance(SECOND)
    assert.equal(bitOf(await bitsAt(mine, `${PATH}/1`), idx), 1)
    assert.equal(bitOf(await bitsAt(mine), idx), 0)
  })

  it('has addresses that are written in one way, and no others', async () => {
    for (const list of [1, 7, LISTS_MAX - 1]) assert.equal((await exchange(app, `${PATH}/${list}`)).status, 200)
    for (const list of ['0', '01', `${LISTS_MAX}`, '1e1', '-1', '1.0', '%D9%A3', '%31x', '9999999999']) {
      const { status, text } = await exchange(app, `${PATH}/${list}`)
      assert.deepEqual([status, JSON.parse(text).code], [404, 'NOT_FOUND'], list)
    }
  })
})

describe('the answer', () => {
  it('says how long it is good, and may be kept by caches for a moment', async () => {
    app.advance(2 * MINUTE)
    const second = Math.floor(app.deps.now() / 1000)
    const { headers, text } = await exchange(app, PATH)
    const { claims } = decode(text)
    const { iat, exp, status_list, ...rest } = claims
    assert.deepEqual(rest, { sub: `${app.url}${PATH}`, ttl: 5 })
    assert.deepEqual(Object.keys(status_list as object), ['bits', 'lst'])
    assert.ok(iat >= second - 6 && iat <= second, `${iat} at ${second}`)
    assert.equal(exp - iat, 605)
    assert.equal(headers['cache-control'], 'public, max-age=1, stale-if-error=300')
    assert.match(headers.etag ?? '', /^"[\w-]+"$/)
    assert.equal(headers['access-control-allow-origin'], '*')
    assert.equal(headers['set-cookie'], undefined)
  })

  it('is the same text until somebody logs out, and is not sent again to who has it', async () => {
    const { api } = await apiLearner(app, 'Fay')
    app.advance(2 * MINUTE)
    const first = await exchange(app, PATH)
    app.advance(30 * SECOND)
    const again = await exchange(app, PATH, { headers: { 'If-None-Match': first.headers.etag ?? '' } })
    assert.deepEqual([again.status, again.text], [304, ''])
    await api.post('/api/auth/sign-out', {})
    app.advance(SECOND)
    const changed = await exchange(app, PATH, { headers: { 'If-None-Match': first.headers.etag ?? '' } })
    assert.equal(changed.status, 200)
    assert.notEqual(changed.headers.etag, first.headers.etag)
    app.advance(61 * SECOND)
    assert.notEqual((await exchange(app, PATH)).text, changed.text, 'a minute later it is signed anew')
  })

  it('names nobody: no session, no account, no address', async () => {
    const { person, api } = await apiLearner(app, 'Gus')
    const { sid, sub } = decode(await api.token()).claims
    await api.post('/api/auth/sign-out', {})
    app.advance(SECOND)
    const { text } = await exchange(app, PATH)
    const readable = Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()
    for (const secret of [sid, String(sub), person.email]) assert.ok(!readable.includes(secret))
  })

  it('is no access token', async () => {
    const { text } = await exchange(app, PATH)
    assert.equal((await openApi(app, bearer(text)).get('/api/me')).status, 401)
    assert.equal(await app.deps.accessTokens.verify(text), undefined)
  })

  it('is signed with another key as soon as one is withdrawn', async () => {
    const mine = await startApp({}, { atPublicUrl: true })
    await bitsAt(mine)
    const stolen = await signingKid(mine)
    await mine.deps.keyRing.retire(stolen, { immediately: true })
    mine.advance(61 * SECOND)
    await bitsAt(mine)
    assert.notEqual(decode((await exchange(mine, PATH)).text).header.kid, stolen)
  })

  it('is right again after the clock was set back', async () => {
    const mine = await startApp({}, { atPublicUrl: true })
    mine.advance(HOUR)
    await bitsAt(mine)
    mine.advance(-HOUR)
    await bitsAt(mine)
    const { iat } = decode((await exchange(mine, PATH)).text).claims
    assert.ok(iat * 1000 <= mine.deps.now())
  })
})

describe('a request for the list', () => {
  it('costs the database a reading a second at most, however many ask, and none when nobody asks', async () => {
    const proxy = await startProxy(await createDatabase())
    const mine = await startApp({ DB_POOL_MAX: '1' }, { databaseUrl: proxy.url })
    await exchange(mine, PATH)
    mine.advance(2 * SECOND)
    await exchange(mine, PATH)
    const before = proxy.roundTrips()
    for (let times = 0; times < 5; times += 1) {
      mine.advance(2 * SECOND)
      await Promise.all(Array.from({ length: 40 }, () => exchange(mine, PATH)))
    }
    // On a slow machine a second may pass meanwhile.
    const readings = proxy.roundTrips() - before
    assert.ok(readings >= 5 && readings < 50, `${readings} readings`)
    const idle = proxy.roundTrips()
    mine.advance(HOUR)
    assert.equal((await exchange(mine, '/health/live')).status, 200)
    assert.equal(proxy.roundTrips(), idle)
  })
})

describe('while the database', { concurrency: true }, () => {
  for (const [name, away] of [
    ['is down', 'cut'],
    ['answers nothing', 'swallow'],
  ] as const) {
    it(`${name}, the last list is answered until its end, then 503, and well again afterwards`, async () => {
      const proxy = await startProxy(await createDatabase())
      const mine = await startApp({}, { databaseUrl: proxy.url, atPublicUrl: true })
      const { api } = await apiLearner(mine, 'Ada')
      const token = await api.token()
      await api.post('/api/auth/sign-out', {})
      mine.advance(SECOND)
      const { idx } = placeOf(token)
      await bitsAt(mine)
      mine.advance(50 * SECOND)
      await bitsAt(mine)
      proxy[away]()
      for (const minutes of [0, 1, 5, 3]) {
        mine.advance(minutes * MINUTE)
        assert.equal(bitOf(await bitsAt(mine), idx), 1, 'and it is not over yet, as a verifier checks')
      }
      mine.advance(2 * MINUTE)
      const over = await exchange(mine, PATH)
      assert.deepEqual([over.status, JSON.parse(over.text).code], [503, 'SERVICE_UNAVAILABLE'])
      assert.match(over.headers['retry-after'] ?? '', /^[1-9]\d*$/)
      await proxy.heal()
      await eventually('the list to be there', async () => {
        mine.advance(SECOND)
        return (await exchange(mine, PATH)).status === 200
      })
    })
  }
})

it('nothing secret was logged meanwhile', async () => {
  await assertNothingSecretLogged(app)
})
