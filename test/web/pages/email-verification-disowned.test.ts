/** An account that somebody made with another person's address, and how that person removes it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { CHANGE, confirm, headingOf, leads, open, RESET, resetBy, VERIFY } from '../../support/mailed.ts'
import { learner, openBrowser, somebody } from '../../support/people.ts'
import { holderOf, sessionCookieOf } from '../../support/sessions.ts'
import { firstPair, refresh } from '../../support/tokens.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const DISOWN = '/email-verification/disown'
const NEW_PASSWORD_PAGE = '/email-verification/new-password'

const exists = async (email: string) => (await app.sql`select 1 as one from users where email = ${email}`).length > 0
async function newcomer(name: string) {
  const { person, browser } = await learner(app, name)
  return { person, browser, letter: await mailbox.letterTo(person.email, VERIFY.subject) }
}

it('the owner of the address removes it by a button of the link, and may sign up', async () => {
  const { person, browser: intruder, letter } = await newcomer('Eve')
  const { refreshToken } = await firstPair(apiOf(app, intruder))
  const cookie = sessionCookieOf(intruder)
  const owner = openBrowser(app)
  const asking = parse((await open(owner, letter)).text)
  assert.equal(asking.querySelector('main .after-form a')?.getAttribute('href'), NEW_PASSWORD_PAGE)
  const page = await owner.get(NEW_PASSWORD_PAGE)
  const form = parse(page.text).querySelector('#disown-form')
  assert.match(form?.querySelector('button')?.text ?? '', /I did not sign up/)
  const gone = await owner.submitTo(NEW_PASSWORD_PAGE, form?.getAttribute('action') ?? '')
  assert.deepEqual(leads(gone), [303, '/email-verification/disowned'])
  assert.equal(headingOf(await owner.get('/email-verification/disowned')), 'The account is removed')

  assert.equal(await exists(person.email), false)
  assert.equal(await holderOf(app, cookie), undefined)
  assert.equal((await refresh(app, refreshToken)).status, 401)
  assert.equal((await openBrowser(app).logIn(person)).status, 422)
  assert.equal((await open(owner, letter)).status, 404)
  assert.equal(await owner.whoAmI(), undefined)
  assert.equal((await owner.signUp({ ...person, password: 'seven quiet amber kites' })).status, 303)
})

it('the button takes two presses at once', async () => {
  const { person, letter } = await newcomer('Eve')
  const owner = openBrowser(app)
  await open(owner, letter)
  const token = await owner.token(VERIFY.page)
  const press = async () => (await owner.post(DISOWN, { _csrf: token })).status
  for (const status of await Promise.all([press(), press(), press()])) {
    assert.ok([303, 404, 410].includes(status), String(status))
  }
  assert.equal(await exists(person.email), false)
})

describe('an account is never removed', () => {
  it('whose address is confirmed, whichever link is used', async () => {
    const { person, browser, letter } = await newcomer('Ada')
    const stranger = openBrowser(app)
    await open(stranger, letter)
    const token = await stranger.token(VERIFY.page)
    await confirm(browser, letter)
    assert.equal((await stranger.post(DISOWN, { _csrf: token })).status, 410)
    assert.equal(await exists(person.email), true)
    assert.equal(await browser.whoAmI(), person.name)
  })

  it('whose address was confirmed by a reset of the password while the link waited', async () => {
    const { person, letter } = await newcomer('Ada')
    const browser = openBrowser(app)
    await browser.submit('/password-reset', { email: person.email })
    await resetBy(browser, await mailbox.letterTo(person.email, RESET.subject))
    await open(browser, letter)
    assert.notEqual((await browser.submitTo('/login', DISOWN)).status, 303)
    assert.equal(await exists(person.email), true)
  })

  it('from the session of the learner who made it, where there is no such button', async () => {
    const { person, browser, letter } = await newcomer('Ada')
    const page = await open(browser, letter)
    assert.equal(page.status, 200)
    assert.equal(parse(page.text).querySelector('main .after-form'), null)
    assert.deepEqual(leads(await browser.get(NEW_PASSWORD_PAGE)), [303, VERIFY.page])
    assert.deepEqual(leads(await browser.submitTo(VERIFY.page, DISOWN)), [303, VERIFY.page])
    assert.equal(await exists(person.email), true)
    assert.equal(await browser.whoAmI(), person.name)
  })

  it('by a link to a new address of it', async () => {
    const { person, browser } = await newcomer('Ada')
    const { email } = somebody('Ada')
    await browser.submit('/account/email-change', { email })
    const letter = await mailbox.letterTo(email, CHANGE.subject)
    const stranger = openBrowser(app)
    const page = await open(stranger, letter)
    assert.equal(parse(page.text).querySelector('main .after-form'), null)
    assert.equal((await stranger.get(NEW_PASSWORD_PAGE)).status, 410)
    assert.equal((await stranger.submitTo(VERIFY.page, DISOWN)).status, 410)
    assert.equal(await exists(person.email), true)
  })

  it('by a link that is over, or by none', async () => {
    const { person, browser, letter } = await newcomer('Ada')
    await browser.submit('/email-verification', {})
    await mailbox.letterTo(person.email, VERIFY.subject, 2)
    const stranger = openBrowser(app)
    assert.equal((await stranger.submitTo('/login', DISOWN)).status, 404)
    await open(stranger, letter)
    assert.equal((await stranger.submitTo('/login', DISOWN)).status, 410)
    assert.equal(await exists(person.email), true)
  })
})

it('confirming and removing at once ends in one of both, and never in a fault', async () => {
  for (let round = 0; round < 8; round += 1) {
    const { person, letter } = await newcomer('Ada')
    const people = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        const browser = openBrowser(app)
        await open(browser, letter)
        return { browser, token: await browser.token(VERIFY.page), action: index % 2 === 0 ? VERIFY.page : DISOWN }
      }),
    )
    const statuses = await Promise.all(
      people.map(
        async ({ browser, token, action }) =>
          (await browser.post(action, { password: person.password, _csrf: token })).status,
      ),
    )
    assert.ok(
      // 422: the account went while its password was looked up.
      statuses.every((status) => [303, 404, 410, 422].includes(status)),
      statuses.join(),
    )
    assert.ok(statuses.includes(303), statuses.join())
    const [user] = await app.sql<{ emailVerified: boolean }>`
      select email_verified from users where email = ${person.email}`
    if (user) assert.equal(user.emailVerified, true)
  }
})
