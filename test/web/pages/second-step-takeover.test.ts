/**
 * Eve knows Ada's password and switches on a second step of her own, so that Ada cannot come back. Ada's mailbox was enough before, so
 * the notice of that switch-on, and nothing else that is mailed, takes it back.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { useUp } from '../../support/guessing.ts'
import { type Letter, openMailbox } from '../../support/mailbox.ts'
import {
  askForChange,
  askForReset,
  confirm,
  headingOf,
  leads,
  NEW_PASSWORD,
  open,
  resetBy,
  VERIFY,
} from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, type Person, problemsOf, somebody } from '../../support/people.ts'
import {
  codeAt,
  enterCode,
  firstStep,
  LOGIN_PAGE,
  nextCode,
  PAGE,
  SETUP,
  secretOn,
  switchOn,
} from '../../support/second-step.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const bare = await startApp({}, { databaseUrl: app.databaseUrl })
const DAY = 24 * 60 * 60_000
const NOT_ME = '/not-me/confirm'
const ON = /A second step is switched on/
const NEW_LOGIN = /A new device was used to log in/
const OWNS = 'seven quiet amber kites'
const STOLEN = 'wicked tidy copper lantern'

async function confirmed(name: string) {
  const { person, browser } = await learner(app, name)
  await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
  return { person, browser }
}

/** Eve logs in with Ada's password, and switches on a second step. */
async function stolen() {
  const { person, browser } = await confirmed('Ada')
  const eve = openBrowser(app)
  await eve.logIn(person)
  const { secret, codes } = await switchOn(app, eve)
  assert.equal(await browser.whoAmI(), undefined)
  return { person, eve, secret, codes, letter: await mailbox.letterTo(person.email, ON) }
}

/** Opens the link of a notice, presses its button, and chooses a new password. Returns the page of the button. */
async function takeBack(letter: Pick<Letter, 'link'>): Promise<string> {
  const browser = openBrowser(app)
  const page = await open(browser, letter)
  assert.equal(headingOf(page), 'It was not you?')
  assert.deepEqual(leads(await browser.submit(NOT_ME, {})), [303, '/password-reset/new'])
  const saved = await browser.submit('/password-reset/new', { password: OWNS })
  assert.deepEqual(leads(saved), [303, '/login?done=password-reset'])
  return page.text
}

const logsIn = async ({ email }: Pick<Person, 'email'>, password = OWNS): Promise<string | undefined> =>
  (await openBrowser(app).logIn({ email, password })).headers.location

async function leftOf({ email }: Pick<Person, 'email'>): Promise<number> {
  const rows = await app.sql`
    select 1 as one from users u join second_steps s on s.user_id = u.id where u.email = ${email} union all
    select 1 as one from users u join recovery_codes c on c.user_id = u.id where u.email = ${email}`
  return rows.length
}

