/** A new password by a link: it works once, only for the account of the link, and ends every earlier session. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import {
  askForChange,
  askForReset,
  confirm,
  headingOf,
  leads,
  NEW_PASSWORD,
  open,
  RESET,
  resetBy,
  VERIFY,
} from '../../support/mailed.ts'
import { learner, openBrowser, PASSWORD, problemsOf } from '../../support/people.ts'
import { holderOf, sessionCookieOf, sessionsOf } from '../../support/sessions.ts'
import { firstPair, refresh } from '../../support/tokens.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const logsIn = async (email: string, password: string) =>
  (await openBrowser(app).logIn({ email, password })).status === 303

describe('the form', () => {
  it('[P17] asks for one new password and tells password managers whose it is', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    const { text } = await open(browser, await askForReset(browser, mailbox, person.email))
    const form = parse(text).querySelector('#new-password-form')
    const username = form?.querySelectorAll('input[autocomplete=username]') ?? []
    assert.deepEqual(
      username.map((input) => [
        input.getAttribute('value'),
        input.hasAttribute('readonly'),
        input.hasAttribute('hidden'),
      ]),
      [[person.email, true, true]],
    )
    const passwords = form?.querySelectorAll('input[type=password]') ?? []
    assert.deepEqual(
      passwords.map(({ id, attributes }) => [id, attributes.autocomplete, attributes.name, attributes.value]),
      [['new-password', 'new-password', 'password', undefined]],
    )
    assert.match(form?.querySelector(`#new-password-hint`)?.text ?? '', /8 characters or more/)
  })

  const WEAK: [password: string, message: RegExp][] = [
    ['', /^Enter a password$/],
    ['short', /8 characters or more/],
    ['password123', /very common/],
    ['a'.repeat(129), /128 characters or fewer/],
  ]
  it('[T13] comes back for a password that cannot be, and the link is still good', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    await open(browser, await askForReset(browser, mailbox, person.email))
    for (const [password, message] of [...WEAK, [person.email, /name or email/] as const]) {
      const { status, text } = await browser.submit(RESET.page, { password })
      assert.equal(status, 422)
      const [problem] = problemsOf(text)
      assert.equal(problem?.href, '#new-password')
      assert.match(problem?.message ?? '', message)
      if (password !== '' && password !== person.email) assert.equal(text.includes(password), false)
    }
    assert.equal((await browser.submit(RESET.page, `password=${NEW_PASSWORD}&password=${NEW_PASSWORD}`)).status, 422)
    assert.equal(await logsIn(person.email, PASSWORD), true)
    assert.deepEqual(leads(await browser.submit(RESET.page, { password: NEW_PASSWORD })), [
      303,
      '/login?done=password-reset',
    ])
  })
})

describe('a link is used once', () => {
  it('[T01] the second time it says so, in the same browser and in another, and the password stays', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    const letter = await askForReset(browser, mailbox, person.email)
    await open(browser, letter)
    const token = await browser.token(RESET.page)
    await browser.post(RESET.page, { password: NEW_PASSWORD, _csrf: token })
    // Go back and press the button again.
    const back = await browser.post(RESET.page, { password: 'seven quiet amber kites', _csrf: token })
    const other = await open(openBrowser(app), letter)
    for (const page of [back, other]) assert.deepEqual([page.status, headingOf(page)], [410, 'This link has been used'])
    assert.equal(await logsIn(person.email, 'seven quiet amber kites'), false)
    assert.equal(await logsIn(person.email, NEW_PASSWORD), true)
  })

  it('[T02] 20 times at once with 20 passwords, one wins', async () => {
    const { person } = await learner(app, 'Ada')
    const letter = await askForReset(openBrowser(app), mailbox, person.email)
    const forms = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const browser = openBrowser(app)
        await open(browser, letter)
        return { browser, token: await browser.token(RESET.page), password: `${NEW_PASSWORD} ${index}` }
      }),
    )
    const statuses = await Promise.all(
      forms.map(
        async ({ browser, token, password }) => (await browser.post(RESET.page, { password, _csrf: token })).status,
      ),
    )
    assert.deepEqual(
      statuses.toSorted((one, other) => one - other),
      [303, ...Array.from({ length: 19 }, () => 410)],
    )
    const winner = forms[statuses.indexOf(303)]?.password ?? ''
    assert.equal(await logsIn(person.email, winner), true)
    await mailbox.letterTo(person.email, /was changed/)
    assert.equal(mailbox.to(person.email, /was changed/).length, 1)
  })
})

describe('afterwards', () => {
  it('[T09] every session and refresh token is dead, the owner is told, and nobody is logged in', async () => {
    const { person, browser: laptop } = await learner(app, 'Ada')
    const phone = openBrowser(app)
    await phone.logIn(person, { remember: 'yes' })
    const { refreshToken } = await firstPair(apiOf(app, phone))
    const cookies = [sessionCookieOf(laptop), sessionCookieOf(phone)]

    const browser = openBrowser(app)
    const letter = await askForReset(browser, mailbox, person.email)
    assert.equal((await resetBy(browser, letter)).status, 303)
    for (const cookie of cookies) assert.equal(await holderOf(app, cookie), undefined)
    assert.equal((await refresh(app, refreshToken)).status, 401)
    assert.equal(await browser.whoAmI(), undefined)
    assert.equal((await sessionsOf(app, person)).length, 0)
    const notice = await mailbox.letterTo(person.email, /Your password was changed/)
    assert.match(notice.link, /\/not-me\/link\/[A-Za-z0-9]{24}$/)
    const page = parse((await browser.get('/login?done=password-reset')).text)
    assert.match(page.querySelector('[role=status]')?.text ?? '', /Your password is changed/)
  })

  it('a reset in the browser that is logged in logs it out as well', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await resetBy(browser, await askForReset(browser, mailbox, person.email))
    assert.equal(await browser.whoAmI(), undefined)
    assert.equal((await browser.logIn({ email: person.email, password: NEW_PASSWORD })).status, 303)
  })

  it('the address counts as confirmed', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    await resetBy(browser, await askForReset(browser, mailbox, person.email))
    await browser.logIn({ email: person.email, password: NEW_PASSWORD })
    assert.equal(parse((await browser.get('/dashboard')).text).querySelector('.banner'), null)
    const { text } = await browser.get('/account')
    assert.match(parse(text).querySelector('[aria-labelledby=email-title]')?.text ?? '', /confirmed/)
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  })

  it('a login that a stranger had blocked is open again', async () => {
    const { person } = await learner(app, 'Ada')
    const stranger = openBrowser(app)
    for (let time = 0; time < 11; time += 1) await stranger.logIn({ email: person.email, password: 'not the password' })
    const browser = openBrowser(app)
    assert.equal((await browser.logIn(person)).status, 429)
    await resetBy(browser, await askForReset(browser, mailbox, person.email))
    assert.deepEqual(leads(await browser.logIn({ email: person.email, password: NEW_PASSWORD })), [303, '/dashboard'])
  })
})

describe('the account is that of the link', () => {
  it('[T10] whatever else the form names', async () => {
    const { person: ada } = await learner(app, 'Ada')
    const { person: ben, browser: bens } = await learner(app, 'Ben')
    const [row] = await app.sql<{ id: string }>`select id from users where email = ${ben.email}`
    const browser = openBrowser(app)
    await open(browser, await askForReset(browser, mailbox, ada.email))
    const more = {
      email: ben.email,
      username: ben.email,
      userId: row?.id ?? '',
      user_id: row?.id ?? '',
      id: row?.id ?? '',
    }
    const query = new URLSearchParams(more).toString()
    const done = await browser.submit(`${RESET.page}?${query}`, { password: NEW_PASSWORD, ...more })
    assert.equal(done.status, 303)
    assert.equal(await bens.whoAmI(), ben.name)
    assert.equal(await logsIn(ben.email, PASSWORD), true)
    assert.equal(await logsIn(ben.email, NEW_PASSWORD), false)
    assert.equal(await logsIn(ada.email, NEW_PASSWORD), true)
  })

  it('[T18] and whoever had made it with that address before is out: password, sessions, and a change of the address', async () => {
    const { person, browser: intruder } = await learner(app, 'Eve')
    const { refreshToken } = await firstPair(apiOf(app, intruder))
    const theirs = `eve-${person.email}`
    const trap = await askForChange(intruder, mailbox, theirs)
    const owner = openBrowser(app)
    await resetBy(owner, await askForReset(owner, mailbox, person.email))

    assert.equal(await intruder.whoAmI(), undefined)
    assert.equal(await logsIn(person.email, PASSWORD), false)
    assert.equal((await refresh(app, refreshToken)).status, 401)
    assert.equal((await open(intruder, trap)).status, 410)
    assert.equal((await intruder.submitTo('/login', VERIFY.page)).status, 410)
    await owner.logIn({ email: person.email, password: NEW_PASSWORD })
    const { text } = await owner.get('/account')
    assert.ok(text.includes(person.email), 'the address is the old one')
    assert.doesNotMatch(text, /Waiting for confirmation/)
  })
})
