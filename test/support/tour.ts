/** Everything that people, programs and operators do with the app, once, so that it sends each of its statements. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse } from 'node-html-parser'
import { deleteWithoutGrace } from '../../src/accounts/account-deletion.ts'
import { signOutByOperator } from '../../src/accounts/account-sessions.ts'
import { OPERATOR } from '../../src/accounts/activity.ts'
import { copyOfAccount } from '../../src/accounts/data-export.ts'
import { confirmByOperator } from '../../src/accounts/links/email-verification.ts'
import { replaceForeign } from '../../src/accounts/passwords/pepper-use.ts'
import { replaceSealedSecret } from '../../src/accounts/second-step/sealed-secrets.ts'
import { takeSecondStepOff } from '../../src/accounts/second-step/switching-off.ts'
import { unlock } from '../../src/accounts/support/account-limits.ts'
import { findObstacles } from '../../src/accounts/support/obstacles.ts'
import { findSupportAccount } from '../../src/accounts/support/support-accounts.ts'
import { reportOn } from '../../src/accounts/support/user-report.ts'
import { searchUsers } from '../../src/accounts/support/user-search.ts'
import { resumeAccount, suspendAccount } from '../../src/accounts/suspension.ts'
import { ROOT } from '../../src/config/folders.ts'
import { beginAudit, endAudit, listAudit } from '../../src/database/audit.ts'
import { type Pruning, prune } from '../../src/database/pruning.ts'
import { refundLoginTry, triesOfStrangers } from '../../src/limits/login-tries.ts'
import { isWaiting, replaceSealedMail, retryMails } from '../../src/mail/waiting-mails.ts'
import { peopleOfBetterAuth } from '../../src/moving/better-auth.ts'
import { moveIn } from '../../src/moving/move-in.ts'
import { endSession } from '../../src/sessions/open-sessions.ts'
import { replaceSealedKey } from '../../src/tokens/sealed-keys.ts'
import { addServiceKey, listServiceKeys, revokeServiceKey } from '../../src/tokens/service-keys.ts'
import { apiLearner, apiOf, bearer, openApi } from './api.ts'
import { SECRET, type TestApp } from './app.ts'
import { addPasskey, logInWith, PASSKEYS, passkeyIds } from './authenticator.ts'
import { FAILURES_MAX, useUp } from './guessing.ts'
import { codeOf, filesIn } from './imports.ts'
import { answer, mark, PROFILE, passAll, saveAnswers, send } from './learning.ts'
import type { Mailbox } from './mailbox.ts'
import {
  askForChange,
  askForReset,
  CHANGE,
  confirm,
  NEW_PASSWORD,
  open,
  RESET,
  resetBy,
  secretOf,
  VERIFY,
} from './mailed.ts'
import { askForCode, codeOf as mailedCodeIn, notThis, type as typeCode } from './mailed-codes.ts'
import { moveOut } from './moving.ts'
import { type Browser, learner, openBrowser, PASSWORD, type Person, type Response, somebody } from './people.ts'
import { eventually, startProgram } from './process.ts'
import { enterCode, firstStep, nextCode, PAGE, switchOn, wrongCode } from './second-step.ts'
import { firstPair, MINUTE, refresh, SECOND, successor } from './tokens.ts'

type Tour = {
  app: TestApp
  mailbox: Mailbox
  /** On the same database, without mail, with hashes of a higher cost. */
  bare: TestApp
  /** The key of a backend that may ask about tokens, and the token of the metrics. */
  serviceKey: string
  /** Overwrites the sessions of somebody with something that cannot be read. */
  damage: (person: Person) => Promise<unknown>
}

export async function takeTour(tour: Tour): Promise<void> {
  await answers(200, openBrowser(tour.app).get('/health/ready'))
  await answers(200, openBrowser(tour.app, bearer(tour.serviceKey)).get('/metrics'))
  await learnByPages(tour.app)
  await keepAccountByPages(tour)
  await forgetThings(tour)
  await letDeviceIn(tour)
  await leaveAndComeBack(tour)
  await takeSecondStep(tour)
  await logInByCode(tour)
  await usePasskeys(tour)
  await useApi(tour)
  await useTokens(tour)
  await doWithoutMail(tour)
  await sendLater(tour)
  await operate(tour)
}