describe('“It was not me”, in the notice of a switch-on', () => {
  it('[M16] switches that second step off, ends sessions, and leads to a new password', async () => {
    const { person, eve, secret, codes, letter } = await stolen()
    const halfWay = openBrowser(app)
    await firstStep(halfWay, person)
    assert.match(await takeBack(letter), /second step of that email is switched off/)
    assert.equal(await eve.whoAmI(), undefined)
    for (const code of [nextCode(app, secret), codes[0] ?? '']) {
      assert.equal(
        (await halfWay.submitTo('/login', LOGIN_PAGE, { code })).headers.location,
        '/login?done=second-step-over',
      )
    }
    assert.equal(await leftOf(person), 0)
    assert.equal(await logsIn(person), '/dashboard')
    const ada = openBrowser(app)
    await ada.logIn({ ...person, password: OWNS })
    assert.match((await ada.get('/account/sessions')).text, /“It was not me”: the second step is off/)
    assert.equal(headingOf(await open(openBrowser(app), letter)), 'This link has been used')
  })

  it('changes nothing until its button is pressed', async () => {
    const { person, letter } = await stolen()
    for (let time = 0; time < 3; time += 1) await open(openBrowser(app), letter)
    assert.equal(await logsIn(person, person.password), LOGIN_PAGE)
  })

  it('[M17] is sent however many other notices were used up before', async () => {
    const { person, browser } = await confirmed('Ada')
    await useUp(app, 'noticesByAddress', person.email, 5)
    await switchOn(app, browser)
    assert.match((await mailbox.letterTo(person.email, ON)).text, /delete this email: its link could switch/)
  })

  it('works after Eve has set a new password with her code', async () => {
    const { person, eve, letter } = await stolen()
    const change = { currentPassword: person.password, newPassword: STOLEN }
    assert.equal((await eve.submit('/account/password-change', change)).headers.location, '/account')
    await takeBack(letter)
    assert.equal(await logsIn(person), '/dashboard')
  })

  it('works after Eve has deleted the account, once that is taken back', async () => {
    const { person, eve, letter } = await stolen()
    const gone = await eve.submit('/account/account-deletion', { password: person.password, sure: 'yes' })
    assert.equal(gone.status, 303)
    const visitor = openBrowser(app)
    assert.equal((await open(visitor, letter)).status, 404)
    await open(visitor, await mailbox.letterTo(person.email, /about to be deleted/))
    await visitor.submitTo('/deletion-undo', '/deletion-undo')
    await takeBack(letter)
    assert.equal(await logsIn(person), '/dashboard')
  })

  it('works after Eve has moved the account to her address, once that is put back', async () => {
    const { person, eve, letter } = await stolen()
    const hers = somebody('Eve').email
    await confirm(eve, await askForChange(eve, mailbox, hers))
    const undo = await mailbox.letterTo(person.email, /Your email address was changed$/)
    assert.equal((await open(openBrowser(app), letter)).status, 410)
    await takeBack(undo)
    assert.equal(await logsIn(person), LOGIN_PAGE, 'it was on before the change that is undone')
    await takeBack(letter)
    assert.equal(await logsIn(person), '/dashboard')
  })

  it('is worthless after seven days', async () => {
    const { letter } = await stolen()
    app.advance(7 * DAY)
    assert.equal((await open(openBrowser(app), letter)).status, 410)
  })

  it('is worthless once another second step was switched on', async () => {
    const { person, browser } = await confirmed('Ada')
    await switchOn(app, browser)
    const former = await mailbox.letterTo(person.email, ON)
    await browser.submitTo(PAGE, `${PAGE}/off`)
    app.advance(60_000)
    await switchOn(app, browser)
    assert.equal((await open(openBrowser(app), former)).status, 410)
    assert.equal(await logsIn(person, person.password), LOGIN_PAGE)
    await takeBack(await mailbox.letterTo(person.email, ON, 2))
    assert.equal(await logsIn(person), '/dashboard')
  })
})

describe('a second step that was switched on after a change of address', () => {
  it('goes when that change is undone, since its notice went to the new address', async () => {
    const { person } = await confirmed('Ada')
    const eve = openBrowser(app)
    await eve.logIn(person)
    const hers = somebody('Eve').email
    await confirm(eve, await askForChange(eve, mailbox, hers))
    app.advance(60_000)
    await switchOn(app, eve)
    await takeBack(await mailbox.letterTo(person.email, /Your email address was changed$/))
    assert.equal(await logsIn(person), '/dashboard')
    assert.equal(await leftOf(person), 0)
    const hersToo = await open(openBrowser(app), await mailbox.letterTo(hers, ON))
    assert.equal(hersToo.status, 410)
  })
})

