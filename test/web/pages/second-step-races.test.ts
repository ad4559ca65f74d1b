/** What meets a change of the second step at the very moment at which it is made. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, confirm, leads, NEW_PASSWORD, open, VERIFY } from '../../support/mailed.ts'
import { oneAfterTheOther } from '../../support/one-after-the-other.ts'
import { type Browser, learner, openBrowser, somebody } from '../../support/people.ts'
import {
  careful,
  codeAt,
  enterCode,
  firstStep,
  PAGE,
  recoveryCodesOn,
  SETUP,
  secretOn,
} from '../../support/second-step.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const bare = await startApp({}, { databaseUrl: app.databaseUrl })
const NOT_ME = '/not-me/confirm'

/** Sets a second step up as far as the form that switches it on, and returns what is sent with that. */
async function setUp(site: typeof app, browser: Browser): Promise<{ code: string; _csrf: string }> {
  await browser.submitTo(PAGE, PAGE)
  const page = await browser.get(SETUP)
  return { code: codeAt(site, secretOn(page.text)), _csrf: await browser.token(SETUP) }
}

describe('a second step that a thief switches on', () => {
  it('[M60] after a change of address goes, also when the owner undoes that change at the same moment', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
    const eve = openBrowser(app)
    await eve.logIn(person)
    const hers = somebody('Eve').email
    await confirm(eve, await askForChange(eve, mailbox, hers))
    app.advance(60_000)
    const form = await setUp(app, eve)
    const ada = openBrowser(app)
    await open(ada, await mailbox.letterTo(person.email, /Your email address was changed$/))
    const _csrf = await ada.token(NOT_ME)
    const [, undone] = await oneAfterTheOther(app, { email: hers }, [
      () => eve.post(SETUP, form),
      () => ada.post(NOT_ME, { _csrf }),
    ])
    assert.equal(undone?.headers.location, '/password-reset/new')
    const on = await app.sql`
      select 1 as one from activity a join users u on u.id = a.user_id
      where u.email = ${person.email} and a.kind = 'second-step-on'`
    assert.equal(on.length, 1, 'it was on for a moment')
    await ada.submit('/password-reset/new', { password: NEW_PASSWORD })
    assert.deepEqual(leads(await ada.logIn({ ...person, password: NEW_PASSWORD })), [303, '/dashboard'])
    const left = await app.sql`
      select 1 as one from second_steps s join users u on u.id = s.user_id where u.email = ${person.email}`
    assert.equal(left.length, 0)
  })

  it('[M61] in a session that the owner has just ended stays off, and the owner stays logged in', async () => {
    const { person, browser: ada } = await learner(bare, 'Ada')
    const eve = openBrowser(bare)
    await eve.logIn(person)
    const form = await setUp(bare, eve)
    const ending = { _csrf: await ada.token('/account/sessions') }
    await oneAfterTheOther(bare, person, [
      () => ada.post('/account/sessions/end-others', ending),
      () => eve.post(SETUP, form),
    ])
    assert.equal(await eve.whoAmI(), undefined)
    assert.equal(await ada.whoAmI(), 'Ada')
    assert.deepEqual(leads(await openBrowser(bare).logIn(person)), [303, '/dashboard'])
  })
})

describe('a login', () => {
  it('[M13] that has found no second step begins no session once there is one', async () => {
    const { person } = await learner(bare, 'Ada')
    const phone = openBrowser(bare)
    const login = { ...person, _csrf: await phone.token('/login') }
    const [early] = await oneAfterTheOther(
      bare,
      person,
      [() => phone.post('/login', login)],
      (transaction) => transaction`update users set second_step = true where email = ${person.email}`,
    )
    assert.equal(early?.status, 503)
    assert.match(early?.headers['retry-after'] ?? '', /^[1-9]\d*$/)
    assert.equal(await phone.whoAmI(), undefined)
    await firstStep(phone, person)
  })
})

describe('new recovery codes', () => {
  it('[M62] that are asked for twice at the same moment are ten, and those that are shown are good', async () => {
    const { person, browser, codes: former } = await careful(bare, 'Ada')
    const form = { _csrf: await browser.token(PAGE) }
    const renew = () => browser.post(`${PAGE}/recovery-codes`, form)
    await oneAfterTheOther(bare, person, [renew, renew])
    const page = await browser.get(PAGE)
    const codes = recoveryCodesOn(page.text)
    assert.equal(codes.length, 10)
    assert.equal(/\d+ are left/.exec(page.text)?.[0], '10 are left')
    const phone = openBrowser(bare)
    await firstStep(phone, person)
    assert.equal((await enterCode(phone, former[0] ?? '')).status, 422)
    assert.equal((await enterCode(phone, codes[0] ?? '')).headers.location, '/dashboard')
  })
})
