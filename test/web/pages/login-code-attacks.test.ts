/** What somebody tries with codes of mails who has no mailbox, or no browser that asked. Eve attacks; Ada owns the address. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import postgres from 'postgres'
import { suspendAccount } from '../../../src/accounts/suspension.ts'
import { apiOf, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { addPasskey, loginOptions, sendAssertion } from '../../support/authenticator.ts'
import { newNetwork, useUp } from '../../support/guessing.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, confirm, headingOf, NEW_PASSWORD, open, resetBy, VERIFY } from '../../support/mailed.ts'
import {
  ASK,
  ask,
  askForCode,
  CONFIRM,
  codeOf,
  ENTER,
  notThis,
  REQUEST_COOKIE,
  SUBJECT,
  type,
} from '../../support/mailed-codes.ts'
import {
  type Browser,
  learner,
  openBrowser,
  PASSWORD,
  type Person,
  problemsOf,
  type Response,
  somebody,
} from '../../support/people.ts'
import { eventually } from '../../support/process.ts'
import { enterCode, LOGIN_PAGE, nextCode, switchOn } from '../../support/second-step.ts'
import { sessionsOf } from '../../support/sessions.ts'

const mailbox = await openMailbox()
// One proxy in front, so that everybody can come from a network of their own.
const app = await startApp({ TRUST_PROXY: '1' }, { mailbox, atPublicUrl: true })
/** The same site, when it sent no mails. */
const bare = await startApp({ PUBLIC_URL: app.url }, { databaseUrl: app.databaseUrl })
const TRIES = 5

const visitor = (): Browser => openBrowser(app, { 'X-Forwarded-For': newNetwork() })

/** Somebody whose address is confirmed. */
async function owner(name: string): Promise<{ person: Person; browser: Browser }> {
  const { person, browser } = await learner(app, name)
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  return { person, browser }
}

/** Puts the part of one browser into another one. */
function withRequestOf(browser: Browser): Browser {
  const other = visitor()
  other.agent.jar.setCookie(`${REQUEST_COOKIE}=${browser.cookie(REQUEST_COOKIE)}`, '127.0.0.1', '/')
  return other
}

const idOf = async ({ email }: Person): Promise<string> =>
  (await app.sql<{ id: string }>`select id from users where email = ${email}`)[0]?.id ?? ''

describe('between browser and mail', () => {
  it('[M20] Eve asks with Ada’s address, and Ada’s press of the mailed link logs in nobody, there or here', async () => {
    const { person } = await owner('Ada')
    const [eve, ada] = [visitor(), visitor()]
    const { letter } = await askForCode(eve, mailbox, person.email)
    const page = await open(ada, letter)
    assert.equal(page.status, 403)
    assert.equal(headingOf(page), 'This is another browser')
    assert.doesNotMatch(page.text, /<form/, 'there is nothing to press')
    assert.equal((await ada.submitTo(ASK, CONFIRM)).status, 403)
    assert.deepEqual([await eve.whoAmI(), await ada.whoAmI()], [undefined, undefined])
    assert.equal((await eve.get(ENTER)).status, 200, 'and Eve still has only a form for a code')
  })

  it('[M20] Eve plants what her browser holds in Ada’s: Ada gets in alone, and to Eve’s account not without pressing its name', async () => {
    const { person } = await owner('Ada')
    const eve = visitor()
    const { letter } = await askForCode(eve, mailbox, person.email)
    const ada = withRequestOf(eve)
    await open(ada, letter)
    assert.equal((await ada.submit(CONFIRM, {})).status, 303)
    assert.equal(await ada.whoAmI(), 'Ada')
    await open(eve, letter)
    assert.equal((await eve.get(CONFIRM)).status, 410)
    assert.equal(await eve.whoAmI(), undefined)

    const { person: other } = await owner('Eve')
    const own = await askForCode(eve, mailbox, other.email)
    const victim = withRequestOf(eve)
    const page = await open(victim, own.letter)
    assert.ok(page.text.includes(other.email), 'whose account it is')
    const elsewhere = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' }
    for (const [path, fields] of [
      [CONFIRM, {}],
      [ENTER, { code: own.code }],
    ] as const) {
      const forced = await victim.submit(path, fields, elsewhere)
      assert.equal(forced.status, 403)
    }
    assert.equal(await victim.whoAmI(), undefined)
  })

  it('[M21] Ada’s code is worthless in a browser that has not asked, or has asked for itself', async () => {
    const { person } = await owner('Ada')
    const [ada, eve] = [visitor(), visitor()]
    const { code, letter } = await askForCode(ada, mailbox, person.email)
    assert.equal((await eve.submitTo(ASK, ENTER, { code })).status, 410)
    await ask(eve, somebody('eve').email)
    assert.equal((await type(eve, code)).status, 422)
    assert.equal((await open(eve, letter)).status, 403)
    assert.equal((await type(ada, code)).status, 303, 'and still good in hers')
  })

  it('[M22] a second login in the same browser needs a code of its own', async () => {
    const { person } = await owner('Ada')
    const ada = visitor()
    const first = await askForCode(ada, mailbox, person.email)
    const kept = withRequestOf(ada)
    const second = await askForCode(ada, mailbox, person.email, 2)
    if (first.code !== second.code) assert.equal((await type(ada, first.code)).status, 422)
    assert.equal((await type(ada, second.code)).status, 303)
    assert.notEqual(kept.cookie(REQUEST_COOKIE), undefined)
  })

  it('[M23] a program that opens all links of mails uses nothing up', async () => {
    const { person } = await owner('Ada')
    const [ada, scanner] = [visitor(), visitor()]
    const { code, letter } = await askForCode(ada, mailbox, person.email)
    for (const browser of [scanner, scanner, ada]) await open(browser, letter)
    assert.equal((await type(ada, code)).status, 303)
  })
})

