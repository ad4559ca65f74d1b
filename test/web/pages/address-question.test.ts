/** “Did you mean …?”: whoever mistypes their address is asked once, and can insist. It says nothing about accounts. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { suggestAddress } from '../../../src/accounts/address-suggestion.ts'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { type Browser, learner, openBrowser, problemsOf, type Response, somebody } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { mailbox, atPublicUrl: true })

const someAt = (host: string) => `ada-${randomBytes(5).toString('hex')}@${host}`
const question = (email: string, meant: string) => [
  { href: '#email', message: `Did you mean ${meant}? Correct the address, or leave it if ${email} is right` },
]
const askedIn = ({ text }: Response) => parse(text).querySelector('main form #asked')?.getAttribute('value') ?? ''

describe('an address that looks mistyped', () => {
  it('is asked about once at the sign-up, and taken when it is sent again', async () => {
    const ada = { ...somebody('Ada'), email: someAt('gmial.com') }
    const browser = openBrowser(app)
    const first = await browser.signUp(ada)
    assert.equal(first.status, 422)
    assert.deepEqual(problemsOf(first.text), question(ada.email, ada.email.replace('gmial', 'gmail')))
    const page = parse(first.text)
    assert.equal(page.querySelector('#email')?.getAttribute('value'), ada.email)
    assert.equal((await app.sql`select id from users where email = ${ada.email}`).length, 0)
    const again = await browser.submit('/sign-up', { ...ada, asked: askedIn(first) })
    assert.equal(again.status, 303)
    assert.equal((await app.sql`select id from users where email = ${ada.email}`).length, 1)
  })

  it('can be corrected, and another mistake is asked about again', async () => {
    const ada = { ...somebody('Ada'), email: someAt('gmal.com') }
    const browser = openBrowser(app)
    const asked = askedIn(await browser.signUp(ada))
    const other = await browser.submit('/sign-up', { ...ada, email: ada.email.replace('gmal', 'gmaill'), asked })
    assert.match(problemsOf(other.text)[0]?.message ?? '', /^Did you mean ada-\w+@gmail\.com\?/)
    const right = { ...ada, email: ada.email.replace('gmal', 'gmail') }
    assert.equal((await browser.submit('/sign-up', { ...right, asked: askedIn(other) })).status, 303)
  })

  it('is asked about beside what else is wrong, in the order of the page', async () => {
    const wrong = { name: '', email: someAt('hotmial.com'), password: 'short' }
    const { text } = await openBrowser(app).submit('/sign-up', wrong)
    assert.deepEqual(
      problemsOf(text).map(({ href }) => href),
      ['#name', '#email', '#new-password'],
    )
  })

  it('gets the same question whether or not it has an account', async () => {
    const known = { ...somebody('Ada'), email: someAt('gmail.co.') }
    known.email = someAt('yaho.com')
    const first = await openBrowser(app).signUp(known)
    await openBrowser(app).submit('/sign-up', { ...known, asked: askedIn(first) })
    const ask = async (email: string) => {
      const { status, text } = await openBrowser(app).signUp({ ...known, email })
      return [status, problemsOf(text).map(({ message }) => message.replaceAll(/ada-\w+/g, 'ada'))]
    }
    assert.deepEqual(await ask(known.email), await ask(someAt('yaho.com')))
  })

  it('is asked about once when the address is changed', async () => {
    const { browser } = await learner(app, 'Ben')
    const email = someAt('outlok.com')
    const change = (fields: Record<string, string>) => browser.submit('/account/email-change', fields)
    const first = await change({ email })
    assert.deepEqual([first.status, problemsOf(first.text)], [422, question(email, email.replace('outlok', 'outlook'))])
    assert.equal((await change({ email, asked: askedIn(first) })).status, 303)
  })

  it('is no matter to the API, whose clients ask themselves', async () => {
    const body = { name: 'Ada', email: someAt('gmial.com'), password: somebody('Ada').password }
    const { status } = await apiOf(app, openBrowser(app) as Browser).post('/api/auth/sign-up/email', body)
    assert.equal(status, 200)
  })
})

describe('what somebody meant', () => {
  const MEANT: [typed: string, meant: string | undefined][] = [
    ['gmial.com', 'gmail.com'],
    ['gmai.com', 'gmail.com'],
    ['gmaill.com', 'gmail.com'],
    ['gmsil.com', 'gmail.com'],
    ['gmail.con', 'gmail.com'],
    ['gmail.cm', 'gmail.com'],
    ['ggmail.com', 'gmail.com'],
    ['hotmial.com', 'hotmail.com'],
    ['icloud.co', 'icloud.com'],
    ['gmail.com', undefined],
    ['googlemail.com', undefined],
    ['mail.com', undefined],
    ['ymail.com', undefined],
    ['email.com', undefined],
    ['gmx.de', undefined],
    ['example.org', undefined],
    ['gmx.com', undefined],
    ['gamli.com', undefined],
    ['', undefined],
    ['com', undefined],
  ]
  for (const [typed, meant] of MEANT) {
    it(`by ${typed || 'nothing'} is ${meant ?? 'what was typed'}`, () => {
      assert.equal(suggestAddress(`ada@${typed}`), meant && `ada@${meant}`)
    })
  }

  it('keeps all before the last @', () => assert.equal(suggestAddress('a.d+a@gmial.com'), 'a.d+a@gmail.com'))
})
