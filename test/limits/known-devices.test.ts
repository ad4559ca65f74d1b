/** Guessing at a password cannot be turned on its owner: devices that have logged in before are counted apart (R10, R11). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SECRET, startApp } from '../support/app.ts'
import {
  DEVICE_COOKIE,
  FAILURES_MAX,
  giveDeviceCookie,
  guess,
  haveFailed,
  isKnown,
  newNetwork,
  shutStrangersOut,
  stranger,
  TRIES,
  useUp,
} from '../support/guessing.ts'
import { watchHashing } from '../support/hashing.ts'
import { openMailbox } from '../support/mailbox.ts'
import { NEW_PASSWORD, resetBy } from '../support/mailed.ts'
import {
  type Browser,
  comingBack,
  learner,
  openBrowser,
  problemsOf,
  type Response,
  somebody,
} from '../support/people.ts'
import { eventually } from '../support/process.ts'

const DAY = 24 * 60 * 60_000
const MINUTE = 60_000

// One proxy in front, so that every stranger can come from a network of their own.
const mailbox = await openMailbox()
const app = await startApp({ TRUST_PROXY: '1' }, { mailbox })

const deviceOf = (browser: Browser): string => browser.cookie(DEVICE_COOKIE) ?? assert.fail('no device cookie')
const countOf = (responses: Response[], status: number) => responses.filter((one) => one.status === status).length
const wrong = (browser: Browser, { email }: { email: string }) =>
  browser.logIn({ email, password: 'not the password' }, { next: '/' })

describe('while strangers at two hundred addresses guess at one account', () => {
  it('they get nowhere, and its owner logs in at once from a device that has logged in before', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await browser.logOut()
    const bcrypt = watchHashing()
    const guesses: Response[] = []
    for (let round = 0; round < 10; round += 1) {
      const some = Array.from({ length: 20 }, () => guess(app, person))
      guesses.push(...(await Promise.all(some)))
    }
    assert.equal(countOf(guesses, 422), TRIES)
    assert.equal(countOf(guesses, 422) + countOf(guesses, 429) + countOf(guesses, 503), 200)
    assert.equal(bcrypt.started, TRIES)
    assert.equal((await stranger(app).logIn(person)).status, 429)

    const more = Array.from({ length: 20 }, () => guess(app, person))
    assert.equal((await browser.logIn(person)).status, 303)
    await Promise.all(more)
    assert.equal(await browser.whoAmI(), 'Ada')
  })

  it('not even a network that is over its limit keeps such a device out', async () => {
    const from = newNetwork()
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app, { 'X-Forwarded-For': from })
    assert.equal((await browser.logIn(person)).status, 303)
    await browser.logOut()
    await useUp(app, 'loginByNetwork', from, 201)
    assert.equal((await openBrowser(app, { 'X-Forwarded-For': from }).logIn(person)).status, 429)
    assert.equal((await browser.logIn(person)).status, 303)
  })

  it('a login from a known device does not open the door for them again', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await browser.logOut()
    await shutStrangersOut(app, person)
    assert.equal((await browser.logIn(person)).status, 303)
    assert.equal((await guess(app, person)).status, 429)
  })
})

describe('a device counts as known', () => {
  it('after a sign-up and after a login, for a year from the last one; logging out keeps it', async () => {
    const own = await startApp({ TRUST_PROXY: '1' }, { mailbox })
    const { person, browser } = await learner(own, 'Ada')
    const phone = stranger(own)
    assert.equal(await isKnown(own, phone, person), false)
    await phone.logIn(person)
    await phone.logOut()
    own.advance(300 * DAY)
    assert.equal(await isKnown(own, phone, person), true)
    own.advance(100 * DAY)
    assert.equal(await isKnown(own, phone, person), true)
    assert.equal(await isKnown(own, browser, person), false, 'its last login was more than a year ago')
  })

  it('to five accounts, and then forgets the one that logged in longest ago', async () => {
    const browser = openBrowser(app)
    const people = ['Ada', 'Ben', 'Carl', 'Dora', 'Eve', 'Finn'].map(somebody)
    for (const person of people) {
      await browser.signUp(person)
      await browser.logOut()
    }
    assert.ok(deviceOf(browser).length < 400)
    const known = []
    for (const person of people) {
      const copy = giveDeviceCookie(stranger(app), deviceOf(browser))
      known.push(await isKnown(app, copy, person))
    }
    assert.deepEqual(known, [false, true, true, true, true, true])
  })

  it('as long as the secret that signed its cookie is still listed', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const newer = 'another-secret-of-the-tests-9876543210zyxw'
    const copyAt = async (secrets: string) => {
      const other = await startApp(
        { TRUST_PROXY: '1', APP_SECRETS: secrets },
        { databaseUrl: app.databaseUrl, mailbox },
      )
      await shutStrangersOut(other, person)
      return (await giveDeviceCookie(stranger(other), deviceOf(browser)).logIn(person)).status
    }
    assert.equal(await copyAt(`${newer},${SECRET}`), 303)
    assert.equal(await copyAt(newer), 429)
  })

  const FORGED: [what: string, forge: (own: string, other: string) => string][] = [
    ['nothing', () => ''],
    ['the cookie of another account', (_, other) => other],
    ['the entry of the account at another device', (own, other) => `${other.split('.')[0]}.${own.split('.')[1]}`],
    ['the entry of another account at this device', (own, other) => `${own.split('.')[0]}.${other.split('.')[1]}`],
    [
      'a signature with another letter',
      (own) => own.replace(/(\.[\w-]{12})(.)/, (_, head, letter) => head + (letter === 'A' ? 'B' : 'A')),
    ],
    ['a later day', (own) => own.replace(/\d{5}$/, (day) => String(Number(day) + 1))],
    ['a cookie that was cut off', (own) => own.slice(0, -1)],
    ['a cookie with more behind it', (own) => `${own}0`],
    ['the device without an entry', (own) => own.split('.')[0] ?? ''],
    ['ten entries', (own) => own + `.${own.split('.')[1]}`.repeat(9)],
    ['nonsense', () => '%00../../etc'],
    ['a long text', () => 'A'.repeat(3_000)],
  ]
  for (const [what, forge] of FORGED) {
    it(`but not with ${what}`, async () => {
      const { person, browser } = await learner(app, 'Ada')
      const { browser: bens } = await learner(app, 'Ben')
      const forged = giveDeviceCookie(stranger(app), forge(deviceOf(browser), deviceOf(bens)))
      assert.equal(await isKnown(app, forged, person), false)
      assert.equal(await isKnown(app, giveDeviceCookie(stranger(app), deviceOf(browser)), person), true)
    })
  }
})

describe('a known device is a stranger again', () => {
  it('after a password change on another device, which itself stays known', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const laptop = stranger(app)
    await laptop.logIn(person)
    const change = { currentPassword: person.password, newPassword: NEW_PASSWORD, endOthers: '' }
    assert.equal((await laptop.submit('/account/password-change', change)).status, 303)
    const changed = { ...person, password: NEW_PASSWORD }
    await laptop.logOut()
    assert.equal(await isKnown(app, laptop, changed), true)
    await browser.logOut()
    assert.equal(await isKnown(app, browser, changed), false)
  })

  it('[R10] after a reset of the password, which lets strangers try again', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await browser.logOut()
    await shutStrangersOut(app, person)
    const visitor = stranger(app)
    await visitor.submit('/password-reset', { email: person.email })
    await resetBy(visitor, await mailbox.letterTo(person.email, /Reset/))
    assert.equal((await guess(app, person)).status, 422)
    assert.equal(await isKnown(app, browser, { ...person, password: NEW_PASSWORD }), false)
  })

  it('after all other devices were signed out, but not the one that did it', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const laptop = stranger(app)
    await laptop.logIn(person)
    assert.equal((await laptop.submitTo('/account/sessions', '/account/sessions/end-others')).status, 303)
    await laptop.logOut()
    assert.equal(await isKnown(app, laptop, person), true)
    assert.equal(await isKnown(app, browser, person), false)
  })

  it('signing others out does not make a device known that is not', async () => {
    const { browser } = await learner(app, 'Ada')
    const session = browser.cookie('matricula')
    const thief = openBrowser(app, { Cookie: `matricula=${session}`, 'X-Forwarded-For': newNetwork() })
    const ended = await thief.submitTo('/account/sessions', '/account/sessions/end-others')
    assert.equal(ended.status, 303)
    assert.equal(thief.cookie(DEVICE_COOKIE), undefined)
  })

  it('when the account is gone and made anew', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const left = await browser.submit('/account/account-deletion', { password: person.password, sure: 'yes' })
    assert.equal(left.headers.location, '/goodbye')
    await stranger(app).signUp(person)
    assert.equal(await isKnown(app, browser, person), false)
  })
})

describe('the tries of a known device', () => {
  it('are ten in 15 minutes, apart from those of strangers', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await browser.logOut()
    for (let tries = 0; tries < TRIES; tries += 1) assert.equal((await wrong(browser, person)).status, 422)
    assert.equal((await browser.logIn(person)).status, 429)
    assert.equal((await stranger(app).logIn(person)).status, 303)
  })

  it('are counted before they are made: of 50 at once, ten are checked', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await browser.logOut()
    const copies = Array.from({ length: 50 }, () => giveDeviceCookie(stranger(app), deviceOf(browser)))
    const tokens = await Promise.all(copies.map((copy) => copy.token('/login')))
    const bcrypt = watchHashing()
    const body = { email: person.email, password: 'not the password', next: '/' }
    const answers = await Promise.all(
      copies.map((copy, at) => comingBack(() => copy.post('/login', { ...body, _csrf: tokens[at] ?? '' }))),
    )
    assert.deepEqual([countOf(answers, 422), countOf(answers, 429)], [TRIES, 40])
    assert.equal(bcrypt.started, TRIES)
  })

  it('are a stranger’s once a hundred have failed in a row, so that a stolen cookie does not guess for ever', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await browser.logOut()
    const [user] = await app.sql<{ id: string }>`select id from users where email = ${person.email}`
    const device = `${user?.id} ${deviceOf(browser).split('.')[0]}`
    await haveFailed(app, 'failuresByKnownDevice', device, FAILURES_MAX - 1)
    assert.equal((await wrong(browser, person)).status, 422)
    assert.equal(await isKnown(app, browser, person), false)
    assert.equal((await browser.logIn(person)).status, 303)
  })

  it('begin anew with the right password', async () => {
    const { person, browser } = await learner(app, 'Ada')
    for (let rounds = 0; rounds < 2; rounds += 1) {
      await browser.logOut()
      for (let tries = 1; tries < TRIES; tries += 1) assert.equal((await wrong(browser, person)).status, 422)
      assert.equal((await browser.logIn(person)).status, 303)
    }
  })
})

describe('a hundred wrong passwords in a row', () => {
  const told = (email: string) => mailbox.to(email, /Too many wrong passwords/)

  it('[R11] are counted over the pauses, and then the owner is told, once', async () => {
    const { person } = await learner(app, 'Ada')
    await haveFailed(app, 'failuresByAddress', person.email, FAILURES_MAX - TRIES)
    for (let tries = 0; tries < TRIES; tries += 1) assert.equal((await guess(app, person)).status, 422)
    await app.sql`update rate_limits set expire = ${Date.now() - 1} where key like 'loginByAddress:%'`
    const refused = await stranger(app).logIn(person)
    assert.equal(refused.status, 429)
    assert.deepEqual(problemsOf(refused.text), [
      { href: '#email', message: 'Too many wrong passwords from devices we do not know' },
    ])
    await mailbox.letterTo(person.email, /Too many wrong passwords/)
    for (let tries = 0; tries < 3; tries += 1) assert.equal((await guess(app, person)).status, 429)
    await eventually('an empty outbox', async () => (await app.sql`select id from outbox`).length === 0)
    assert.equal(told(person.email).length, 1)
  })

  it('of 50 at once from everywhere, not one more is checked, and the owner is told once', async () => {
    const { person } = await learner(app, 'Ada')
    await haveFailed(app, 'failuresByAddress', person.email, FAILURES_MAX - 5)
    const other = await startApp({ TRUST_PROXY: '1' }, { databaseUrl: app.databaseUrl, mailbox })
    const browsers = Array.from({ length: 50 }, (_, index) => stranger(index % 2 ? app : other))
    const tokens = await Promise.all(browsers.map((browser) => browser.token('/login')))
    const bcrypt = watchHashing()
    const body = { email: person.email, password: 'not the password', next: '/' }
    const answers = await Promise.all(
      browsers.map((browser, at) => comingBack(() => browser.post('/login', { ...body, _csrf: tokens[at] ?? '' }))),
    )
    assert.deepEqual([countOf(answers, 422), countOf(answers, 429)], [5, 45])
    assert.equal(bcrypt.started, 5)
    await mailbox.letterTo(person.email, /Too many wrong passwords/)
    await eventually('an empty outbox', async () => (await app.sql`select id from outbox`).length === 0)
    assert.equal(told(person.email).length, 1)
  })

  it('are forgotten when the owner logs in before', async () => {
    const { person, browser: known } = await learner(app, 'Ada')
    await known.logOut()
    for (const browser of [stranger(app), known]) {
      await haveFailed(app, 'failuresByAddress', person.email, FAILURES_MAX - 1)
      assert.equal((await browser.logIn(person)).status, 303)
    }
    for (let tries = 0; tries < 3; tries += 1) assert.equal((await guess(app, person)).status, 422)
  })

  it('are forgotten after a time, so that nothing is shut for ever', async () => {
    const own = await startApp({ TRUST_PROXY: '1' }, { mailbox })
    const { person } = await learner(own, 'Ada')
    await shutStrangersOut(own, person)
    own.advance(30 * DAY)
    assert.equal((await stranger(own).logIn(person)).status, 429)
    own.advance(4 * DAY)
    assert.equal((await stranger(own).logIn(person)).status, 303)
  })

  it('are a few hours in the table when they are few, and not more failures when they are refused', async () => {
    const own = await startApp({ TRUST_PROXY: '1' }, { mailbox })
    const { person } = await learner(own, 'Ada')
    const failures = async () => {
      const [row] = await own.sql<{ points: number; hours: number }>`
        select points, round((expire - ${Date.now()}) / 3600000.0)::int as hours from rate_limits
        where key like 'failuresByAddress:%'`
      return [row?.points, row?.hours]
    }
    await guess(own, person)
    assert.deepEqual(await failures(), [1, 8])
    for (let tries = 0; tries < TRIES + 3; tries += 1) await guess(own, person)
    assert.deepEqual(await failures(), [TRIES, 8 * TRIES])
  })

  it('an unknown address is answered alike, before, at and after the hundredth', async () => {
    const { person } = await learner(app, 'Ada')
    const nobody = somebody('Nobody')
    const seen = ({ status, headers, text }: Response, email: string) => {
      const { date: _, 'x-request-id': __, 'retry-after': wait, 'content-length': ___, ...rest } = headers
      const body = text.replaceAll(email, 'EMAIL').replace(/(name="_csrf" value=")[^"]+/g, '$1')
      return { status, rest, body, waits: wait !== undefined }
    }
    const answers = []
    for (const { email } of [person, nobody]) {
      await haveFailed(app, 'failuresByAddress', email, FAILURES_MAX - 2)
      const bcrypt = watchHashing()
      const some = []
      for (let tries = 0; tries < 4; tries += 1) some.push(seen(await guess(app, { email }), email))
      answers.push([...some, bcrypt.started])
    }
    assert.deepEqual(
      answers[0]?.map((answer) => (typeof answer === 'number' ? answer : answer.status)),
      [422, 422, 429, 429, 2],
    )
    assert.deepEqual(answers[1], answers[0])
  })
})

it('where no mail can be sent, the pauses grow to four hours, and after each the password is taken', async () => {
  const plain = await startApp({ TRUST_PROXY: '1' })
  const { person } = await learner(plain, 'Ada')
  await haveFailed(plain, 'failuresByAddress', person.email, FAILURES_MAX)
  const pauses = []
  for (let rounds = 0; rounds < 5; rounds += 1) {
    let last = ''
    for (let tries = 0; tries < TRIES; tries += 1) {
      const { status, text } = await guess(plain, person)
      assert.equal(status, 422)
      last = text
    }
    const refused = await guess(plain, person)
    const minutes = Math.ceil(Number(refused.headers['retry-after']) / 60)
    const announced = /pauses for up to ([^.]+)\./.exec(last)?.[1]
    pauses.push([
      refused.status,
      minutes,
      announced,
      problemsOf(refused.text)[0]?.message,
      /send you a link/.test(refused.text),
    ])
    plain.advance(minutes * MINUTE)
  }
  assert.deepEqual(pauses, [
    [429, 30, '30 minutes', 'Too many tries. Try again in 30 minutes', false],
    [429, 60, 'an hour', 'Too many tries. Try again in an hour', false],
    [429, 120, '2 hours', 'Too many tries. Try again in 2 hours', false],
    [429, 240, '4 hours', 'Too many tries. Try again in 4 hours', false],
    [429, 240, '4 hours', 'Too many tries. Try again in 4 hours', false],
  ])
  assert.equal((await stranger(plain).logIn(person)).status, 303)
})