describe('guessing', () => {
  it('[M24] ends after five tries, also of many at the same moment, and then the right code is none', async () => {
    const { person } = await owner('Ada')
    const eve = visitor()
    const { code } = await askForCode(eve, mailbox, person.email)
    const token = await eve.token(ENTER)
    const guesses = Array.from({ length: 12 }, (_, more) =>
      eve.post(ENTER, { code: notThis(code, more), _csrf: token }),
    )
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    assert.equal(statuses.filter((status) => status === 422).length, TRIES - 1)
    assert.equal(statuses.filter((status) => status === 410).length, 12 - TRIES + 1, 'the last of the five ends it')
    const right = await type(eve, code)
    assert.equal(right.status, 410)
    assert.match(right.text, /wrong five times/)
    assert.equal(await eve.whoAmI(), undefined)
  })

  it('[M25] across requests for new codes ends too: three mails an hour, and twenty codes that nobody uses', async () => {
    const { person } = await owner('Ada')
    const lettersOf = () => mailbox.letters.filter(({ to, subject }) => to === person.email && SUBJECT.test(subject))
    for (let asked = 0; asked < 25; asked += 1) await ask(visitor(), person.email)
    await mailbox.letterTo(person.email, SUBJECT, 3)
    await app.deps.rateLimits.clear('mailsByAddress', `sign-in-code ${person.email}`)
    const unused = await app.deps.rateLimits.count('unusedCodesByAddress', `sign-in ${person.email}`)
    assert.deepEqual(unused, { ok: true, left: 16 }, 'what was not mailed uses up nothing of the owner’s')
    await useUp(app, 'unusedCodesByAddress', `sign-in ${person.email}`, 16)
    const ada = visitor()
    await ask(ada, person.email)
    assert.equal((await ada.get(ENTER)).status, 200, 'nobody is told')
    const [{ mails } = { mails: 0 }] = await app.sql<{ mails: number }>`
      select count(*)::int as mails from mailed_codes where email = ${person.email}`
    assert.equal(mails, 3)
    assert.equal(lettersOf().length, 3)
    // The other ways in are open.
    await resetBy(ada, await askForReset(ada, mailbox, person.email))
    assert.equal((await ada.logIn({ ...person, password: NEW_PASSWORD })).status, 303)
  })

  it('[M26] of many addresses from one network ends with a hundred wrong codes an hour', async () => {
    const network = newNetwork()
    const eve = openBrowser(app, { 'X-Forwarded-For': network })
    await ask(eve, somebody('nobody').email)
    await useUp(app, 'wrongCodesByNetwork', network, 99)
    assert.equal((await type(eve, '123456')).status, 422)
    const paused = await type(eve, '123457')
    assert.equal(paused.status, 429)
    assert.match(paused.headers['retry-after'] ?? '', /^[1-9]\d*$/)
  })

  it('[M27] a new password by mail gives Ada all tries back, when a stranger has used them up', async () => {
    const { person } = await owner('Ada')
    await useUp(app, 'unusedCodesByAddress', `sign-in ${person.email}`, 20)
    const ada = visitor()
    await resetBy(ada, await askForReset(ada, mailbox, person.email))
    const { code } = await askForCode(ada, mailbox, person.email)
    assert.equal((await type(ada, code)).status, 303)
  })

  it('[M27] a code that Ada uses gives her all tries back', async () => {
    const { person } = await owner('Ada')
    await useUp(app, 'unusedCodesByAddress', `sign-in ${person.email}`, 19)
    const ada = visitor()
    const { code } = await askForCode(ada, mailbox, person.email)
    assert.equal((await type(ada, code)).status, 303)
    assert.deepEqual(await app.deps.rateLimits.count('unusedCodesByAddress', `sign-in ${person.email}`), {
      ok: true,
      left: 19,
    })
  })
})

