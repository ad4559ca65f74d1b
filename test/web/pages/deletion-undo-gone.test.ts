/** While a deleted account can still come back, it is gone for everybody: every way in is shut. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import postgres from 'postgres'
import { createReader } from '../../python/reader.ts'
import { apiLearner, apiOf, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { passAll, saveAnswers } from '../../support/learning.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, askForReset, confirm, headingOf, leads, open, secretOf, VERIFY } from '../../support/mailed.ts'
import { askForCode, type } from '../../support/mailed-codes.ts'
import { learner, openBrowser, somebody } from '../../support/people.ts'
import { enterCode, firstStep, LOGIN_PAGE, nextCode, switchOn } from '../../support/second-step.ts'
import { firstPair, refresh } from '../../support/tokens.ts'

const SERVICE_KEY = 'a service key of the tests, 0123456789 abcdef'
const mailbox = await openMailbox()
const app = await startApp({ SERVICE_KEY }, { atPublicUrl: true, mailbox })
const GOODBYE = /about to be deleted/
const DELETE = '/api/auth/delete-user'

describe('an account that is leaving', () => {
  it('has no session, token, link or address change any more, and none of them comes back with it', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const phone = openBrowser(app)
    await phone.logIn(person, { remember: 'yes' })
    const { token, refreshToken } = await firstPair(apiOf(app, phone))
    const verification = await mailbox.letterTo(person.email, VERIFY.subject)
    const change = await askForChange(browser, mailbox, somebody('Ada').email)
    const reset = await askForReset(openBrowser(app), mailbox, person.email)
    const api = apiOf(app, browser)
    assert.deepEqual((await api.post(DELETE, { password: person.password })).body, {
      success: true,
      message: 'User deleted',
    })

    for (const rows of [
      await app.sql`select 1 from sessions join all_users u on u.id = user_id where u.email = ${person.email}`,
      await app.sql`
        select 1 from email_tokens t join all_users u on u.id = user_id
        where u.email = ${person.email} and purpose <> 'undo-deletion'`,
    ]) {
      assert.equal(rows.length, 0, 'no row waits for the undo')
    }

    const isGone = async () => {
      for (const device of [browser, phone]) {
        assert.equal((await apiOf(app, device).get('/api/auth/get-session')).body, null)
        assert.deepEqual(leads(await device.get('/dashboard')), [303, '/login?next=%2Fdashboard'])
      }
      for (const path of ['/api/me', '/api/profile', '/api/recommendations']) {
        assert.equal((await openApi(app).get(path, bearer(token))).status, 401, path)
      }
      assert.equal((await openApi(app).put('/api/progress/f1', { state: 'done' }, bearer(token))).status, 401)
      const asked = await openApi(app).post('/api/auth/introspect', { token }, bearer(SERVICE_KEY))
      assert.deepEqual(asked.body, { active: false })
      assert.equal((await refresh(app, refreshToken)).body.code, 'INVALID_REFRESH_TOKEN')
      for (const letter of [change, reset, verification]) {
        assert.equal((await open(openBrowser(app), letter)).status, 404, letter.subject)
      }
      const given = { newPassword: 'quiet amber harbour window', token: secretOf(reset) }
      assert.equal((await openApi(app).post('/api/auth/reset-password', given)).body.code, 'INVALID_TOKEN')
    }
    await isGone()
    const back = openBrowser(app)
    await open(back, await mailbox.letterTo(person.email, GOODBYE))
    assert.equal((await back.submitTo('/deletion-undo', '/deletion-undo')).status, 303)
    await isGone()
    assert.equal((await back.logIn(person)).status, 303)
    assert.equal((await back.get('/account')).text.includes('Waiting for confirmation'), false)
  })

  it('has no login that is half done, and no code that was mailed, which come back with it', async () => {
    const { person, browser } = await learner(app, 'Ada')
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
    const { secret } = await switchOn(app, browser)
    const [halfway, reader] = [openBrowser(app), openBrowser(app)]
    await firstStep(halfway, person)
    const { code } = await askForCode(reader, mailbox, person.email)
    await browser.submit('/account/account-deletion', { password: person.password, sure: 'yes' })
    const back = openBrowser(app)
    await open(back, await mailbox.letterTo(person.email, GOODBYE))
    assert.equal((await back.submitTo('/deletion-undo', '/deletion-undo')).status, 303)
    assert.equal((await type(reader, code)).status, 410)
    assert.deepEqual(leads(await halfway.get(LOGIN_PAGE)), [303, '/login?done=second-step-over'])
    await firstStep(halfway, person)
    assert.deepEqual(leads(await enterCode(halfway, nextCode(app, secret))), [303, '/dashboard'])
  })

  it('is a wrong password to whoever logs in, and counts like one', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    const { person: ben } = await learner(app, 'Ben')
    await api.post(DELETE, { password: person.password })
    const tries = async (email: string, password: string) => {
      const seen = []
      for (let count = 0; count < 11; count += 1) {
        const { status, text } = await openBrowser(app).logIn({ email, password })
        seen.push([status, headingOf({ text }), /incorrect/.test(text)])
      }
      return seen
    }
    assert.deepEqual(await tries(person.email, person.password), await tries(ben.email, 'not the password'))
  })

  it('is an unknown address to whoever asks to confirm it', async () => {
    const { api, person } = await apiLearner(app, 'Ada')
    await mailbox.letterTo(person.email, VERIFY.subject)
    await api.post(DELETE, { password: person.password })
    await mailbox.letterTo(person.email, GOODBYE)
    const { status, headers } = await openBrowser(app).submit('/email-verification', { email: person.email })
    assert.deepEqual([status, headers.location], [303, '/email-verification/sent'])
    const { person: last } = await learner(app, 'Ben')
    await mailbox.letterTo(last.email, VERIFY.subject)
    assert.equal(mailbox.to(person.email, VERIFY.subject).length, 1)
  })

  it('takes along the mails that wait for its owner', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await mailbox.letterTo(person.email, VERIFY.subject)
    mailbox.set('busy', person.email)
    const tries = mailbox.tries()
    await openBrowser(app).submit('/password-reset', { email: person.email })
    const waits = () => app.sql`select 1 as one from outbox where kind = 'reset-password'`
    assert.equal((await waits()).length, 1)
    await browser.submit('/account/account-deletion', { password: person.password, sure: 'yes' })
    assert.equal((await waits()).length, 0)
    assert.ok(mailbox.tries() >= tries)
    mailbox.set('take', person.email)
  })

  it('is not to be seen by a backend that reads the tables, until it is back', async () => {
    const { browser, person } = await learner(app, 'Ada')
    await passAll(browser)
    await saveAnswers(browser)
    const reader = postgres(await createReader(app.databaseUrl), { max: 1 })
    after(() => reader.end())
    const [row] = await reader<{ id: string }[]>`select id from users where email = ${person.email}`
    const id = row?.id ?? ''
    const seen = async () => [
      (await reader`select id, name, email from users where id = ${id}`).length,
      (await reader`select user_id from profiles where user_id = ${id}`).length,
    ]
    assert.deepEqual(await seen(), [1, 1])
    await browser.submit('/account/account-deletion', { password: person.password, sure: 'yes' })
    assert.deepEqual(await seen(), [0, 0])
    await assert.rejects(reader`select id from all_users`, { code: '42501' })
    await open(browser, await mailbox.letterTo(person.email, GOODBYE))
    await browser.submitTo('/deletion-undo', '/deletion-undo')
    assert.deepEqual(await seen(), [1, 1])
  })
})