async function answers(status: number, response: PromiseLike<Response>): Promise<Response> {
  const { status: told, text } = await response
  assert.equal(told, status, text)
  return response
}

const done = (response: PromiseLike<Response>): Promise<Response> => answers(303, response)

/** A double press: the second one does not have the session of the first yet. */
async function pressTwice(app: TestApp): Promise<void> {
  const browser = openBrowser(app)
  const form = { ...somebody('Ada'), _csrf: await browser.token('/sign-up') }
  const again = openBrowser(app, { Cookie: `matricula-form=${browser.cookie('matricula-form')}` })
  await done(browser.post('/sign-up', form))
  await done(again.post('/sign-up', form))
}

async function learnByPages(app: TestApp): Promise<void> {
  await pressTwice(app)
  const { browser } = await learner(app, 'Ada')
  await passAll(browser)
  await done(saveAnswers(browser))
  await answers(200, browser.get('/dashboard'))
  await done(answer(browser, 'focus'))
  await done(send(browser, '/profile', PROFILE))
  for (const state of ['started', 'done', 'none']) await done(mark(browser, 'f1', state))
  await answers(200, browser.get('/lessons/f1'))
  await skipAhead(browser)
  await planByPages(browser)
  // After a minute, a visit is written down.
  app.advance(MINUTE + SECOND)
  await answers(200, browser.get('/dashboard'))
  await done(browser.logOut())
}

/** Marks what is known of a part, of which a lesson was begun before, and takes it back. */
async function skipAhead(browser: Browser): Promise<void> {
  await done(mark(browser, 'r1', 'started'))
  const page = '/plan/skip/ros2'
  await done(browser.submit(page, 'lessons=r1&lessons=r2'))
  const at =
    parse((await browser.get(page)).text)
      .querySelector('#take-back-form button')
      ?.getAttribute('value') ?? ''
  await done(browser.submitTo(page, `${page}/undo`, { at }))
}

async function planByPages(browser: Browser): Promise<void> {
  await done(browser.submit('/plan', { hours: '4' }))
  await done(browser.submitTo('/plan', '/plan/calendar'))
  const address =
    parse((await browser.get('/plan')).text)
      .querySelector('a[href$=".ics"]')
      ?.getAttribute('href') ?? ''
  await answers(200, browser.get(address))
  await done(browser.submitTo('/plan', '/plan/calendar/withdraw'))
  await answers(404, browser.get(address))
  await answers(200, browser.get('/plan'))
}

async function keepAccountByPages({ app, mailbox }: Tour): Promise<void> {
  const { person, browser } = await learner(app, 'Ben')
  const account = (page: string, fields = {}) => browser.submitTo(`/account${page}`, `/account${page}`, fields)
  await done(confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject)))
  await done(account('', { name: 'Benjamin' }))
  await answers(422, openBrowser(app).logIn({ ...person, password: 'not the password' }))

  for (const oneByOne of [true, false]) {
    const elsewhere = openBrowser(app)
    await done(elsewhere.logIn(person))
    const { session } = (await apiOf(app, elsewhere).get('/api/auth/get-session')).body
    await answers(200, browser.get('/account/sessions'))
    const end = oneByOne ? `${session.token}/end` : 'end-others'
    await done(browser.submitTo('/account/sessions', `/account/sessions/${end}`))
  }

  const next = somebody('Benjamin').email
  await askForChange(browser, mailbox, next)
  await answers(200, browser.get('/account'))
  await done(browser.submitTo('/account/email-change', '/account/email-change/cancel'))
  await done(confirm(browser, await askForChange(browser, mailbox, next, 2)))
  const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
  await done(account('/password-change', { ...change, endOthers: 'yes' }))
  await done(account('/password-change', { currentPassword: NEW_PASSWORD, newPassword: PASSWORD }))
  await answers(200, account('/data-export'))
  for (const loginNotices of ['no', 'yes'])
    await done(browser.submitTo('/account', '/account/login-notices', { loginNotices }))
  await open(browser, await mailbox.letterTo(person.email, /address was changed/))
  await done(browser.submit('/not-me/confirm', {}))
  await done(browser.submit(RESET.page, { password: PASSWORD }))
  await done(browser.logIn(person))
  await openBrowser(app).logIn(person)
  await open(browser, await mailbox.letterTo(person.email, /A new device was used/))
  await done(browser.submit('/not-me/confirm', {}))
  await done(browser.submit(RESET.page, { password: PASSWORD }))
  await done(browser.logIn(person))
  await done(account('/account-deletion', { password: PASSWORD, sure: 'yes' }))
}

