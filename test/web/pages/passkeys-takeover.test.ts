/** Passkeys when an account changes hands: taken back, claimed, reset, deleted. Ada owns the address; Eve has added a passkey. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resumeAccount, suspendAccount } from '../../../src/accounts/suspension.ts'
import { findUser } from '../../../src/accounts/users.ts'
import { startApp } from '../../support/app.ts'
import {
  type Authenticator,
  addPasskey,
  logInWith,
  makeAuthenticator,
  PASSKEYS,
  passkeyIds,
  registerOptions,
} from '../../support/authenticator.ts'
import { useUp } from '../../support/guessing.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, askForReset, confirm, leads, NEW_PASSWORD, open, resetBy, VERIFY } from '../../support/mailed.ts'
import { askForCode, CONFIRM, type } from '../../support/mailed-codes.ts'
import { learner, openBrowser, type Person, somebody } from '../../support/people.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const ADDED = /A passkey was added/
const NEW_LOGIN = /A new device was used to log in/

async function owner() {
  const { person, browser } = await learner(app, 'Ada')
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  return { person, browser, passkey: await addPasskey(app, browser) }
}

/** Eve has signed up with Ada's address while the server sent no mail yet, so with a passkey. */
async function squatter() {
  const { person, browser, passkey } = await owner()
  await app.sql`update users set email_verified = false where email = ${person.email}`
  await browser.logOut()
  return { person, passkey }
}

const logsIn = async (passkey: Authenticator) => (await logInWith(openBrowser(app), passkey)).status === 303
const idOf = async ({ email }: Person) =>
  (await app.sql<{ id: string }>`select id from all_users where email = ${email}`)[0]?.id ?? assert.fail(email)

/** No row is left, and no login. */
async function isOver(person: Person, passkey: Authenticator): Promise<void> {
  assert.equal(await logsIn(passkey), false)
  assert.equal((await app.sql`select 1 from passkeys where user_id = ${await idOf(person)}`).length, 0)
}

describe('“It was not me”', () => {
  it('[M53] in the mail about a passkey ends all of them, and what was asked for with the password of before', async () => {
    const { person, browser, passkey } = await owner()
    const made = makeAuthenticator(app.url).create(await registerOptions(browser))
    const ada = openBrowser(app)
    await open(ada, await mailbox.letterTo(person.email, ADDED))
    assert.deepEqual(leads(await ada.submit('/not-me/confirm', {})), [303, '/password-reset/new'])
    assert.equal(await browser.whoAmI(), undefined)
    await ada.submit('/password-reset/new', { password: NEW_PASSWORD })
    await isOver(person, passkey)
    await browser.logIn({ ...person, password: NEW_PASSWORD })
    assert.equal((await browser.submit(PASSKEYS, { credential: JSON.stringify(made) })).status, 422)
  })

  it('[M53] in the mail about a changed address puts that back, and ends them too', async () => {
    const { person, browser, passkey } = await owner()
    const { email } = somebody('Eve')
    await confirm(browser, await askForChange(browser, mailbox, email))
    const ada = openBrowser(app)
    await open(ada, await mailbox.letterTo(person.email, /Your email address was changed$/))
    await ada.submit('/not-me/confirm', {})
    await isOver(person, passkey)
  })
})

it('[M54] a passkey is told of also when the notices of the hour are used up', async () => {
  const { person, browser } = await learner(app, 'Ada')
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  await useUp(app, 'noticesByAddress', person.email, 5)
  await addPasskey(app, browser)
  await mailbox.letterTo(person.email, ADDED)
  await useUp(app, 'passkeysByUser', await idOf(person), 20)
  const credential = JSON.stringify(makeAuthenticator(app.url).create(await registerOptions(browser)))
  assert.equal((await browser.submit(PASSKEYS, { credential })).status, 429)
  assert.equal((await passkeyIds(browser)).length, 1)
})

