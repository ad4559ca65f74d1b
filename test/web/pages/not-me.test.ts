/** The owner hears of what happens to the account, and “It was not me” ends what somebody else has gained. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { isKnown } from '../../support/guessing.ts'
import type { Letter } from '../../support/mailbox.ts'
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
  resetBy,
  VERIFY,
} from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, type Person, somebody } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'
import { firstPair, refresh } from '../../support/tokens.ts'

const mailbox = await openMailbox()
const app = await startApp({ TRUST_PROXY: '1' }, { atPublicUrl: true, mailbox })
const DAY = 24 * 60 * 60_000
const PAGE = '/not-me/confirm'
const STOLEN = 'wicked tidy copper lantern'
const OWNS = 'seven quiet amber kites'
const NEW_LOGIN = /A new device was used to log in/
const PASSWORD_CHANGED = /Your password was changed/
const ADDRESS_CHANGED = /Your email address was changed$/
const FIREFOX = { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }

const outboxIsEmpty = () =>
  eventually('an empty outbox', async () => (await app.sql`select 1 as one from outbox`).length === 0)

/** Somebody with a confirmed address. */
async function confirmedLearner(name: string) {
  const { person, browser } = await learner(app, name)
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  return { person, browser }
}

/** Opens the link of a notice and presses its button. */
async function sayNotMe(letter: Letter, browser = openBrowser(app)) {
  const page = await open(browser, letter)
  assert.equal(headingOf(page), 'It was not you?')
  return { browser, pressed: await browser.submit(PAGE, {}) }
}

/** Presses the button and chooses a new password on the page that it leads to. */
async function takeBack(letter: Letter, password = OWNS): Promise<Browser> {
  const { browser, pressed } = await sayNotMe(letter)
  assert.deepEqual(leads(pressed), [303, '/password-reset/new'])
  const saved = await browser.submit('/password-reset/new', { password })
  assert.deepEqual(leads(saved), [303, '/login?done=password-reset'])
  return browser
}

const logsIn = async (person: Pick<Person, 'email' | 'password'>) => {
  const { status } = await openBrowser(app).logIn(person)
  return status === 303
}

describe('a login on a device that the account does not know', () => {
  it('is told by mail, in words of ours: on what, about where, and when', async () => {
    const { person } = await learner(app, 'Ada')
    const phone = openBrowser(app, { ...FIREFOX, 'X-Forwarded-For': '203.0.113.77' })
    assert.equal((await phone.logIn(person)).status, 303)
    const letter = await mailbox.letterTo(person.email, NEW_LOGIN)
    assert.match(letter.text, /Firefox on Linux, network 203\.0\.113\.x, on \d+ \w+ \d{4} at \d\d:\d\d \(UTC\)/)
    assert.equal(letter.text.includes('203.0.113.77'), false)
    await phone.logOut()
    assert.equal((await phone.logIn(person)).status, 303)
    await outboxIsEmpty()
    assert.equal(mailbox.to(person.email, NEW_LOGIN).length, 1, 'it is known from then on')
  })

  it('is told for a login through the API too', async () => {
    const { person } = await learner(app, 'Ada')
    const client = apiOf(app, openBrowser(app))
    assert.equal((await client.signIn(person)).status, 200)
    await mailbox.letterTo(person.email, NEW_LOGIN)
  })

  it('is not told of the device of the sign-up, nor of the first one of an account from before', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await browser.logOut()
    assert.equal((await browser.logIn(person)).status, 303)
    await app.sql`update users set devices_known_since = null where email = ${person.email}`
    assert.equal((await openBrowser(app).logIn(person)).status, 303)
    await outboxIsEmpty()
    assert.equal(mailbox.to(person.email, NEW_LOGIN).length, 0)
    assert.equal((await openBrowser(app).logIn(person)).status, 303)
    await mailbox.letterTo(person.email, NEW_LOGIN)
  })

  it('is not told of a device that has just set a new password by mail', async () => {
    const { person } = await learner(app, 'Ada')
    const phone = openBrowser(app)
    await resetBy(phone, await askForReset(phone, mailbox, person.email))
    assert.equal((await phone.logIn({ ...person, password: NEW_PASSWORD })).status, 303)
    await outboxIsEmpty()
    assert.equal(mailbox.to(person.email, NEW_LOGIN).length, 0)
  })

  it('is told five times an hour at most, and never of a wrong password', async () => {
    const { person } = await learner(app, 'Ada')
    for (let time = 0; time < 7; time += 1) assert.equal((await openBrowser(app).logIn(person)).status, 303)
    await openBrowser(app).logIn({ ...person, password: 'not the password' })
    await outboxIsEmpty()
    assert.equal(mailbox.to(person.email, NEW_LOGIN).length, 5)
  })

  it('is not told once the owner has turned that off, and again when they turn it on', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const box = async () => parse((await browser.get('/account')).text).querySelector('#login-notices')
    assert.equal((await box())?.hasAttribute('checked'), true)
    const off = await browser.submitTo('/account', '/account/login-notices')
    assert.deepEqual(leads(off), [303, '/account'])
    assert.equal((await box())?.hasAttribute('checked'), false)
    assert.equal((await openBrowser(app).logIn(person)).status, 303)
    await outboxIsEmpty()
    assert.equal(mailbox.to(person.email, NEW_LOGIN).length, 0)
    await browser.submitTo('/account', '/account/login-notices', { loginNotices: 'yes' })
    assert.equal((await openBrowser(app).logIn(person)).status, 303)
    await mailbox.letterTo(person.email, NEW_LOGIN)
    const events = (await browser.get('/account/sessions')).text
    assert.match(events, /Turned emails about new devices off/)
    assert.match(events, /Turned emails about new devices on/)
  })
})

