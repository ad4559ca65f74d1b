/** Limits on tries: who shares a count, what a pause looks like, and what does not get around it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'node-html-parser'
import { Busy, Unavailable } from '../../src/base/failures.ts'
import { aboutNetwork, networkOf } from '../../src/limits/networks.ts'
import type { Policy } from '../../src/limits/policies.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { fillLine, watchHashing } from '../support/hashing.ts'
import {
  comingBack,
  learner,
  openBrowser,
  type Person,
  problemsOf,
  type Response,
  somebody,
} from '../support/people.ts'

const TRIES_BY_ADDRESS = 10
const TRIES_BY_NETWORK = 200
const SIGN_UPS_BY_ADDRESS = 100
const SIGN_UPS_BY_NETWORK = 600

const direct = await startApp()
// One proxy in front, so that a test can choose which network people come from.
const proxied = await startApp({ TRUST_PROXY: '1' })

let networks = 0
/** An IPv4 address that nobody has used yet. */
function newAddress(): string {
  networks += 1
  return `198.51.${networks >> 8}.${networks & 255}`
}

const browserFrom = (app: TestApp, forwardedFor: string) => openBrowser(app, { 'X-Forwarded-For': forwardedFor })

const tryToLogIn = (app: TestApp, email: string, password = 'wrong', from = newAddress()): Promise<Response> =>
  browserFrom(app, from).logIn({ email, password }, { next: '/' })

/** Counts tries as the app does, without making them. */
async function useUp(app: TestApp, policy: Policy, subject: string, tries: number) {
  for (let count = 0; count < tries; count += 1) await app.deps.rateLimits.count(policy, subject)
}

const tally = (responses: Response[]) =>
  Object.fromEntries(
    [...new Set(responses.map(({ status }) => status))].map((status) => [
      status,
      responses.filter((response) => response.status === status).length,
    ]),
  )

describe('the tries for one account', () => {
  it('[R01] are ten wherever they come from, and then a pause in which nothing is hashed', async () => {
    const { person } = await learner(proxied, 'Ada')
    for (let tries = 0; tries < TRIES_BY_ADDRESS; tries += 1) {
      assert.equal((await tryToLogIn(proxied, person.email)).status, 422)
    }
    const bcrypt = watchHashing()
    for (const password of ['wrong', person.password]) {
      const response = await tryToLogIn(proxied, person.email, password)
      assert.equal(response.status, 429)
      assert.equal(Number(response.headers['retry-after']) >= 1, true)
      assert.equal(Number(response.headers['retry-after']) <= 15 * 60, true)
    }
    assert.equal(bcrypt.started, 0)
  })

  it('[R03] are counted before they are made: of 100 at once over two servers, ten are checked', async () => {
    const one = await startApp()
    const two = await startApp({}, { databaseUrl: one.databaseUrl })
    const { person } = await learner(one, 'Ada')
    const browsers = Array.from({ length: 100 }, (_, index) => openBrowser(index % 2 ? one : two))
    const tokens = await Promise.all(browsers.map((browser) => browser.token('/login')))
    const bcrypt = watchHashing()
    const responses = await Promise.all(
      browsers.map((browser, index) =>
        // Those who would wait too long for their turn are told so, and are not counted.
        comingBack(() =>
          browser.post('/login', { email: person.email, password: 'wrong', next: '/', _csrf: tokens[index] ?? '' }),
        ),
      ),
    )
    assert.deepEqual(tally(responses), { 422: 10, 429: 90 })
    assert.equal(bcrypt.started, 10)
  })

  it('are one count for every spelling of the address', async () => {
    const { person } = await learner(proxied, 'Ada')
    const spellings = [person.email, person.email.toUpperCase(), ` ${person.email} `, `${person.email}   `]
    for (let tries = 0; tries < TRIES_BY_ADDRESS; tries += 1) {
      assert.equal((await tryToLogIn(proxied, spellings[tries % spellings.length] ?? '')).status, 422)
    }
    for (const spelling of spellings) assert.equal((await tryToLogIn(proxied, spelling)).status, 429)
    assert.equal((await tryToLogIn(proxied, `x${person.email}`)).status, 422)
  })

  it('[R12] are counted over a restart', async () => {
    const before = await startApp()
    const { person } = await learner(before, 'Ada')
    for (let tries = 0; tries < 6; tries += 1) assert.equal((await tryToLogIn(before, person.email)).status, 422)
    const afterwards = await startApp({}, { databaseUrl: before.databaseUrl })
    for (let tries = 0; tries < 4; tries += 1) assert.equal((await tryToLogIn(afterwards, person.email)).status, 422)
    assert.equal((await tryToLogIn(afterwards, person.email)).status, 429)
    assert.equal((await tryToLogIn(before, person.email)).status, 429)
  })

  it('start anew after the right password', async () => {
    const { person } = await learner(proxied, 'Ada')
    for (let rounds = 0; rounds < 2; rounds += 1) {
      await useUp(proxied, 'loginByAddress', person.email, TRIES_BY_ADDRESS - 1)
      assert.equal((await tryToLogIn(proxied, person.email, person.password)).status, 303)
    }
    assert.equal((await tryToLogIn(proxied, person.email)).status, 422)
  })

  it('[R10] start anew when the pause is over', async () => {
    const own = await startApp()
    const { person } = await learner(own, 'Ada')
    await useUp(own, 'loginByAddress', person.email, TRIES_BY_ADDRESS)
    assert.equal((await tryToLogIn(own, person.email, person.password)).status, 429)
    await own.sql`update rate_limits set expire = ${Date.now() - 1}`
    assert.equal((await tryToLogIn(own, person.email, person.password)).status, 303)
  })

  it('[R10] do not touch the sessions that their owner has', async () => {
    const { person, browser } = await learner(proxied, 'Ada')
    await useUp(proxied, 'loginByAddress', person.email, TRIES_BY_ADDRESS + 5)
    assert.equal(await browser.whoAmI(), 'Ada')
  })
})

