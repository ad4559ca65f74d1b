/** Sessions: their ids, their two limits, their end, and what they cost. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Unavailable } from '../../../src/base/failures.ts'
import { prune } from '../../../src/database/pruning.ts'
import { OLD_SESSIONS } from '../../../src/sessions/sessions.ts'
import { SessionStore } from '../../../src/web/session/store.ts'
import { BEHIND_TLS, SECRET, startApp, type TestApp } from '../../support/app.ts'
import { comingBack, learner, openBrowser, PASSWORD, somebody, tokenOf } from '../../support/people.ts'
import { startProxy } from '../../support/proxy.ts'
import {
  browserWith,
  COOKIE,
  countSessions,
  holderOf,
  idWithin,
  onlySessionOf,
  sessionCookieOf,
  sessionsOf,
  setCookieOf,
  signed,
} from '../../support/sessions.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const KINDS = [
  { kind: 'a session of the browser', remember: '', idle: 2 * HOUR, absolute: 24 * HOUR, step: HOUR },
  { kind: 'a remembered session', remember: 'yes', idle: 14 * DAY, absolute: 30 * DAY, step: 5 * DAY },
]

const app = await startApp()

/** Sets the clock of an app to this moment, so that time spent by the test itself does not count. */
const setClock = (to: Date | number, at: TestApp = app) => at.advance(Number(to) - at.deps.now())

/** Somebody who has just logged in, with or without the box ticked. */
async function loggedIn(name: string, remember = '', at: TestApp = app) {
  const { person } = await learner(at, name)
  await at.sql`delete from sessions where user_id = (select id from users where email = ${person.email})`
  const browser = openBrowser(at)
  const response = await browser.logIn(person, remember === '' ? {} : { remember })
  assert.equal(response.status, 303)
  return { person, browser, response, cookie: sessionCookieOf(browser) }
}

describe('the id of a session', () => {
  const key = app.deps.config.keys('cookie')[0]?.toString('base64url') ?? ''
  const id = randomBytes(24).toString('base64url')
  const foreign = {
    'an unsigned one': id,
    'one with a made-up signature': `s%3A${id}.${randomBytes(32).toString('base64')}`,
    'one signed with another key': signed(id, 'another-key'),
    'a well-signed one that nobody has': signed(id, key),
    'an empty one': '',
    'a well-signed empty one': signed('', key),
    'a very long one': signed('a'.repeat(3000), key),
    'one that breaks the encoding': '%E0%A4%A',
    'one with SQL in it': signed("' or '1'='1", key),
  }
  for (const [name, cookie] of Object.entries(foreign)) {
    it(`[S02] is never taken from the browser: ${name}`, async () => {
      const { person } = await learner(app, 'Ada')
      const carl = browserWith(app, cookie)
      assert.equal(await carl.whoAmI(), undefined)
      const response = await carl.logIn(person)
      assert.equal(response.status, 303)
      const given = setCookieOf(response)?.split(/[=;]/)[1] ?? ''
      assert.match(idWithin(given), /^.{32}$/)
      assert.equal(cookie.includes(idWithin(given)), false)
      assert.equal(await holderOf(app, cookie), undefined)
      assert.equal(await holderOf(app, given), 'Ada')
    })
  }

  it('is in no column of the table, and nothing that is there opens a session', async () => {
    const { person, cookie } = await loggedIn('Ada')
    const row = await onlySessionOf(app, person)
    assert.equal(await holderOf(app, cookie), 'Ada')
    const everything = JSON.stringify(await app.sql`select *, sess::text as text from sessions`)
    assert.equal(everything.includes(idWithin(cookie).slice(0, 12)), false)
    const [user] = await app.sql<{ id: string }>`select id from users where email = ${person.email}`
    const readable = [row.sid, row.sess, user?.id ?? '']
    assert.equal(readable.length, 3)
    for (const text of readable) {
      // Also with the signing key: the table and the key together are not enough.
      for (const guess of [text, encodeURIComponent(`s:${text}`), signed(text, key)]) {
        assert.equal(await holderOf(app, guess), undefined)
      }
    }
  })

  it('[S12] is another one for each of 50 logins of one person at once', async () => {
    const { person } = await learner(app, 'Ada')
    await app.sql`delete from sessions`
    const browsers = Array.from({ length: 50 }, () => openBrowser(app))
    const responses = await Promise.all(browsers.map((browser) => comingBack(() => browser.logIn(person))))
    assert.deepEqual([...new Set(responses.map(({ status }) => status))], [303])
    const cookies = browsers.map(sessionCookieOf)
    assert.equal(new Set(cookies.map(idWithin)).size, 50)
    assert.equal((await sessionsOf(app, person)).length, 50)
    assert.deepEqual([...new Set(await Promise.all(cookies.map((cookie) => holderOf(app, cookie))))], ['Ada'])
  })
})

