/** Confirming an address with the button on the page that a mailed link opens, on any device. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { CHANGE, confirm, headingOf, leads, open, pathOf, secretOf, VERIFY } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, type Response, somebody } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const DAY = 24 * 60 * 60_000

async function isVerified(email: string): Promise<boolean | undefined> {
  const [user] = await app.sql<{ emailVerified: boolean }>`select email_verified from users where email = ${email}`
  return user?.emailVerified
}
const bannerOf = async (browser: Browser) => parse((await browser.get('/dashboard')).text).querySelector('.banner')
async function newcomer(name: string) {
  const { person, browser } = await learner(app, name)
  return { person, browser, letter: await mailbox.letterTo(person.email, VERIFY.subject) }
}

describe('somebody who has not confirmed the address', () => {
  it('[I10] uses everything, under a banner that says where the link went and sends it again', async () => {
    const { person, browser } = await newcomer('Ada')
    const banner = await bannerOf(browser)
    assert.ok(banner?.text.includes(person.email), 'the address')
    assert.equal(banner?.querySelector('a')?.getAttribute('href'), '/email-verification')
    for (const page of ['/profile', '/account', '/account/sessions', '/lessons/r1']) {
      assert.equal((await browser.get(page)).status, 200, page)
    }
    const page = parse((await browser.get('/email-verification')).text)
    assert.equal(page.querySelector('#verification-form input[type=email]'), null)
    assert.deepEqual(leads(await browser.submit('/email-verification', {})), [303, '/email-verification/sent'])
    assert.ok((await browser.get('/email-verification/sent')).text.includes(person.email), 'the address')
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject, 2))
    assert.equal(await bannerOf(browser), null)
    assert.match((await browser.get('/email-verification')).text, /is confirmed\. There is nothing to do/)
  })

  it('has no other address confirmed by a form that names one', async () => {
    const { person, browser } = await newcomer('Ada')
    const { person: other } = await newcomer('Ben')
    await browser.submit('/email-verification', { email: other.email })
    await mailbox.letterTo(person.email, VERIFY.subject, 2)
    assert.equal(mailbox.to(other.email).length, 1)
  })

  it('gets three more letters an hour, and then the same answers', async () => {
    const { person, browser } = await newcomer('Ada')
    for (let time = 0; time < 8; time += 1) {
      assert.deepEqual(leads(await browser.submit('/email-verification', {})), [303, '/email-verification/sent'])
      await mailbox.letterTo(person.email, VERIFY.subject, Math.min(4, time + 2))
    }
    const newest = await mailbox.letterTo(person.email, VERIFY.subject, 4)
    assert.equal((await confirm(browser, newest)).headers.location, '/email-verification/confirmed')
    assert.equal(mailbox.to(person.email, VERIFY.subject).length, 4)
  })
})

it('[E06] a visitor who asks hears the same for an unknown, an unconfirmed and a confirmed address', async () => {
  const { person: open } = await newcomer('Ada')
  const { person: done, browser, letter } = await newcomer('Ben')
  await confirm(browser, letter)
  const comparable = ({ status, headers, text }: Response, email: string) => ({
    status,
    location: headers.location,
    cookies: [headers['set-cookie'] ?? []].flat().map((line: string) => line.replace(/=[^;]*|Expires=[^;]*/g, '')),
    length: headers['content-length'],
    text: text.replaceAll(email, 'ADDRESS'),
  })
  const answers = []
  for (const { email } of [open, done, somebody('Eve')]) {
    const visitor = openBrowser(app)
    const asked = await visitor.submit('/email-verification', { email })
    answers.push([comparable(asked, email), comparable(await visitor.get(asked.headers.location ?? '/'), email)])
  }
  assert.deepEqual(answers[0], answers[2])
  assert.deepEqual(answers[1], answers[2])
  await mailbox.letterTo(open.email, VERIFY.subject, 2)
  assert.equal(mailbox.to(done.email).length, 1)
})

