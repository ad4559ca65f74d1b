/** The pages of a login by a code of a mail in all their states, for the checks that visit every page. */
import { parse } from 'node-html-parser'
import { suspendAccount } from '../../src/accounts/suspension.ts'
import { findCredentials } from '../../src/accounts/users.ts'
import type { Add } from './account-gallery.ts'
import type { TestApp } from './app.ts'
import { useUp } from './guessing.ts'
import type { Mailbox } from './mailbox.ts'
import { open, pathOf } from './mailed.ts'
import { ASK, askForCode, CONFIRM, ENTER, notThis, type } from './mailed-codes.ts'
import { type Browser, learner, openBrowser, type Person, somebody, tokenOf } from './people.ts'

const MINUTE = 60_000
const TRIES = 5

/** A form is sent after its session has ended, and goes on from the login page to that of a code. */
async function showKept({ app, add }: { app: TestApp; add: Add }, person: Person, phone: Browser): Promise<void> {
  const token = tokenOf((await phone.get('/account')).text)
  await app.sql`delete from sessions where user_id = (select id from users where email = ${person.email})`
  const login = await phone.post('/account', { name: 'Adah', _csrf: token })
  add('login, a form waits', 'visitor', '/login', login)
  const fields = parse(login.text)
    .querySelectorAll('#login-code-kept-form input')
    .map((input) => [input.getAttribute('name') ?? '', input.getAttribute('value') ?? ''])
  add('login code, a form waits', 'visitor', ASK, await phone.post(ASK, Object.fromEntries(fields)))
}

/** `app` sends its mails to `mailbox`. */
export async function addLoginCode({ app, mailbox, add }: { app: TestApp; mailbox: Mailbox; add: Add }): Promise<void> {
  const { person } = await learner(app, 'Ada')
  const phone = openBrowser(app)
  const see = async (name: string, path: string) => add(name, 'visitor', path, await phone.get(path))
  await see('login code', ASK)
  add('login code, left empty', 'visitor', ASK, await phone.submit(ASK, { email: '' }))
  const { code, letter } = await askForCode(phone, mailbox, person.email)
  await see('login code, enter', ENTER)
  add('login code, entered nothing', 'visitor', ENTER, await type(phone, ''))
  for (let tries = 0; tries < TRIES; tries += 1) {
    const response = await type(phone, notThis(code, tries))
    if (tries === 0) add('login code, 4 tries left', 'visitor', ENTER, response)
    if (tries === TRIES - 1) add('login code, wrong too often', 'visitor', ENTER, response)
  }
  add('login code, link of a mail', 'visitor', CONFIRM, await open(phone, letter))
  add('login code, link in another browser', 'visitor', CONFIRM, await open(openBrowser(app), letter))
  await phone.submit(CONFIRM, {})
  add('login code, address confirmed by it', 'learner', '/dashboard', await phone.get('/dashboard'))
  await showKept({ app, add }, person, phone)
  const second = await askForCode(phone, mailbox, person.email, 2)
  await useUp(app, 'wrongCodesByNetwork', '127.0.0.1', 100)
  add('login code, network paused', 'visitor', ENTER, await type(phone, second.code))
  await app.deps.rateLimits.clear('wrongCodesByNetwork', '127.0.0.1')
  app.advance(11 * MINUTE)
  add('login code, expired', 'visitor', ENTER, await type(phone, second.code))
  add('login code, link expired', 'visitor', CONFIRM, await open(phone, second.letter))
  const unknown = { link: letter.link.replace(/.$/, '-') }
  await phone.get(pathOf(unknown))
  add('login code, link unknown', 'visitor', CONFIRM, await phone.get(CONFIRM))

  const { user } = (await findCredentials(app.sql, person.email)) ?? {}
  if (user) await suspendAccount(app.deps, user, { reason: 'of the gallery', notify: false })
  const third = await askForCode(phone, mailbox, person.email, 3)
  add('login code, account suspended', 'visitor', ENTER, await type(phone, third.code))
  add('login code, used', 'visitor', ENTER, await type(phone, third.code))
  await useUp(app, 'mailsByNetwork', '127.0.0.1', 200)
  add('login code, asked too often', 'visitor', ASK, await phone.submit(ASK, somebody('often')))
  await app.deps.rateLimits.clear('mailsByNetwork', '127.0.0.1')
}