/** What people do who have forgotten their password, or never signed up themselves. */
async function forgetThings({ app, mailbox }: Tour): Promise<void> {
  const { person, browser } = await learner(app, 'Carl')
  const visitor = openBrowser(app)
  const letter = await askForReset(visitor, mailbox, person.email)
  await done(resetBy(visitor, letter))
  await answers(410, open(visitor, letter))
  await done(browser.logIn({ ...person, password: NEW_PASSWORD }))

  const { browser: dora } = await learner(app, 'Dora')
  await answers(200, dora.get('/email-verification'))
  // More often than mails are sent to one address.
  for (let count = 0; count < 4; count += 1) await done(dora.submit('/email-verification', {}))
  const { person: madeByAnother } = await learner(app, 'Emil')
  await open(visitor, await mailbox.letterTo(madeByAnother.email, VERIFY.subject))
  await done(visitor.submitTo('/email-verification/new-password', '/email-verification/disown'))
  const { person: tried } = await learner(app, 'Fay')
  await open(visitor, await mailbox.letterTo(tried.email, VERIFY.subject))
  await done(visitor.submit('/email-verification/new-password', { password: NEW_PASSWORD, startEmpty: 'yes' }))
  const { person: elsewhere } = await learner(app, 'Gus')
  await done(confirm(visitor, await mailbox.letterTo(elsewhere.email, VERIFY.subject)))
}

/** Strangers guess until an address takes no more of their passwords, and its owner lets a new device in. */
async function letDeviceIn({ app, mailbox }: Tour): Promise<void> {
  const { person } = await learner(app, 'Jo')
  await useUp(app, 'failuresByAddress', person.email, FAILURES_MAX - 1)
  const phone = openBrowser(app)
  await answers(422, phone.logIn({ ...person, password: 'not the password' }))
  await mailbox.letterTo(person.email, /Too many wrong passwords/)
  await answers(429, phone.logIn(person))
  await done(phone.submit('/new-device', { email: person.email }))
  await open(phone, await mailbox.letterTo(person.email, /Log in from a new device/))
  await done(phone.submit('/new-device/confirm', {}))
  // As after a try that could not be made, which takes a fault.
  await refundLoginTry(app.deps, triesOfStrangers(person.email))
}

/** Somebody leaves, asks for another link, comes back, and leaves for good. */
async function leaveAndComeBack({ app, mailbox }: Tour): Promise<void> {
  const { person, browser } = await learner(app, 'Kim')
  const undo = (count: number) => mailbox.letterTo(person.email, /about to be deleted/, count)
  const leave = () => browser.submit('/account/account-deletion', { password: PASSWORD, sure: 'yes' })
  await done(leave())
  await undo(1)
  await done(browser.submit('/password-reset', { email: person.email }))
  await open(browser, await undo(2))
  await done(browser.submitTo('/deletion-undo', '/deletion-undo'))
  await done(browser.logIn(person))
  await done(leave())
  await open(browser, await undo(3))
  await done(browser.submitTo('/deletion-undo', '/deletion-undo/not-me'))
  await done(browser.submit('/password-reset/new', { password: NEW_PASSWORD }))
  await done(browser.logIn({ ...person, password: NEW_PASSWORD }))
  await done(browser.submit('/account/account-deletion', { password: NEW_PASSWORD, sure: 'yes' }))
  await open(browser, await undo(4))
  await done(browser.submitTo('/deletion-undo', '/deletion-undo/for-good'))
}