describe('turns of one account', () => {
  it('that would come too late are refused, each with a later time to come back, and one slow turn counts for a second', async () => {
    const { rateLimits } = (await startApp()).deps
    // Counts as a second at most, and for a fifth: so a turn is then taken for 200 ms.
    await rateLimits.inTurn('Ada', () => sleep(1_100))
    let end = () => {}
    const held = new Promise<void>((resolve) => {
      end = resolve
    })
    const outcomes = Array.from({ length: 28 }, () =>
      rateLimits
        .inTurn('Ada', () => held)
        .then(
          () => 0,
          (error: unknown) => (error instanceof Busy ? error.retryAfterSeconds : assert.fail(String(error))),
        ),
    )
    await sleep(0)
    end()
    const seconds = await Promise.all(outcomes)
    assert.deepEqual(seconds.slice(0, 8), Array(8).fill(0))
    const away = seconds.slice(8)
    assert.ok(
      away.every((one) => one > 0),
      away.join(),
    )
    assert.deepEqual(
      away,
      away.toSorted((one, other) => one - other),
    )
    assert.ok(new Set(away).size >= 4, away.join())
  })

  it('are promised within a minute, however many there were', async () => {
    const { rateLimits } = (await startApp()).deps
    await rateLimits.inTurn('Cy', () => sleep(1_100))
    let end = () => {}
    const held = new Promise<void>((resolve) => {
      end = resolve
    })
    const told = Array.from({ length: 3_000 }, () =>
      rateLimits
        .inTurn('Cy', () => held)
        .then(
          () => 0,
          (error: unknown) => (error instanceof Busy ? error.retryAfterSeconds : assert.fail(String(error))),
        ),
    )
    await sleep(0)
    end()
    const seconds = await Promise.all(told)
    assert.ok(Math.max(...seconds) <= 60, String(Math.max(...seconds)))
    assert.ok(new Set(seconds.slice(-1_000)).size > 20, 'and spread')
  })

  it('go on after one that found no room for its hash, and fail with one that found no database', async () => {
    const { rateLimits } = (await startApp()).deps
    const after = async (failure: Error) => {
      const first = rateLimits.inTurn('Ben', () => Promise.reject(failure))
      const second = rateLimits.inTurn('Ben', async () => 'done')
      await assert.rejects(first, failure)
      return second.catch((error: unknown) => error)
    }
    assert.equal(await after(new Busy('full')), 'done')
    const away = new Unavailable('away')
    assert.equal(await after(away), away)
  })
})

