/** One address is one account, even if it signs up many times, at once, in capitals, or while somebody is logged in. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { OLD_SIGN_UP_FORMS, SAME_SIGN_UP_MS } from '../../src/accounts/sign-up.ts'
import { prune } from '../../src/database/pruning.ts'
import { startApp } from '../support/app.ts'
import {
  type Browser,
  comingBack,
  learner,
  openBrowser,
  type Person,
  problemsOf,
  type Response,
  somebody,
} from '../support/people.ts'
import { COOKIE, sessionsOf as sessionsOfPerson } from '../support/sessions.ts'

const first = await startApp()
/** Another process of the same installation. */
const second = await startApp({}, { databaseUrl: first.databaseUrl })
const { sql } = first
const apps = [first, second]
/** The same installation, an hour later. */
const later = await startApp({}, { databaseUrl: first.databaseUrl })
later.advance(60 * 60_000)

const TAKEN = 'There is already an account with this email address'

const usersOf = (email: string) =>
  sql<{ id: string; name: string; email: string; passwordHash: string }>`
    select id, name, email, password_hash from users where lower(email) = lower(${email})`
const sessionsOf = (email: string) => sessionsOfPerson(first, { email })

/** The answer for an address with an account: a plain message at the field, links to go on, and nobody is logged in. */
function assertTaken(response: Response, person: Person) {
  assert.equal(response.status, 422)
  assert.deepEqual(problemsOf(response.text), [{ href: '#email', message: TAKEN }])
  const page = parse(response.text)
  assert.equal(page.querySelector('#email-error')?.text, `Error: ${TAKEN}`)
  assert.equal(page.querySelector('#email')?.getAttribute('value'), person.email)
  assert.equal(page.querySelector('#name')?.getAttribute('value'), person.name)
  assert.equal(page.querySelector('#new-password')?.getAttribute('value'), undefined)
  const waysOn = page.querySelectorAll('main .notice a').map((link) => link.getAttribute('href'))
  assert.deepEqual(waysOn, ['/login', '/password-reset'])
  assert.ok(!response.text.includes(person.password))
  assert.equal(response.headers['set-cookie'], undefined)
}

/** A new session, and a redirect to the questions. */
function assertSignedUp(response: Response, location = '/onboarding') {
  assert.equal(response.status, 303)
  assert.equal(response.headers.location, location)
  assert.match(String(response.headers['set-cookie']), /(^|,)matricula=/)
}

const assertLoggedIn = (response: Response) => assertSignedUp(response, '/dashboard')

/** Opens the form in its own browser. Returns a function that sends it, again if it is told to come back. */
async function prepare(person: Person, at: number): Promise<() => Promise<Response>> {
  const browser = openBrowser(apps[at % apps.length] ?? first)
  const fields = { ...person, _csrf: await browser.token('/sign-up') }
  return () => comingBack(() => browser.post('/sign-up', fields))
}