/** Somebody sets a second step up, logs in with it in every way, is guessed at, and has it switched off twice. */
async function takeSecondStep({ app, mailbox }: Tour): Promise<void> {
  const { person, browser } = await learner(app, 'Lea')
  await done(confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject)))
  const { secret, codes } = await switchOn(app, browser)
  const elsewhere = openBrowser(app)
  await firstStep(elsewhere, person)
  await done(enterCode(elsewhere, nextCode(app, secret), { rememberDevice: 'yes' }))
  await done(elsewhere.logOut())
  await done(elsewhere.logIn(person))
  const eve = openBrowser(app)
  await firstStep(eve, person)
  await done(enterCode(eve, codes[0] ?? ''))
  const guesser = openBrowser(app)
  await firstStep(guesser, person)
  for (let tries = 0; tries < 5; tries += 1) await answers(422, enterCode(guesser, wrongCode(app, secret)))
  await mailbox.letterTo(person.email, /Wrong codes/)
  app.advance(11 * MINUTE)
  await done(browser.submit('/account/password-confirmation', { password: PASSWORD }))
  await done(browser.submit(`${PAGE}/confirmation`, { code: nextCode(app, secret) }))
  for (const change of ['recovery-codes', 'forget-devices', 'off'])
    await done(browser.submitTo(PAGE, `${PAGE}/${change}`))
  await switchOn(app, browser)
  const { user } = (await apiOf(app, browser).get('/api/auth/get-session')).body
  assert.ok(await takeSecondStepOff(app.deps, user.id, { notify: true }))
  await switchOn(app, browser)
  await open(guesser, await mailbox.letterTo(person.email, /A second step is switched on/, 3))
  await done(guesser.submit('/not-me/confirm', {}))
}

/** Somebody logs in by a code and by a link, mistypes one, asks too often, and claims an account; a program uses the other codes. */
async function logInByCode({ app, mailbox }: Tour): Promise<void> {
  const { person, browser } = await learner(app, 'Mia')
  await done(browser.logOut())
  const phone = openBrowser(app)
  const mistyped = await askForCode(phone, mailbox, person.email)
  await answers(422, typeCode(phone, notThis(mistyped.code)))
  await done(typeCode(phone, mistyped.code))
  await done(phone.logOut())
  const { letter } = await askForCode(phone, mailbox, person.email, 2)
  await open(phone, letter)
  await done(phone.submit('/login/code/confirm', {}))
  app.advance(11 * MINUTE)
  const late = openBrowser(app)
  await done(late.submit('/login/code', { email: somebody('nobody').email }))
  app.advance(11 * MINUTE)
  await answers(410, typeCode(late, '123456'))

  const { person: other, api } = await apiLearner(app, 'Nia')
  const call = (path: string, body: object) =>
    ok(api.post(`/api/auth/email-otp/${path}`, { email: other.email, ...body }))
  const otp = async (subject: RegExp) => mailedCodeIn(await mailbox.letterTo(other.email, subject))
  await call('send-verification-otp', { type: 'email-verification' })
  await call('verify-email', { otp: await otp(/code to confirm/) })
  await call('request-password-reset', {})
  await call('reset-password', { otp: await otp(/code for a new password/), password: NEW_PASSWORD })
}

/** Somebody adds passkeys, names one, logs in by it, is told of a copy of it, and removes one. */
async function usePasskeys({ app, mailbox }: Tour): Promise<void> {
  const { person, browser } = await learner(app, 'Kim')
  await done(confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject)))
  const passkey = await addPasskey(app, browser, { count: 1 })
  await addPasskey(app, browser)
  const ids = await passkeyIds(browser)
  const page = `${PASSKEYS}/${ids[1]}`
  await done(browser.submitTo(page, page, { name: 'Blue key' }))
  const phone = openBrowser(app)
  await done(logInWith(phone, passkey, { count: 2 }))
  await answers(422, logInWith(openBrowser(app), passkey, { count: 1 }))
  await mailbox.letterTo(person.email, /may have been copied/)
  await done(browser.submitTo(page, `${page}/remove`))
}

const ok = async (response: PromiseLike<Response>) => (await answers(200, response)).body

