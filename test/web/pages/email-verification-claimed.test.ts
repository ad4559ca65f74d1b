/** Eve signs up with Ada's address, sets up all that can be set up, and waits. Then Ada opens the mail. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { duringChange } from '../../support/deletion.ts'
import { isKnown } from '../../support/guessing.ts'
import { answer, mark, PROFILE, passAll, send } from '../../support/learning.ts'
import { openMailbox } from '../../support/mailbox.ts'
import {
  askForChange,
  askForReset,
  CHANGE,
  confirm,
  headingOf,
  leads,
  NEW_PASSWORD,
  open,
  RESET,
  resetBy,
  secretOf,
  VERIFY,
} from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, problemsOf, somebody } from '../../support/people.ts'
import { holderOf, sessionCookieOf } from '../../support/sessions.ts'
import { firstPair, refresh } from '../../support/tokens.ts'

const mailbox = await openMailbox()
const app = await startApp({ TRUST_PROXY: '1' }, { atPublicUrl: true, mailbox })
const PAGE = '/email-verification/new-password'
const TAKE_OVER = { password: NEW_PASSWORD, startEmpty: 'yes' }

/** Everything that Eve can set up with Ada's address. */
async function trap() {
  const { person, browser } = await learner(app, 'Eve')
  const letter = await mailbox.letterTo(person.email, VERIFY.subject)
  await passAll(browser)
  await answer(browser, 'focus')
  await send(browser, '/profile', PROFILE)
  await mark(browser, 'f1', 'done')
  const api = apiOf(app, browser)
  await api.post('/api/auth/update-user', { name: 'Mallory', image: 'https://evil.example/beacon.png' })
  const phone = openBrowser(app)
  await phone.logIn(person)
  const { refreshToken } = await firstPair(api)
  const accessToken = await api.token()
  const own = somebody('Eve').email
  const change = await askForChange(browser, mailbox, own)
  return { person, browser, letter, phone, refreshToken, accessToken, own, change }
}
type Trap = Awaited<ReturnType<typeof trap>>

async function nothingOfEveWorks({ person, browser, phone, refreshToken, accessToken, own, change }: Trap) {
  assert.equal(await browser.whoAmI(), undefined)
  assert.equal(await phone.whoAmI(), undefined)
  assert.equal(await holderOf(app, sessionCookieOf(browser)), undefined)
  assert.equal((await refresh(app, refreshToken)).status, 401)
  assert.equal((await openApi(app, bearer(accessToken)).get('/api/me')).status, 401)
  assert.equal((await openBrowser(app).logIn(person)).status, 422)
  const opened = openBrowser(app)
  assert.equal((await open(opened, change)).status, 410)
  assert.equal((await opened.submitTo('/login', CHANGE.page, { password: person.password })).status, 410)
  const byApi = await openApi(app).get(`/api/auth/verify-email?token=${secretOf(change)}`, {
    Accept: 'application/json',
  })
  assert.equal(byApi.status, 401)
  assert.equal((await app.sql`select 1 as one from users where email = ${own}`).length, 0)
  for (const device of [browser, phone]) {
    assert.equal(await isKnown(app, device, { ...person, password: NEW_PASSWORD }), false)
  }
}

async function storedOf(email: string) {
  const [row] = await app.sql<Record<string, unknown>>`
    select u.name, u.image, u.email_verified, u.onboarded_at is not null as onboarded,
      exists (select 1 from profiles p where p.user_id = u.id) as profile,
      exists (select 1 from progress g where g.user_id = u.id) as progress
    from users u where u.email = ${email}`
  return { ...row }
}
const EMPTY = { name: '', image: null, emailVerified: true, onboarded: false, profile: false, progress: false }