describe('“It was not me”', () => {
  it('changes nothing until the button is pressed, however often the link is opened', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await openBrowser(app).logIn(person)
    const letter = await mailbox.letterTo(person.email, NEW_LOGIN)
    const scanner = openBrowser(app)
    for (let time = 0; time < 3; time += 1) assert.equal((await open(scanner, letter)).status, 200)
    assert.equal(await browser.whoAmI(), 'Ada')
    assert.equal(await logsIn(person), true)
  })

  it('after a login ends sessions, refresh tokens, known devices and the password, and leads to a new one', async () => {
    const { person, browser } = await confirmedLearner('Ada')
    const eve = openBrowser(app)
    await eve.logIn(person)
    const { refreshToken } = await firstPair(apiOf(app, eve))
    const change = await askForChange(eve, mailbox, somebody('Eve').email)
    const letter = await mailbox.letterTo(person.email, NEW_LOGIN)
    const { browser: ada, pressed } = await sayNotMe(letter)
    assert.equal(await eve.whoAmI(), undefined)
    assert.equal(await browser.whoAmI(), undefined, 'every device is signed out')
    assert.equal((await refresh(app, refreshToken)).status, 401)
    assert.equal(await logsIn(person), false, 'the old password is worthless at once')
    assert.equal((await open(openBrowser(app), change)).status, 410)
    assert.equal(pressed.headers.location, '/password-reset/new')
    assert.equal((await ada.submit('/password-reset/new', { password: OWNS })).status, 303)
    assert.equal(await isKnown(app, eve, { ...person, password: OWNS }), false)
    assert.equal((await ada.logIn({ ...person, password: OWNS })).status, 303)
    assert.match((await ada.get('/account/sessions')).text, /Said “It was not me”: all devices are signed out/)
    const again = await open(openBrowser(app), letter)
    assert.deepEqual([again.status, headingOf(again)], [410, 'This link has been used'])
  })

  it('works whatever the password was changed to since, and however many notices came after', async () => {
    const { person } = await confirmedLearner('Ada')
    const eve = openBrowser(app)
    await eve.logIn(person)
    const first = await mailbox.letterTo(person.email, NEW_LOGIN)
    const change = { currentPassword: person.password, newPassword: STOLEN, endOthers: 'yes' }
    await eve.submit('/account/password-change', change)
    await mailbox.letterTo(person.email, PASSWORD_CHANGED)
    await takeBack(first)
    assert.equal(await eve.whoAmI(), undefined)
    assert.deepEqual(
      [await logsIn({ ...person, password: STOLEN }), await logsIn({ ...person, password: OWNS })],
      [false, true],
    )
  })

  it('after a change of the password takes the account back', async () => {
    const { person } = await learner(app, 'Ada')
    const eve = openBrowser(app)
    await eve.logIn(person)
    await eve.submit('/account/password-change', { currentPassword: person.password, newPassword: STOLEN })
    await takeBack(await mailbox.letterTo(person.email, PASSWORD_CHANGED))
    assert.equal(await eve.whoAmI(), undefined)
    assert.equal(await logsIn({ ...person, password: OWNS }), true)
  })

  it('when a change of the address is asked for withdraws it', async () => {
    const { person } = await confirmedLearner('Ada')
    const eve = openBrowser(app)
    await eve.logIn(person)
    const { email } = somebody('Eve')
    const change = await askForChange(eve, mailbox, email)
    const ada = await takeBack(await mailbox.letterTo(person.email, /about to change/))
    assert.equal((await open(openBrowser(app), change)).status, 410)
    await ada.logIn({ ...person, password: OWNS })
    assert.equal((await ada.get('/account')).text.includes(email), false)
  })

  it('after a download of the data shuts out whoever downloaded it', async () => {
    const { person } = await learner(app, 'Ada')
    const eve = openBrowser(app)
    await eve.logIn(person)
    assert.equal((await eve.submit('/account/data-export', {})).status, 200)
    await takeBack(await mailbox.letterTo(person.email, /A copy of your data was downloaded/))
    assert.equal(await eve.whoAmI(), undefined)
  })

  it('is good for seven days', async () => {
    const own = await startApp({}, { atPublicUrl: true, mailbox })
    const { person } = await learner(own, 'Ada')
    await openBrowser(own).logIn(person)
    const letter = await mailbox.letterTo(person.email, NEW_LOGIN)
    own.advance(7 * DAY - 60_000)
    assert.equal((await open(openBrowser(own), letter)).status, 200)
    own.advance(61_000)
    const late = await open(openBrowser(own), letter)
    assert.deepEqual([late.status, headingOf(late)], [410, 'This link has expired'])
  })

  it('pressed five times at once ends in one new password, and in no fault', async () => {
    const { person } = await learner(app, 'Ada')
    await openBrowser(app).logIn(person)
    const ada = openBrowser(app)
    await open(ada, await mailbox.letterTo(person.email, NEW_LOGIN))
    const _csrf = await ada.token(PAGE)
    const pressed = await Promise.all(Array.from({ length: 5 }, () => ada.post(PAGE, { _csrf })))
    assert.deepEqual(pressed.map(({ status }) => status).toSorted(), [303, 410, 410, 410, 410])
  })

  it('of an unconfirmed account asks what is to become of what is in it', async () => {
    const { person } = await learner(app, 'Eve')
    await openBrowser(app).logIn(person)
    const { browser } = await sayNotMe(await mailbox.letterTo(person.email, NEW_LOGIN))
    assert.ok(parse((await browser.get('/password-reset/new')).text).querySelector('#start-empty'))
  })

  it('is no link for anything else, and no other link is one', async () => {
    const { person } = await learner(app, 'Ada')
    await openBrowser(app).logIn(person)
    const notice = await mailbox.letterTo(person.email, NEW_LOGIN)
    const token = new URL(notice.link).pathname.split('/').at(-1)
    for (const page of ['/password-reset', '/email-verification', '/new-device']) {
      const browser = openBrowser(app)
      const { headers } = await browser.get(`${page}/link/${token}`)
      assert.equal((await browser.get(headers.location ?? '/')).status, 404, page)
    }
    const verify = await mailbox.letterTo(person.email, VERIFY.subject)
    const browser = openBrowser(app)
    await browser.get(`/not-me/link/${new URL(verify.link).pathname.split('/').at(-1)}`)
    assert.equal((await browser.get(PAGE)).status, 404)
  })
})

