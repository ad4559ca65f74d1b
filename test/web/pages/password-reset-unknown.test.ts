/** Links that never existed: damaged, made up, or for another purpose. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, headingOf, RESET, secretOf, VERIFY } from '../../support/mailed.ts'
import { learner, openBrowser } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const { person } = await learner(app, 'Ada')
const token = secretOf(await askForReset(openBrowser(app), mailbox, person.email))
const foreign = secretOf(await mailbox.letterTo(person.email, VERIFY.subject))

describe('a link that never was', () => {
  const page = async (path: string) => {
    const browser = openBrowser(app)
    const { headers } = await browser.get(path)
    return browser.get(headers.location ?? RESET.page)
  }
  const MADE_UP: Record<string, string> = {
    'one letter short': token.slice(1),
    'one letter long': `${token}a`,
    'in the other case': token.replace(/[a-z]/gi, (letter) =>
      letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
    ),
    'made up': 'abcdefghijklmnopqrstuvwx',
    'of another purpose': foreign,
    'with a NUL': `${token.slice(1)}%00`,
    'with a quote': `${token.slice(1)}'`,
    'much too long': 'a'.repeat(5_000),
    'its hash': createHash('sha256').update(token).digest('base64url'),
    'a template': `%25${token.slice(1)}`,
    HTML: '%3Cscript%3Ealert(1)%3C%2Fscript%3E',
  }
  for (const [name, madeUp] of Object.entries(MADE_UP)) {
    it(`${name}: not found, with a way on, and alike for all`, async () => {
      const { status, text } = await page(`/password-reset/link/${madeUp}`)
      assert.deepEqual([status, headingOf({ text })], [404, 'This link does not work'])
      assert.ok(parse(text).querySelector('main a[href="/password-reset"]'), 'a way to a new link')
      assert.doesNotMatch(text, /<script>alert/)
      const without = await openBrowser(app).get(RESET.page)
      const bare = (html: string) => html.replace(/(name="_csrf" value=")[^"]*/g, '$1')
      assert.equal(bare(text), bare(without.text))
    })
  }

  it('a link to reset a password confirms no address', async () => {
    const browser = openBrowser(app)
    await browser.get(`/email-verification/link/${token}`)
    assert.equal((await browser.get(VERIFY.page)).status, 404)
    assert.equal((await browser.submitTo('/login', VERIFY.page)).status, 404)
    assert.equal((await browser.submitTo('/login', '/email-verification/disown')).status, 404)
    const [user] = await app.sql`select email_verified from users where email = ${person.email}`
    assert.deepEqual(user, { emailVerified: false })
  })

  const COOKIES = [
    '',
    'x',
    'e30',
    'bnVsbA',
    'W10',
    'WzEsMl0',
    'W1tdLHt9XQ',
    'WyJhIl0',
    '%00',
    '"',
    '/////w',
    `${'A'.repeat(4000)}`,
  ]
  for (const value of COOKIES) {
    it(`nor does the cookie of an open link read ${JSON.stringify(value.slice(0, 12))}`, async () => {
      const browser = openBrowser(app, { Cookie: `matricula-link=${value}` })
      for (const path of [RESET.page, VERIFY.page]) assert.equal((await browser.get(path)).status, 404)
    })
  }
})