describe('the owner of an address with which somebody else has signed up', () => {
  it('is asked for the password where nobody is logged in, and a button alone confirms nothing', async () => {
    const eve = await trap()
    const ada = openBrowser(app)
    const page = parse((await open(ada, eve.letter)).text)
    assert.ok(page.querySelector('#confirm-form input[type=password]'))
    assert.equal((await ada.submit(VERIFY.page, {})).status, 422)
    const wrong = await ada.submit(VERIFY.page, { password: 'not the password' })
    assert.equal(wrong.status, 422)
    assert.deepEqual(problemsOf(wrong.text), [
      { href: '#current-password', message: 'This is not the password of the account' },
    ])
    assert.equal((await storedOf(eve.person.email)).emailVerified, false)
  })

  it('[T18] makes the account theirs, empty, and nothing of before works', async () => {
    const eve = await trap()
    const ada = openBrowser(app)
    const page = parse((await open(ada, eve.letter)).text)
    const way = page.querySelector('main .after-form a')
    assert.match(way?.text ?? '', /I did not create this account, or I forgot/)
    const form = parse((await ada.get(way?.getAttribute('href') ?? '')).text)
    assert.equal(form.querySelector('#start-empty')?.hasAttribute('checked'), true)
    assert.deepEqual(leads(await ada.submit(PAGE, TAKE_OVER)), [303, '/login?done=account-claimed'])
    await nothingOfEveWorks(eve)
    assert.deepEqual(await storedOf(eve.person.email), EMPTY)
    await mailbox.letterTo(eve.person.email, /password was changed/)

    assert.equal((await ada.logIn({ ...eve.person, password: NEW_PASSWORD })).status, 303)
    const account = (await ada.get('/account')).text
    assert.equal(account.includes(eve.own), false, 'no change waits')
    assert.equal(account.includes('Mallory'), false)
    assert.match((await ada.get('/account/sessions')).text, /Confirmed the email address with a new password/)
  })

  it('keeps what is in it when they say so', async () => {
    const eve = await trap()
    const ada = openBrowser(app)
    await open(ada, eve.letter)
    assert.equal((await ada.submit(PAGE, { password: NEW_PASSWORD })).status, 303)
    await nothingOfEveWorks(eve)
    const { name, profile, progress } = await storedOf(eve.person.email)
    assert.deepEqual([name, profile, progress], ['Mallory', true, true])
  })

  it('may come by “There is already an account” and a reset, which asks the same', async () => {
    const eve = await trap()
    const ada = openBrowser(app)
    await ada.submit('/password-reset', { email: eve.person.email })
    const letter = await mailbox.letterTo(eve.person.email, RESET.subject)
    const page = parse((await open(ada, letter)).text)
    assert.equal(page.querySelector('#start-empty')?.hasAttribute('checked'), true)
    assert.equal((await ada.submit(RESET.page, TAKE_OVER)).status, 303)
    await nothingOfEveWorks(eve)
    assert.deepEqual(await storedOf(eve.person.email), EMPTY)
  })

  it('may reset by API, after which nothing of before works; what is in the account stays', async () => {
    const eve = await trap()
    await openApi(app).post('/api/auth/request-password-reset', { email: eve.person.email })
    const token = secretOf(await mailbox.letterTo(eve.person.email, RESET.subject))
    const reset = await openApi(app).post('/api/auth/reset-password', { newPassword: NEW_PASSWORD, token })
    assert.equal(reset.status, 200)
    await nothingOfEveWorks(eve)
    assert.equal((await storedOf(eve.person.email)).profile, true)
  })

  it('confirms nothing by a program that fetches the link, which uses nothing up', async () => {
    const eve = await trap()
    const path = `/api/auth/verify-email?token=${secretOf(eve.letter)}&callbackURL=%2Fdashboard`
    for (const headers of [{ Accept: 'application/json' }, { 'Sec-Fetch-Mode': 'cors' }]) {
      const refused = await openApi(app).get(path, headers as Record<string, string>)
      assert.deepEqual([refused.status, refused.body.code], [403, 'SIGN_IN_TO_CONFIRM'])
    }
    assert.equal((await storedOf(eve.person.email)).emailVerified, false)
    const ada = openBrowser(app)
    await open(ada, eve.letter)
    assert.equal((await ada.submit(PAGE, TAKE_OVER)).status, 303)
  })

  it('claims nothing once the address is confirmed', async () => {
    const eve = await trap()
    const [ada, phone] = [openBrowser(app), openBrowser(app)]
    await open(ada, eve.letter)
    const token = await ada.token(PAGE)
    await resetBy(phone, await askForReset(phone, mailbox, eve.person.email), 'seven quiet amber kites')
    assert.equal((await ada.post(PAGE, { ...TAKE_OVER, _csrf: token })).status, 410)
    assert.equal((await openBrowser(app).logIn({ ...eve.person, password: NEW_PASSWORD })).status, 422)
    assert.equal((await phone.logIn({ ...eve.person, password: 'seven quiet amber kites' })).status, 303)
  })

  it('claims nothing when the address is confirmed at that very moment', async () => {
    const eve = await trap()
    const ada = openBrowser(app)
    await open(ada, eve.letter)
    const token = await ada.token(PAGE)
    const { status } = await duringChange(
      app,
      (direct) => direct`update all_users set email_verified = true where email = ${eve.person.email}`,
      () => ada.post(PAGE, { ...TAKE_OVER, _csrf: token }),
    )
    assert.equal(status, 410)
    assert.equal((await openBrowser(app).logIn(eve.person)).status, 303, 'the password is the one of before')
  })

  it('is told what is wrong with a password, and the link stays good', async () => {
    const { person, letter } = await trap()
    const ada = openBrowser(app)
    await open(ada, letter)
    for (const password of ['', 'short', person.email]) {
      const refused = await ada.submit(PAGE, { ...TAKE_OVER, password })
      assert.equal(refused.status, 422, password)
      assert.equal(parse(refused.text).querySelector('#start-empty')?.hasAttribute('checked'), true)
    }
    assert.equal((await ada.submit(PAGE, TAKE_OVER)).status, 303)
    assert.deepEqual([(await ada.submitTo('/login', PAGE, TAKE_OVER)).status], [410])
  })
})