describe('an address that is new to two processes at once', () => {
  it('[I01] becomes one account, though a hundred people sign up with it', async () => {
    const email = somebody('Ada').email
    const people = Array.from({ length: 100 }, (_, index) => ({
      name: `Ada ${index}`,
      email,
      password: `copper lantern ${index}`,
    }))
    const sends = await Promise.all(people.map(prepare))
    const responses = await Promise.all(sends.map((send) => send()))

    const users = await usersOf(email)
    assert.equal(users.length, 1)
    const winners = responses.flatMap((response, index) => (response.status === 303 ? [index] : []))
    assert.equal(winners.length, 1)
    for (const [index, response] of responses.entries()) {
      const person = people[index]
      assert.ok(person)
      if (index === winners[0]) assertSignedUp(response)
      else assertTaken(response, person)
    }
    const winner = people[winners[0] ?? -1]
    assert.ok(winner)
    assert.equal(users[0]?.name, winner.name)
    assert.equal((await sessionsOf(email)).length, 1)
    assert.equal((await openBrowser(second).logIn(winner)).status, 303)
    const loser = people.find(({ name }) => name !== winner.name)
    assert.ok(loser)
    assert.equal((await openBrowser(first).logIn(loser)).status, 422)
  })

  it('[I02] becomes one account in any mixture of capitals', async () => {
    const ada = somebody('Ada')
    const [local = '', domain = ''] = ada.email.split('@')
    const spellings = [
      ada.email,
      ada.email.toUpperCase(),
      `${local.toUpperCase()}@${domain}`,
      `${local}@${domain.toUpperCase()}`,
      ` ${ada.email} `,
      [...ada.email].map((letter, index) => (index % 2 ? letter : letter.toUpperCase())).join(''),
    ]
    const sends = await Promise.all([...spellings, ...spellings].map((email, at) => prepare({ ...ada, email }, at)))
    const responses = await Promise.all(sends.map((send) => send()))
    assert.deepEqual(responses.map(({ status }) => status).sort(), [303, ...Array(11).fill(422)])
    const users = await usersOf(ada.email)
    assert.deepEqual(
      users.map(({ email }) => email),
      [ada.email],
    )
    for (const email of spellings) assert.equal((await openBrowser(first).logIn({ ...ada, email })).status, 303)
  })
})

it('[I07] an address with a tag is another address, and another account', async () => {
  const ada = somebody('Ada')
  const tagged = { ...ada, email: ada.email.replace('@', '+1@'), password: 'another copper lantern' }
  assertSignedUp(await openBrowser(first).signUp(ada))
  assertSignedUp(await openBrowser(first).signUp(tagged))
  assert.equal((await usersOf(ada.email)).length, 1)
  assert.equal((await usersOf(tagged.email)).length, 1)
  assert.equal((await openBrowser(first).logIn({ ...ada, password: tagged.password })).status, 422)
})

describe('a form that is sent several times at once', () => {
  it('is one account, and its person is in whichever answer the browser shows', async () => {
    const ada = somebody('Ada')
    const browser = openBrowser(first)
    const fields = { ...ada, _csrf: await browser.token('/sign-up') }
    // One impatient person clicks five times: every request carries the cookies from before.
    const responses = await Promise.all(Array.from({ length: 5 }, () => browser.post('/sign-up', fields)))
    for (const response of responses) assertSignedUp(response)
    assert.equal((await usersOf(ada.email)).length, 1)
    assert.equal((await sessionsOf(ada.email)).length, 1, 'and one device')
    assert.equal(await browser.whoAmI(), 'Ada')
  })

  it('is one account also when two processes share the clicks', async () => {
    const ada = somebody('Ada')
    const browser = openBrowser(first)
    const fields = { ...ada, _csrf: await browser.token('/sign-up') }
    const cookie = { Cookie: `matricula-form=${browser.cookie('matricula-form')}` }
    const responses = await Promise.all(
      Array.from({ length: 5 }, (_, index) => openBrowser(apps[index % 2] ?? first, cookie).post('/sign-up', fields)),
    )
    for (const response of responses) assertSignedUp(response)
    assert.equal((await usersOf(ada.email)).length, 1)
    assert.equal((await sessionsOf(ada.email)).length, 1, 'and one device')
  })

  it('does not bring back a session that was ended, when it is sent again later', async () => {
    const ada = somebody('Ada')
    const browser = openBrowser(first)
    const fields = { ...ada, _csrf: await browser.token('/sign-up') }
    assertSignedUp(await browser.post('/sign-up', fields))
    const old = browser.cookie(COOKIE)
    await browser.logOut()
    const form = { Cookie: `matricula-form=${browser.cookie('matricula-form')}` }
    const soon = await startApp({}, { databaseUrl: first.databaseUrl })
    soon.advance(2 * 60_000)
    assert.equal((await openBrowser(soon, form).post('/sign-up', fields)).status, 422, 'an address that has an account')
    assert.equal(await openBrowser(first, { Cookie: `${COOKIE}=${old}` }).whoAmI(), undefined)
  })

  it('with different passwords is the account of one of them, and no way in for the others', async () => {
    const ada = somebody('Ada')
    const browser = openBrowser(first)
    const _csrf = await browser.token('/sign-up')
    const passwords = Array.from({ length: 5 }, (_, index) => `copper lantern ${index}`)
    const responses = await Promise.all(
      passwords.map((password) => browser.post('/sign-up', { ...ada, password, _csrf })),
    )
    assert.deepEqual(responses.map(({ status }) => status).sort(), [303, 422, 422, 422, 422])
    const logins = await Promise.all(passwords.map((password) => openBrowser(first).logIn({ ...ada, password })))
    assert.deepEqual(
      logins.map(({ status }) => status),
      responses.map(({ status }) => status),
    )
    assert.equal((await usersOf(ada.email)).length, 1)
  })

  it('sent again after the answer came, leads on and changes nothing', async () => {
    const ada = somebody('Ada')
    const browser = openBrowser(first)
    const fields = { ...ada, _csrf: await browser.token('/sign-up') }
    assertSignedUp(await browser.post('/sign-up', fields))
    const before = await usersOf(ada.email)
    const again = await browser.post('/sign-up', fields)
    assert.equal(again.status, 403)
    const links = parse(again.text).querySelectorAll('main a')
    assert.ok(links.some((link) => link.getAttribute('href') === '/dashboard'))
    assert.deepEqual(await usersOf(ada.email), before)
    assert.equal(await browser.whoAmI(), 'Ada')
  })
})

