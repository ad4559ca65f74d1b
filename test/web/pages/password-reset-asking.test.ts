/** Asking for a link to reset a password: nobody learns whether an address has an account, and nobody is flooded. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, confirm, headingOf, leads, RESET, resetBy, VERIFY } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, problemsOf, type Response, somebody } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'

const mailbox = await openMailbox()
const app = await startApp({ TRUST_PROXY: '1' }, { atPublicUrl: true, mailbox })
const from = (network: string) => openBrowser(app, { 'X-Forwarded-For': network })

/** What an outsider can compare. Tokens, ids and times always differ, and the address is what they typed. */
function comparable({ status, headers, text }: Response, email: string) {
  const { date: _, 'x-request-id': __, 'set-cookie': cookies = [], ...rest } = headers
  return {
    status,
    headers: rest,
    cookies: [cookies].flat().map((line: string) => line.replace(/=[^;]*/, '=').replace(/Expires=[^;]*/, '')),
    body: text.replaceAll(email, 'ADDRESS').replace(/(name="_csrf" value=")[^"]*/g, '$1'),
  }
}

async function ask(browser: Browser, email: string) {
  const asked = await browser.submit('/password-reset', { email })
  const sent = await browser.get(asked.headers.location ?? '/')
  return [comparable(asked, email), comparable(sent, email)]
}

const outboxIsEmpty = () =>
  eventually('an empty outbox', async () => (await app.sql`select 1 as one from outbox`).length === 0)

describe('the answer is the same', () => {
  it('[E05] for an address with an account, confirmed or not, and for one without', async () => {
    const { person: known } = await learner(app, 'Ada')
    const { person: confirmed, browser } = await learner(app, 'Ben')
    await confirm(browser, await mailbox.letterTo(confirmed.email, VERIFY.subject))
    const answers = []
    for (const { email } of [known, confirmed, somebody('Eve')]) answers.push(await ask(from('198.51.100.7'), email))
    assert.deepEqual(answers[0], answers[2])
    assert.deepEqual(answers[1], answers[2])
    await mailbox.letterTo(known.email, RESET.subject)
    await mailbox.letterTo(confirmed.email, RESET.subject)
  })

  it('[T22, E09] while the mail server is out of order', async () => {
    const { person } = await learner(app, 'Ada')
    await outboxIsEmpty()
    mailbox.set('busy')
    const tries = mailbox.tries()
    const known = await ask(from('198.51.100.8'), person.email)
    await eventually('a mail that was not taken', () => mailbox.tries() > tries)
    const unknown = await ask(from('198.51.100.8'), somebody('Ben').email)
    mailbox.set('take')
    assert.deepEqual(known, unknown)
  })

  it('[R15] when an address has had its mails of the hour, from whichever network', async () => {
    const { person: known } = await learner(app, 'Ada')
    const unknown = somebody('Ben')
    const answers: unknown[] = []
    for (let network = 1; network <= 20; network += 1) {
      for (const { email } of [known, unknown]) answers.push(await ask(from(`203.0.113.${network}`), email))
      await mailbox.letterTo(known.email, RESET.subject, Math.min(3, network))
    }
    for (const answer of answers) assert.deepEqual(answer, answers[0])
    await outboxIsEmpty()
    assert.equal(mailbox.to(known.email, RESET.subject).length, 3)
    assert.equal(mailbox.to(unknown.email).length, 0)
    const [, , third] = mailbox.to(known.email, RESET.subject)
    assert.ok(third, 'three letters')
    assert.deepEqual(leads(await resetBy(from('203.0.113.99'), third)), [303, '/login?done=password-reset'])
  })

  it('and says where the mail goes, what to do if none comes, and how long the link is good', async () => {
    const browser = openBrowser(app)
    const { email } = somebody('Ada')
    assert.deepEqual(leads(await browser.submit('/password-reset', { email })), [303, '/password-reset/sent'])
    const { text } = await browser.get('/password-reset/sent')
    const page = parse(text)
    assert.equal(page.querySelector('main strong bdi')?.text, email)
    const words = page.querySelector('main')?.text ?? ''
    for (const word of [/If there is an account/, /one hour/, /spam/]) assert.match(words, word)
    assert.ok(page.querySelector('a[href="/password-reset"]'), 'a way to ask again')
  })

  it('and the page without an address is a page too', async () => {
    const { status, text } = await openBrowser(app).get('/password-reset/sent')
    assert.equal(status, 200)
    assert.equal(headingOf({ text }), 'Check your email')
  })
})

