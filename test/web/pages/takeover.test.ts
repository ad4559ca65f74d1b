/** Somebody who knows the password tries to keep an account for good, or its owner's address. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { parse } from 'node-html-parser'
import postgres from 'postgres'
import { hashed } from '../../../src/accounts/links/email-links.ts'
import { startApp } from '../../support/app.ts'
import { PROFILE, send } from '../../support/learning.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, confirm, leads, NEW_PASSWORD, open, VERIFY } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, type Response, somebody } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const CHANGED = /Your email address was changed$/
const GOODBYE = /about to be deleted/
const STOLEN = 'wicked tidy copper lantern'

const leave = (browser: Browser, password: string): Promise<Response> =>
  browser.submit('/account/account-deletion', { password, sure: 'yes' })

/** The address of a new calendar. */
async function calendarOf(browser: Browser): Promise<string> {
  await send(browser, '/profile', PROFILE)
  await browser.submit('/plan', { hours: '4' })
  await browser.submitTo('/plan', '/plan/calendar')
  return (
    parse((await browser.get('/plan')).text)
      .querySelector('a[href$=".ics"]')
      ?.getAttribute('href') ?? assert.fail()
  )
}
const statusOf = async (path: string): Promise<number> => (await openBrowser(app).get(path)).status

async function confirmed(name: string) {
  const { person, browser } = await learner(app, name)
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  return { person, browser }
}

/** Ada's account, whose address Eve has changed to her own. `notice` is what Ada was mailed. */
async function stolen() {
  const { person } = await confirmed('Ada')
  const eve = openBrowser(app)
  await eve.logIn(person)
  const address = somebody('Eve').email
  await confirm(eve, await askForChange(eve, mailbox, address))
  return { person, eve, address, notice: await mailbox.letterTo(person.email, CHANGED) }
}

/** Ada presses “It was not me” and sets a new password. */
async function takeBack(notice: Parameters<typeof open>[1], email: string): Promise<void> {
  const ada = openBrowser(app)
  assert.equal((await open(ada, notice)).status, 200)
  assert.equal((await ada.submit('/not-me/confirm', {})).status, 303)
  assert.equal((await ada.submit('/password-reset/new', { password: NEW_PASSWORD })).status, 303)
  assert.equal((await ada.logIn({ email, password: NEW_PASSWORD })).status, 303)
  assert.equal(await ada.whoAmI(), 'Ada')
}

it('by changing the address and deleting the account: the owner still gets it back', async () => {
  const { person, eve, address, notice } = await stolen()
  assert.deepEqual(leads(await leave(eve, person.password)), [303, '/goodbye'])
  await mailbox.letterTo(address, GOODBYE)
  await takeBack(notice, person.email)
})

it('by the letter about an earlier end, once the owner is back and leaves: it does nothing any more', async () => {
  const { person, eve, address, notice } = await stolen()
  await leave(eve, person.password)
  const letter = await mailbox.letterTo(address, GOODBYE)
  await takeBack(notice, person.email)
  const ada = openBrowser(app)
  await ada.logIn({ email: person.email, password: NEW_PASSWORD })
  assert.deepEqual(leads(await leave(ada, NEW_PASSWORD)), [303, '/goodbye'])
  for (const action of ['/deletion-undo/not-me', '/deletion-undo/for-good', '/deletion-undo']) {
    assert.equal((await open(eve, letter)).status, 410, 'the page of the letter')
    assert.equal((await eve.submitTo('/login', action)).status, 410, action)
  }
  assert.equal((await eve.get('/password-reset/new')).status, 404, 'no link to a new password of Ada')
  const own = openBrowser(app)
  await open(own, await mailbox.letterTo(person.email, GOODBYE))
  assert.deepEqual(leads(await own.submitTo('/deletion-undo', '/deletion-undo')), [303, '/login?done=deletion-undone'])
})

it('by making that deletion final: there is no such button, and the address does nothing', async () => {
  const { person, eve, address, notice } = await stolen()
  await leave(eve, person.password)
  await open(eve, await mailbox.letterTo(address, GOODBYE))
  const page = parse((await eve.get('/deletion-undo')).text)
  assert.ok(page.querySelector('#keep-form'))
  assert.equal(page.querySelector('#for-good-form'), null)
  assert.deepEqual(leads(await eve.submitTo('/deletion-undo', '/deletion-undo/for-good')), [303, '/deletion-undo'])
  await takeBack(notice, person.email)
})

it('by taking the deletion back herself: the owner can still undo the change', async () => {
  const { person, eve, address, notice } = await stolen()
  await leave(eve, person.password)
  await open(eve, await mailbox.letterTo(address, GOODBYE))
  assert.equal((await eve.submitTo('/deletion-undo', '/deletion-undo')).status, 303)
  await takeBack(notice, person.email)
})

it('where accounts are deleted at once: not while the owner can undo the change', async () => {
  const atOnce = await startApp(
    { DELETION_GRACE_DAYS: '0' },
    { databaseUrl: app.databaseUrl, atPublicUrl: true, mailbox },
  )
  const { person, address, notice } = await stolen()
  const eve = openBrowser(atOnce)
  await eve.logIn({ email: address, password: person.password })
  assert.deepEqual(leads(await leave(eve, person.password)), [303, '/goodbye'])
  await takeBack(notice, person.email)
})