describe('a new password by mail', () => {
  it('leaves the passkeys of an owner as they are', async () => {
    const { person, passkey } = await owner()
    await resetBy(openBrowser(app), await askForReset(openBrowser(app), mailbox, person.email))
    assert.equal(await logsIn(passkey), true)
  })

  it('is a second way into an account that had a passkey only, which can then be removed', async () => {
    const { person, browser, passkey } = await owner()
    await app.sql`update users set password_hash = null where email = ${person.email}`
    assert.equal(await logsIn(passkey), true)
    const [id = ''] = await passkeyIds(browser)
    const page = `${PASSKEYS}/${id}`
    assert.equal((await browser.submitTo(page, `${page}/remove`)).status, 422)
    await resetBy(openBrowser(app), await askForReset(openBrowser(app), mailbox, person.email))
    const phone = openBrowser(app)
    assert.equal((await phone.logIn({ ...person, password: NEW_PASSWORD })).status, 303)
    assert.equal((await phone.submitTo(page, `${page}/remove`)).status, 303)
    await isOver(person, passkey)
  })

  it('[M53] ends those of an account whose address was not confirmed', async () => {
    const { person, passkey } = await squatter()
    await resetBy(openBrowser(app), await askForReset(openBrowser(app), mailbox, person.email))
    await isOver(person, passkey)
  })
})

describe('the owner of an address with which somebody else has signed up ends their passkeys', () => {
  it('[M53] by making the account theirs, by the link that confirms the address', async () => {
    const { person, passkey } = await squatter()
    const ada = openBrowser(app)
    await ada.submit('/email-verification', { email: person.email })
    await open(ada, await mailbox.letterTo(person.email, VERIFY.subject, 2))
    const taken = await ada.submit('/email-verification/new-password', { password: NEW_PASSWORD })
    assert.equal(taken.status, 303, taken.text)
    await isOver(person, passkey)
  })

  it('[M53] by a login with a code of a mail', async () => {
    const { person, passkey } = await squatter()
    const ada = openBrowser(app)
    const { code } = await askForCode(ada, mailbox, person.email)
    assert.equal((await type(ada, code)).status, 303)
    await isOver(person, passkey)
  })

  it('[M53] by a login with the link beside it', async () => {
    const { person, passkey } = await squatter()
    const ada = openBrowser(app)
    const { letter } = await askForCode(ada, mailbox, person.email)
    await open(ada, letter)
    assert.equal((await ada.submit(CONFIRM, {})).status, 303)
    await isOver(person, passkey)
  })
})

describe('a deleted account', () => {
  async function deleted() {
    const { person, browser, passkey } = await owner()
    await browser.submit('/account/account-deletion', { password: person.password, sure: 'yes' })
    assert.equal(await logsIn(passkey), false)
    const ada = openBrowser(app)
    await open(ada, await mailbox.letterTo(person.email, /about to be deleted/))
    return { person, passkey, ada }
  }

  it('has its passkeys again once its owner takes it back', async () => {
    const { passkey, ada } = await deleted()
    assert.equal((await ada.submitTo('/deletion-undo', '/deletion-undo')).status, 303)
    assert.equal(await logsIn(passkey), true)
  })

  it('[M53] has none once its owner says that somebody else has deleted it', async () => {
    const { person, passkey, ada } = await deleted()
    assert.equal((await ada.submitTo('/deletion-undo', '/deletion-undo/not-me')).status, 303)
    await isOver(person, passkey)
  })
})

it('a suspension shuts a passkey out, and its end lets it in again', async () => {
  const { person, passkey } = await owner()
  const user = (await findUser(app.sql, await idOf(person))) ?? assert.fail()
  await suspendAccount(app.deps, user, { reason: 'of the tests', notify: false })
  assert.equal((await logInWith(openBrowser(app), passkey)).status, 403)
  await resumeAccount(app.deps, user, { notify: false })
  assert.equal(await logsIn(passkey), true)
})

it('the mail about a new device says that it was by a passkey, or by a code', async () => {
  const { person, passkey } = await owner()
  assert.equal(await logsIn(passkey), true)
  assert.match((await mailbox.letterTo(person.email, NEW_LOGIN)).text, /account with a passkey, on a device/)
  const phone = openBrowser(app)
  await type(phone, (await askForCode(phone, mailbox, person.email)).code)
  const { text } = await mailbox.letterTo(person.email, NEW_LOGIN, 2)
  assert.match(text, /account with a code that we emailed to you, on a device/)
})