describe('the link', () => {
  it('[T06] confirms nothing until the button is pressed, and names the address', async () => {
    const { person, browser, letter } = await newcomer('Ada')
    const scanner = openBrowser(app)
    for (let time = 0; time < 5; time += 1) {
      await scanner.agent
        .head(pathOf(letter))
        .redirects(0)
        .ok(() => true)
      const page = await open(scanner, letter)
      assert.equal(page.status, 200)
      assert.equal(parse(page.text).querySelector('main strong bdi')?.text, person.email)
    }
    assert.equal(await isVerified(person.email), false)
    const page = await open(browser, letter)
    assert.equal(parse(page.text).querySelector('#confirm-form button')?.text, 'Confirm email')
    assert.deepEqual(leads(await browser.submit(VERIFY.page, {})), [303, '/email-verification/confirmed'])
    assert.equal(await isVerified(person.email), true)
    assert.equal(headingOf(await browser.get('/email-verification/confirmed')), 'Your email address is confirmed')
  })

  it('[T07, T08] leaves its token in no address, page or log', async () => {
    const { browser, letter } = await newcomer('Ada')
    const opened = await browser.get(pathOf(letter))
    assert.deepEqual(leads(opened), [303, VERIFY.page])
    const answers = [
      opened,
      await browser.get(VERIFY.page),
      await browser.submit(VERIFY.page, {}),
      await browser.get('/email-verification/confirmed'),
    ]
    for (const { text, headers } of answers) {
      assert.equal(`${text}${headers.location}`.includes(secretOf(letter)), false)
    }
    assert.equal(app.log().includes(secretOf(letter)), false)
  })

  it('[T15] works in another browser, which is not logged in by it', async () => {
    const { person, browser, letter } = await newcomer('Ada')
    const phone = openBrowser(app)
    assert.deepEqual(leads(await confirm(phone, letter)), [303, '/email-verification/confirmed'])
    const page = await phone.get('/email-verification/confirmed')
    assert.ok(parse(page.text).querySelector('main a[href="/login"]'), 'a way to log in')
    assert.equal(await phone.whoAmI(), undefined)
    assert.equal(phone.cookie('matricula'), undefined)
    assert.equal(await browser.whoAmI(), person.name)
    assert.equal(await bannerOf(browser), null)
  })

  it('[T15] works in the browser of somebody else, who stays who they are', async () => {
    const { person, letter } = await newcomer('Ada')
    const { person: ben, browser, letter: bens } = await newcomer('Ben')
    await confirm(browser, letter)
    assert.equal(await browser.whoAmI(), ben.name)
    assert.deepEqual([await isVerified(person.email), await isVerified(ben.email)], [true, false])
    await confirm(browser, bens)
  })

  it('[T16] may be pressed five times at once, once more after going back, and opened again', async () => {
    const { browser, letter } = await newcomer('Ada')
    await open(browser, letter)
    const token = await browser.token(VERIFY.page)
    const press = async () => leads(await browser.post(VERIFY.page, { _csrf: token }))
    const answers = await Promise.all(Array.from({ length: 5 }, press))
    for (const [status, where] of answers) {
      assert.equal(status, 303)
      assert.match(where ?? '', /^\/email-verification\/confirm(ed)?$/)
    }
    assert.equal((await browser.get('/email-verification/confirmed')).status, 200)
    assert.deepEqual(await press(), [303, '/email-verification/confirmed'])
    for (const each of [browser, openBrowser(app)]) {
      assert.deepEqual(leads(await open(each, letter)), [303, '/email-verification/confirmed'])
    }
  })

  it('of an older letter says that the address is confirmed, when it is', async () => {
    const { person, browser, letter } = await newcomer('Ada')
    await browser.submit('/email-verification', {})
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject, 2))
    assert.deepEqual(leads(await open(browser, letter)), [303, '/email-verification/confirmed'])
  })
})

describe('a dead link', () => {
  it('is one after 24 hours, and offers a new one', async () => {
    const { person, letter } = await newcomer('Ada')
    const browser = openBrowser(app)
    app.advance(DAY - 5_000)
    assert.equal((await open(browser, letter)).status, 200)
    const token = await browser.token(VERIFY.page)
    app.advance(6_000)
    const late = await browser.post(VERIFY.page, { _csrf: token })
    assert.deepEqual([late.status, headingOf(late)], [410, 'This link has expired'])
    assert.equal(await isVerified(person.email), false)
    const page = await open(browser, letter)
    const action = parse(page.text).querySelector('#again-form')?.getAttribute('action') ?? ''
    assert.deepEqual(leads(await browser.submitTo(VERIFY.page, action)), [303, '/email-verification/sent'])
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject, 2))
    assert.equal(await isVerified(person.email), true)
  })

  it('[T04] is an older one, while the newer waits', async () => {
    const { person, browser, letter } = await newcomer('Ada')
    await browser.submit('/email-verification', {})
    await mailbox.letterTo(person.email, VERIFY.subject, 2)
    const page = await open(browser, letter)
    assert.deepEqual([page.status, headingOf(page)], [410, 'This link has been replaced'])
    assert.equal((await browser.submit(VERIFY.page, {})).status, 410)
    assert.equal(await isVerified(person.email), false)
  })

  it('[T16] is one to an address that the account has no longer', async () => {
    const { person, browser, letter } = await newcomer('Ada')
    const { email } = somebody('Ada')
    await browser.submit('/account/email-change', { email })
    await confirm(browser, await mailbox.letterTo(email, CHANGE.subject))
    const page = await open(openBrowser(app), letter)
    assert.deepEqual([page.status, headingOf(page)], [410, 'This link has been replaced'])
    assert.equal(parse(page.text).querySelector('#again-form'), null)
    assert.equal(await isVerified(person.email), undefined)
    assert.equal(await isVerified(email), true)
  })

  it('resets no password', async () => {
    const { letter } = await newcomer('Ada')
    const browser = openBrowser(app)
    await browser.get(`/password-reset/link/${secretOf(letter)}`)
    assert.equal((await browser.get('/password-reset/new')).status, 404)
    const sent = await browser.submitTo('/login', '/password-reset/new', { password: 'seven quiet amber kites' })
    assert.equal(sent.status, 404)
  })
})
