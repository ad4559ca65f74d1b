/** What somebody tries who knows a password, or reads a mailbox, and has no code. Eve attacks; Ada owns the account. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { duringChange } from '../../support/deletion.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, confirm, NEW_PASSWORD, resetBy, VERIFY } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, PASSWORD, problemsOf } from '../../support/people.ts'
import {
  type Careful,
  careful,
  codeAt,
  enterCode,
  firstStep,
  LOGIN_PAGE,
  nextCode,
  PAGE,
  switchOn,
  wrongCode,
} from '../../support/second-step.ts'
import { sessionsOf } from '../../support/sessions.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { mailbox, atPublicUrl: true })
const bare = await startApp({}, { databaseUrl: app.databaseUrl })
const MINUTE = 60_000

/** Somebody with a confirmed address and a second step. */
async function owner(name: string): Promise<Careful> {
  const { person, browser } = await learner(app, name)
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  return { person, browser, ...(await switchOn(app, browser)) }
}

/** Browsers that have done the first step of this account. */
async function halfWayIn({ person }: Careful, count: number): Promise<Browser[]> {
  const browsers = Array.from({ length: count }, () => openBrowser(app))
  for (const browser of browsers) await firstStep(browser, person)
  return browsers
}

const TICKET = 'matricula-ticket'
const withTicket = (browser: Browser): Browser =>
  openBrowser(app, { Cookie: `${TICKET}=${browser.cookie(TICKET) ?? assert.fail('no ticket')}` })

describe('a code', () => {
  it('[M01] that was seen over a shoulder is worthless once it was used, in another login and on the account', async () => {
    const ada = await owner('Ada')
    const [phone = assert.fail(), eve = assert.fail()] = await halfWayIn(ada, 2)
    const code = nextCode(app, ada.secret)
    assert.equal((await enterCode(phone, code)).status, 303)
    const replayed = await enterCode(eve, code)
    assert.equal(replayed.status, 422)
    assert.match(problemsOf(replayed.text)[0]?.message ?? '', /used before/)
    // Nor is one of an earlier step, which nobody has used.
    assert.equal((await enterCode(eve, codeAt(app, ada.secret, -1))).status, 422)
    const page = `${PAGE}/confirmation`
    app.advance(11 * MINUTE)
    const used = codeAt(app, ada.secret)
    const [laptop = assert.fail()] = await halfWayIn(ada, 1)
    assert.equal((await enterCode(laptop, used)).status, 303)
    assert.equal((await phone.submit(page, { code: used })).status, 422)
    assert.equal((await phone.submit(page, { code: nextCode(app, ada.secret) })).status, 303)
  })

  it('[M01] that has switched the second step on logs nobody in', async () => {
    const ada = await owner('Ada')
    const [eve = assert.fail()] = await halfWayIn(ada, 1)
    assert.equal((await enterCode(eve, codeAt(app, ada.secret))).status, 422)
  })

  it('[M02] lets one in of several who send it at the same moment', async () => {
    const ada = await owner('Ada')
    const browsers = await halfWayIn(ada, 4)
    const code = nextCode(app, ada.secret)
    const answers = await Promise.all(browsers.map((browser) => enterCode(browser, code)))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 422, 422, 422])
    assert.equal((await sessionsOf(app, ada.person)).length, 2, 'Ada’s first, and one')
  })

  it('[M03] for recovery lets one in of several who send it at the same moment', async () => {
    const ada = await owner('Ada')
    const browsers = await halfWayIn(ada, 4)
    const answers = await Promise.all(browsers.map((browser) => enterCode(browser, ada.codes[0] ?? '')))
    assert.equal(answers.filter(({ headers }) => headers.location === '/dashboard').length, 1)
    assert.equal((await sessionsOf(app, ada.person)).length, 2)
  })

  it('[M04] begins one session with one ticket, even when two good ones are sent at the same moment', async () => {
    const ada = await owner('Ada')
    const [phone = assert.fail()] = await halfWayIn(ada, 1)
    const token = await phone.token(LOGIN_PAGE)
    app.advance(60_000)
    const sent = [codeAt(app, ada.secret), ...ada.codes.slice(0, 3)].map((code) =>
      phone.post(LOGIN_PAGE, { code, _csrf: token }),
    )
    const answers = await Promise.all(sent)
    assert.equal(answers.filter(({ headers }) => headers.location === '/dashboard').length, 1)
    assert.equal((await sessionsOf(app, ada.person)).length, 2)
  })
})