describe('a stranger who asks about addresses', () => {
  /** What a stranger can see, without what differs between any two tries. */
  const seen = ({ status, headers, text }: Awaited<ReturnType<Browser['get']>>, email: string) => ({
    status,
    headers: Object.keys(headers).sort(),
    location: headers.location,
    text: text.replaceAll(email, 'EMAIL').replace(/(name="_csrf" value=")[^"]+/g, '$1TOKEN'),
  })

  it('[M28] sees the same for every kind of account and for none: at asking, at each wrong code, at the end', async () => {
    const { person: known } = await owner('Ada')
    const { person: unconfirmed } = await learner(app, 'Ben')
    const { person: suspended } = await owner('Cleo')
    await app.sql`update users set suspended_at = now() where email = ${suspended.email}`
    const { person: passwordless } = await owner('Dora')
    await app.sql`update users set password_hash = null where email = ${passwordless.email}`
    const { person: gone, browser } = await owner('Emil')
    await browser.submit('/account/account-deletion', { password: PASSWORD, sure: 'yes' })
    const limited = (await owner('Fay')).person
    await useUp(app, 'unusedCodesByAddress', `sign-in ${limited.email}`, 20)
    const told = []
    for (const { email } of [known, somebody('nobody'), unconfirmed, suspended, passwordless, gone, limited]) {
      const eve = visitor()
      const answers = [seen(await eve.submit(ASK, { email }), email), seen(await eve.get(ENTER), email)]
      const letter = [known, unconfirmed, suspended, passwordless].some((each) => each.email === email)
        ? await mailbox.letterTo(email, SUBJECT)
        : undefined
      const wrong = letter ? notThis(codeOf(letter)) : '123456'
      for (let tries = 0; tries <= TRIES; tries += 1) answers.push(seen(await type(eve, wrong), email))
      told.push(answers)
    }
    for (const answers of told) assert.deepEqual(answers, told[0])
    assert.deepEqual(
      told[0]?.map(({ status }) => status),
      [303, 200, 422, 422, 422, 422, 410, 410],
    )
  })

  it('[M29] costs the database the same: a code, a mail that waits, and a try', async () => {
    const { person } = await owner('Ada')
    const rows = async () =>
      (await app.sql<{ codes: number }>`select count(*)::int as codes from mailed_codes`)[0]?.codes
    for (const email of [person.email, somebody('nobody').email]) {
      const before = (await rows()) ?? 0
      const eve = visitor()
      await ask(eve, email)
      assert.equal(await rows(), before + 1)
      await type(eve, '123456')
    }
    const held = await app.sql<{
      email: string
    }>`select email from mailed_codes where user_id is null and email is not null`
    assert.equal(held.length, 0, 'and keeps no address of somebody without an account')
  })
})