describe('an address that has an account', () => {
  it('is refused in another browser, with the right password or a wrong one, in any spelling', async () => {
    const { person: ada } = await learner(first, 'Ada')
    const before = await usersOf(ada.email)
    const sessionsBefore = await sessionsOf(ada.email)
    const tries: Person[] = [
      ada,
      { ...ada, password: 'another copper lantern' },
      { ...ada, name: 'Eve' },
      { ...ada, email: ada.email.toUpperCase() },
      { ...ada, email: `  ${ada.email}  ` },
    ]
    for (const [index, person] of tries.entries()) {
      const browser = openBrowser(apps[index % 2] ?? first)
      assertTaken(await browser.signUp(person), person)
      assert.equal(await browser.whoAmI(), undefined)
    }
    assert.deepEqual(await usersOf(ada.email), before)
    assert.deepEqual(await sessionsOf(ada.email), sessionsBefore)
  })

  it('is refused in the same browser too, once that sign-up is long over', async () => {
    const { person: ada, browser } = await learner(first, 'Ada')
    const cookie = { Cookie: `matricula-form=${browser.cookie('matricula-form')}` }
    const returning = openBrowser(later, cookie)
    assertTaken(await returning.post('/sign-up', { ...ada, _csrf: await returning.token('/sign-up') }), ada)
  })

  it('is refused with the first mistake of the form still told', async () => {
    const { person: ada } = await learner(first, 'Ada')
    const response = await openBrowser(first).signUp({ ...ada, name: '', password: 'short' })
    assert.deepEqual(
      problemsOf(response.text).map(({ href }) => href),
      ['#name', '#new-password'],
    )
  })

  it('lets its owner log in and reset from there', async () => {
    const { person: ada } = await learner(first, 'Ada')
    const response = await openBrowser(first).signUp(ada)
    for (const link of parse(response.text).querySelectorAll('main .notice a')) {
      assert.equal((await openBrowser(first).get(link.getAttribute('href') ?? '')).status, 200)
    }
  })
})

