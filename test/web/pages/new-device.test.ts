/** Logging in from a device that the account does not know, while strangers are shut out: a link by mail opens the way. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { DEVICE_COOKIE, giveDeviceCookie, isKnown, shutStrangersOut, stranger, useUp } from '../../support/guessing.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, headingOf, leads, open, pathOf, RESET, resetBy, secretOf } from '../../support/mailed.ts'
import {
  type Browser,
  learner,
  openBrowser,
  type Person,
  type Response,
  somebody,
  tokenOf,
} from '../../support/people.ts'

const HOUR = 60 * 60_000
const SUBJECT = /Log in from a new device/
const CONFIRM = '/new-device/confirm'

const mailbox = await openMailbox()
const app = await startApp({ TRUST_PROXY: '1' }, { atPublicUrl: true, mailbox })

async function askForLink(browser: Browser, { email }: Pick<Person, 'email'>, count = 1) {
  assert.deepEqual(leads(await browser.submit('/new-device', { email })), [303, '/new-device/sent'])
  return mailbox.letterTo(email, SUBJECT, count)
}

const press = (browser: Browser): Promise<Response> => browser.submit(CONFIRM, {})

describe('somebody on a phone that their account does not know', () => {
  it('is told, presses one button, opens the mail, presses another, and logs in', async () => {
    const { person } = await learner(app, 'Ada')
    await shutStrangersOut(app, person)
    const phone = stranger(app)
    const refused = await phone.logIn(person, { next: '/lessons/f1' })
    assert.equal(refused.status, 429)
    assert.match(refused.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    const form = parse(refused.text).querySelector('#new-device-form')
    assert.equal(form?.querySelector('input[name=email]')?.getAttribute('value'), person.email)
    const asked = await phone.post(form?.getAttribute('action') ?? '', {
      email: person.email,
      _csrf: tokenOf(form?.toString() ?? ''),
    })
    assert.deepEqual(leads(asked), [303, '/new-device/sent'])
    const sent = await phone.get('/new-device/sent')
    assert.match(sent.text, new RegExp(person.email))

    const letter = await mailbox.letterTo(person.email, SUBJECT)
    const opened = await phone.get(pathOf(letter))
    assert.deepEqual(leads(opened), [303, CONFIRM])
    const page = await phone.get(CONFIRM)
    assert.equal(headingOf(page), 'Log in from this device')
    assert.ok(!page.text.includes(secretOf(letter)), 'the link is not in the page')
    assert.equal((await phone.logIn(person)).status, 429, 'opening the link changes nothing')

    assert.deepEqual(leads(await press(phone)), [303, '/login?done=new-device'])
    assert.match((await phone.get('/login?done=new-device')).text, /Your account knows this device now/)
    assert.equal(await phone.whoAmI(), undefined)
    assert.equal((await phone.logIn({ ...person, password: 'not the password' })).status, 422)
    assert.equal((await phone.logIn(person)).status, 303)
    assert.equal((await stranger(app).logIn(person)).status, 429)
    const activity = await phone.get('/account/sessions')
    assert.match(activity.text, /Let a new device log in, by a link sent by email/)
  })

  it('need not wait for the end of a pause either', async () => {
    const { person } = await learner(app, 'Ada')
    await useUp(app, 'loginByAddress', person.email, 11)
    const phone = stranger(app)
    const refused = await phone.logIn(person)
    assert.equal(refused.status, 429)
    assert.match(refused.text, /You need not wait/)
    await open(phone, await askForLink(phone, person))
    await press(phone)
    assert.equal((await phone.logIn(person)).status, 303)
  })

  it('may open the link elsewhere than they asked: where the button is pressed counts', async () => {
    const { person } = await learner(app, 'Ada')
    const [laptop, phone] = [stranger(app), stranger(app)]
    await open(phone, await askForLink(laptop, person))
    await press(phone)
    assert.equal(await isKnown(app, laptop, person), false)
    assert.equal(await isKnown(app, phone, person), true)
  })

  it('begins anew by the link after using up the tries of the device', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await browser.logOut()
    for (let tries = 0; tries < 11; tries += 1) await browser.logIn({ ...person, password: 'wrong' })
    assert.equal((await browser.logIn(person)).status, 429)
    await open(browser, await askForLink(browser, person))
    await press(browser)
    assert.equal((await browser.logIn(person)).status, 303)
  })

  it('keeps the device known to other accounts', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await browser.logOut()
    const { person: ben } = await learner(app, 'Ben')
    await open(browser, await askForLink(browser, ben))
    await press(browser)
    assert.equal(await isKnown(app, browser, ben), true)
    await browser.logOut()
    assert.equal(await isKnown(app, browser, person), true)
  })
})

describe('a link for a new device', () => {
  it('makes one device known: of eight that press at once, one is', async () => {
    const { person } = await learner(app, 'Ada')
    const letter = await askForLink(stranger(app), person)
    const browsers = Array.from({ length: 8 }, () => stranger(app))
    const tokens = await Promise.all(browsers.map(async (browser) => tokenOf((await open(browser, letter)).text)))
    const pressed = await Promise.all(browsers.map((browser, at) => browser.post(CONFIRM, { _csrf: tokens[at] ?? '' })))
    assert.deepEqual(pressed.map(({ status }) => status).sort(), [303, 410, 410, 410, 410, 410, 410, 410])
    assert.equal(browsers.filter((browser) => browser.cookie(DEVICE_COOKIE) !== undefined).length, 1)
  })

  it('says what became of it: used, replaced, expired, or never there', async () => {
    const own = await startApp({ TRUST_PROXY: '1' }, { databaseUrl: app.databaseUrl, atPublicUrl: true, mailbox })
    const { person } = await learner(own, 'Ada')
    const phone = stranger(own)
    const ask = async (count: number) => {
      await phone.submit('/new-device', { email: person.email })
      return mailbox.letterTo(person.email, SUBJECT, count)
    }
    const first = await ask(1)
    const second = await ask(2)
    assert.equal(headingOf(await open(phone, first)), 'This link has been replaced')
    await open(phone, second)
    await press(phone)
    assert.equal(headingOf(await open(phone, second)), 'This link has been used')
    const again = await phone.submitTo(CONFIRM, '/new-device/again')
    assert.deepEqual(leads(again), [303, '/new-device/sent'])
    const third = await mailbox.letterTo(person.email, SUBJECT, 3)
    own.advance(HOUR)
    assert.equal(headingOf(await open(phone, third)), 'This link has expired')
    await phone.get(`/new-device/link/${'A'.repeat(24)}`)
    const unknown = await phone.get(CONFIRM)
    assert.deepEqual([unknown.status, headingOf(unknown)], [404, 'This link does not work'])
  })

  it('ends with a new password, and neither resets one nor is made by a reset', async () => {
    const { person } = await learner(app, 'Ada')
    const phone = stranger(app)
    const forDevice = await askForLink(phone, person)
    const forReset = await askForReset(phone, mailbox, person.email)
    await phone.get(`/new-device/link/${secretOf(forReset)}`)
    assert.equal((await phone.get(CONFIRM)).status, 404)
    await phone.get(`/password-reset/link/${secretOf(forDevice)}`)
    assert.equal((await phone.get(RESET.page)).status, 404)
    await resetBy(phone, forReset)
    assert.equal(headingOf(await open(phone, forDevice)), 'This link has been replaced')
  })

  it('that waits on the page when the password changes makes no device known', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const phone = stranger(app)
    const token = tokenOf((await open(phone, await askForLink(phone, person))).text)
    const change = { currentPassword: person.password, newPassword: 'another tidy copper lantern', endOthers: 'yes' }
    assert.equal((await browser.submit('/account/password-change', change)).status, 303)
    assert.equal((await phone.post(CONFIRM, { _csrf: token })).status, 410)
    assert.equal(phone.cookie(DEVICE_COOKIE), undefined)
  })
})

describe('asking for a link', () => {
  it('answers alike for an address without an account', async () => {
    const { person } = await learner(app, 'Ada')
    const answers = []
    for (const { email } of [person, somebody('Nobody')]) {
      const browser = openBrowser(app, { 'X-Forwarded-For': '203.0.113.9' })
      const asked = await browser.submit('/new-device', { email })
      const sent = await browser.get('/new-device/sent')
      const again = await browser.get(CONFIRM)
      answers.push([leads(asked), sent.status, sent.text.replaceAll(email, 'EMAIL'), again.status])
    }
    assert.deepEqual(answers[1], answers[0])
  })

  it('names what is wrong with an address', async () => {
    const { status, text } = await stranger(app).submit('/new-device', { email: 'ada' })
    assert.equal(status, 422)
    assert.match(text, /There is a problem/)
  })

  it('is not there where no mail can be sent', async () => {
    const plain = await startApp({ TRUST_PROXY: '1' })
    const page = await stranger(plain).get('/new-device')
    assert.equal(page.status, 200)
    assert.equal(parse(page.text).querySelector('#new-device-form'), null)
  })

  it('needs a form of this site', async () => {
    const { person } = await learner(app, 'Ada')
    const phone = stranger(app)
    await open(phone, await askForLink(phone, person))
    for (const headers of [{}, { Origin: 'https://evil.example' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
      assert.equal((await phone.post(CONFIRM, {}, headers)).status, 403)
    }
    assert.equal(phone.cookie(DEVICE_COOKIE), undefined)
    assert.deepEqual(leads(await press(phone)), [303, '/login?done=new-device'])
  })
})

it('a cookie that is not ours is replaced by one that is', async () => {
  const { person } = await learner(app, 'Ada')
  const phone = giveDeviceCookie(stranger(app), 'nonsense')
  assert.equal((await phone.logIn(person)).status, 303)
  assert.match(phone.cookie(DEVICE_COOKIE) ?? '', /^[A-Za-z0-9]{24}\.[\w-]+$/)
})
