/** An account that is deleted can be taken back for a week, by the link that its owner was mailed. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { LEFT_ACCOUNTS } from '../../../src/accounts/account-deletion.ts'
import { prune } from '../../../src/database/pruning.ts'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { passAll, saveAnswers } from '../../support/learning.ts'
import { type Letter, openMailbox } from '../../support/mailbox.ts'
import { headingOf, leads, NEW_PASSWORD, open, pathOf, RESET, resetBy } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, type Person, problemsOf, somebody } from '../../support/people.ts'

const DAY = 24 * 60 * 60_000
const PAGE = '/deletion-undo'
const GOODBYE = /about to be deleted/
const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
/** The same installation, some days later. It sends no mail, for it would take those of today for too old. */
const dayLater = async (days: number, environment = {}) => {
  const later = await startApp(environment, { databaseUrl: app.databaseUrl, atPublicUrl: true })
  later.advance(days * DAY)
  return later
}
const [daySix, dayEight] = [await dayLater(6), await dayLater(8)]

/** Deletes the account by the page and returns the letter with the way back. */
async function leave(browser: Browser, { email, password }: Person, count = 1): Promise<Letter> {
  const gone = await browser.submit('/account/account-deletion', { password, sure: 'yes' })
  assert.deepEqual(leads(gone), [303, '/goodbye'])
  return mailbox.letterTo(email, GOODBYE, count)
}

/** Presses “Keep my account” on the page of an opened link. */
const keep = (browser: Browser) => browser.submitTo(PAGE, PAGE)
const KEPT = [303, '/login?done=deletion-undone']

const copyOf = async (browser: Browser) => JSON.parse((await browser.submit('/account/data-export', {})).text)

describe('a deletion that is undone', () => {
  it('on day 6 brings everything back but the sessions', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await passAll(browser)
    await saveAnswers(browser)
    await browser.submitTo('/dashboard', '/lessons/r1/progress', { state: 'done' })
    const before = await copyOf(browser)
    const letter = await leave(browser, person)
    const back = openBrowser(daySix)
    const page = await open(back, letter)
    assert.deepEqual([page.status, headingOf(page)], [200, 'Keep your account?'])
    assert.equal(parse(page.text).querySelector('main strong')?.text, person.email)
    assert.deepEqual(leads(await keep(back)), KEPT)
    const login = await back.get('/login?done=deletion-undone')
    assert.match(parse(login.text).querySelector('[role=status]')?.text ?? '', /Your account is kept/)
    assert.equal(await browser.whoAmI(), undefined, 'a session of before')
    assert.equal(await back.whoAmI(), undefined, 'nobody is logged in by it')
    await back.logIn(person)
    assert.equal(await back.whoAmI(), person.name)
    const after = await copyOf(back)
    assert.deepEqual([after.account, after.answers, after.progress], [before.account, before.answers, before.progress])
    const what = after.activity.map((entry: { what: string }) => entry.what)
    assert.deepEqual(what.slice(-4), ['exported', 'deletion-asked', 'deletion-undone', 'logged-in'])
  })

  it('can be deleted again, and undone by the new link only', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const first = await leave(browser, person)
    await open(browser, first)
    assert.deepEqual(leads(await keep(browser)), KEPT)
    const again = openBrowser(app)
    await again.logIn(person)
    const second = await leave(again, person, 2)
    assert.equal(headingOf(await open(again, first)), 'This link has been used')
    await open(again, second)
    assert.deepEqual(leads(await keep(again)), KEPT)
    assert.equal((await again.logIn(person)).status, 303)
  })

  it('cannot be undone once more by the same link', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await open(browser, await leave(browser, person))
    const pressed = await browser.token(PAGE)
    assert.deepEqual(leads(await browser.post(PAGE, { _csrf: pressed })), KEPT)
    const second = await browser.post(PAGE, { _csrf: pressed })
    assert.deepEqual([second.status, headingOf(second)], [410, 'This link has been used'])
    assert.equal((await browser.post(`${PAGE}/for-good`, { _csrf: pressed })).status, 410)
    assert.equal((await browser.logIn(person)).status, 303)
  })

  it('is impossible on day 8, before and after the rows are cleared away', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const letter = await leave(browser, person)
    const { person: ben } = await learner(app, 'Ben')
    const late = openBrowser(dayEight)
    const page = await open(late, letter)
    assert.deepEqual([page.status, headingOf(page)], [410, 'The account is deleted'])
    const form = { _csrf: await late.token('/login') }
    assert.equal((await late.post(PAGE, form)).status, 410)
    await prune(app.sql, LEFT_ACCOUNTS, dayEight.deps.now(), 1_000)
    const cleared = await late.get(PAGE)
    assert.deepEqual([cleared.status, headingOf(cleared)], [404, 'This link does not work'])
    assert.equal((await late.logIn(person)).status, 422)
    assert.deepEqual(leads(await late.signUp(person)), [303, '/onboarding'])
    assert.equal((await openBrowser(app).logIn(ben)).status, 303, 'somebody else is still there')
  })

  it('is made final by the other button, which frees the address', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const letter = await leave(browser, person)
    await open(browser, letter)
    assert.deepEqual(leads(await browser.submitTo(PAGE, `${PAGE}/for-good`)), [303, `${PAGE}/gone`])
    assert.match((await browser.get(`${PAGE}/gone`)).text, /Your address is free/)
    assert.equal((await app.sql`select 1 as one from all_users where email = ${person.email}`).length, 0)
    assert.equal((await open(browser, letter)).status, 404)
    assert.deepEqual(leads(await browser.signUp(person)), [303, '/onboarding'])
  })

  it('changes nothing by opening its link, as mail scanners do', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const letter = await leave(browser, person)
    for (let times = 0; times < 3; times += 1) await open(openBrowser(app), letter)
    assert.equal((await openBrowser(app).logIn(person)).status, 422)
    assert.doesNotMatch((await browser.get(pathOf(letter))).headers.location ?? '', /link/)
  })

  for (const token of ['x', 'a'.repeat(24), '%00', "' or 1=1"]) {
    it(`is not undone by a made-up link: ${token}`, async () => {
      const guesser = openBrowser(app)
      await guesser.get(`${PAGE}/link/${encodeURIComponent(token)}`)
      assert.equal((await guesser.get(PAGE)).status, 404)
      const form = { _csrf: await guesser.token('/login') }
      for (const path of [PAGE, `${PAGE}/for-good`]) assert.equal((await guesser.post(path, form)).status, 404)
    })
  }

  it('is not undone by a link for something else', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const verification = await mailbox.letterTo(person.email, /Confirm/)
    const secret = pathOf(verification).split('/').at(-1)
    await browser.get(`${PAGE}/link/${secret}`)
    assert.equal((await browser.get(PAGE)).status, 404)
    assert.equal((await browser.submitTo('/help', `${PAGE}/for-good`)).status, 404)
    assert.equal(await browser.whoAmI(), person.name)
  })
})