async function useApi({ app, mailbox }: Tour): Promise<void> {
  const { person, api } = await apiLearner(app, 'Eve')
  const auth = (call: string, body?: unknown) => ok(api.post(`/api/auth/${call}`, body))
  const { email } = person
  for (const path of ['me', 'profile', 'recommendations', 'progress/f1']) await ok(api.get(`/api/${path}`))
  await ok(api.put('/api/profile', PROFILE))
  for (const state of ['done', 'none']) await ok(api.put('/api/progress/f1', { state }))
  for (const path of ['get-session', 'list-sessions', 'list-accounts', 'jwks']) await ok(api.get(`/api/auth/${path}`))
  await auth('update-user', { name: 'Eva', image: null })
  await auth('verify-password', { password: PASSWORD })
  // Two mails on their way at the same time may arrive in any order.
  await mailbox.letterTo(email, VERIFY.subject)
  await auth('send-verification-email', { email })
  const toConfirm = secretOf(await mailbox.letterTo(email, VERIFY.subject, 2))
  await ok(api.get(`/api/auth/verify-email?token=${toConfirm}`, { Accept: 'application/json' }))
  const next = somebody('Eva').email
  await auth('change-email', { newEmail: next })
  const toChange = secretOf(await mailbox.letterTo(next, CHANGE.subject))
  await ok(api.get(`/api/auth/verify-email?token=${toChange}`, { Accept: 'application/json' }))
  await auth('change-password', { currentPassword: PASSWORD, newPassword: NEW_PASSWORD, revokeOtherSessions: true })

  const other = openApi(app)
  const { token } = await ok(other.signIn({ email: next, password: NEW_PASSWORD }))
  await auth('revoke-session', { token })
  for (const call of ['revoke-other-sessions', 'revoke-sessions']) await auth(call)
  await auth('request-password-reset', { email: next })
  const toReset = secretOf(await mailbox.letterTo(next, RESET.subject))
  await auth('reset-password', { newPassword: PASSWORD, token: toReset })
  await ok(api.signIn({ email: next, password: PASSWORD }))
  await auth('sign-out')
  await ok(api.signIn({ email: next, password: PASSWORD }))
  await auth('delete-user', { password: PASSWORD })
}

async function useTokens({ app, serviceKey, damage }: Tour): Promise<void> {
  const { person, api } = await apiLearner(app, 'Finn')
  const token = await api.token()
  await ok(openApi(app, bearer(token)).get('/api/me'))
  await ok(openApi(app, bearer(serviceKey)).post('/api/auth/introspect', { token }))
  await answers(200, openBrowser(app).get('/api/auth/status-list'))
  const named = await addServiceKey(app.sql, { name: 'nightly', rights: ['profiles', 'deleted'], now: app.deps.now() })
  const service = openApi(app, bearer(named ?? ''))
  for (const path of ['/api/profiles', '/api/users/deleted']) await ok(service.get(path))
  await listServiceKeys(app.sql)
  await revokeServiceKey(app.sql, 'nightly')
  const first = await firstPair(api)
  const second = await successor(app, first)
  await successor(app, first)
  app.advance(MINUTE)
  await answers(401, refresh(app, first.refreshToken))
  await ok(openApi(app).post('/api/auth/revoke', { refreshToken: second.refreshToken }))
  await damage(person)
  await ok(api.get('/api/auth/get-session'))
}

/** A server without mail, which also finds that the hashes of the other are old. */
async function doWithoutMail({ app, bare }: Tour): Promise<void> {
  const { person } = await learner(app, 'Gina')
  await done(openBrowser(bare).logIn(person))
  const { api } = await apiLearner(bare, 'Hugo')
  await ok(api.post('/api/auth/change-password', { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }))
  await ok(api.post('/api/auth/delete-user', { password: NEW_PASSWORD }))
}

/** A mail that its server takes only at the second try. */
async function sendLater({ app, mailbox }: Tour): Promise<void> {
  const person = somebody('Ida')
  mailbox.set('busy', person.email)
  await done(openBrowser(app).signUp(person))
  await eventually('the mail to be put off', () => app.log().includes('mail not sent yet'))
  await app.deps.mail.stop()
  mailbox.set('take', person.email)
  app.advance(MINUTE)
  app.deps.mail.start()
  await mailbox.letterTo(person.email)
}

