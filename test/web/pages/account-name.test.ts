/** The account page, and the name on it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { headingOf, leads } from '../../support/mailed.ts'
import { learner, problemsOf } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const { person, browser } = await learner(app, 'Ada')
const ACTION = '/account'
const save = (name: string) => browser.submitTo('/account', ACTION, { name })
const fieldOf = (text: string) => parse(text).querySelector('#name')?.getAttribute('value')

it('the account leads to everything that is one’s own', async () => {
  const page = parse((await browser.get('/account')).text)
  assert.ok(page.querySelector('main')?.text.includes(person.email), 'the address')
  assert.equal(fieldOf(page.toString()), person.name)
  const links = page.querySelectorAll('main a').map((link) => link.getAttribute('href') ?? '')
  const PAGES = [
    '/account/email-change',
    '/account/password-change',
    '/account/sessions',
    '/account/data-export',
    '/account/account-deletion',
  ]
  for (const path of [...PAGES, '/profile', '/email-verification']) {
    assert.ok(links.includes(path), path)
    assert.equal((await browser.get(path)).status, 200, path)
  }
})

describe('the name', () => {
  const GOOD: [typed: string, saved: string][] = [
    ['Ada Lovelace', 'Ada Lovelace'],
    ['  Ada \u00a0 Lovelace ', 'Ada Lovelace'],
    ['A\u0308da', 'Äda'],
    ['عائشة', 'عائشة'],
    ['山田 太郎', '山田 太郎'],
    ["O'Neil & Sons <Ltd>", "O'Neil & Sons <Ltd>"],
    ['A'.repeat(100), 'A'.repeat(100)],
  ]
  for (const [typed, saved] of GOOD) {
    it(`${JSON.stringify(typed.slice(0, 30))} is saved, and every page uses it at once`, async () => {
      assert.deepEqual(leads(await save(typed)), [303, '/account'])
      const { text } = await browser.get('/account')
      assert.match(parse(text).querySelector('.success')?.text ?? '', /Your name is saved\./)
      assert.equal(fieldOf(text), saved)
      assert.equal(parse((await browser.get('/')).text).querySelector('.site-nav-name')?.text, saved)
      assert.equal(parse((await browser.get('/account')).text).querySelector('.success'), null)
    })
  }

  const BAD: [typed: string, message: RegExp][] = [
    ['', /^Enter your name$/],
    ['   ', /^Enter your name$/],
    ['\u200b\u3164', /^Enter your name$/],
    ['A'.repeat(101), /100 characters or fewer/],
    ['A'.repeat(2_000), /100 characters or fewer/],
    ['Ada\r\nBcc: eve@evil.test', /one line/],
    ['Ada\u0085', /one line/],
    ['Ada\u2028', /one line/],
    ['"><script>alert(1)</script>\u0007', /one line/],
    ['Ada\ufffd', /one line/],
  ]
  for (const [typed, message] of BAD) {
    it(`${JSON.stringify(typed.slice(0, 30))} comes back as it was typed, with a message`, async () => {
      await save('Ada')
      await browser.get('/account')
      const { status, text } = await save(typed)
      assert.equal(status, 422)
      const page = parse(text)
      assert.match(page.querySelector('title')?.text ?? '', /^Error: /)
      const [problem] = problemsOf(text)
      assert.equal(problem?.href, '#name')
      assert.match(problem?.message ?? '', message)
      assert.equal(page.querySelector('#name-error')?.text, `Error: ${problem?.message}`)
      assert.equal(page.querySelector('#name')?.getAttribute('value'), typed.replace(/[\u0007]/g, ''))
      assert.doesNotMatch(text, /<script>alert/)
      assert.equal(headingOf({ text }), 'Your account')
      assert.equal(await browser.whoAmI(), 'Ada')
    })
  }

  it('sent twice in one form is a mistake like another', async () => {
    await save('Ada')
    const token = encodeURIComponent(await browser.token('/account'))
    assert.equal((await browser.post(ACTION, `name=Eve&name=Ben&_csrf=${token}`)).status, 422)
    assert.equal((await browser.post(ACTION, `name[]=Eve&_csrf=${token}`)).status, 422)
    assert.equal(await browser.whoAmI(), 'Ada')
  })

  it('is all that the form changes', async () => {
    const token = await browser.token('/account')
    const more = { id: 'x', email: 'eve@evil.test', emailVerified: 'true', image: 'x', password_hash: 'x' }
    await browser.post(ACTION, { name: 'Ada', ...more, _csrf: token })
    const [user] = await app.sql`select name, email, email_verified, image from users where email = ${person.email}`
    assert.deepEqual(user, { name: 'Ada', email: person.email, emailVerified: false, image: null })
  })
})