it('by signing up with the former address and leaving: it is freed for its owner', async () => {
  const { person, notice } = await stolen()
  const squatter = openBrowser(app)
  assert.equal((await squatter.signUp({ ...person, name: 'Squatter', password: STOLEN })).status, 303)
  assert.equal((await leave(squatter, STOLEN)).status, 303)
  await takeBack(notice, person.email)
})

it('by another change at the very moment: its link is worthless once the owner’s was used', async () => {
  const { person, address, notice } = await stolen()
  const ada = openBrowser(app)
  await open(ada, notice)
  const _csrf = await ada.token('/not-me/confirm')
  const third = somebody('Eve').email
  const token = 'Z'.repeat(24)
  const direct = postgres(app.databaseUrl, { max: 1, onnotice: () => {} })
  let pressed: Promise<Response> | undefined
  // As a confirmed change does, which commits while Ada’s request waits for the row.
  await direct.begin(async (transaction) => {
    await transaction`update users set email = ${third} where email = ${address}`
    await transaction`
      insert into email_tokens (token_hash, user_id, purpose, email, password_version, created_at, expires_at)
      select ${hashed(token)}, id, 'undo-email-change', ${address}, password_version, now(), now() + interval '7 days'
      from users where email = ${third}`
    pressed = Promise.resolve(ada.post('/not-me/confirm', { _csrf }))
    await eventually('the request to wait', async () => {
      const waiting = await app.sql`
        select 1 as one from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      return waiting.length > 0
    })
  })
  await direct.end()
  assert.equal((await pressed)?.status, 303)
  const eve = openBrowser(app)
  await eve.get(`/not-me/link/${token}`)
  assert.equal((await eve.get('/not-me/confirm')).status, 410)
  assert.equal((await app.sql`select 1 as one from users where email = ${person.email}`).length, 1)
})

it('by a calendar: its address ends when the owner makes the account theirs, and when they say that it was not them', async () => {
  const { person, browser } = await learner(app, 'Eve')
  const before = await calendarOf(browser)
  assert.equal(await statusOf(before), 200)
  const ada = openBrowser(app)
  await open(ada, await mailbox.letterTo(person.email, VERIFY.subject))
  const claim = { password: NEW_PASSWORD, startEmpty: 'yes' }
  assert.equal((await ada.submit('/email-verification/new-password', claim)).status, 303)
  await ada.logIn({ ...person, password: NEW_PASSWORD })
  await send(ada, '/profile', PROFILE)
  assert.equal(await statusOf(before), 404)
  assert.equal(
    (
      await app.sql`select 1 as one from plans join users on id = user_id where email = ${person.email} and weekly_hours is not null`
    ).length,
    0,
  )

  const { person: ben } = await confirmed('Ben')
  const thief = openBrowser(app)
  await thief.logIn(ben)
  const calendar = await calendarOf(thief)
  await open(ada, await mailbox.letterTo(ben.email, /A new device was used/))
  assert.equal((await ada.submit('/not-me/confirm', {})).status, 303)
  assert.equal(await statusOf(calendar), 404)
})

it('unheard, by turning mails about new devices off: they are on again', async () => {
  const { person } = await confirmed('Ada')
  const eve = openBrowser(app)
  await eve.logIn(person)
  await eve.submitTo('/account', '/account/login-notices')
  const areOn = async () =>
    (await app.sql<{ on: boolean }>`select login_notices as on from users where email = ${person.email}`)[0]?.on
  assert.equal(await areOn(), false)
  const ada = openBrowser(app)
  await open(ada, await mailbox.letterTo(person.email, /A new device was used/))
  assert.equal((await ada.submit('/not-me/confirm', {})).status, 303)
  assert.equal(await areOn(), true)
})

it('by a session alone, by turning them off: the password is asked for first', async () => {
  const { browser } = await learner(app, 'Ada')
  app.advance(11 * 60_000)
  const asked = await browser.submitTo('/account', '/account/login-notices')
  assert.match(asked.headers.location ?? '', /^\/account\/password-confirmation/)
})

it('by a deletion that its owner takes back: who says that it was not them chooses a new password, and the old one is worthless', async () => {
  const { person } = await confirmed('Ada')
  const eve = openBrowser(app)
  await eve.logIn(person)
  await leave(eve, person.password)
  const ada = openBrowser(app)
  const page = parse((await open(ada, await mailbox.letterTo(person.email, GOODBYE))).text)
  assert.ok(
    page.querySelector('#keep-form') && page.querySelector('#not-me-form') && page.querySelector('#for-good-form'),
  )
  assert.deepEqual(leads(await ada.submitTo('/deletion-undo', '/deletion-undo/not-me')), [303, '/password-reset/new'])
  assert.equal((await eve.logIn(person)).status, 422)
  assert.equal((await ada.submit('/password-reset/new', { password: NEW_PASSWORD })).status, 303)
  assert.equal((await ada.logIn({ ...person, password: NEW_PASSWORD })).status, 303)
  assert.equal((await ada.submitTo('/deletion-undo', '/deletion-undo')).status, 404, 'the link is used up')
})