describe('the cookie', () => {
  it('[S14] ends with the browser when the box is left empty', async () => {
    const { response } = await loggedIn('Ada')
    const cookie = setCookieOf(response) ?? ''
    assert.match(cookie, /; Path=\/; HttpOnly; SameSite=Lax$/)
    assert.doesNotMatch(cookie, /expires|max-age/i)
  })

  it('[S15] stays for 30 days when the box is ticked, in both spellings that browsers know', async () => {
    const before = Date.now()
    const { response } = await loggedIn('Ada', 'yes')
    const cookie = setCookieOf(response) ?? ''
    assert.match(cookie, /; Max-Age=2592000;/)
    const expires = Date.parse(/Expires=([^;]+)/.exec(cookie)?.[1] ?? '')
    // Expires has whole seconds only.
    assert.equal(expires >= before + 30 * DAY - SECOND && expires <= Date.now() + 30 * DAY, true)
  })

  it('[S18] is set by the login and by nothing after it, so nothing makes it last longer', async () => {
    for (const remember of ['', 'yes']) {
      const { person, browser } = await loggedIn('Ada', remember)
      const { sess } = await onlySessionOf(app, person)
      for (const path of ['/', '/dashboard', '/login', '/login?remember=yes', '/logout']) {
        assert.equal(setCookieOf(await browser.get(path)), undefined)
      }
      assert.equal((await onlySessionOf(app, person)).sess, sess)
    }
  })

  it('[S18] changes its kind by a new login only, which is a new session', async () => {
    const { person, browser, cookie } = await loggedIn('Ada')
    const response = await browser.submitTo('/dashboard', '/login', { ...person, remember: 'yes' })
    assert.equal(response.status, 303)
    assert.match(setCookieOf(response) ?? '', /Max-Age=2592000/)
    assert.equal(JSON.parse((await onlySessionOf(app, person)).sess).remembered, true)
    assert.equal(await holderOf(app, cookie), undefined)
  })
})

for (const { kind, remember, idle, absolute, step } of KINDS) {
  describe(kind, () => {
    it('[S16] lives until its idle limit and not a second longer', async () => {
      const { browser: ada, person } = await loggedIn('Ada', remember)
      const { browser: ben, person: benPerson, cookie } = await loggedIn('Ben', remember)
      const start = Number((await onlySessionOf(app, person)).seenAt)
      const startOfBen = Number((await onlySessionOf(app, benPerson)).seenAt)

      setClock(start + idle - SECOND)
      assert.equal((await ada.get('/dashboard')).status, 200)

      setClock(startOfBen + idle + SECOND)
      const refused = await ben.get('/dashboard')
      assert.equal(refused.status, 303)
      assert.equal(refused.headers.location, '/login?next=%2Fdashboard')
      assert.equal(await holderOf(app, cookie), undefined)
      // Ada was seen in the meantime, so her session goes on.
      assert.equal((await ada.get('/dashboard')).status, 200)
      // A refused request does not make the session last longer.
      assert.equal(Number((await onlySessionOf(app, benPerson)).expire) < app.deps.now(), true)
    })

    it('[S17] ends at its absolute limit in spite of activity', async () => {
      const { browser, person } = await loggedIn('Ada', remember)
      const start = Number((await onlySessionOf(app, person)).createdAt)
      for (let time = step; time < absolute; time += step) {
        setClock(start + time)
        assert.equal((await browser.get('/dashboard')).status, 200)
        assert.equal(Number((await onlySessionOf(app, person)).expire) <= start + absolute, true)
      }
      setClock(start + absolute - SECOND)
      assert.equal((await browser.get('/dashboard')).status, 200)
      setClock(start + absolute + SECOND)
      assert.equal((await browser.get('/dashboard')).status, 303)
    })
  })
}

