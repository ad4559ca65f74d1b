/** Where the page of a confirmed address leads: to a page that the site trusts, by a link that the person clicks. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { confirm, pathOf, VERIFY } from '../../support/mailed.ts'
import { learner, openBrowser } from '../../support/people.ts'

const TRUSTED = 'https://course.example.org'
const mailbox = await openMailbox()
const app = await startApp({ TRUSTED_ORIGINS: TRUSTED }, { atPublicUrl: true, mailbox })
const { person } = await learner(app, 'Ada')
const letter = await mailbox.letterTo(person.email, VERIFY.subject)
await confirm(openBrowser(app), letter)

/** The links that the page offers when the mailed link was opened with this query. */
async function offered(query: string): Promise<(string | undefined)[]> {
  const browser = openBrowser(app)
  const opened = await browser.get(`${pathOf(letter)}?${query}`)
  assert.equal(opened.headers.location, VERIFY.page)
  assert.equal((await browser.get(VERIFY.page)).headers.location, '/email-verification/confirmed')
  const { status, text } = await browser.get('/email-verification/confirmed')
  assert.equal(status, 200)
  const links = parse(text).querySelectorAll('main a')
  return links.filter((link) => link.text === 'Continue').map((link) => link.getAttribute('href'))
}

describe('it leads on to', () => {
  for (const address of [
    '/dashboard',
    '/lessons/r1?from=mail#top',
    `${app.url}/dashboard`,
    `${TRUSTED}/welcome?a=1&b=2`,
  ]) {
    it(address, async () => {
      assert.deepEqual(await offered(`callbackURL=${encodeURIComponent(address)}`), [address])
    })
  }
})

describe('it offers nothing for', () => {
  const HOSTILE = [
    '',
    'https://evil.test',
    '//evil.test',
    '///evil.test',
    '/\\evil.test',
    '\\\\evil.test',
    '/\t/evil.test',
    '/%2f/evil.test',
    '/%5cevil.test',
    'javascript:alert(1)',
    'JavaScript:alert(1)//https://course.example.org',
    'data:text/html,x',
    'https:evil.test',
    `${TRUSTED}.evil.test`,
    `${TRUSTED}@evil.test/`,
    `https://evil.test\\@course.example.org`,
    `https://course.example.org:444/`,
    `http://course.example.org/`,
    `${app.url}.evil.test/`,
    `${app.url}@evil.test/`,
    ` ${TRUSTED}`,
    `${TRUSTED}/\nx`,
    `ftp://course.example.org/`,
    `/${'x'.repeat(2_000)}`,
  ]
  for (const address of HOSTILE) {
    it(JSON.stringify(address.slice(0, 60)), async () => {
      assert.deepEqual(await offered(`callbackURL=${encodeURIComponent(address)}`), [])
    })
  }

  it('two addresses, or a list, or an object', async () => {
    const good = encodeURIComponent('/dashboard')
    for (const query of [
      `callbackURL=${good}&callbackURL=${good}`,
      `callbackURL[]=${good}`,
      `callbackURL[a]=${good}`,
      `CallbackUrl=${good}`,
    ]) {
      assert.deepEqual(await offered(query), [], query)
    }
  })
})
