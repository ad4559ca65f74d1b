/** “Where is my email?”: the page says what is true of the learner's own mail, and to nobody else. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { prune } from '../../../src/database/pruning.ts'
import { OLD_MAIL_OUTCOMES, type Outcome, whyRefused } from '../../../src/mail/outcomes.ts'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { type Browser, openBrowser, somebody } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { mailbox })
const PAGE = '/email-verification'
const DAY = 24 * 60 * 60_000

const told = async (browser: Browser): Promise<string> =>
  parse((await browser.get(PAGE)).text)
    .querySelector('main')
    ?.text.replace(/\s+/g, ' ') ?? ''

/** Waits until the page says this. */
const says = (browser: Browser, words: RegExp) =>
  eventually(`the page to say ${words}`, async () => words.test(await told(browser)))

async function signUp(name: string, manner: Parameters<typeof mailbox.set>[0]) {
  const person = somebody(name)
  mailbox.set(manner, person.email)
  const browser = openBrowser(app)
  await browser.signUp(person)
  return { person, browser }
}

describe('the page about a mail', () => {
  it('says that it waits, and when it was handed over', async () => {
    const { person, browser } = await signUp('Ada', 'hold')
    assert.match(await told(browser), /waiting to be sent, since \d+ \w+ \d{4}, \d\d:\d\d \(UTC\)/)
    mailbox.set('take', person.email)
    await mailbox.letterTo(person.email)
    await says(browser, /handed over to the mail server on \d+ \w+ \d{4}, \d\d:\d\d \(UTC\)\. .*spam folder/)
  })

  it('says that the other side has refused it, and what to do', async () => {
    const { browser } = await signUp('Ben', 'unknown')
    await says(browser, /It was refused.* on \d+ \w+ \d{4}.*Check the address/)
    const links = parse((await browser.get(PAGE)).text).querySelectorAll('main a')
    assert.deepEqual(
      links.map((link) => link.getAttribute('href')),
      ['/account/email-change'],
    )
  })

  it('says that it is tried again, where the other side is busy', async () => {
    const { browser } = await signUp('Cora', 'busy')
    await eventually('two tries', async () => {
      app.advance(60_000)
      app.deps.mail.wake()
      return /tried \d+ times\. The next try is on/.test(await told(browser))
    })
  })

  it('speaks of the newest mail', async () => {
    const { person, browser } = await signUp('Dora', 'unknown')
    await says(browser, /It was refused/)
    mailbox.set('take', person.email)
    await browser.submit(PAGE, {})
    await says(browser, /handed over/)
  })

  it('tells a visitor nothing, and nobody of an address that is confirmed', async () => {
    const { person, browser } = await signUp('Eve', 'take')
    await mailbox.letterTo(person.email)
    assert.doesNotMatch(await told(openBrowser(app)), /Where is my email/)
    await app.sql`update users set email_verified = true where email = ${person.email}`
    assert.doesNotMatch(await told(browser), /Where is my email/)
  })

  it('says that a mail is lost of which nothing is known any more', async () => {
    const { person, browser } = await signUp('Finn', 'take')
    await mailbox.letterTo(person.email)
    await says(browser, /handed over/)
    while ((await prune(app.sql, OLD_MAIL_OUTCOMES, app.deps.now() + 8 * DAY, 100)) === 100);
    assert.match(await told(browser), /could not be sent in time/)
  })
})

describe('the reason of a refusal', () => {
  const ANSWERS: [response: string, responseCode: number, outcome: Outcome][] = [
    ['550 5.1.1 <ada@example.org>: user unknown', 550, 'no-mailbox'],
    ['550-5.1.10 RESOLVER.ADR.RecipientNotFound', 550, 'no-mailbox'],
    ['550 5.1.2 Host unknown', 550, 'no-mailbox'],
    ['550 5.2.1 The account is disabled', 550, 'no-mailbox'],
    ['552 5.2.2 Over quota', 552, 'mailbox-full'],
    ['552 Mailbox full', 552, 'mailbox-full'],
    ['550 5.7.1 Service refused, see https://example.org', 550, 'unwanted'],
    ['554 5.7.26 not authenticated', 554, 'unwanted'],
    ['550 No', 550, 'refused'],
    ['550 4.1.1 is no code of a refusal', 550, 'refused'],
  ]
  for (const [response, responseCode, outcome] of ANSWERS) {
    it(`“${response}” is ${outcome}`, () => assert.equal(whyRefused({ response, responseCode }), outcome))
  }

  it('is not known where there was no answer', () => assert.equal(whyRefused({}), 'refused'))
})