describe('a visit', () => {
  it('is noted at most once a minute', async () => {
    const { browser, person } = await loggedIn('Ada')
    const { seenAt: start } = await onlySessionOf(app, person)
    const seenAfter = async (milliseconds: number) => {
      setClock(Number(start) + milliseconds)
      for (const path of ['/', '/dashboard']) await browser.get(path)
      return Number((await onlySessionOf(app, person)).seenAt) - Number(start)
    }
    assert.equal(await seenAfter(30 * SECOND), 0)
    assert.equal(await seenAfter(58 * SECOND), 0)
    const noted = await seenAfter(61 * SECOND)
    assert.equal(noted >= 61 * SECOND, true)
    assert.equal(await seenAfter(90 * SECOND), noted)
  })

  it('costs one round trip to the database for a learner, three for the dashboard, and none for a visitor', async () => {
    const proxy = await startProxy(app.databaseUrl)
    // One connection, so that all statements are prepared after a first request.
    const counted = await startApp({ DB_POOL_MAX: '1' }, { databaseUrl: proxy.url })
    const { browser } = await learner(counted, 'Ada')
    const visitor = openBrowser(counted)
    const cost = async (request: () => Promise<{ status: number }>) => {
      assert.equal((await request()).status, 200)
      const before = proxy.roundTrips()
      assert.equal((await request()).status, 200)
      return proxy.roundTrips() - before
    }
    await browser.get('/dashboard')
    assert.equal(await cost(() => browser.get('/')), 1)
    assert.equal(await cost(() => browser.get('/help')), 1)
    // The session with its user, then the answers and the progress in parallel.
    const dashboard = await cost(() => browser.get('/dashboard'))
    assert.ok(dashboard <= 3, `${dashboard} round trips`)
    assert.equal(await cost(() => visitor.get('/login')), 0)
    assert.equal(await cost(() => visitor.get('/')), 0)
    assert.notEqual(proxy.roundTrips(), 0)
  })

  it('[S26] of a visitor leaves no row, however often it happens', async () => {
    await app.sql`delete from sessions`
    const agents = Array.from({ length: 20 }, async () => {
      for (let times = 0; times < 50; times += 1) {
        const response = await fetch(`${app.url}/login`)
        assert.equal(response.status, 200)
        await response.arrayBuffer()
      }
    })
    await Promise.all(agents)
    assert.equal(await countSessions(app), 0)
  })
})

