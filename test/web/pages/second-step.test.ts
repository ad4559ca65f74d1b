/** The second step on the pages: setting it up, logging in with it, recovery codes, devices that skip it, switching it off. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { learner, openBrowser, PASSWORD, problemsOf } from '../../support/people.ts'
import {
  careful,
  codeAt,
  enterCode,
  firstStep,
  LOGIN_PAGE,
  nextCode,
  PAGE,
  recoveryCodesOn,
  SETUP,
  STEP_MS,
  secretOn,
  switchOn,
  wrongCode,
} from '../../support/second-step.ts'
import { onlySessionOf, sessionsOf, setCookieOf } from '../../support/sessions.ts'

const app = await startApp()
const MINUTE = 60_000
const NEW_PASSWORD = 'quiet amber harbour window'

describe('setting up a second step', () => {
  it('begins with a picture and a secret as text, and a first code switches it on', async () => {
    const { browser } = await learner(app, 'Ada')
    await browser.submitTo(PAGE, PAGE)
    const page = parse((await browser.get(SETUP)).text)
    assert.equal(page.querySelector('img.qr')?.getAttribute('src'), `${PAGE}/qr.svg`)
    const field = page.querySelector('#code')
    assert.deepEqual(
      ['autocomplete', 'inputmode'].map((name) => field?.getAttribute(name)),
      ['one-time-code', 'numeric'],
    )
    const secret = secretOn(page.toString())
    assert.match(secret, /^[A-Z2-7]{32}$/)
    assert.equal(page.querySelector('a[href^="otpauth:"]')?.getAttribute('href')?.includes(secret), true)

    const picture = await browser.get(`${PAGE}/qr.svg`)
    assert.equal(picture.status, 200)
    assert.match(picture.headers['content-type'] ?? '', /^image\/svg\+xml/)
    assert.equal(picture.headers['cache-control'], 'no-store')
    assert.match(picture.body.toString(), /^<svg/)

    const wrong = await browser.submit(SETUP, { code: wrongCode(app, secret) })
    assert.equal(wrong.status, 422)
    assert.equal(secretOn(wrong.text), secret, 'the same secret')
    const code = codeAt(app, secret)
    assert.equal(
      (await browser.submit(SETUP, { code: ` ${code.slice(0, 3)} ${code.slice(3)} ` })).headers.location,
      PAGE,
    )
    const codes = recoveryCodesOn((await browser.get(PAGE)).text)
    assert.equal(new Set(codes).size, 10)
    for (const one of codes) assert.match(one, /^[a-z2-9]{5}-[a-z2-9]{5}$/)
    assert.deepEqual(recoveryCodesOn((await browser.get(PAGE)).text), [], 'they are shown once')
    assert.equal((await browser.get(`${PAGE}/qr.svg`)).status, 404, 'nobody sees the secret again')
    assert.equal((await browser.get(SETUP)).headers.location, PAGE)
  })

  it('keeps the recovery codes for its page, whatever other page comes between', async () => {
    const { browser } = await learner(app, 'Ada')
    await browser.submitTo(PAGE, PAGE)
    const code = codeAt(app, secretOn((await browser.get(SETUP)).text))
    await browser.submit(SETUP, { code })
    for (const page of ['/account', '/dashboard', '/account/sessions', '/plan']) await browser.get(page)
    assert.equal(recoveryCodesOn((await browser.get(PAGE)).text).length, 10)
    assert.equal(recoveryCodesOn((await browser.get(PAGE)).text).length, 0)
  })

  it('ends the sessions from before, and this one goes on under a new id', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const phone = openBrowser(app)
    await phone.logIn(person)
    const before = (await sessionsOf(app, person)).map(({ sid }) => sid)
    await switchOn(app, browser)
    assert.equal(await phone.whoAmI(), undefined)
    assert.equal(await browser.whoAmI(), 'Ada')
    assert.ok(!before.includes((await onlySessionOf(app, person)).sid))
  })

  it('asks for the password first, once that was typed some time ago', async () => {
    const { browser } = await learner(app, 'Ada')
    await browser.submitTo(PAGE, PAGE)
    app.advance(11 * MINUTE)
    for (const path of [SETUP, `${PAGE}/qr.svg`]) {
      assert.match((await browser.get(path)).headers.location ?? '', /^\/account\/password-confirmation/)
    }
  })

  it('is over an hour after it was begun', async () => {
    const { browser } = await learner(app, 'Ada')
    await browser.submitTo(PAGE, PAGE)
    app.advance(61 * MINUTE)
    await browser.submit('/account/password-confirmation', { password: PASSWORD })
    assert.equal((await browser.get(SETUP)).headers.location, PAGE)
  })
})

describe('a login with a second step', () => {
  it('begins no session before the code, and then goes where it was to go and for as long as was asked', async () => {
    const { person, browser: first, secret } = await careful(app, 'Ada')
    await first.logOut()
    const browser = openBrowser(app)
    await firstStep(browser, person, { next: '/lessons/f1', remember: 'yes' })
    assert.deepEqual(await sessionsOf(app, person), [])
    assert.equal(await browser.whoAmI(), undefined)
    assert.equal((await browser.get('/account')).status, 303)
    const done = await enterCode(browser, nextCode(app, secret))
    assert.equal(done.headers.location, '/lessons/f1')
    assert.match(setCookieOf(done) ?? '', /Max-Age=2592000/)
    assert.equal(await browser.whoAmI(), 'Ada')
    assert.equal(browser.cookie('matricula-ticket'), undefined)
  })

  it('brings a form that waits to its person', async () => {
    const { person, browser, secret } = await careful(app, 'Ada')
    const sent = { name: 'Ada Lovelace', _csrf: await browser.token('/account') }
    await app.sql`delete from sessions where user_id = (select id from users where email = ${person.email})`
    const login = parse((await browser.post('/account', sent)).text)
    const field = (name: string) => login.querySelector(`[name=${name}]`)?.getAttribute('value') ?? ''
    const fields = { ...person, kept: field('kept'), next: field('next'), _csrf: field('_csrf') }
    assert.equal((await browser.post('/login', fields)).headers.location, LOGIN_PAGE)
    assert.equal((await enterCode(browser, nextCode(app, secret))).headers.location, '/account')
    assert.match((await browser.get('/account')).text, /value="Ada Lovelace"/)
  })

  it('says what to do about a wrong code, and nothing is lost', async () => {
    const { person, secret } = await careful(app, 'Ada')
    const browser = openBrowser(app)
    await firstStep(browser, person)
    for (const code of ['', wrongCode(app, secret), 'aaaaa-aaaaa', 'x'.repeat(500)]) {
      const refused = await enterCode(browser, code, { rememberDevice: 'yes' })
      assert.equal(refused.status, 422)
      assert.equal(problemsOf(refused.text)[0]?.href, '#code')
      assert.ok(!refused.text.includes('value="aaaaa'), 'what was typed is not shown')
      assert.ok(parse(refused.text).querySelector('#remember-device[checked]'), 'the choice is kept')
    }
    assert.equal((await enterCode(browser, nextCode(app, secret))).status, 303)
  })

  it('takes the code of the step before and of the one after, and no other', async () => {
    const { person, secret } = await careful(app, 'Ada')
    app.advance(10 * STEP_MS)
    for (const [steps, status] of [
      [-2, 422],
      [2, 422],
      [-1, 303],
      [1, 303],
    ] as const) {
      const browser = openBrowser(app)
      await firstStep(browser, person)
      assert.equal((await enterCode(browser, codeAt(app, secret, steps))).status, status, `${steps} steps off`)
    }
  })

  it('is over after ten minutes, and the login page says so', async () => {
    const { person, secret } = await careful(app, 'Ada')
    const browser = openBrowser(app)
    await firstStep(browser, person)
    app.advance(10 * MINUTE)
    const late = await browser.get(LOGIN_PAGE)
    assert.equal(late.headers.location, '/login?done=second-step-over')
    assert.match((await browser.get('/login?done=second-step-over')).text, /longer than ten minutes/)
    assert.equal((await browser.submitTo('/login', LOGIN_PAGE, { code: codeAt(app, secret) })).status, 303)
    assert.equal(await browser.whoAmI(), undefined)
  })

  it('is in the list of what happened only once it is done', async () => {
    const { person, secret } = await careful(app, 'Ada')
    const kinds = async () =>
      (
        await app.sql<{ kind: string }>`
          select kind from activity a join users u on u.id = a.user_id where u.email = ${person.email} order by at, a.id`
      ).map(({ kind }) => kind)
    const browser = openBrowser(app)
    await firstStep(browser, person)
    assert.deepEqual(await kinds(), ['signed-up', 'second-step-on'])
    await enterCode(browser, nextCode(app, secret))
    assert.deepEqual(await kinds(), ['signed-up', 'second-step-on', 'logged-in'])
  })
})

describe('a recovery code', () => {
  it('takes the place of the app, once, however it is typed', async () => {
    const { person, codes } = await careful(app, 'Ada')
    const [one = '', other = ''] = codes
    const browser = openBrowser(app)
    await firstStep(browser, person)
    assert.match((await browser.get(`${LOGIN_PAGE}?with=recovery-code`)).text, /Recovery code<\/label>/)
    const typed = one.toUpperCase().replace('-', ' ')
    assert.equal((await enterCode(browser, typed, { with: 'recovery-code' })).headers.location, '/dashboard')
    assert.match((await browser.get('/account/second-step')).text, /9 are left/)
    const again = openBrowser(app)
    await firstStep(again, person)
    assert.equal((await enterCode(again, one)).status, 422)
    assert.equal((await enterCode(again, other)).status, 303)
  })

  it('of before is worthless after new ones were made', async () => {
    const { person, browser, codes } = await careful(app, 'Ada')
    await browser.submitTo(PAGE, `${PAGE}/recovery-codes`)
    const [fresh = '', ...rest] = recoveryCodesOn((await browser.get(PAGE)).text)
    assert.equal(rest.length, 9)
    const phone = openBrowser(app)
    await firstStep(phone, person)
    assert.equal((await enterCode(phone, codes[0] ?? '')).status, 422)
    assert.equal((await enterCode(phone, fresh)).status, 303)
  })

  it('is not in the database as it is', async () => {
    const { codes } = await careful(app, 'Ada')
    const rows = await app.sql<{ codeHash: string }>`select code_hash from recovery_codes`
    assert.ok(rows.every(({ codeHash }) => !codes.some((code) => codeHash.includes(code.replace('-', '')))))
  })
})

describe('a device that skips the second step', () => {
  async function remembered() {
    const known = await careful(app, 'Ada')
    const phone = openBrowser(app)
    await firstStep(phone, known.person)
    await enterCode(phone, nextCode(app, known.secret), { rememberDevice: 'yes' })
    await phone.logOut()
    return { ...known, phone }
  }
  it('asks only for the password, for 30 days, and no other device does', async () => {
    const { person, phone } = await remembered()
    assert.equal((await phone.logIn(person)).headers.location, '/dashboard')
    await phone.logOut()
    await firstStep(openBrowser(app), person)
    const other = await careful(app, 'Ben')
    await firstStep(phone, other.person)
    app.advance(31 * 24 * 60 * MINUTE)
    await firstStep(phone, person)
  })

  const WITHDRAWN: Record<string, (known: Awaited<ReturnType<typeof remembered>>) => Promise<string>> = {
    'a new password': async ({ browser }) => {
      const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
      assert.equal((await browser.submit('/account/password-change', change)).headers.location, '/account')
      return NEW_PASSWORD
    },
    'a button on the account': async ({ browser }) => {
      await browser.submitTo(PAGE, `${PAGE}/forget-devices`)
      return PASSWORD
    },
    'signing out all other devices': async ({ browser }) => {
      await browser.submitTo('/account/sessions', '/account/sessions/end-others')
      return PASSWORD
    },
    'switching the second step off and on again': async ({ browser }) => {
      await browser.submitTo(PAGE, `${PAGE}/off`)
      await switchOn(app, browser)
      return PASSWORD
    },
  }
  for (const [name, withdraw] of Object.entries(WITHDRAWN)) {
    it(`asks for a code again after ${name}`, async () => {
      const known = await remembered()
      const password = await withdraw(known)
      await firstStep(known.phone, { ...known.person, password })
    })
  }
})

describe('what only the owner may do', () => {
  const FORMS: Record<string, string> = {
    '/account/password-change': '/account/password-change',
    '/account/account-deletion': '/account/account-deletion',
    [`${PAGE}/off`]: PAGE,
    [`${PAGE}/recovery-codes`]: PAGE,
    [`${PAGE}/forget-devices`]: PAGE,
    '/account/data-export': '/account/data-export',
  }
  it('[M19] takes a code too, ten minutes after the last one', async () => {
    const { browser, secret, person } = await careful(app, 'Ada')
    app.advance(11 * MINUTE)
    await browser.submit('/account/password-confirmation', { password: PASSWORD })
    for (const [action, page] of Object.entries(FORMS)) {
      const fields = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD, password: PASSWORD, sure: 'yes' }
      const asked = await browser.submitTo('/account', action, fields)
      const asks = `${PAGE}/confirmation?next=${encodeURIComponent(page)}`
      assert.equal(asked.headers.location, asks, `${action} asks for a code`)
    }
    assert.equal((await browser.submit(`${PAGE}/confirmation?next=${PAGE}`, { code: '' })).status, 422)
    const confirmed = await browser.submit(`${PAGE}/confirmation`, { code: nextCode(app, secret), next: PAGE })
    assert.equal(confirmed.headers.location, PAGE)
    assert.equal((await browser.submitTo(PAGE, `${PAGE}/off`)).headers.location, PAGE)
    assert.equal((await openBrowser(app).logIn(person)).headers.location, '/dashboard')
  })

  it('ends the session of whoever guesses there, and keeps nobody from logging in', async () => {
    const { browser, secret, person } = await careful(app, 'Ada')
    app.advance(11 * MINUTE)
    for (let tries = 0; tries < 5; tries += 1) {
      const guess = await browser.submit(`${PAGE}/confirmation`, { code: wrongCode(app, secret) })
      assert.equal(guess.status, 422)
    }
    assert.equal((await browser.submit(`${PAGE}/confirmation`, { code: codeAt(app, secret) })).status, 429)
    assert.equal(await browser.whoAmI(), undefined)
    const again = openBrowser(app)
    await firstStep(again, person)
    assert.equal((await enterCode(again, nextCode(app, secret))).status, 303)
  })
})