describe('two at the same moment', () => {
  it('[M30] who send the same code begin one session', async () => {
    const { person } = await owner('Ada')
    const ada = visitor()
    const { code } = await askForCode(ada, mailbox, person.email)
    const before = (await sessionsOf(app, person)).length
    const browsers = Array.from({ length: 4 }, () => withRequestOf(ada))
    const answers = await Promise.all(browsers.map((browser) => type(browser, code)))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 410, 410, 410])
    assert.equal((await sessionsOf(app, person)).length, before + 1)
  })

  it('[M31] code and link of one mail begin one session', async () => {
    const { person } = await owner('Ada')
    const ada = visitor()
    const { code, letter } = await askForCode(ada, mailbox, person.email)
    const [one, two] = [withRequestOf(ada), withRequestOf(ada)]
    await open(two, letter)
    const answers = await Promise.all([type(one, code), two.submit(CONFIRM, {})])
    assert.equal(answers.filter(({ status }) => status === 303).length, 1)
  })

  it('[M32] a code beside a new password: either comes first, and a session of before is none', async () => {
    const { person } = await owner('Ada')
    const [ada, other] = [visitor(), visitor()]
    const { code } = await askForCode(ada, mailbox, person.email)
    const reset = await askForReset(other, mailbox, person.email)
    await Promise.all([type(ada, code), resetBy(other, reset)])
    assert.equal(await ada.whoAmI(), undefined)
    assert.deepEqual(await sessionsOf(app, person), [])
  })
})

describe('an account that changes between the right code and its session', () => {
  /** The code is used up, and the login goes on once the count of unused codes can be forgotten: after the change. */
  async function meanwhile({ email }: Person, login: () => PromiseLike<Response>, change: () => Promise<unknown>) {
    const key = app.deps.rateLimits.keyOf('unusedCodesByAddress', `sign-in ${email}`)
    const direct = postgres(app.databaseUrl, { max: 1, onnotice: () => {} })
    let answer: Promise<Response> | undefined
    await direct.begin(async (transaction) => {
      const held = await transaction`select 1 from rate_limits where key = ${key} for update`
      assert.equal(held.length, 1)
      answer = Promise.resolve(login())
      await eventually('the code to be used', async () => {
        const used = await app.sql`select 1 as one from mailed_codes where email = ${email} and used_at is not null`
        return used.length > 0
      })
      await change()
    })
    await direct.end()
    return answer ?? assert.fail()
  }

  const byCode = async (ada: Browser, { email }: Person) => {
    const { code } = await askForCode(ada, mailbox, email)
    const _csrf = await ada.token(ENTER)
    return () => ada.post(ENTER, { code, _csrf })
  }
  const byLink = async (ada: Browser, { email }: Person) => {
    await open(ada, (await askForCode(ada, mailbox, email)).letter)
    const _csrf = await ada.token(CONFIRM)
    return () => ada.post(CONFIRM, { _csrf })
  }
  const CHANGES: Record<string, (owner: { person: Person; browser: Browser }) => Promise<() => Promise<unknown>>> = {
    'gets a new password': async ({ person }) => {
      const other = visitor()
      const letter = await askForReset(other, mailbox, person.email)
      return () => resetBy(other, letter)
    },
    'is suspended': async ({ person }) => {
      const account = { id: await idOf(person), email: person.email }
      return () => suspendAccount(app.deps, account, { reason: 'of the test', notify: false })
    },
    'switches a second step on':
      async ({ browser }) =>
      () =>
        switchOn(app, browser),
    'is left': async ({ browser }) => {
      return async () => browser.submit('/account/account-deletion', { password: PASSWORD, sure: 'yes' })
    },
  }
  for (const [what, prepare] of Object.entries(CHANGES)) {
    for (const [way, ready] of Object.entries({ code: byCode, link: byLink })) {
      it(`[M32, M33] gets none if it ${what}: by ${way}`, async () => {
        const { person, browser } = await owner('Ada')
        const change = await prepare({ person, browser })
        const ada = visitor()
        const login = await ready(ada, person)
        const answer = await meanwhile(person, login, change)
        assert.notEqual(answer.status, 303, answer.text)
        assert.equal(await ada.whoAmI(), undefined)
        const open = await sessionsOf(app, person)
        assert.ok(open.length <= 1, 'at most the one in which the second step was switched on')
      })
    }
  }
})