describe('whoever reads the mailbox', () => {
  it('cannot switch it off by the notices of other things, nor by a new password', async () => {
    const { person, browser } = await confirmed('Ada')
    await openBrowser(app).logIn(person)
    const newLogin = await mailbox.letterTo(person.email, NEW_LOGIN)
    const { secret } = await switchOn(app, browser)
    await takeBack(newLogin)
    assert.equal(await logsIn(person), LOGIN_PAGE)
    const eve = openBrowser(app)
    await resetBy(eve, await askForReset(eve, mailbox, person.email))
    assert.equal(await logsIn(person, NEW_PASSWORD), LOGIN_PAGE)
    const renewed = openBrowser(app)
    await firstStep(renewed, { ...person, password: NEW_PASSWORD })
    assert.equal((await enterCode(renewed, nextCode(app, secret))).headers.location, '/dashboard')
    await renewed.submitTo(PAGE, `${PAGE}/recovery-codes`)
    await takeBack(await mailbox.letterTo(person.email, /There are new recovery codes/))
    assert.equal(await logsIn(person), LOGIN_PAGE)
  })
})

describe('a switch-on', () => {
  it('comes to nothing when the owner says at that moment that it was not them', async () => {
    const { person, browser } = await confirmed('Ada')
    await openBrowser(app).logIn(person)
    const letter = await mailbox.letterTo(person.email, NEW_LOGIN)
    await browser.submitTo(PAGE, PAGE)
    const secret = secretOn((await browser.get(SETUP)).text)
    const ada = openBrowser(app)
    await open(ada, letter)
    const tokens = { eve: await browser.token(SETUP), ada: await ada.token(NOT_ME) }
    await Promise.all([
      browser.post(SETUP, { code: codeAt(app, secret), _csrf: tokens.eve }),
      ada.post(NOT_ME, { _csrf: tokens.ada }),
    ])
    const [row] = await app.sql<{ isOn: boolean; steps: number }>`
      select second_step as is_on, (select count(*) from second_steps s where s.user_id = u.id and confirmed_at is not null) as steps
      from users u where email = ${person.email}`
    assert.equal(row?.isOn, row?.steps === 1, 'an account never takes a code that nobody can have')
  })

  it('is refused after five in an hour, on the page and in the API', async () => {
    const { person, browser } = await confirmed('Ada')
    const { user } = (await openApi(app).signIn(person)).body
    await useUp(app, 'switchOnsByUser', user.id, 5)
    await browser.submitTo(PAGE, PAGE)
    const secret = secretOn((await browser.get(SETUP)).text)
    const refused = await browser.submit(SETUP, { code: codeAt(app, secret) })
    assert.equal(refused.status, 429)
    assert.match(problemsOf(refused.text)[0]?.message ?? '', /^Too many tries\. Try again in /)
    const api = openApi(app)
    await api.signIn(person)
    const call = await api.post('/api/auth/two-factor/verify-totp', { code: codeAt(app, secret) })
    assert.deepEqual([call.status, call.body.code], [429, 'ACCOUNT_TEMPORARILY_LOCKED'])
  })
})

describe('the owner of an address with which somebody else has signed up, while there was no mail', () => {
  async function trap(): Promise<{ person: Person; eve: Browser; letter: Letter }> {
    const { person, browser: eve } = await learner(bare, 'Eve')
    await switchOn(bare, eve)
    const asked = await openBrowser(app).submit('/email-verification', { email: person.email })
    assert.equal(asked.status, 303)
    return { person, eve, letter: await mailbox.letterTo(person.email, VERIFY.subject) }
  }
  const claim = async (letter: Letter, more: Record<string, string>) => {
    const ada = openBrowser(app)
    await open(ada, letter)
    const saved = await ada.submit('/email-verification/new-password', { password: OWNS, ...more })
    assert.deepEqual(leads(saved), [303, '/login?done=account-claimed'])
  }

  it('makes the account theirs and empty, and its second step goes', async () => {
    const { person, letter } = await trap()
    await claim(letter, { startEmpty: 'yes' })
    assert.equal(await logsIn(person), '/dashboard')
    assert.equal(await leftOf(person), 0)
  })

  it('does not get at what is in it without a code', async () => {
    const { person, letter } = await trap()
    await claim(letter, {})
    assert.equal(await logsIn(person), LOGIN_PAGE)
  })
})
