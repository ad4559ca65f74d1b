/** Two servers on one database, also while the clock of one is an hour off. */
import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { createDb } from '../../src/database/database.ts'
import { createDatabase } from '../support/database.ts'
import { holdInvariants } from '../support/invariants.ts'
import { createClock } from '../support/moved-clock.ts'
import { learner, openBrowser, PASSWORD, type Person } from '../support/people.ts'
import { eventually, type ServerProcess, startServer } from '../support/process.ts'
import { COOKIE } from '../support/sessions.ts'
import { HOUR } from '../support/tokens.ts'
import { reportFault, type Tally, tallied } from './report.ts'

/** The address of both: without one each would name itself in its tokens. */
const SITE = 'http://127.0.0.1:9'

/** A browser with this cookie of a session, at another server: cookies know no ports. */
const sameSession = (browser: ReturnType<typeof openBrowser>, server: ServerProcess) =>
  openBrowser(server, { Cookie: `${COOKIE}=${browser.cookie(COOKIE)}` })

const call = (server: ServerProcess, path: string, headers: Record<string, string>, body?: object) =>
  fetch(server.url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { Origin: SITE, 'Content-Type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

const wrongLogin = (server: ServerProcess, { email }: Person) =>
  openBrowser(server).logIn({ email, password: `${PASSWORD} no` }, { next: '/' })

it('[F25] what one of two servers has begun goes on at the other: sessions, forms, tokens, keys, limits and ends', async () => {
  const url = await createDatabase()
  const [one, other] = await Promise.all([
    startServer({ DATABASE_URL: url, PUBLIC_URL: SITE }),
    startServer({ DATABASE_URL: url, PUBLIC_URL: SITE }),
  ])
  const tally: Tally = new Map()
  const { person, browser } = await learner(one, 'Ada')
  const there = sameSession(browser, other)
  assert.equal((await tallied(tally, there.get('/dashboard')))?.status, 200)
  // The token of a form from one is good at the other.
  const _csrf = await browser.token('/account')
  assert.equal((await tallied(tally, there.post('/account', { name: 'Augusta', _csrf })))?.status, 303)

  const cookie = { Cookie: `${COOKIE}=${browser.cookie(COOKIE)}` }
  const { token } = await (await call(one, '/api/auth/token', cookie)).json()
  const bearer = { Authorization: `Bearer ${token}` }
  assert.equal((await tallied(tally, call(other, '/api/me', bearer)))?.status, 200)
  const [keys, same] = await Promise.all(
    [one, other].map(async (server) => (await call(server, '/api/auth/jwks', {})).json()),
  )
  assert.deepEqual(keys, same)
  const { refreshToken } = await (await call(one, '/api/auth/refresh-token', cookie, {})).json()
  assert.equal((await tallied(tally, call(other, '/api/auth/refresh', {}, { refreshToken })))?.status, 200)

  // Ten tries are one count, wherever they are made.
  const guessed = (await learner(one, 'Bo')).person
  const answers = []
  for (let times = 0; times < 12; times += 1) answers.push((await wrongLogin(times % 2 ? one : other, guessed)).status)
  assert.deepEqual(
    answers.toSpliced(10),
    Array.from({ length: 10 }, () => 422),
  )
  assert.deepEqual(answers.slice(10), [429, 429])

  assert.equal((await browser.logOut()).status, 303)
  assert.equal((await tallied(tally, there.get('/dashboard')))?.status, 303)
  assert.equal((await tallied(tally, call(other, '/api/me', bearer)))?.status, 401)
  assert.equal((await openBrowser(other).logIn(person, { next: '/' })).status, 303)
  reportFault({
    rows: 'F25',
    fault: 'two instances',
    done: 'one begins, the other goes on',
    answers: tally,
    lost: '-',
    healedMs: '-',
  })
})

for (const [name, ahead] of Object.entries({ 'an hour ahead': HOUR, 'an hour behind': -HOUR })) {
  it(`[F32] the clock of one of two servers jumps ${name}, and nobody is logged out or stays for ever`, async () => {
    const url = await createDatabase()
    const clock = createClock()
    const [right, wrong] = await Promise.all([
      startServer({ DATABASE_URL: url, PUBLIC_URL: SITE }),
      startServer({ DATABASE_URL: url, PUBLIC_URL: SITE, ...clock.environment }),
    ])
    const tally: Tally = new Map()
    const before = await learner(wrong, 'Ada')
    clock.forward(ahead)
    const during = await learner(wrong, 'Bo')
    for (const { browser } of [before, during]) {
      assert.equal((await tallied(tally, sameSession(browser, right).get('/dashboard')))?.status, 200)
      assert.equal((await tallied(tally, browser.get('/dashboard')))?.status, 200)
      const cookie = { Cookie: `${COOKIE}=${browser.cookie(COOKIE)}` }
      const { token } = await (await call(wrong, '/api/auth/token', cookie)).json()
      const bearer = { Authorization: `Bearer ${token}` }
      // Fresh, it is good where it was made. Elsewhere it is over too early, or good for an hour more, but never longer than its session.
      assert.equal((await tallied(tally, call(wrong, '/api/me', bearer)))?.status, 200)
      assert.ok([200, 401].includes((await call(right, '/api/me', bearer)).status))
      assert.equal((await browser.logOut()).status, 303)
      for (const server of [right, wrong])
        assert.equal((await tallied(tally, call(server, '/api/me', bearer)))?.status, 401)
      assert.equal((await tallied(tally, sameSession(browser, right).get('/dashboard')))?.status, 303)
    }
    // Whoever logs in where the clock is right goes on where it is wrong, and when it is right again.
    const { browser, person } = await learner(right, 'Cy')
    assert.equal((await tallied(tally, sameSession(browser, wrong).get('/dashboard')))?.status, 200)
    clock.forward(-ahead)
    assert.equal((await tallied(tally, sameSession(browser, wrong).get('/dashboard')))?.status, 200)
    assert.equal((await openBrowser(wrong).logIn(person, { next: '/' })).status, 303)
    await eventually('the right one to go on', async () => (await browser.get('/dashboard')).status === 200)

    const { sql, close } = createDb({ url, poolMax: 1 })
    after(close)
    await holdInvariants(sql, { mail: false })
    const done = `two servers, one ${name}`
    reportFault({ rows: 'F32', fault: 'clock jumps', done, answers: tally, lost: '-', healedMs: '-' })
  })
}
