/** A new email address waits until it is confirmed from its own mailbox, and the old address is told. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, askForReset, CHANGE, confirm, headingOf, leads, open, VERIFY } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, problemsOf, somebody } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const PAGE = '/account/email-change'
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

async function pendingOf(browser: Browser): Promise<string | undefined> {
  const { text } = await browser.get('/account')
  return /Waiting for confirmation: <bdi>([^<]*)/.exec(text)?.[1]
}
async function emailOf(browser: Browser): Promise<string> {
  const { text } = await browser.get('/account')
  return parse(text).querySelector('[aria-labelledby=email-title] bdi')?.text ?? ''
}
const logsIn = async (email: string, password: string) =>
  (await openBrowser(app).logIn({ email, password })).status === 303

describe('a new address', () => {
  it('[T20] changes nothing before its own link is used, and then is the one to log in with', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const { email } = somebody('Ada')
    assert.deepEqual(leads(await browser.submit(PAGE, { email })), [303, '/account'])
    const { text } = await browser.get('/account')
    assert.match(parse(text).querySelector('.success')?.text ?? '', /We sent a link to the new address/)
    assert.equal(await pendingOf(browser), email)
    assert.ok(!email.includes(' ') && (await browser.get(PAGE)).text.includes(email), 'shown on the page of the change')

    const letter = await mailbox.letterTo(email, CHANGE.subject)
    assert.match(letter.text, /24 hours/)
    const notice = await mailbox.letterTo(person.email, /about to change/)
    assert.ok(notice.text.includes(email), 'the old address is told which')
    assert.match(notice.link, /\/not-me\/link\/[A-Za-z0-9]{24}$/)

    const phone = openBrowser(app)
    const page = await open(phone, letter)
    assert.equal(parse(page.text).querySelector('main strong bdi')?.text, email)
    assert.equal(await emailOf(browser), person.email)
    assert.equal(await logsIn(email, person.password), false)
    assert.equal(await logsIn(person.email, person.password), true)

    assert.deepEqual(leads(await phone.submit(VERIFY.page, { password: person.password })), [
      303,
      '/email-verification/confirmed',
    ])
    assert.equal(await phone.whoAmI(), undefined)
    assert.equal(await emailOf(browser), email)
    assert.equal(await pendingOf(browser), undefined)
    assert.equal(parse((await browser.get('/dashboard')).text).querySelector('.banner'), null)
    assert.equal(await logsIn(person.email, person.password), false)
    assert.equal(await logsIn(email, person.password), true)
    const told = await mailbox.letterTo(person.email, /was changed/)
    assert.ok(told.text.includes(email), 'the old address is told what became of it')
    assert.equal((await open(phone, letter)).headers.location, '/email-verification/confirmed')
    assert.equal((await openBrowser(app).signUp(person)).status, 303)
  })

  const BAD: [typed: string, message: RegExp][] = [
    ['', /^Enter your email address$/],
    ['ada', /correct format/],
    ['"><script>alert(1)</script>', /correct format/],
    ['ada@example.org, eve@evil.test', /correct format/],
    ['\u212Aim@example.org', /correct format/],
  ]
  it('that is none comes back as it was typed', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const own: [string, RegExp][] = [
      [person.email, /your address already/],
      [` ${person.email.toUpperCase()}`, /your address already/],
    ]
    for (const [typed, message] of [...BAD, ...own]) {
      const { status, text } = await browser.submit(PAGE, { email: typed })
      assert.equal(status, 422)
      const [problem] = problemsOf(text)
      assert.equal(problem?.href, '#email')
      assert.match(problem?.message ?? '', message)
      assert.equal(parse(text).querySelector('#email')?.getAttribute('value'), typed)
      assert.doesNotMatch(text, /<script>alert/)
    }
    assert.equal(await pendingOf(browser), undefined)
  })

  it('can be cancelled, from the page and from the notice', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const { email } = somebody('Ada')
    const letter = await askForChange(browser, mailbox, email)
    assert.deepEqual(leads(await browser.submitTo('/account', '/account/email-change/cancel')), [303, '/account'])
    assert.match((await browser.get('/account')).text, /Your email address stays as it is\./)
    assert.equal(await pendingOf(browser), undefined)
    const page = await open(openBrowser(app), letter)
    assert.deepEqual([page.status, headingOf(page)], [410, 'This change was cancelled'])
    assert.equal(await emailOf(browser), person.email)
    assert.deepEqual(leads(await browser.submitTo('/account', '/account/email-change/cancel')), [303, '/account'])
  })

  it('is cancelled without the password, when that was typed long ago', async () => {
    const { browser } = await learner(app, 'Ada')
    const { email } = somebody('Ada')
    await browser.submit(PAGE, { email })
    app.advance(11 * MINUTE)
    assert.deepEqual(leads(await browser.submitTo('/account', '/account/email-change/cancel')), [303, '/account'])
    assert.equal(await pendingOf(browser), undefined)
  })

  it('is replaced by a newer one, whose link alone is good', async () => {
    const { browser } = await learner(app, 'Ada')
    const [one, two] = [somebody('Ada').email, somebody('Ada').email]
    const first = await askForChange(browser, mailbox, one)
    const second = await askForChange(browser, mailbox, two)
    assert.equal(await pendingOf(browser), two)
    assert.equal((await open(openBrowser(app), first)).status, 410)
    assert.equal((await confirm(openBrowser(app), second)).status, 303)
    assert.equal(await emailOf(browser), two)
  })

  it('that gets no fourth letter within the hour keeps the link of the third', async () => {
    const { browser } = await learner(app, 'Ada')
    const { email } = somebody('Ada')
    await askForChange(browser, mailbox, email)
    await askForChange(browser, mailbox, email, 2)
    const third = await askForChange(browser, mailbox, email, 3)
    const fourth = await browser.submit(PAGE, { email })
    assert.equal(fourth.status, 429)
    assert.match(problemsOf(fourth.text)[0]?.message ?? '', /^Too many tries/)
    assert.deepEqual(leads(await confirm(openBrowser(app), third)), [303, '/email-verification/confirmed'])
    assert.equal(await emailOf(browser), email)
  })

  it('is over when the day is, and when the password has changed since', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const change = { currentPassword: person.password, newPassword: 'seven quiet amber kites' }
    const letter = await askForChange(browser, mailbox, somebody('Ada').email)
    await browser.submit('/account/password-change', change)
    assert.equal(await pendingOf(browser), undefined)
    assert.equal((await open(openBrowser(app), letter)).status, 410)
    const again = await askForChange(browser, mailbox, somebody('Ada').email)
    app.advance(DAY + 1_000)
    const page = await open(openBrowser(app), again)
    assert.deepEqual([page.status, headingOf(page)], [410, 'This link has expired'])
    const [user] = await app.sql`select 1 as kept from users where email = ${person.email}`
    assert.deepEqual(user, { kept: 1 })
  })

  it('takes the links to reset the password along', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const stranger = openBrowser(app)
    const reset = await askForReset(stranger, mailbox, person.email)
    await confirm(browser, await askForChange(browser, mailbox, somebody('Ada').email))
    assert.equal((await open(stranger, reset)).status, 410)
  })
})

it('five changes in an hour are enough', async () => {
  const { browser } = await learner(app, 'Ada')
  for (let time = 0; time < 5; time += 1) {
    assert.equal((await browser.submit(PAGE, { email: somebody('Ada').email })).status, 303)
  }
  const { email } = somebody('Ada')
  const { status, headers, text } = await browser.submit(PAGE, { email })
  assert.equal(status, 429)
  const seconds = Number(headers['retry-after'])
  assert.ok(seconds > 0 && seconds <= 3600, `Retry-After: ${seconds}`)
  assert.equal(parse(text).querySelector('#email')?.getAttribute('value'), email)
  assert.match(problemsOf(text)[0]?.message ?? '', /^Too many tries/)
})