describe('the tries from one network', () => {
  it('[R02] are two hundred, whosever account they are for', async () => {
    const from = newAddress()
    await useUp(proxied, 'loginByNetwork', from, TRIES_BY_NETWORK - 2)
    const statuses = []
    for (let tries = 0; tries < 4; tries += 1) {
      statuses.push((await tryToLogIn(proxied, somebody('Carl').email, 'wrong', from)).status)
    }
    assert.deepEqual(statuses, [422, 422, 429, 429])
    assert.equal((await tryToLogIn(proxied, somebody('Carl').email)).status, 422)
  })

  it('beyond the limit take no place in the line from others, for logins and for sign-ups', async () => {
    const from = newAddress()
    await useUp(proxied, 'loginByNetwork', from, TRIES_BY_NETWORK)
    await useUp(proxied, 'signUpByNetwork', from, SIGN_UPS_BY_NETWORK)
    const signUp = (network: string) => openBrowser(proxied, { 'X-Forwarded-For': network }).signUp(somebody('Carl'))
    // From its first refusal on.
    assert.equal((await tryToLogIn(proxied, somebody('Carl').email, 'wrong', from)).status, 429)
    assert.equal((await signUp(from)).status, 429)
    const empty = fillLine(proxied)
    try {
      for (const [network, status] of [
        [from, 429],
        [newAddress(), 503],
      ] as const) {
        assert.equal((await tryToLogIn(proxied, somebody('Carl').email, 'wrong', network)).status, status)
        assert.equal((await signUp(network)).status, status)
      }
    } finally {
      empty()
    }
  })

  it('are given back by the right password', async () => {
    const { person } = await learner(proxied, 'Ada')
    const from = newAddress()
    await useUp(proxied, 'loginByNetwork', from, TRIES_BY_NETWORK - 1)
    for (let tries = 0; tries < 3; tries += 1) {
      assert.equal((await tryToLogIn(proxied, person.email, person.password, from)).status, 303)
    }
    assert.equal((await tryToLogIn(proxied, person.email, 'wrong', from)).status, 422)
    assert.equal((await tryToLogIn(proxied, person.email, person.password, from)).status, 429)
  })

  it('[R04] are one count whatever X-Forwarded-For says, when no proxy is trusted', async () => {
    const own = await startApp()
    await useUp(own, 'loginByNetwork', '127.0.0.1', TRIES_BY_NETWORK - 1)
    assert.equal((await tryToLogIn(own, somebody('Carl').email)).status, 422)
    for (const claimed of ['203.0.113.1', '2001:db8::1', '203.0.113.2, 203.0.113.3', 'nonsense']) {
      assert.equal((await tryToLogIn(own, somebody('Carl').email, 'wrong', claimed)).status, 429)
    }
  })

  it('[R05] are counted for the address that the trusted proxy saw, not for what a client adds before it', async () => {
    const real = newAddress()
    await useUp(proxied, 'loginByNetwork', real, TRIES_BY_NETWORK - 1)
    const statuses = []
    for (const claimed of ['203.0.113.1', '127.0.0.1', '203.0.113.2, 203.0.113.3']) {
      statuses.push((await tryToLogIn(proxied, somebody('Carl').email, 'wrong', `${claimed}, ${real}`)).status)
    }
    assert.deepEqual(statuses, [422, 429, 429])
  })

  it('[R06] are one count for a whole /64 of IPv6, and for both spellings of an IPv4 address', async () => {
    await useUp(proxied, 'loginByNetwork', networkOf('2001:db8:1:2::1'), TRIES_BY_NETWORK)
    await useUp(proxied, 'loginByNetwork', '192.0.2.77', TRIES_BY_NETWORK)
    for (const [from, status] of [
      ['2001:db8:1:2::2', 429],
      ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', 429],
      ['2001:db8:1:3::1', 422],
      ['::ffff:192.0.2.77', 429],
      ['::FFFF:c000:024d', 429],
      ['192.0.2.78', 422],
    ] as const) {
      assert.equal((await tryToLogIn(proxied, somebody('Carl').email, 'wrong', from)).status, status, from)
    }
  })

  for (const [name, ip, network] of [
    ['an IPv4 address', '192.0.2.1', '192.0.2.1'],
    ['an IPv4 address within IPv6', '::ffff:192.0.2.1', '192.0.2.1'],
    ['the same in upper case', '::FFFF:192.0.2.1', '192.0.2.1'],
    ['the same in hexadecimal', '::ffff:c000:201', '192.0.2.1'],
    ['an IPv6 address', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
    ['the same in another spelling', '2001:0DB8:0001:0002:0000:0000:0000:0009', '2001:db8:1:2::'],
    ['its neighbour', '2001:db8:1:3::1', '2001:db8:1:3::'],
    ['an IPv6 address of the same network, far away', '2001:db8:1:2:ffff::1', '2001:db8:1:2::'],
    ['loopback of IPv6', '::1', '::'],
    ['an IPv4 address behind a translator', '64:ff9b::c000:201', '192.0.2.1'],
    ['another one behind the same translator', '64:ff9b::192.0.2.2', '192.0.2.2'],
    ['an IPv4 address with 65,536 networks of its own', '2002:c000:201:7::9', '192.0.2.1'],
    ['nothing', undefined, 'unknown'],
    ['an empty text', '', 'unknown'],
    ['nonsense', 'nonsense', 'unknown'],
    ['an IPv4 address with a port', '192.0.2.1:80', '192.0.2.1'],
    ['an IPv6 address with a port', '[2001:db8:1:2::9]:80', '2001:db8:1:2::'],
    ['an IPv6 address in brackets', '[2001:db8:1:2::9]', '2001:db8:1:2::'],
    ['two addresses', '192.0.2.1, 192.0.2.2', 'unknown'],
  ] as const) {
    it(`of ${name} is ${network}`, () => {
      assert.equal(networkOf(ip), network)
    })
  }

  for (const [ip, shown] of [
    ['203.0.113.77', '203.0.113.x'],
    ['::ffff:203.0.113.77', '203.0.113.x'],
    ['2001:db8:12:3:4:5:6:7', '2001:db8:12:…'],
    ['64:ff9b::c000:201', '192.0.2.x'],
    ['nonsense', 'unknown'],
    [undefined, 'unknown'],
  ] as const) {
    it(`is shown to people without the household: ${ip} as ${shown}`, () => {
      assert.equal(aboutNetwork(ip), shown)
    })
  }

  it('[R20] are one count for everybody of whom no address is known', async () => {
    await useUp(proxied, 'loginByNetwork', 'unknown', TRIES_BY_NETWORK)
    assert.equal((await tryToLogIn(proxied, somebody('Carl').email, 'wrong', 'unknown')).status, 429)
  })
})

describe('the table of counts', () => {
  it('holds no address of a person or a place', async () => {
    const own = await startApp()
    const { person } = await learner(own, 'Ada')
    await tryToLogIn(own, person.email)
    const rows = JSON.stringify(await own.sql`select * from rate_limits`)
    assert.match(rows, /loginByAddress/)
    assert.equal(!rows.includes(person.email) && !rows.includes('127.0.0.1'), true)
  })

  it('[R13] out of reach closes login and sign-up, and leaves the pages open', async () => {
    const own = await startApp()
    const { person, browser } = await learner(own, 'Ada')
    await own.deps.pool.query('alter table rate_limits rename to elsewhere')
    const bcrypt = watchHashing()
    const responses = [
      await tryToLogIn(own, person.email, person.password),
      await openBrowser(own).signUp(somebody('Ben')),
    ]
    for (const response of responses) {
      assert.equal(response.status, 503)
      assert.match(response.headers['retry-after'] ?? '', /^\d+$/)
    }
    assert.equal(bcrypt.started, 0)
    for (const path of ['/', '/login', '/sign-up', '/password-reset']) {
      assert.equal((await openBrowser(own).get(path)).status, 200)
    }
    assert.equal((await browser.get('/dashboard')).status, 200)
    await own.deps.pool.query('alter table elsewhere rename to rate_limits')
    assert.equal((await tryToLogIn(own, person.email, person.password)).status, 303)
  })
})

describe('the page of a pause', () => {
  const inputOf = ({ text }: Response, name: string) => parse(text).querySelector(`input[name=${name}]`)

  it('[R22] says when to try again, in words and for programs, keeps the address and forgets the password', async () => {
    const { person } = await learner(direct, 'Ada')
    await useUp(direct, 'loginByAddress', person.email, TRIES_BY_ADDRESS)
    const response = await openBrowser(direct).logIn(person, { next: '/help', remember: 'yes' })
    assert.equal(response.status, 429)
    const seconds = Number(response.headers['retry-after'])
    assert.equal(seconds > 14 * 60 && seconds <= 15 * 60, true)
    assert.equal(response.headers['cache-control'], 'no-store')
    assert.equal(response.headers['set-cookie'], undefined)
    assert.deepEqual(problemsOf(response.text), [
      { href: '#email', message: 'Too many tries. Try again in 15 minutes' },
    ])
    assert.equal(inputOf(response, 'email')?.getAttribute('value'), person.email)
    assert.equal(inputOf(response, 'next')?.getAttribute('value'), '/help')
    assert.equal(inputOf(response, 'remember')?.hasAttribute('checked'), true)
    assert.equal(inputOf(response, 'password')?.getAttribute('value'), undefined)
    assert.equal(response.text.includes(person.password), false)
    assert.notEqual(parse(response.text).querySelector('a[href="/password-reset"]'), null)
  })

  it('is announced by the last answers before it', async () => {
    const { person } = await learner(direct, 'Ada')
    await useUp(direct, 'loginByAddress', person.email, 5)
    const notices = []
    for (let tries = 5; tries < TRIES_BY_ADDRESS; tries += 1) {
      const { status, text } = await tryToLogIn(direct, person.email)
      assert.equal(status, 422)
      const notice = parse(text).querySelector('.notice')
      notices.push(notice?.text.trim().split(/[.:]/)[0])
      if (notice) {
        assert.match(notice.text, /pauses for up to 15 minutes/)
        assert.notEqual(notice.querySelector('a[href="/password-reset"]'), null)
      }
    }
    assert.deepEqual(notices, [
      undefined,
      'You have 3 tries left',
      'You have 2 tries left',
      'You have 1 try left',
      'That was the last try for now',
    ])
  })

  for (const [policy, limit, subject] of [
    ['signUpByNetwork', SIGN_UPS_BY_NETWORK, () => '127.0.0.1'],
    ['signUpByAddress', SIGN_UPS_BY_ADDRESS, ({ email }: Person) => email],
  ] as const) {
    it(`comes for a sign-up too, by ${policy}, and keeps what was typed`, async () => {
      const own = await startApp()
      const ada = somebody('Ada')
      await useUp(own, policy, subject(ada), limit)
      const bcrypt = watchHashing()
      const response = await openBrowser(own).signUp(ada)
      assert.equal(response.status, 429)
      assert.equal(Number(response.headers['retry-after']) > 59 * 60, true)
      assert.equal(response.headers['cache-control'], 'no-store')
      assert.match(problemsOf(response.text)[0]?.message ?? '', /Try again in an hour/)
      assert.equal(inputOf(response, 'name')?.getAttribute('value'), 'Ada')
      assert.equal(inputOf(response, 'email')?.getAttribute('value'), ada.email)
      assert.equal(inputOf(response, 'password')?.getAttribute('value'), undefined)
      assert.equal(response.text.includes(ada.password), false)
      assert.equal(bcrypt.started, 0)
      const [row] = await own.sql<{ count: number }>`select count(*)::int as count from users`
      assert.equal(row?.count, 0)
    })
  }
})
