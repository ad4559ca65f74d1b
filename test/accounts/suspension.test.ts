/** An account that an operator has suspended: nobody gets in, by any door, and strangers learn nothing of it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import postgres from 'postgres'
import { register } from '../../src/accounts/sign-up.ts'
import { resumeAccount, suspendAccount } from '../../src/accounts/suspension.ts'
import { findCredentials } from '../../src/accounts/users.ts'
import { apiLearner, apiOf, bearer, openApi } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { duringChange } from '../support/deletion.ts'
import { openMailbox } from '../support/mailbox.ts'
import { askForReset, headingOf, NEW_PASSWORD, resetBy } from '../support/mailed.ts'
import { learner, openBrowser, type Person, problemsOf, type Response, somebody } from '../support/people.ts'
import { COOKIE, sessionsOf } from '../support/sessions.ts'
import { decode, firstPair, isRefused, isUnauthorized, refresh } from '../support/tokens.ts'

const DEVICE = { ipAddress: '198.51.100.7', userAgent: 'a browser' }
const SUPPORT = 'help@matricula.example'
const mailbox = await openMailbox()
const app = await startApp({ SUPPORT_EMAIL: SUPPORT }, { atPublicUrl: true, mailbox })

async function accountOf({ email }: Person) {
  const known = await findCredentials(app.sql, email)
  return known?.user ?? assert.fail('there is no such account')
}

async function suspend(person: Person, { notify = false } = {}): Promise<void> {
  const account = await accountOf(person)
  assert.equal(await suspendAccount(app.deps, account, { reason: 'Sold answers', notify }), true)
  assert.equal(await suspendAccount(app.deps, account, { reason: 'Again', notify }), false)
}

async function resume(person: Person, { notify = false } = {}): Promise<void> {
  const account = await accountOf(person)
  assert.equal(await resumeAccount(app.deps, account, { notify }), true)
  assert.equal(await resumeAccount(app.deps, account, { notify }), false)
}

function isToldSo(response: Response): void {
  assert.equal(response.status, 403, response.text)
  assert.equal(headingOf(response), 'This account is suspended')
  assert.ok(response.text.includes(`mailto:${SUPPORT}`))
  assert.ok(!response.text.includes('Sold answers'))
}

describe('a suspended learner', () => {
  it('[S32] is logged out, told at the right password, and finds everything as it was when the account is open again', async () => {
    const { person, browser } = await learner(app, 'Ada')
    assert.equal((await browser.submitTo('/account', '/account', { name: 'Ada Lovelace' })).status, 303)
    await suspend(person, { notify: true })
    assert.match((await browser.get('/dashboard')).headers.location ?? '', /^\/login/)
    assert.deepEqual(await sessionsOf(app, person), [])

    const visitor = openBrowser(app)
    isToldSo(await visitor.logIn(person))
    assert.equal(visitor.cookie(COOKIE), undefined)
    assert.deepEqual(await sessionsOf(app, person), [])
    const letter = await mailbox.letterTo(person.email, /Your account was suspended/)
    assert.equal(letter.link, `${app.url}/help`)
    assert.ok(!letter.text.includes('Sold answers'))

    await resume(person, { notify: true })
    assert.equal((await mailbox.letterTo(person.email, /open again/)).link, `${app.url}/login`)
    assert.equal((await browser.logIn(person)).status, 303)
    assert.equal(await browser.whoAmI(), 'Ada Lovelace')
    const { text } = await browser.get('/account/sessions')
    assert.match(text, /suspended the account <span class="hint"><time/)
    assert.match(text, /opened the account again/)
  })

  it('is told nothing at a wrong password, and uses up no tries with the right one', async () => {
    const { person } = await learner(app, 'Ben')
    await suspend(person)
    const visitor = openBrowser(app)
    for (let count = 0; count < 12; count += 1) isToldSo(await visitor.logIn(person))
    const refused = await visitor.logIn({ ...person, password: 'not the password' })
    assert.equal(refused.status, 422)
    assert.deepEqual(
      problemsOf(refused.text).map(({ message }) => message),
      ['Email or password is incorrect'],
    )
  })

  it('may set a new password by mail, which does not log in either', async () => {
    const { person } = await learner(app, 'Carl')
    await suspend(person)
    const visitor = openBrowser(app)
    assert.equal((await resetBy(visitor, await askForReset(visitor, mailbox, person.email))).status, 303)
    isToldSo(await visitor.logIn({ ...person, password: NEW_PASSWORD }))
  })

  it('cannot sign up with the address again, nor get in by sending the form of the sign-up once more', async () => {
    const signUp = { ...somebody('Dora'), device: DEVICE, form: 'one form', linkTo: () => `${app.url}/somewhere` }
    assert.equal((await register(app.deps, signUp)).ok, true)
    assert.equal((await register(app.deps, signUp)).ok, true)
    await suspend(signUp)
    assert.deepEqual(await register(app.deps, signUp), { ok: false, reason: 'address-taken' })
    const person = signUp
    const other = await openBrowser(app).signUp(person)
    assert.equal(other.status, 422)
    const { person: taken } = await learner(app, 'Dan')
    const usual = await openBrowser(app).signUp(taken)
    assert.deepEqual(problemsOf(other.text), problemsOf(usual.text))
  })
})

describe('a program of a suspended learner', () => {
  it('[J16, J28, S32] is refused with the code of Better Auth, and its session and tokens end', async () => {
    const { person, api } = await apiLearner(app, 'Emil')
    const { token, refreshToken } = await firstPair(api)
    await suspend(person)
    assert.equal((await api.get('/api/auth/get-session')).body, null)
    isUnauthorized(await openApi(app, bearer(token)).get('/api/me'))
    isRefused(await refresh(app, refreshToken))
    const { status, body } = await openApi(app).signIn(person)
    assert.deepEqual([status, body.code], [403, 'BANNED_USER'])
    assert.equal((await openApi(app).signIn({ ...person, password: 'not the password' })).status, 401)
    const place = decode(token).claims.status as { status_list: { idx: number } }
    const [listed] = await app.sql<{ ended: boolean }>`
      select ended_at is not null as ended from token_status where status_index = ${place.status_list.idx}`
    assert.equal(listed?.ended, true)
  })

  it('is refused even where a session was left behind, as a process of an older version may do', async () => {
    const { person, api } = await apiLearner(app, 'Fay')
    const { token, refreshToken } = await firstPair(api)
    const direct = postgres(app.databaseUrl, { max: 1, onnotice: () => {} })
    await direct.begin(async (transaction) => {
      await transaction`alter table all_users disable trigger user_suspended`
      await transaction`update all_users set suspended_at = now() where email = ${person.email}`
      await transaction`alter table all_users enable trigger user_suspended`
    })
    await direct.end()
    assert.equal((await sessionsOf(app, person)).length, 1)
    assert.equal((await api.get('/api/auth/get-session')).body, null)
    isUnauthorized(await openApi(app, bearer(token)).get('/api/me'))
    isRefused(await refresh(app, refreshToken))
  })
})

describe('a login at the moment of the suspension', () => {
  it('that waits for it begins no session, and hears of it when it is tried again', async () => {
    const { person, browser } = await learner(app, 'Gus')
    await browser.logOut()
    const response = await duringChange(
      app,
      (direct) => direct`update all_users set suspended_at = now() where email = ${person.email}`,
      () => browser.logIn(person),
    )
    assert.equal(response.status, 503)
    assert.deepEqual(await sessionsOf(app, person), [])
    isToldSo(await browser.logIn(person))
  })

  it('that is a little earlier is ended by it', async () => {
    const { person, browser } = await learner(app, 'Hal')
    const account = await accountOf(person)
    const [before] = await sessionsOf(app, person)
    // As a login does: the user is locked, the session is there, and it is not committed yet.
    await duringChange(
      app,
      async (direct) => {
        await direct`select 1 from users where id = ${account.id} for share`
        await direct`insert into sessions (sid, sess, handle, expire, ip_address, user_agent)
          select 'late' || sid, sess, 'late' || handle, expire, ip_address, user_agent from sessions where sid = ${before?.sid ?? ''}`
      },
      () => suspendAccount(app.deps, account, { reason: 'In a hurry', notify: false }),
    )
    assert.deepEqual(await sessionsOf(app, person), [])
    assert.equal(
      await apiOf(app, browser)
        .get('/api/auth/get-session')
        .then(({ body }) => body),
      null,
    )
  })
})