describe('a way around', () => {
  it('[M33] the second step there is none, by code or by link, on pages or in the API', async () => {
    const { person, browser } = await owner('Ada')
    await switchOn(app, browser)
    const [one, two] = [visitor(), visitor()]
    const { code } = await askForCode(one, mailbox, person.email)
    assert.equal((await type(one, code)).headers.location, LOGIN_PAGE)
    const { letter } = await askForCode(two, mailbox, person.email, 2)
    await open(two, letter)
    assert.equal((await two.submit(CONFIRM, {})).headers.location, LOGIN_PAGE)
    const api = openApi(app)
    await api.post('/api/auth/email-otp/send-verification-otp', { email: person.email, type: 'sign-in' })
    const otp = codeOf(await mailbox.letterTo(person.email, SUBJECT, 3))
    const answer = await api.post('/api/auth/sign-in/email-otp', { email: person.email, otp })
    assert.deepEqual(answer.body, { twoFactorRedirect: true, twoFactorMethods: ['totp'] })
    for (const each of [one, two]) assert.equal(await each.whoAmI(), undefined)
    assert.equal((await sessionsOf(app, person)).length, 1, 'Ada’s first')
  })

  it('[M34] “confirm it is you” there is none: a session by code has shown no password', async () => {
    const { person } = await owner('Ada')
    const ada = visitor()
    const { code } = await askForCode(ada, mailbox, person.email)
    await type(ada, code)
    for (const page of ['/account/data-export', '/account/second-step']) {
      const { headers } = await ada.submitTo(page, page)
      assert.match(headers.location ?? '', /password-confirmation/, page)
    }
    assert.match((await ada.get('/account/email-change')).headers.location ?? '', /password-confirmation/)
  })

  it('[M34] “confirm it is you” there is none with the second step either: code and app are no password', async () => {
    const { person, browser } = await owner('Ada')
    const { secret } = await switchOn(app, browser)
    const ada = visitor()
    const { code } = await askForCode(ada, mailbox, person.email)
    assert.equal((await type(ada, code)).headers.location, LOGIN_PAGE)
    assert.equal((await enterCode(ada, nextCode(app, secret))).status, 303)
    const sent = ['/account/data-export', '/account/second-step'].map((page) => ada.submitTo(page, page))
    const opened = ['/account/email-change', '/account/passkeys'].map((page) => ada.get(page))
    for (const { headers } of await Promise.all([...sent, ...opened])) {
      assert.match(headers.location ?? '', /password-confirmation/)
    }
    const options = await apiOf(app, ada).get('/api/auth/passkey/generate-register-options')
    assert.deepEqual([options.status, options.body.code], [403, 'SESSION_NOT_FRESH'])
  })

  it('[M35] codes of one purpose serve no other, and a new password ends those that wait', async () => {
    const { person } = await owner('Ada')
    const api = openApi(app)
    await api.post('/api/auth/email-otp/send-verification-otp', { email: person.email, type: 'forget-password' })
    const otp = codeOf(await mailbox.letterTo(person.email, /code for a new password/))
    const signIn = await api.post('/api/auth/sign-in/email-otp', { email: person.email, otp })
    assert.deepEqual([signIn.status, signIn.body.code], [400, 'INVALID_OTP'])
    const [ada, other] = [visitor(), visitor()]
    const { code } = await askForCode(ada, mailbox, person.email)
    await resetBy(other, await askForReset(other, mailbox, person.email))
    assert.equal((await type(ada, code)).status, 422)
  })
})

