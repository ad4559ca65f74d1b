/** Section I of docs/threats.md, where no other test shows it: one mail for many sign-ups, all or nothing, and who may do what. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { identifier } from '../../src/database/fragments.ts'
import { apiOf, bearer, openApi } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { PROFILE } from '../support/learning.ts'
import { openMailbox } from '../support/mailbox.ts'
import { confirm, NEW_PASSWORD, VERIFY } from '../support/mailed.ts'
import { allSent } from '../support/outbox.ts'
import { type Browser, comingBack, learner, openBrowser, somebody } from '../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const other = await startApp({ PUBLIC_URL: app.url }, { databaseUrl: app.databaseUrl, mailbox })
const PEOPLE = 40

const rowsOf = async (email: string) => (await app.sql`select 1 as one from users where email = ${email}`).length

it('[I01] of many sign-ups with one address, on pages and by the API of two servers, one is an account, with one mail', async () => {
  const { email } = somebody('Ada')
  const sends = await Promise.all(
    Array.from({ length: PEOPLE }, async (_, index) => {
      const person = { name: `Ada ${index}`, email, password: `copper lantern ${index}` }
      const server = index % 2 ? app : other
      if (index % 4 > 1) return () => openApi(server, { Origin: app.url }).signUp(person)
      const browser = openBrowser(server)
      const fields = { ...person, _csrf: await browser.token('/sign-up') }
      return () => browser.post('/sign-up', fields)
    }),
  )
  const answers = await Promise.all(sends.map((send) => comingBack(send)))
  const statuses = answers.map(({ status }) => status)
  assert.equal(statuses.filter((status) => [200, 303].includes(status)).length, 1)
  assert.equal(statuses.filter((status) => status === 422).length, PEOPLE - 1)
  assert.equal(await rowsOf(email), 1)
  await allSent(app)
  assert.equal(mailbox.to(email).length, 1)
})

/** All that a sign-up writes beside the account itself. */
const BESIDE = ['activity', 'email_tokens', 'outbox']
const WAYS = {
  'on the page': (person: ReturnType<typeof somebody>) => openBrowser(app).signUp(person),
  'by the API': (person: ReturnType<typeof somebody>) => openApi(app).signUp(person),
}

describe('a sign-up that fails in the middle', () => {
  for (const table of BESIDE) {
    for (const [way, signUp] of Object.entries(WAYS)) {
      it(`[I09] at ${table}, ${way}, leaves no account, and works when it is sent again`, async () => {
        const ada = somebody('Ada')
        await app.sql`
          create function refuse() returns trigger language plpgsql as 'begin raise exception ''no room''; end'`
        await app.sql`
          create trigger refuse before insert on ${identifier(table)} for each row execute function refuse()`
        assert.equal((await signUp(ada)).status, 500)
        await app.sql`drop function refuse cascade`
        assert.equal(await rowsOf(ada.email), 0)
        assert.ok([200, 303].includes((await signUp(ada)).status))
        assert.equal((await openBrowser(app).logIn(ada)).status, 303)
      })
    }
  }
})

/** What somebody may do before the address is confirmed: the same as after, on pages as by the API. */
const DEEDS: Record<string, (browser: Browser, password: string) => Promise<{ status: number }>> = {
  'the dashboard': (browser) => browser.get('/dashboard'),
  'a question': (browser) => browser.submit('/onboarding/programming', { softwareExperience: 'beginner' }),
  'a lesson': (browser) => browser.get('/lessons/f1'),
  'the plan': (browser) => browser.get('/plan'),
  'a copy of the data': (browser) => browser.submitTo('/account', '/account/data-export'),
  'another name': (browser) => browser.submit('/account', { name: 'Augusta' }),
  'who am I': (browser) => apiOf(app, browser).get('/api/me'),
  'an access token': (browser) => apiOf(app, browser).get('/api/auth/token'),
  'a refresh token': (browser) => apiOf(app, browser).post('/api/auth/refresh-token', {}),
  'a call with a token': async (browser) => openApi(app, bearer(await apiOf(app, browser).token())).get('/api/me'),
  'a profile': (browser) => apiOf(app, browser).put('/api/profile', PROFILE),
  progress: (browser) => apiOf(app, browser).put('/api/progress/f1', { state: 'done' }),
  'another name by the API': (browser) => apiOf(app, browser).post('/api/auth/update-user', { name: 'Augusta' }),
  'another password by the API': (browser, currentPassword) =>
    apiOf(app, browser).post('/api/auth/change-password', { currentPassword, newPassword: NEW_PASSWORD }),
  'another password': (browser, password) =>
    browser.submit('/account/password-change', { currentPassword: NEW_PASSWORD, newPassword: password }),
}

it('[I10] whoever has not confirmed the address may do the same as whoever has, on every page and by the API', async () => {
  const seen = []
  for (const isConfirmed of [false, true]) {
    const { person, browser } = await learner(app, 'Ada')
    if (isConfirmed) await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
    const { body } = await apiOf(app, browser).get('/api/auth/get-session')
    assert.equal(body.user.emailVerified, isConfirmed)
    const statuses: Record<string, number> = {}
    for (const [name, act] of Object.entries(DEEDS)) statuses[name] = (await act(browser, person.password)).status
    seen.push(statuses)
  }
  assert.deepEqual(seen[0], seen[1])
  assert.deepEqual(
    Object.entries(seen[0] ?? {}).filter(([, status]) => ![200, 303].includes(status)),
    [],
  )
})

it('[I06] an address that is too long is no account, on the page and by the API', async () => {
  for (const email of [
    `${'l'.repeat(65)}@example.org`,
    `ada@${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}.org`,
    `${'l'.repeat(10_240)}@example.org`,
  ]) {
    const person = { ...somebody('Ada'), email }
    assert.equal((await openBrowser(app).signUp(person)).status, 422)
    assert.equal((await openApi(app).signUp(person)).status, 400)
    assert.equal((await openApi(app).signIn(person)).status, 400)
    assert.equal(await rowsOf(email), 0)
  }
})

it('[I03] an address with a letter that folds into another is nobody’s, by the API too', async () => {
  const kim = { ...somebody('Kim'), email: `kis-${somebody('x').email}` }
  assert.equal((await openApi(app).signUp(kim)).status, 200)
  const letters = [
    ['k', '\u212a'],
    ['s', '\u017f'],
    ['i', '\u0130'],
    ['i', '\u0131'],
    ['@', '\uff20'],
    ['.', '\u3002'],
  ]
  const hidden = [
    ['s', 's\u00ad'],
    ['s', 's\u200b'],
    ['a', '\u0430'],
    ['@', '@\u0000'],
  ]
  for (const [letter = '', instead = ''] of [...letters, ...hidden]) {
    const person = { ...kim, email: kim.email.replace(letter, instead) }
    assert.notEqual(person.email, kim.email)
    assert.equal((await openApi(app).signUp(person)).status, 400, JSON.stringify(person.email))
    assert.equal((await openApi(app).signIn(person)).status, 400, JSON.stringify(person.email))
    assert.equal((await openApi(app).post('/api/auth/request-password-reset', { email: person.email })).status, 400)
  }
  await allSent(app)
  assert.equal(mailbox.to(kim.email).length, 1)
})