describe('the words before and after', () => {
  it('say what happens, and until when', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const until = new Date(app.deps.now() + 7 * DAY).toLocaleDateString('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
    const page = (await browser.get('/account/account-deletion')).text
    assert.ok(page.includes(`Until ${until} you can change your mind`), until)
    const wrong = await browser.submit('/account/account-deletion', { password: 'not my password', sure: 'yes' })
    assert.ok(wrong.text.includes(`Until ${until}`), 'also when the form comes back')
    const letter = await leave(browser, person)
    assert.ok(letter.text.includes(`On ${until} at `), letter.text)
    assert.ok((await open(browser, letter)).text.includes(`On ${until} at `))
    assert.match((await browser.get('/goodbye')).text, /in 7 days/)
    assert.match((await browser.get('/privacy')).text, /For 7 days we keep/)
  })

  it('promise nothing where the operator gives no time, or the server sends no mail', async () => {
    const atOnce = await startApp({ DELETION_GRACE_DAYS: '0' }, { mailbox })
    const noMail = await startApp({ DELETION_GRACE_DAYS: '30' })
    for (const server of [atOnce, noMail]) {
      const { browser, person } = await learner(server, 'Ada')
      assert.match((await browser.get('/account/account-deletion')).text, /At once and for good/)
      await browser.submit('/account/account-deletion', { password: person.password, sure: 'yes' })
      assert.match((await browser.get('/goodbye')).text, /Your address is free/)
      assert.match((await browser.get('/privacy')).text, /delete it at once and for good/)
      assert.equal((await server.sql`select 1 as one from all_users`).length, 0)
    }
  })

  it('keep a promise when the operator gives less time later', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const letter = await leave(browser, person)
    const shorter = await dayLater(6, { DELETION_GRACE_DAYS: '1' })
    await prune(shorter.sql, LEFT_ACCOUNTS, shorter.deps.now(), 1_000)
    const back = openBrowser(shorter)
    assert.equal((await open(back, letter)).status, 200)
    assert.deepEqual(leads(await keep(back)), KEPT)
  })
})

describe('while the account is leaving', () => {
  it('a reset mails its owner the way back instead, and a stranger sees no difference', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const first = await leave(browser, person)
    const ask = async (email: string) => {
      const { status, headers } = await openBrowser(app).submit('/password-reset', { email })
      return [status, headers.location]
    }
    assert.deepEqual(await ask(person.email), await ask(somebody('nobody').email))
    const second = await mailbox.letterTo(person.email, GOODBYE, 2)
    assert.equal(mailbox.to(person.email, RESET.subject).length, 0)
    const back = openBrowser(app)
    assert.equal((await open(back, first)).status, 200, 'the first link is still good')
    await open(back, second)
    assert.deepEqual(leads(await keep(back)), KEPT)
    assert.equal(headingOf(await open(back, first)), 'This link has been used')
    await back.submit('/password-reset', { email: person.email })
    const reset = await mailbox.letterTo(person.email, RESET.subject)
    assert.deepEqual(leads(await resetBy(back, reset)), [303, '/login?done=password-reset'])
    assert.equal((await back.logIn({ ...person, password: NEW_PASSWORD })).status, 303)
  })

  it('a sign-up with its address gets what any other taken address gets, try after try', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const { person: ben } = await learner(app, 'Ben')
    await leave(browser, person)
    const seen = async (email: string) => {
      const answers = []
      for (let tries = 0; tries < 5; tries += 1) {
        const { status, text } = await openBrowser(app).signUp({ ...somebody('Eve'), email })
        answers.push([status, problemsOf(text)])
        const api = await apiOf(app, openBrowser(app)).signUp({ ...somebody('Eve'), email })
        answers.push([api.status, api.body])
      }
      return answers
    }
    assert.deepEqual(await seen(person.email), await seen(ben.email))
    const counted = await app.deps.rateLimits.count('accountsByAddress', person.email)
    assert.deepEqual(counted, await app.deps.rateLimits.count('accountsByAddress', ben.email))
  })

  it('nobody else can take its address, whose owner hears what is true', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const { browser: eve } = await learner(app, 'Eve')
    await leave(browser, person)
    await eve.submit('/account/email-change', { email: person.email })
    const letter = await mailbox.letterTo(person.email, GOODBYE, 2)
    assert.match(letter.text, /It belongs to the one that you deleted/)
    assert.equal(pathOf(letter), '/password-reset')
  })
})