// At the same time, because a request that is cut off waits for its deadline.
describe('a login', { concurrency: true }, () => {
  it('leads to the dashboard when the form names no page to go to', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    const { email, password } = person
    const response = await browser.post('/login', { email, password, _csrf: await browser.token('/login') })
    assert.equal(response.status, 303)
    assert.equal(response.headers.location, '/dashboard')
  })

  for (const [when, text] of [
    ['before the session is saved', 'insert into sessions'],
    ['before the earlier session is ended', 'delete from sessions where sid'],
  ] as const) {
    it(`[S09, F13] is no login when the database is cut ${when}`, async () => {
      const { person: ada } = await learner(app, 'Ada')
      const { person: ben } = await learner(app, 'Ben')
      const proxy = await startProxy(app.databaseUrl)
      const shaky = await startApp({}, { databaseUrl: proxy.url })
      const browser = openBrowser(shaky)
      if (text.startsWith('delete')) await browser.logIn(ben)
      const token = await browser.token(text.startsWith('delete') ? '/dashboard' : '/login')
      const before = await sessionsOf(app, ada)
      proxy.cutAt(text)
      const response = await browser.post('/login', { ...ada, next: '/', _csrf: token })
      assert.equal(response.status, 503)
      assert.match(response.headers['retry-after'] ?? '', /^\d+$/)
      assert.equal(setCookieOf(response), undefined)
      await proxy.heal()
      assert.notEqual(await browser.whoAmI(), 'Ada')
      assert.deepEqual(await sessionsOf(app, ada), before)
    })
  }

  it('[S09] that could not be saved is not saved later, when its error page is sent', async () => {
    const { person } = await learner(app, 'Ada')
    const before = await sessionsOf(app, person)
    let saves = 0
    class StoreThatFailsOnce extends SessionStore {
      override set(...[id, session, done]: Parameters<SessionStore['set']>) {
        saves += 1
        if (saves === 1) done?.(new Unavailable('cut for a moment'))
        else super.set(id, session, done)
      }
    }
    const shaky = await startApp({}, { store: (deps) => new StoreThatFailsOnce(deps), databaseUrl: app.databaseUrl })
    const browser = openBrowser(shaky)
    const response = await browser.logIn(person)
    assert.equal(response.status, 503)
    assert.equal(await browser.whoAmI(), undefined)
    assert.deepEqual(await sessionsOf(app, person), before)
  })

  it('[S10] is answered only after its session is saved', async () => {
    class SlowStore extends SessionStore {
      override set(...[id, session, done]: Parameters<SessionStore['set']>) {
        void sleep(300).then(() => super.set(id, session, done))
      }
    }
    const slow = await startApp({}, { store: (deps) => new SlowStore(deps), databaseUrl: app.databaseUrl })
    const { person } = await learner(app, 'Ada')
    const visitor = await fetch(`${slow.url}/login`)
    const cookie = visitor.headers.get('set-cookie')?.split(';')[0] ?? ''
    const body = new URLSearchParams({ ...person, _csrf: tokenOf(await visitor.text()) })
    // `fetch` resolves when the head of an answer arrives, and browsers follow a redirect that early too.
    const response = await fetch(`${slow.url}/login`, { method: 'POST', body, headers: { cookie }, redirect: 'manual' })
    assert.equal(response.status, 303)
    const session = response.headers.getSetCookie().find((line) => line.startsWith(`${COOKIE}=`)) ?? ''
    const next = await fetch(`${slow.url}/dashboard`, {
      headers: { cookie: session.split(';')[0] ?? '' },
      redirect: 'manual',
    })
    assert.equal(next.status, 200)
    await Promise.all([response.arrayBuffer(), next.arrayBuffer()])
  })
})

