/** The page about cookies names every cookie that is ever set. Every test checks that it leaves none out. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { parse } from 'node-html-parser'
import { BEHIND_TLS, startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, pathOf } from '../../support/mailed.ts'
import { learner, openBrowser } from '../../support/people.ts'
import { enterCode, nextCode, switchOn } from '../../support/second-step.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const MINUTE = 60
const DAY = 24 * 60 * MINUTE

/** What the page says about each cookie. */
function listOn(html: string): Record<string, string> {
  const page = parse(html)
  const texts = page.querySelectorAll('main dd').map((text) => text.text)
  return Object.fromEntries(page.querySelectorAll('main dt').map((name, at) => [name.text, texts[at] ?? '']))
}

it('says how many there are', async () => {
  const { text } = await openBrowser(app).get('/cookies')
  assert.match(text, new RegExp(`These pages set ${Object.keys(listOn(text)).length} cookies`))
})

it('the list is that of the cookies which a visit sets, with the life each has', async () => {
  const list = listOn((await openBrowser(app).get('/cookies')).text)
  const seen: Record<string, number | undefined> = {}
  const note = (response: { headers: Record<string, unknown> }) => {
    for (const cookie of [response.headers['set-cookie'] ?? []].flat().map(String)) {
      const age = /Max-Age=(\d+)/.exec(cookie)?.[1]
      seen[cookie.split('=')[0] ?? ''] = age === undefined ? undefined : Number(age)
    }
  }
  const { person, browser } = await learner(app, 'Ada')
  const visitor = openBrowser(app)
  const letter = await askForReset(visitor, mailbox, person.email)
  note(await visitor.submit('/password-reset', { email: person.email }))
  note(await visitor.get(pathOf(letter)))
  note(await openBrowser(app).get('/login'))
  note(await openBrowser(app).submit('/login/code', { email: person.email }))
  note(await openBrowser(app).logIn(person, { next: '/' }))
  assert.equal(seen.matricula, undefined)

  await app.sql`update users set email_verified = true where email = ${person.email}`
  const { secret } = await switchOn(app, browser)
  const careful = openBrowser(app)
  note(await careful.logIn(person, { remember: 'yes' }))
  const ticketLasts = seen['matricula-ticket']
  note(await enterCode(careful, nextCode(app, secret), { rememberDevice: 'yes' }))
  note(await openBrowser(app).logIn(person))
  assert.equal(ticketLasts, 10 * MINUTE)
  note(await openBrowser(app).get('/api/auth/passkey/generate-authenticate-options'))

  assert.deepEqual(Object.keys(list).toSorted(), Object.keys(seen).toSorted())
  assert.deepEqual(seen, {
    matricula: 30 * DAY,
    'matricula-device': 365 * DAY,
    'matricula-code': 60 * MINUTE,
    'matricula-form': undefined,
    'matricula-link': 60 * MINUTE,
    'matricula-second-step': 30 * DAY,
    'matricula-ticket': 10 * MINUTE,
    'matricula-sent-to': 10 * MINUTE,
    'matricula-passkey': 5 * MINUTE,
  })
  for (const [name, life] of Object.entries({
    matricula: /close the browser\. .*30 days/,
    'matricula-device': /1 year from your last login\. Logging out keeps it\./,
    'matricula-form': /Until you close the browser/,
    'matricula-link': /1 hour\.$/,
    'matricula-sent-to': /10 minutes\.$/,
  })) {
    assert.match(list[name] ?? '', life)
  }
})

it('it names them as they are called over TLS', async () => {
  const behindTls = await startApp(BEHIND_TLS)
  const page = await openBrowser(behindTls, { 'X-Forwarded-Proto': 'https' }).get('/cookies')
  assert.deepEqual(Object.keys(listOn(page.text)), [
    '__Host-matricula',
    '__Host-matricula-device',
    '__Host-matricula-ticket',
    '__Host-matricula-code',
    '__Host-matricula-second-step',
    '__Host-matricula-passkey',
    '__Host-matricula-form',
    '__Secure-matricula-link',
    '__Secure-matricula-sent-to',
  ])
})

it('every page leads to it', async () => {
  for (const path of ['/', '/login', '/privacy', '/nowhere']) {
    const { text } = await openBrowser(app).get(path)
    assert.ok(parse(text).querySelector('footer a[href="/cookies"]'), path)
  }
})