const COMMANDS_OF_TOUR: [noun: string, ...rest: string[]][] = [
  ['report'],
  ['doctor'],
  ['secrets', 'rotate'],
  ['sessions', 'list'],
  ['sessions', 'list', '--user', 'nobody'],
  ['sessions', 'count'],
  ['outbox', 'list'],
  ['sessions', 'revoke', '--everybody'],
]

/** What an operator does, and the server by itself. */
async function operate({ app }: Tour): Promise<void> {
  const { keyRing, sql, now } = app.deps
  const kids = async () => (await keyRing.list()).map(({ key }) => key.kid)
  const newest = async () => (await kids()).at(-1) ?? ''
  const retire = async (kid: string, immediately: boolean) =>
    assert.ok((await keyRing.retire(kid, { immediately })).ok, 'the key is retired')
  await keyRing.rotate()
  const [stolen = ''] = await kids()
  await retire(stolen, true)
  await keyRing.rotate()
  app.advance(16 * MINUTE)
  await retire(await newest(), false)

  const entry = { who: 'ada', osUser: 'ada', what: 'keys rotate', at: now() }
  await endAudit(sql, await beginAudit(sql, entry), 'done')
  for (const about of [{}, { whom: 'somebody' }, { since: now() }]) await listAudit(sql, { ...about, limit: 10 })

  await helpSomebody(app)
  await moveInAndOut(app)

  for (const [about, ...args] of COMMANDS_OF_TOUR) {
    const command = startProgram(['dist/cli.js', about, ...args], {
      NODE_ENV: 'test',
      APP_SECRETS: SECRET,
      DATABASE_URL: app.databaseUrl,
    })
    assert.equal((await command.ended()).code, 0, command.written.err)
  }
  // These say that there is nothing of that name.
  for (const id of [undefined, 'no-mail']) await retryMails(sql, { id, now: now() })
  await isWaiting(sql, 'no-mail')
  await replaceSealedMail(sql, 'no-mail', { before: '', sealed: '', recipient: '' })
  await replaceForeign(sql, [{ id: 'nobody', stored: '', sealed: '' }])
  await replaceSealedKey(sql, 'no-key', { before: '', sealed: '' })
  await replaceSealedSecret(sql, 'nobody', { before: '', sealed: '' })
  await endSession(sql, 'no-session')

  for (const pruning of await prunings()) await prune(sql, pruning, now(), 1_000)
}

/** People come from the tables of a Better Auth site that stand beside ours, come again, and leave. */
async function moveInAndOut(app: TestApp): Promise<void> {
  const { deps } = app
  for (const taken of [true, false]) {
    const report = await moveIn(deps, peopleOfBetterAuth(deps.sql), { now: deps.now })
    assert.equal(report.taken > 0, taken)
  }
  assert.ok((await moveOut(app)).length > 0)
}

/** What an operator does about one learner. */
async function helpSomebody(app: TestApp): Promise<void> {
  const { deps } = app
  const { person } = await learner(app, 'Lea')
  const account = (await findSupportAccount(deps, person.email)) ?? assert.fail('there is an account')
  await searchUsers(deps.sql, 'lea', 10)
  for (const whom of [person.email, 'nobody']) await findObstacles(deps, whom)
  await reportOn(deps, account)
  await unlock(deps, { email: account.email, account })
  assert.ok(await confirmByOperator(deps, account.id))
  assert.equal(await signOutByOperator(deps.sql, account.id, deps.now()), 1)
  await copyOfAccount(deps, account, OPERATOR)
  assert.ok(await suspendAccount(deps, account, { reason: 'of the tour', notify: true }))
  assert.ok(await resumeAccount(deps, account, { notify: true }))
  await deleteWithoutGrace(deps, account)
}

/** Every kind of row that is deleted when it is over. */
async function prunings(): Promise<Pruning[]> {
  const found = filesIn('src', '.ts').flatMap((file) =>
    [...codeOf(file).matchAll(/export const (\w+): Pruning\b/g)].map(async ([, name = '']) => {
      const compiled: Record<string, Pruning> = await import(
        pathToFileURL(join(ROOT, 'build', file.replace(/\.ts$/, '.js'))).href
      )
      return compiled[name] ?? assert.fail(`${file} does not export ${name}`)
    }),
  )
  assert.ok(found.length >= 8, `${found.length} found`)
  return Promise.all(found)
}
