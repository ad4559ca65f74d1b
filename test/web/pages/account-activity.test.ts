/** What happened to an account lately, shown to its owner: in words, the newest first. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, askForReset, confirm, NEW_PASSWORD, resetBy, VERIFY } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, somebody } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'

const mailbox = await openMailbox()
const app = await startApp({ TRUST_PROXY: '1' }, { atPublicUrl: true, mailbox })
const PAGE = '/account/sessions'

async function listOf(browser: Browser) {
  const { text } = await browser.get(PAGE)
  return parse(text)
    .querySelectorAll('ol.activity li')
    .map((entry) => ({
      words: (entry.childNodes[0]?.text ?? '').trim(),
      where: entry.querySelector('.hint')?.text.replace(/\s+/g, ' ').trim() ?? '',
      html: entry.innerHTML,
    }))
}
const wordsOf = async (browser: Browser) => (await listOf(browser)).map(({ words }) => words)
/** A failure is recorded after its answer is sent, so wait for it. */
const listed = (browser: Browser, words: string) =>
  eventually(words, async () => (await wordsOf(browser)).includes(words))

it('everything that a learner does with the account is in it', async () => {
  const { person, browser } = await learner(app, 'Ada')
  const phone = openBrowser(app)
  await phone.logIn({ ...person, password: 'not my password' })
  await listed(browser, 'A login failed: wrong password')
  await phone.logIn(person)
  await confirm(phone, await mailbox.letterTo(person.email, VERIFY.subject))
  await browser.submit('/account/password-confirmation', { password: 'not my password' })
  await listed(browser, 'A check of the password failed')
  await browser.submitTo(PAGE, `${PAGE}/end-others`)
  await phone.logIn(person)
  const other =
    parse((await browser.get(PAGE)).text)
      .querySelectorAll('tbody form')[1]
      ?.getAttribute('action') ?? ''
  await browser.submitTo(PAGE, other)
  await askForChange(browser, mailbox, somebody('Ada').email)
  await browser.submitTo('/account', '/account/email-change/cancel')
  const { email } = somebody('Ada')
  await confirm(phone, await askForChange(browser, mailbox, email))
  await browser.submit('/account/password-change', { currentPassword: person.password, newPassword: NEW_PASSWORD })
  assert.equal((await browser.submit('/account/data-export', {})).status, 200)
  await resetBy(phone, await askForReset(phone, mailbox, email), person.password)
  await browser.logIn({ email, password: person.password })
  assert.deepEqual(
    await wordsOf(browser),
    [
      'Signed up',
      'A login failed: wrong password',
      'Logged in',
      'Confirmed the email address',
      'A check of the password failed',
      'Logged out all other devices',
      'Logged in',
      'Logged out another device',
      'Asked to change the email address',
      'Cancelled the change of the email address',
      'Asked to change the email address',
      'Changed the email address',
      'Changed the password',
      'Downloaded a copy of the data',
      'Asked for a link to reset the password',
      'Reset the password by email',
      'Logged in',
    ].toReversed(),
  )
})

it('[X01] each entry says when, where and on what, escaped, whatever the device calls itself', async () => {
  const person = somebody('Ada')
  const evil = '<script>alert(1)</script> Firefox/1.0 (X11; "><img src=x>'
  const browser = openBrowser(app, { 'User-Agent': evil, 'X-Forwarded-For': '203.0.113.9' })
  await browser.signUp(person)
  const [entry] = await listOf(browser)
  assert.match(entry?.where ?? '', /^Firefox on Linux, network 203\.0\.113\.x, \d+ \w+ \d{4}, \d\d:\d\d \(UTC\)$/)
  assert.ok(entry?.where.includes(String(new Date(app.deps.now()).getUTCFullYear())))
  assert.doesNotMatch((await browser.get(PAGE)).text, /<script>alert|<img/)

  const liar = openBrowser(app, { 'User-Agent': 'x', 'X-Forwarded-For': '<b>1</b>' })
  await liar.logIn({ ...person, password: 'not my password' })
  await listed(browser, 'A login failed: wrong password')
  assert.doesNotMatch((await browser.get(PAGE)).text, /<b>1/)
})

it('shows the latest fifty, and those of others never', async () => {
  const { person, browser } = await learner(app, 'Ada')
  const { browser: ben } = await learner(app, 'Ben')
  const phone = openBrowser(app)
  for (let time = 0; time < 51; time += 1) await phone.submit('/login', { ...person }).then(() => phone.logOut())
  const words = await wordsOf(browser)
  assert.equal(words.length, 50)
  assert.deepEqual([...new Set(words)], ['Logged in'])
  assert.deepEqual(await wordsOf(ben), ['Signed up'])
})

it('holds no password and no address that was typed', async () => {
  const { person, browser } = await learner(app, 'Ada')
  const phone = openBrowser(app)
  await phone.logIn({ email: person.email, password: 'typed in the wrong field' })
  await phone.logIn({ email: 'typed in the wrong field', password: person.password })
  await listed(browser, 'A login failed: wrong password')
  const rows = await app.sql<{ row: string }>`select a::text as row from activity a`
  for (const { row } of rows) assert.doesNotMatch(row, /typed in the wrong field|plain tidy copper|@example\.org/)
})