describe('an account that Eve has made with Ada’s address', () => {
  it('[M36] is Ada’s after her login: Eve’s password, sessions, devices and links are worth nothing', async () => {
    const { person, browser: eve } = await learner(app, 'Ada')
    await eve.submitTo('/plan', '/plan/calendar')
    const another = await eve.submit('/account/email-change', { email: somebody('eve').email })
    assert.equal(another.status, 303)
    const ada = visitor()
    const { code } = await askForCode(ada, mailbox, person.email)
    assert.equal((await type(ada, code)).status, 303)
    assert.match((await ada.get('/dashboard')).text, /Whatever password the account had is gone/)
    assert.equal(await eve.whoAmI(), undefined)
    assert.equal((await visitor().logIn(person)).status, 422)
    assert.equal((await eve.logIn(person)).status, 422)
    const [row] = await app.sql`
      select u.email, u.email_verified, u.password_hash, u.devices_version,
        (select count(*)::int from plans where user_id = u.id and calendar_hash is not null) as calendars
      from users u where u.email = ${person.email}`
    assert.deepEqual(row, {
      ...{ email: person.email, emailVerified: true, passwordHash: null, devicesVersion: 1, calendars: 0 },
    })
    assert.match((await ada.get('/account/sessions')).text, /Confirmed the email address by a code/)
    await resetBy(ada, await askForReset(ada, mailbox, person.email))
    assert.equal((await ada.logIn({ ...person, password: NEW_PASSWORD })).status, 303)
  })

  it('[M36] keeps no passkey of Eve’s, from the time before this server sent mails', async () => {
    const { person, browser } = await learner(bare, 'Ada')
    const passkey = await addPasskey(app, browser)
    const ada = visitor()
    const { code } = await askForCode(ada, mailbox, person.email)
    assert.equal((await type(ada, code)).status, 303)
    const eve = visitor()
    assert.equal((await sendAssertion(eve, passkey.get(await loginOptions(eve)))).status, 422)
    assert.equal(await eve.whoAmI(), undefined)
  })

  it('[M36] with a second step of Eve’s on it logs nobody in by a code, and a reset that begins empty takes that off', async () => {
    const { person, browser } = await learner(bare, 'Ada')
    await switchOn(bare, browser)
    const ada = visitor()
    const { code } = await askForCode(ada, mailbox, person.email)
    assert.equal((await type(ada, code)).headers.location, LOGIN_PAGE)
    await open(ada, await askForReset(ada, mailbox, person.email))
    await ada.submit('/password-reset/new', { password: NEW_PASSWORD, startEmpty: 'yes' })
    const back = await ada.logIn({ ...person, password: NEW_PASSWORD })
    assert.deepEqual([back.status, back.headers.location], [303, '/dashboard'])
    assert.equal(await browser.whoAmI(), undefined)
  })

  it('[M37] is not confirmed for Eve by a code that Ada reads, nor by Eve’s guesses alone', async () => {
    const { person, browser: eve } = await learner(app, 'Ada')
    const asked = openApi(app)
    await asked.post('/api/auth/email-otp/send-verification-otp', { email: person.email, type: 'email-verification' })
    const otp = codeOf(await mailbox.letterTo(person.email, /code to confirm your address/))
    // Ada, or a program of hers, without a session of that account.
    const byAda = await asked.post('/api/auth/email-otp/verify-email', { email: person.email, otp })
    assert.deepEqual([byAda.status, byAda.body.code], [403, 'SIGN_IN_TO_CONFIRM'])
    const other = (await owner('Other')).browser
    assert.equal(await other.whoAmI(), 'Other')
    assert.equal(await eve.whoAmI(), 'Ada', 'the name she gave')
    const [row] = await app.sql<{
      emailVerified: boolean
    }>`select email_verified from users where id = ${await idOf(person)}`
    assert.equal(row?.emailVerified, false)
  })

  it('[M38] keeps no session of hers that begins beside Ada’s login', async () => {
    const { person } = await learner(app, 'Ada')
    const [ada, eve] = [visitor(), visitor()]
    const { code } = await askForCode(ada, mailbox, person.email)
    await Promise.all([type(ada, code), eve.logIn(person)])
    assert.equal(await eve.whoAmI(), undefined)
    assert.equal(await ada.whoAmI(), 'Ada')
  })
})

describe('the table', () => {
  it('[M39] gives whoever reads it neither a code nor a link nor the part of a browser', async () => {
    const { person } = await owner('Ada')
    const ada = visitor()
    const { code, letter } = await askForCode(ada, mailbox, person.email)
    const rows = await app.sql`select * from mailed_codes where email = ${person.email}`
    const text = JSON.stringify(rows)
    for (const secret of [code, letter.link.split('/').at(-1) ?? '-', ada.cookie(REQUEST_COOKIE) ?? '-']) {
      assert.ok(!text.includes(secret), secret)
    }
    assert.deepEqual(problemsOf((await ada.get(ENTER)).text), [])
  })
})