describe('somebody who is logged in', () => {
  const cookieOf = (browser: Browser) => ({ Cookie: `${COOKIE}=${browser.cookie(COOKIE)}` })

  it('[I08] and signs up as somebody else is that one then, and the old session is over', async () => {
    const { person: ada, browser } = await learner(first, 'Ada')
    const old = cookieOf(browser)
    const ben = somebody('Ben')
    assertSignedUp(await browser.submitTo('/dashboard', '/sign-up', ben))
    assert.equal(await browser.whoAmI(), 'Ben')
    assert.notDeepEqual(cookieOf(browser), old)
    assert.equal(await openBrowser(first, old).whoAmI(), undefined)
    assert.equal((await sessionsOf(ada.email)).length, 0)
    assert.equal((await sessionsOf(ben.email)).length, 1)
  })

  it('[I08] and logs in as somebody else is that one then, and the old session is over', async () => {
    const { person: ben } = await learner(first, 'Ben')
    const { person: ada, browser } = await learner(first, 'Ada')
    const old = cookieOf(browser)
    const response = await browser.submitTo('/dashboard', '/login', { email: ben.email, password: ben.password })
    assertLoggedIn(response)
    assert.equal(await browser.whoAmI(), 'Ben')
    assert.notDeepEqual(cookieOf(browser), old)
    assert.equal(await openBrowser(first, old).whoAmI(), undefined)
    assert.equal((await sessionsOf(ada.email)).length, 0)
    assert.equal((await sessionsOf(ben.email)).length, 2)
  })

  it('and logs in once more has a new session in place of the old one', async () => {
    const { person: ada, browser } = await learner(first, 'Ada')
    const old = cookieOf(browser)
    await browser.submitTo('/dashboard', '/login', { email: ada.email, password: ada.password })
    assert.notDeepEqual(cookieOf(browser), old)
    assert.equal(await openBrowser(first, old).whoAmI(), undefined)
    assert.equal((await sessionsOf(ada.email)).length, 1)
  })

  it('and fails to become somebody else stays who they are', async () => {
    const { person: ben } = await learner(first, 'Ben')
    const { person: ada, browser } = await learner(first, 'Ada')
    const wrong = { email: ben.email, password: 'not the right one' }
    assert.equal((await browser.submitTo('/dashboard', '/login', wrong)).status, 422)
    assertTaken(await browser.submitTo('/dashboard', '/sign-up', ben), ben)
    assert.equal(await browser.whoAmI(), 'Ada')
    assert.equal((await sessionsOf(ada.email)).length, 1)
  })

  it('and opens sign-up or login is led to the dashboard', async () => {
    const { browser } = await learner(first, 'Ada')
    for (const path of ['/sign-up', '/login', '/login?next=/course']) {
      const response = await browser.get(path)
      assert.deepEqual([response.status, response.headers.location], [303, '/dashboard'])
    }
  })
})

it('the digest of a form is forgotten once it counts no longer, and no sooner', async () => {
  const digestOf = async (email: string) =>
    (await sql<{ digest: string | null }>`select sign_up_form as digest from users where email = ${email}`)[0]?.digest
  const { person: ada } = await learner(first, 'Ada')
  await prune(sql, OLD_SIGN_UP_FORMS, Date.now(), 1000)
  assert.equal(typeof (await digestOf(ada.email)), 'string')
  while ((await prune(sql, OLD_SIGN_UP_FORMS, Date.now() + SAME_SIGN_UP_MS + 1000, 10)) === 10);
  assert.equal(await digestOf(ada.email), null)
})

it('[X26] what people typed is in no log', async () => {
  const ada = somebody('Ada')
  await openBrowser(first).signUp(ada)
  await openBrowser(second).signUp(ada)
  const log = first.log() + second.log()
  const [user] = await usersOf(ada.email)
  assert.ok(user)
  for (const secret of [ada.email, ada.password, user.id, user.passwordHash, '@example.org', 'lantern']) {
    assert.ok(!log.includes(secret), secret)
  }
  assert.doesNotMatch(log, /"level":(50|60)/)
})