it('a link that changes an account to somebody’s address gives them nothing to press without its password', async () => {
  const { browser: eve } = await learner(app, 'Eve')
  const ada = somebody('Ada')
  const letter = await askForChange(eve, mailbox, ada.email)
  const opened = openBrowser(app)
  const page = parse((await open(opened, letter)).text)
  assert.ok(page.querySelector('#confirm-form input[type=password]'))
  assert.equal(page.querySelector('main .after-form'), null)
  assert.equal((await opened.submit(CHANGE.page, { password: ada.password.toUpperCase() })).status, 422)
  assert.equal((await opened.get(PAGE)).status, 410)
  assert.equal((await openBrowser(app).signUp(ada)).status, 303, 'the address is free for its owner')
})

it('of two changes at once, to their own address and to another’s, confirming the first gives nothing of the second', async () => {
  const { person, browser } = await learner(app, 'Eve')
  const [own, adas] = [somebody('Eve').email, somebody('Ada').email]
  const first = await askForChange(browser, mailbox, own)
  const second = await askForChange(browser, mailbox, adas)
  assert.equal((await confirm(browser, first)).status, 410)
  const signUpLink = await mailbox.letterTo(person.email, VERIFY.subject)
  assert.equal((await confirm(browser, signUpLink)).status, 303)
  const { email, emailVerified } = (await apiOf(app, browser).get('/api/auth/get-session')).body.user
  assert.deepEqual([email, emailVerified], [person.email, true])
  assert.equal((await confirm(openBrowser(app), second, { password: 'not the password' })).status, 422)
  assert.equal((await app.sql`select 1 as one from users where email = ${adas}`).length, 0)
})

it('ten wrong passwords pause the question, and leave the way of a new password', async () => {
  const { person, letter } = await trap()
  const ada = openBrowser(app)
  await open(ada, letter)
  let status = 422
  for (let tries = 0; tries < 11 && status === 422; tries += 1) {
    status = (await ada.submit(VERIFY.page, { password: 'not the password' })).status
  }
  assert.equal(status, 429)
  assert.equal(headingOf(await ada.get(PAGE)), 'Make the account yours')
  assert.equal((await ada.submit(PAGE, TAKE_OVER)).status, 303)
  assert.equal((await ada.logIn({ ...person, password: NEW_PASSWORD })).status, 303)
})

describe('while the owner takes the account over,', () => {
  type Move = (eve: Browser, token: string, own: string) => PromiseLike<{ status: number }>
  const MOVES: Record<string, Move> = {
    'a change of the password': (eve, token) =>
      eve.post('/account/password-change', {
        currentPassword: 'plain tidy copper lantern',
        newPassword: 'wicked tidy copper lantern',
        _csrf: token,
      }),
    'another change of the address': (eve, token, email) => eve.post('/account/email-change', { email, _csrf: token }),
    'another login': (eve) => eve.get('/account'),
  }
  for (const [name, move] of Object.entries(MOVES)) {
    it(`${name} by the other leaves them nothing`, async () => {
      for (let round = 0; round < 4; round += 1) {
        const eve = await trap()
        const ada = openBrowser(app)
        await open(ada, eve.letter)
        const [press, token] = [await ada.token(PAGE), await eve.browser.token('/account')]
        const third = somebody('Eve').email
        const again = openBrowser(app)
        const [claimed] = await Promise.all([
          ada.post(PAGE, { ...TAKE_OVER, _csrf: press }),
          move(eve.browser, token, third),
          again.logIn(eve.person),
        ])
        assert.equal(claimed.status, 303)
        assert.equal(await eve.browser.whoAmI(), undefined)
        assert.equal(await again.whoAmI(), undefined)
        assert.equal((await openBrowser(app).logIn(eve.person)).status, 422)
        const wicked = { ...eve.person, password: 'wicked tidy copper lantern' }
        assert.equal((await openBrowser(app).logIn(wicked)).status, 422)
        assert.equal((await ada.logIn({ ...eve.person, password: NEW_PASSWORD })).status, 303)
        assert.equal((await ada.get('/account')).text.includes('Waiting for confirmation'), false)
      }
    })
  }

  it('the other’s own link confirms their new address or nothing, and never both', async () => {
    for (let round = 0; round < 4; round += 1) {
      const eve = await trap()
      const ada = openBrowser(app)
      await open(ada, eve.letter)
      await open(eve.browser, eve.change)
      const [press, token] = [await ada.token(PAGE), await eve.browser.token(CHANGE.page)]
      const [claimed] = await Promise.all([
        ada.post(PAGE, { ...TAKE_OVER, _csrf: press }),
        eve.browser.post(CHANGE.page, { _csrf: token }),
      ])
      const rows = await app.sql<{ email: string }>`
        select email from users where email = any(${[eve.own, eve.person.email]})`
      assert.deepEqual(
        rows.map(({ email }) => email),
        [claimed.status === 303 ? eve.person.email : eve.own],
      )
      assert.equal(await eve.browser.whoAmI(), claimed.status === 303 ? undefined : 'Mallory')
    }
  })
})