describe('logging out', () => {
  it('[S19] ends the session on the server and in the browser', async () => {
    const { person, browser, cookie } = await loggedIn('Ada', 'yes')
    const response = await browser.logOut()
    assert.equal(response.status, 303)
    assert.equal(response.headers.location, '/logout')
    assert.equal(response.headers['cache-control'], 'no-store')
    assert.equal(
      setCookieOf(response),
      `${COOKIE}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax`,
    )
    assert.deepEqual(await sessionsOf(app, person), [])
    assert.equal(await holderOf(app, cookie), undefined)
    assert.equal(browser.cookie(COOKIE), undefined)
  })

  it('[S19] clears the cookie of a server behind TLS with the attributes it was set with', async () => {
    const secure = await startApp(BEHIND_TLS)
    const name = `__Host-${COOKIE}`
    const https = { 'X-Forwarded-Proto': 'https' }
    const cookiesOf = (response: { headers: Record<string, string[] | string | undefined> }) =>
      [response.headers['set-cookie'] ?? []].flat().map((line) => line.split(';')[0])
    const signUp = await openBrowser(secure, https).get('/sign-up')
    const jar = { ...https, Cookie: cookiesOf(signUp).join('; ') }
    const created = await openBrowser(secure, jar).post('/sign-up', {
      ...somebody('Ada'),
      _csrf: tokenOf(signUp.text),
    })
    assert.match(setCookieOf(created, name) ?? '', /; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    const learnerBrowser = openBrowser(secure, { ...https, Cookie: cookiesOf(created).join('; ') })
    const response = await learnerBrowser.logOut()
    assert.equal(response.status, 303)
    assert.equal(
      setCookieOf(response, name),
      `${name}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax`,
    )
    assert.equal(await countSessions(secure), 0)
  })

  it('[S20] twice, or without ever having been logged in, is no error', async () => {
    const { browser, cookie } = await loggedIn('Ada')
    const page = tokenOf((await browser.get('/dashboard')).text)
    const again = browserWith(app, cookie)
    for (const one of [browser, again, openBrowser(app)]) {
      const response = await one.post('/logout', { _csrf: page })
      assert.equal(response.status, 303)
      assert.equal(response.headers.location, '/logout')
    }
    assert.equal((await openBrowser(app).post('/logout')).status, 303)
  })

  it('[S21] while the database is away takes the cookie and says that the server may still know it', async () => {
    const proxy = await startProxy(app.databaseUrl)
    const shaky = await startApp({}, { databaseUrl: proxy.url })
    const { browser } = await learner(shaky, 'Ada')
    const cookie = sessionCookieOf(browser)
    const token = await browser.token('/dashboard')
    proxy.cut()
    const forged = await browserWith(shaky, cookie).post('/logout', { _csrf: 'made up' })
    assert.equal(forged.status, 503)
    assert.equal(setCookieOf(forged), undefined)
    const response = await browser.post('/logout', { _csrf: token })
    assert.equal(response.status, 503)
    assert.match(response.headers['retry-after'] ?? '', /^\d+$/)
    assert.match(setCookieOf(response) ?? '', /^matricula=; Path=\/; Expires=Thu, 01 Jan 1970/)
    assert.match(response.text, /not fully logged out/)
    assert.match(response.text, /may still be open/)
    await proxy.heal()
    assert.equal(await browser.whoAmI(), undefined)
    assert.equal(await holderOf(shaky, cookie), 'Ada')
  })
})

describe('changes around a live session', () => {
  it('[S27] the secrets are rotated: the older one still counts while it is listed, and no error after', async () => {
    const older = SECRET
    const newer = 'the-next-secret-of-the-tests-9876543210zyxw'
    const { databaseUrl } = app
    const rotating = await startApp({ APP_SECRETS: `${newer},${older}` }, { databaseUrl })
    const rotated = await startApp({ APP_SECRETS: newer }, { databaseUrl })
    const { cookie } = await loggedIn('Ada')
    assert.equal(await holderOf(rotating, cookie), 'Ada')
    const visit = await browserWith(rotated, cookie).get('/dashboard')
    assert.equal(visit.status, 303)
    assert.equal((await browserWith(rotated, cookie).get('/login')).status, 200)
    assert.equal(await holderOf(rotated, cookie), undefined)
    const { browser } = await learner(rotating, 'Ben')
    assert.equal(await holderOf(rotated, sessionCookieOf(browser)), 'Ben')
    assert.equal(await holderOf(app, sessionCookieOf(browser)), undefined)
  })

  it('[S28] a database that lives in another time zone ends it at the same moment', async () => {
    const here = await startApp()
    const name = new URL(here.databaseUrl).pathname.slice(1)
    await here.deps.pool.query(`alter database ${name} set timezone to 'Asia/Karachi'`)
    const there = await startApp({}, { databaseUrl: here.databaseUrl })
    const [zone] = await there.sql<{ zone: string }>`select current_setting('timezone') as zone`
    assert.equal(zone?.zone, 'Asia/Karachi')
    for (const [home, other] of [
      [here, there],
      [there, here],
    ] as const) {
      const { person, cookie } = await loggedIn('Ada', '', home)
      const { seenAt, expire } = await onlySessionOf(other, person)
      assert.equal(Number(expire) - Number(seenAt), 2 * HOUR)
      assert.equal(Math.abs(Number(seenAt) - home.deps.now()) < MINUTE, true)
      setClock(Number(expire) - SECOND, other)
      assert.equal(await holderOf(other, cookie), 'Ada')
      // That visit was recorded, so the limit counts from it.
      const { expire: later } = await onlySessionOf(home, person)
      setClock(Number(later) + SECOND, home)
      assert.equal(await holderOf(home, cookie), undefined)
      for (const each of [home, other]) setClock(Date.now(), each)
    }
  })

  it('[S29, F32] two servers whose clocks differ by four minutes end it within those four minutes', async () => {
    const SKEW = 2 * MINUTE
    const fast = await startApp()
    const slow = await startApp({}, { databaseUrl: fast.databaseUrl })
    const setTime = (time: number) => {
      setClock(time + SKEW, fast)
      setClock(time - SKEW, slow)
    }
    const start = Date.now()
    setTime(start)
    for (const home of [fast, slow]) {
      setTime(start)
      const { cookie } = await loggedIn('Ada', '', home)
      for (let time = HOUR; time <= 23 * HOUR; time += HOUR) {
        setTime(start + time)
        const seenBy = (time / HOUR) % 2 === 0 ? fast : slow
        assert.equal(await holderOf(seenBy, cookie), 'Ada')
      }
      setTime(start + 24 * HOUR - 2 * SKEW - SECOND)
      assert.equal(await holderOf(fast, cookie), 'Ada')
      assert.equal(await holderOf(slow, cookie), 'Ada')
      setTime(start + 24 * HOUR + 2 * SKEW + MINUTE)
      assert.equal(await holderOf(slow, cookie), undefined)
      assert.equal(await holderOf(fast, cookie), undefined)
    }
  })

  it('[S31] clearing away takes only sessions that are over, a thousand at a time, while people log in', async () => {
    const crowded = await startApp()
    const { person } = await learner(crowded, 'Ada')
    const [user] = await crowded.sql<{ id: string }>`select id from users where email = ${person.email}`
    const now = crowded.deps.now()
    await crowded.sql`
      insert into sessions (sid, sess, expire)
      select 'over ' || number, json_build_object('userId', ${user?.id ?? ''}::text), ${new Date(now - SECOND)}::timestamptz
      from generate_series(1, 2500) as number`
    const logins = Array.from({ length: 10 }, () => comingBack(() => openBrowser(crowded).logIn(person)))
    const left = []
    for (let rounds = 0; rounds < 3; rounds += 1) {
      await prune(crowded.sql, OLD_SESSIONS, now, 1000)
      const [row] = await crowded.sql<{ count: number }>`
        select count(*)::int as count from sessions where sid like 'over %'`
      left.push(row?.count)
    }
    assert.deepEqual(left, [1500, 500, 0])
    assert.deepEqual([...new Set((await Promise.all(logins)).map(({ status }) => status))], [303])
    assert.equal(await countSessions(crowded), 11)
  })

  it('[S32] a deleted account ends all of its sessions at once', async () => {
    const { person, browser, cookie } = await loggedIn('Ada')
    const before = await countSessions(app)
    await app.sql`delete from users where email = ${person.email}`
    assert.equal((await browser.get('/dashboard')).status, 303)
    assert.equal(await holderOf(app, cookie), undefined)
    assert.equal(await countSessions(app), before - 1)
  })

  it('[S33] what changes about a person is seen with the next request', async () => {
    const { person, browser } = await loggedIn('Ada')
    assert.match((await browser.get('/dashboard')).text, /Hello, <bdi>Ada</)
    await app.sql`update users set name = 'Augusta', email = ${`new-${person.email}`} where email = ${person.email}`
    assert.match((await browser.get('/dashboard')).text, /Hello, <bdi>Augusta</)
    assert.match((await browser.get('/account')).text, new RegExp(`new-${person.email}`))
  })

  it('the password is never needed again while the session lives', async () => {
    const { person, browser } = await loggedIn('Ada')
    await app.sql`update users set password_hash = null where email = ${person.email}`
    assert.equal(await browser.whoAmI(), 'Ada')
    assert.equal((await openBrowser(app).logIn({ ...person, password: PASSWORD })).status, 422)
  })
})