describe('after a change of the address,', () => {
  /** Eve knows Ada's password, and gives the account her own address. */
  async function stolen() {
    const { person } = await confirmedLearner('Ada')
    const eve = openBrowser(app)
    await eve.logIn(person)
    const evil = somebody('Eve').email
    await confirm(eve, await askForChange(eve, mailbox, evil))
    await eve.submit('/account/password-change', { currentPassword: person.password, newPassword: STOLEN })
    return { person, eve, evil, notice: await mailbox.letterTo(person.email, ADDRESS_CHANGED) }
  }
  const ownerOf = async (email: string) =>
    (await app.sql<{ name: string }>`select name from users where email = ${email}`)[0]?.name

  it('the old address takes the account back, and the new one hears of it', async () => {
    const { person, eve, evil, notice } = await stolen()
    const ada = await takeBack(notice)
    assert.equal(await eve.whoAmI(), undefined)
    assert.equal(await logsIn({ email: evil, password: STOLEN }), false)
    assert.equal((await ada.logIn({ ...person, password: OWNS })).status, 303)
    assert.match((await ada.get('/account/sessions')).text, /the former email address is back/)
    await mailbox.letterTo(evil, /changed back/)
    assert.equal(await ownerOf(evil), undefined)
    // What was mailed to the address of a few days opens nothing.
    for (const letter of mailbox.to(evil).filter(({ link }) => link.includes('/not-me/'))) {
      assert.equal((await open(openBrowser(app), letter)).status, 410)
    }
  })

  it('further changes do not keep the first owner out, and theirs are worthless afterwards', async () => {
    const { person, eve, evil, notice } = await stolen()
    await eve.submit('/account/password-confirmation', { password: STOLEN })
    const third = somebody('Eve').email
    await confirm(eve, await askForChange(eve, mailbox, third))
    const evilNotice = await mailbox.letterTo(evil, ADDRESS_CHANGED)
    await takeBack(notice)
    assert.equal(await ownerOf(person.email), 'Ada')
    assert.equal((await open(openBrowser(app), evilNotice)).status, 410)
  })

  it('not even when the other undoes their own second change first', async () => {
    const { person, eve, evil, notice } = await stolen()
    await confirm(eve, await askForChange(eve, mailbox, somebody('Eve').email))
    await sayNotMe(await mailbox.letterTo(evil, ADDRESS_CHANGED))
    assert.equal(await ownerOf(evil), 'Ada')
    await takeBack(notice)
    assert.equal(await ownerOf(person.email), 'Ada')
  })

  it('an account that was made with the old address to block that is removed', async () => {
    const { person, notice } = await stolen()
    assert.equal((await openBrowser(app).signUp({ ...person, name: 'Mallory' })).status, 303)
    await takeBack(notice)
    assert.equal(await ownerOf(person.email), 'Ada')
  })

  it('but one that its owner has confirmed stays, and the link is dead', async () => {
    const { person, notice } = await stolen()
    const again = openBrowser(app)
    await again.signUp({ ...person, name: 'Ada the second' })
    await confirm(again, await mailbox.letterTo(person.email, VERIFY.subject, 2))
    const { pressed } = await sayNotMe(notice)
    assert.equal(pressed.status, 410)
    assert.equal(await ownerOf(person.email), 'Ada the second')
  })

  it('an old address that was never confirmed cannot take the account', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const right = somebody('Ada').email
    await confirm(browser, await askForChange(browser, mailbox, right))
    const notice = await mailbox.letterTo(person.email, ADDRESS_CHANGED)
    assert.equal(notice.link, `${app.url}/help`)
    for (const letter of mailbox.to(person.email).filter(({ link }) => link.includes('/not-me/'))) {
      assert.equal((await open(openBrowser(app), letter)).status, 410)
    }
  })

  it('the old address has seven days', async () => {
    const own = await startApp({}, { atPublicUrl: true, mailbox })
    const { person, browser } = await learner(own, 'Ada')
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
    const { email } = somebody('Ada')
    await browser.submit('/account/email-change', { email })
    await confirm(browser, await mailbox.letterTo(email, CHANGE.subject))
    const notice = await mailbox.letterTo(person.email, ADDRESS_CHANGED)
    own.advance(7 * DAY)
    assert.equal((await open(openBrowser(own), notice)).status, 410)
  })
})