describe('what is typed', () => {
  it('is shown escaped, where the address rules let signs of HTML through', async () => {
    const browser = openBrowser(app)
    await browser.submit('/password-reset', { email: `o'neil&sons@example.org` })
    const { text } = await browser.get('/password-reset/sent')
    assert.match(text, /o(&#39;|')neil&amp;sons@example\.org/)
  })

  it('is escaped also when the cookie that keeps it was written by somebody else', async () => {
    const value = Buffer.from('<script>alert(1)</script>').toString('base64url')
    const { text } = await openBrowser(app, { Cookie: `matricula-sent-to=${value}` }).get('/password-reset/sent')
    assert.match(text, /&lt;script&gt;alert/)
    assert.doesNotMatch(text, /<script>alert/)
  })

  const BAD: [typed: string, message: RegExp][] = [
    ['', /^Enter your email address$/],
    ['ada', /correct format/],
    ['ada@example.org\r\nBcc: eve@evil.test', /correct format/],
    ['ada@example.org, eve@evil.test', /correct format/],
    ['"><script>alert(1)</script>@example.org', /correct format/],
    ['\u212Aim@example.org', /correct format/],
    [`${'a'.repeat(250)}@example.org`, /254 characters or fewer/],
  ]
  for (const [typed, message] of BAD) {
    it(`${JSON.stringify(typed.slice(0, 40))} comes back with a message, and no mail goes anywhere`, async () => {
      await outboxIsEmpty()
      const before = mailbox.letters.length
      const { status, text } = await openBrowser(app).submit('/password-reset', { email: typed })
      assert.equal(status, 422)
      const [problem] = problemsOf(text)
      assert.equal(problem?.href, '#email')
      assert.match(problem?.message ?? '', message)
      assert.equal(parse(text).querySelector('#email')?.getAttribute('value'), typed)
      assert.doesNotMatch(text, /<script>alert/)
      assert.equal((await app.sql`select 1 as one from outbox`).length, 0)
      assert.equal(mailbox.letters.length, before)
    })
  }

  it('[T14] in another spelling of the address goes to the stored one', async () => {
    const { person } = await learner(app, 'Ada')
    await openBrowser(app).submit('/password-reset', { email: `  ${person.email.toUpperCase()} ` })
    const letter = await mailbox.letterTo(person.email, RESET.subject)
    assert.deepEqual(letter.recipients, [person.email])
    assert.equal(letter.to, person.email)
  })

  it('sent twice in one form is a mistake like another', async () => {
    const { status } = await openBrowser(app).submit('/password-reset', 'email=a%40example.org&email=b%40example.org')
    assert.equal(status, 422)
  })
})

it('a letter names the way, the hour, and what to do when nobody asked', async () => {
  const { person } = await learner(app, 'Ada')
  const { text, link } = await askForReset(openBrowser(app), mailbox, person.email)
  assert.equal(link.startsWith(`${app.url}/password-reset/link/`), true)
  assert.match(text, /for one hour/)
  assert.match(text, /ignore this email/)
  assert.equal(text.includes(person.name), false)
})

it('a learner who is logged in may ask as well', async () => {
  const { person, browser } = await learner(app, 'Ada')
  await askForReset(browser, mailbox, person.email)
  assert.equal(await browser.whoAmI(), person.name)
})