describe('guessing', () => {
  it('[M05] ends after five tries over all logins, the owner hears of it, and a new password begins anew', async () => {
    const ada = await owner('Ada')
    for (const eve of await halfWayIn(ada, 5)) {
      assert.equal((await enterCode(eve, wrongCode(app, ada.secret))).status, 422)
    }
    const [eve = assert.fail()] = await halfWayIn(ada, 1)
    const paused = await enterCode(eve, nextCode(app, ada.secret))
    assert.equal(paused.status, 429)
    assert.match(paused.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    assert.equal((await enterCode(eve, ada.codes[0] ?? '')).status, 429, 'recovery codes are counted with them')
    assert.equal((await openApi(app).signIn(ada.person)).body.twoFactorRedirect, true)
    await mailbox.letterTo(ada.person.email, /Wrong codes/)

    const visitor = openBrowser(app)
    await resetBy(visitor, await askForReset(visitor, mailbox, ada.person.email))
    await firstStep(visitor, { ...ada.person, password: NEW_PASSWORD })
    assert.equal((await enterCode(visitor, nextCode(app, ada.secret))).status, 303)
  })

  it('[M06] ends after fifty tries a day, also with pauses, and with logins of the owner between them', async () => {
    const ada = await careful(bare, 'Ada')
    for (let round = 0; round < 10; round += 1) {
      const phone = openBrowser(bare)
      await firstStep(phone, ada.person)
      assert.equal((await enterCode(phone, nextCode(bare, ada.secret))).status, 303)
      const eve = openBrowser(bare)
      await firstStep(eve, ada.person)
      for (let tries = 0; tries < 5; tries += 1) {
        await bare.deps.rateLimits.clear('secondStepByUser', `${await idOf(ada)} 0`)
        assert.equal((await enterCode(eve, wrongCode(bare, ada.secret))).status, 422)
      }
    }
    await bare.deps.rateLimits.clear('secondStepByUser', `${await idOf(ada)} 0`)
    const eve = openBrowser(bare)
    await firstStep(eve, ada.person)
    assert.equal((await enterCode(eve, nextCode(bare, ada.secret))).status, 429)
  })

  it('[M05] of many at once, in as many logins, is looked at five times', async () => {
    const ada = await owner('Ada')
    const browsers = await halfWayIn(ada, 12)
    const tokens = await Promise.all(browsers.map((browser) => browser.token(LOGIN_PAGE)))
    const code = wrongCode(app, ada.secret)
    const sent = browsers.map((browser, index) => browser.post(LOGIN_PAGE, { code, _csrf: tokens[index] ?? '' }))
    const statuses = (await Promise.all(sent)).map(({ status }) => status)
    assert.deepEqual(statuses.sort(), [...Array(5).fill(422), ...Array(7).fill(429)])
  })

  it('[M63] during a pause uses up none of the tries of the day', async () => {
    const ada = await owner('Ada')
    const [eve = assert.fail()] = await halfWayIn(ada, 1)
    for (let tries = 0; tries < 5; tries += 1) await enterCode(eve, wrongCode(app, ada.secret))
    const _csrf = await eve.token(LOGIN_PAGE)
    for (let tries = 0; tries < 50; tries += 1) {
      assert.equal((await eve.post(LOGIN_PAGE, { code: wrongCode(app, ada.secret), _csrf })).status, 429)
    }
    // Fifteen minutes later. The limits know only the clock of the database.
    await app.deps.rateLimits.clear('secondStepByUser', `${await idOf(ada)} 0`)
    const [phone = assert.fail()] = await halfWayIn(ada, 1)
    assert.equal((await enterCode(phone, nextCode(app, ada.secret))).headers.location, '/dashboard')
  })

  it('[M07] by whoever lacks the password is not even counted', async () => {
    const ada = await owner('Ada')
    for (let tries = 0; tries < 7; tries += 1) {
      const stranger = openBrowser(app, { Cookie: `${TICKET}=${'A'.repeat(32)}` })
      assert.equal((await stranger.submitTo('/login', LOGIN_PAGE, { code: '123456' })).status, 303)
    }
    const [phone = assert.fail()] = await halfWayIn(ada, 1)
    assert.equal((await enterCode(phone, nextCode(app, ada.secret))).headers.location, '/dashboard')
  })

  it('[M08] hears the same of a recovery code that was used and of one that never was', async () => {
    const ada = await owner('Ada')
    const [phone = assert.fail(), eve = assert.fail()] = await halfWayIn(ada, 2)
    await enterCode(phone, ada.codes[0] ?? '')
    const told = []
    for (const code of [ada.codes[0] ?? '', 'aaaaa-bbbbb', 'nonsense'])
      told.push(problemsOf((await enterCode(eve, code)).text))
    assert.deepEqual(told[0], told[1])
    assert.deepEqual(told[1], told[2])
  })
})

const idOf = async ({ person }: Pick<Careful, 'person'>): Promise<string> =>
  (await app.sql<{ id: string }>`select id from users where email = ${person.email}`)[0]?.id ?? ''

describe('a ticket', () => {
  it('[M09] opens no page and no call', async () => {
    const ada = await owner('Ada')
    const api = openApi(app)
    assert.equal((await api.signIn(ada.person)).body.twoFactorRedirect, true)
    assert.equal((await api.get('/api/auth/get-session')).body, null)
    for (const path of ['/api/auth/token', '/api/me', '/api/profile']) assert.equal((await api.get(path)).status, 401)
    const [eve = assert.fail()] = await halfWayIn(ada, 1)
    for (const path of ['/account', '/dashboard', PAGE, `${PAGE}/qr.svg`]) {
      assert.match((await eve.get(path)).headers.location ?? '', /^\/login/, path)
    }
  })

  it('[M10] is worthless once it is used, once the password is new, and once the second step was off', async () => {
    const ada = await owner('Ada')
    const [phone = assert.fail(), eve = assert.fail()] = await halfWayIn(ada, 2)
    const copy = withTicket(phone)
    await enterCode(phone, nextCode(app, ada.secret))
    assert.equal((await copy.get(LOGIN_PAGE)).status, 303)
    const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
    await ada.browser.submit('/account/password-change', change)
    assert.equal((await eve.get(LOGIN_PAGE)).status, 303)
    const changed = { ...ada, person: { ...ada.person, password: NEW_PASSWORD } }
    const [last = assert.fail()] = await halfWayIn(changed, 1)
    await ada.browser.submitTo(PAGE, `${PAGE}/off`)
    assert.equal((await last.get(LOGIN_PAGE)).status, 303)
  })

  it('of one account takes no code of another', async () => {
    const [ada, eve] = [await owner('Ada'), await owner('Eve')]
    const [browser = assert.fail()] = await halfWayIn(ada, 1)
    assert.equal((await enterCode(browser, nextCode(app, eve.secret))).status, 422)
    assert.equal((await enterCode(browser, eve.codes[0] ?? '')).status, 422)
  })

  it('[M11] that somebody else has put into a browser logs in to their account at most, under a new id', async () => {
    const [ada, eve] = [await owner('Ada'), await owner('Eve')]
    const [evil = assert.fail()] = await halfWayIn(eve, 1)
    const victim = openBrowser(app, { Cookie: `${TICKET}=${evil.cookie(TICKET)}` })
    assert.equal((await enterCode(victim, nextCode(app, ada.secret))).status, 422)
    const planted = victim.cookie('matricula')
    assert.equal((await enterCode(victim, nextCode(app, eve.secret))).status, 303)
    assert.equal(await victim.whoAmI(), 'Eve')
    assert.notEqual(victim.cookie('matricula'), planted)
    assert.equal(await evil.whoAmI(), undefined, 'whoever planted it gets no session by it')
    assert.equal((await evil.get(LOGIN_PAGE)).status, 303)
  })

  it('is stored as a hash, and is gone when its account is', async () => {
    const ada = await owner('Ada')
    const [phone = assert.fail()] = await halfWayIn(ada, 1)
    const rows = async () => JSON.stringify(await app.sql`select * from login_tickets`)
    assert.ok(!(await rows()).includes(phone.cookie(TICKET) ?? ''))
    await app.sql`delete from all_users where email = ${ada.person.email}`
    assert.equal((await phone.get(LOGIN_PAGE)).status, 303)
  })
})

describe('a way around', () => {
  it('[M12] is none by a reset: the second step stays on', async () => {
    const ada = await owner('Ada')
    const visitor = openBrowser(app)
    await resetBy(visitor, await askForReset(visitor, mailbox, ada.person.email))
    assert.equal(await visitor.whoAmI(), undefined)
    const person = { ...ada.person, password: NEW_PASSWORD }
    await firstStep(visitor, person)
    assert.deepEqual(await sessionsOf(app, person), [])
  })

  it('[M13] is none by a login that begins while the second step is switched on', async () => {
    const { browser, person } = await learner(bare, 'Ada')
    await browser.submitTo(PAGE, PAGE)
    const race = Array.from({ length: 6 }, () => openBrowser(bare).logIn(person))
    await switchOn(bare, browser)
    await Promise.all(race)
    const rows = await app.sql<{ amr: string[] }>`
      select amr from sessions where user_id = (select id from users where email = ${person.email})`
    assert.deepEqual(
      rows.map(({ amr }) => amr.join()),
      ['pwd,otp,mfa'],
    )
  })

  it('is none by a login that waits until the second step is on', async () => {
    const { person } = await learner(bare, 'Ada')
    const [before] = await sessionsOf(app, person)
    const login = await duringChange(
      bare,
      (direct) => direct`update all_users set second_step = true where email = ${person.email}`,
      () => openBrowser(bare).logIn(person),
    )
    assert.equal(login.status, 503)
    assert.deepEqual(await sessionsOf(app, person), [before])
  })

  it('is none by another address: that takes a code first', async () => {
    const ada = await owner('Ada')
    app.advance(11 * MINUTE)
    await ada.browser.submit('/account/password-confirmation', { password: PASSWORD })
    const asked = await ada.browser.submitTo('/account', '/account/email-change', { email: 'eve@example.org' })
    assert.equal(asked.headers.location, `${PAGE}/confirmation?next=%2Faccount%2Femail-change`)
  })

  it('is none by a second step of a stranger: where there is mail, the address is confirmed first', async () => {
    const { browser, person } = await learner(app, 'Eve')
    assert.match((await browser.get(PAGE)).text, /confirm your email address/)
    assert.equal((await browser.submitTo('/account', PAGE)).headers.location, PAGE)
    const begun = await app.sql`select 1 from second_steps where user_id = ${await idOf({ person })}`
    assert.equal(begun.length, 0)
  })
})

describe('the owner', () => {
  it('gets a mail of each change', async () => {
    const ada = await owner('Ada')
    await ada.browser.submitTo(PAGE, `${PAGE}/recovery-codes`)
    const [phone = assert.fail()] = await halfWayIn(ada, 1)
    await enterCode(phone, nextCode(app, ada.secret))
    await ada.browser.submitTo(PAGE, `${PAGE}/off`)
    for (const subject of [/is switched on/, /new recovery codes/, /is switched off/]) {
      await mailbox.letterTo(ada.person.email, subject)
    }
  })

  it('gets a mail when a recovery code was used', async () => {
    const ada = await owner('Ada')
    const [phone = assert.fail()] = await halfWayIn(ada, 1)
    await enterCode(phone, ada.codes[0] ?? '')
    await mailbox.letterTo(ada.person.email, /recovery code was used/)
  })
})
