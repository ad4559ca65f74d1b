/** The account and recovery pages in all their states, for the checks that visit every page. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { suspendAccount } from '../../src/accounts/suspension.ts'
import { findCredentials } from '../../src/accounts/users.ts'
import { startApp, type TestApp } from './app.ts'
import { shutStrangersOut, TRIES, useUp } from './guessing.ts'
import { addLoginCode } from './login-code-gallery.ts'
import { openMailbox } from './mailbox.ts'
import { pathOf } from './mailed.ts'
import { addPasskeyPages } from './passkey-gallery.ts'
import { learner, openBrowser, PASSWORD, type Response, somebody } from './people.ts'
import { eventually } from './process.ts'
import { switchOn } from './second-step.ts'
import { addSecondStep } from './second-step-gallery.ts'

export type Add = (name: string, viewer: 'visitor' | 'learner', path: string, response: Response) => Response

const HOUR = 60 * 60_000
const CONFIRM_TRIES = 10
const OTHER_DEVICES = [
  'Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0 Mobile Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 15_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15',
  'W'.repeat(300),
]

/** Await this while the gallery is being collected. */
export async function addAccount({ databaseUrl }: TestApp, add: Add): Promise<void> {
  const mailbox = await openMailbox()
  const directory = await mkdtemp(join(tmpdir(), 'matricula-outbox-'))
  after(() => rm(directory, { recursive: true, force: true }))
  const app = await startApp({}, { databaseUrl, mailbox })
  const mailedTo = async (email: string, subject: RegExp, count = 1) =>
    pathOf(await mailbox.letterTo(email, subject, count))

  const { browser: ada, person } = await learner(app, 'Ada')
  const show = async (name: string, path: string) => add(name, 'learner', path, await ada.get(path))
  await show('dashboard with an address that is not confirmed', '/dashboard')
  for (const page of [
    '',
    '/email-change',
    '/password-change',
    '/password-confirmation',
    '/sessions',
    '/data-export',
    '/account-deletion',
  ]) {
    await show(`/account${page}`, `/account${page}`)
  }
  await show('verification page of a learner', '/email-verification')
  mailbox.set('unknown')
  const { browser: typo } = await learner(app, 'Typo')
  await eventually('the refusal', async () => /refused/.test((await typo.get('/email-verification')).text))
  add('mail that was refused', 'learner', '/email-verification', await typo.get('/email-verification'))
  mailbox.set('take')
  add('account without a name', 'learner', '/account', await ada.submitTo('/account', '/account', { name: '' }))
  await ada.submitTo('/account', '/account', { name: person.name })
  await show('account after saving the name', '/account')
  const email = (address: string) => ada.submit('/account/email-change', { email: address })
  add('new address, left empty', 'learner', '/account/email-change', await email(''))
  add('new address that is the old one', 'learner', '/account/email-change', await email(person.email))
  add('new address, perhaps mistyped', 'learner', '/account/email-change', await email('ada@gmial.com'))
  const other = somebody('other').email
  await email(other)
  await show('account with an address that waits', '/account')
  await show('new address while one waits', '/account/email-change')
  const wrongPassword = { currentPassword: 'not the password', newPassword: 'short', endOthers: 'yes' }
  add(
    'password, new one too short',
    'learner',
    '/account/password-change',
    await ada.submit('/account/password-change', wrongPassword),
  )
  const wrongCurrent = { ...wrongPassword, newPassword: 'another tidy copper lantern' }
  add(
    'password, current one wrong',
    'learner',
    '/account/password-change',
    await ada.submit('/account/password-change', wrongCurrent),
  )
  add(
    'confirm, wrong',
    'learner',
    '/account/password-confirmation',
    await ada.submit('/account/password-confirmation', { password: 'wrong' }),
  )
  add('delete, left empty', 'learner', '/account/account-deletion', await ada.submit('/account/account-deletion', {}))
  for (const agent of OTHER_DEVICES) await openBrowser(app, { 'User-Agent': agent }).logIn(person)
  await openBrowser(app).logIn({ email: person.email, password: 'not the password' })
  await show('several devices', '/account/sessions')
  add(
    'device that is not there',
    'learner',
    '/account/sessions',
    await ada.submitTo('/account', '/account/sessions/x/end'),
  )

  const visitor = openBrowser(app)
  const see = async (name: string, path: string) => add(name, 'visitor', path, await visitor.get(path))
  const open = async (link: string) => (await visitor.get(link)).headers.location ?? ''
  await see('reset page where there is mail', '/password-reset')
  add('reset, left empty', 'visitor', '/password-reset', await visitor.submit('/password-reset', { email: '' }))
  await see('reset sent, without an address', '/password-reset/sent')
  await visitor.submit('/password-reset', { email: person.email })
  await see('reset sent', '/password-reset/sent')
  await see('no link open', '/password-reset/new')
  const superseded = await mailedTo(person.email, /Reset/)
  await see('new password', await open(superseded))
  add(
    'new password too short',
    'visitor',
    '/password-reset/new',
    await visitor.submit('/password-reset/new', { password: 'a' }),
  )
  await visitor.submit('/password-reset', { email: person.email })
  const good = await mailedTo(person.email, /Reset/, 2)
  await see('link that has been replaced', await open(superseded))
  await open(good)
  app.advance(2 * HOUR)
  await see('link that has expired', '/password-reset/new')
  app.advance(-2 * HOUR)
  const done = await visitor.submit('/password-reset/new', { password: 'yet another copper lantern' })
  await see('login after a reset', done.headers.location ?? '')
  await see('link that has been used', await open(good))

  await see('new device', '/new-device')
  add('new device, left empty', 'visitor', '/new-device', await visitor.submit('/new-device', { email: '' }))
  const guessed = somebody('guessed').email
  await useUp(app, 'loginByAddress', guessed, TRIES)
  const login = () => openBrowser(app).logIn({ email: guessed, password: 'not the password' }, { next: '/dashboard' })
  add('login paused, with a way in', 'visitor', '/login', await login())
  await shutStrangersOut(app, { email: guessed })
  add('login after a hundred wrong passwords', 'visitor', '/login', await login())
  await visitor.submit('/new-device', { email: person.email })
  await see('new device, link sent', '/new-device/sent')
  const letIn = await mailedTo(person.email, /Log in from a new device/)
  await see('new device, link open', await open(letIn))
  const pressed = await visitor.submitTo('/new-device/confirm', '/new-device/confirm')
  await see('login after a device was let in', pressed.headers.location ?? '')
  await see('new device, link used', await open(letIn))

  const elsewhere = openBrowser(app)
  await elsewhere.logIn({ ...person, password: 'yet another copper lantern' })
  const notice = await mailedTo(person.email, /A new device was used/)
  await see('it was not me', await open(notice))
  await visitor.submit('/not-me/confirm', {})
  await see('new password after it was not me', '/password-reset/new')
  await see('it was not me, pressed', await open(notice))
  const { browser: cleo, person: careful } = await learner(app, 'Cleo')
  await cleo.get(await mailedTo(careful.email, /Confirm/))
  await cleo.submit('/email-verification/confirm', {})
  await switchOn(app, cleo)
  await see('it was not me, second step', await open(await mailedTo(careful.email, /second step is switched on/)))
  const { browser: dora, person: moved } = await learner(app, 'Dora')
  await dora.get(await mailedTo(moved.email, /Confirm/))
  await dora.submit('/email-verification/confirm', {})
  const movedTo = somebody('moved').email
  await dora.submit('/account/email-change', { email: movedTo })
  await dora.get(await mailedTo(movedTo, /Confirm/))
  await dora.submit('/email-verification/confirm', {})
  await see('it was not me, address', await open(await mailedTo(moved.email, /was changed/)))
  await dora.submitTo('/account', '/account/login-notices')
  add('account without mails of new devices', 'learner', '/account', await dora.get('/account'))

  await see('verification page of a visitor', '/email-verification')
  add('verification, left empty', 'visitor', '/email-verification', await visitor.submit('/email-verification', {}))
  const { browser: ben, person: benjamin } = await learner(app, 'Ben')
  const verification = await mailedTo(benjamin.email, /Confirm/)
  await see('confirm an address, from elsewhere', await open(verification))
  const wrong = { password: 'not the password' }
  add(
    'confirm, wrong password',
    'visitor',
    '/email-verification/confirm',
    await visitor.submit('/email-verification/confirm', wrong),
  )
  await see('make an account yours', '/email-verification/new-password')
  const short = await visitor.submit('/email-verification/new-password', { password: 'a', startEmpty: 'yes' })
  add('make an account yours, password too short', 'visitor', '/email-verification/new-password', short)
  await visitor.submit('/email-verification', { email: benjamin.email })
  await see('verification sent', '/email-verification/sent')
  await see('verification link that has been replaced', await open(verification))
  const newest = await mailedTo(benjamin.email, /Confirm/, 2)
  await ben.get(newest)
  add('confirm one’s own address', 'learner', '/email-verification', await ben.get('/email-verification/confirm'))
  await open(`${newest}?callbackURL=${encodeURIComponent('/lessons/f1')}`)
  const confirmed = await visitor.submit('/email-verification/confirm', { password: PASSWORD })
  await see('address confirmed', confirmed.headers.location ?? '')
  await see('address removed', '/email-verification/disowned')
  await see('login after an account was taken over', '/login?done=account-claimed')
  add('confirmed already', 'learner', '/email-verification', await ben.get('/email-verification'))
  const third = somebody('third').email
  await ben.submit('/account/email-change', { email: third })
  await see('confirm a new address, from elsewhere', await open(await mailedTo(third, /Confirm/)))
  await see('goodbye', '/goodbye')
  const { browser: leaver, person: leaving } = await learner(app, 'Carl')
  await leaver.submit('/account/account-deletion', { password: leaving.password, sure: 'yes' })
  const way = await mailedTo(leaving.email, /about to be deleted/)
  await see('no deletion to undo', '/deletion-undo')
  await see('deletion to undo', await open(way))
  app.advance(8 * 24 * HOUR)
  await see('deletion that is over', '/deletion-undo')
  app.advance(-8 * 24 * HOUR)
  const kept = await visitor.submit('/deletion-undo', {})
  await see('login after an account was kept', kept.headers.location ?? '')
  await see('deletion that was undone', await open(way))
  await see('account gone for good', '/deletion-undo/gone')

  const { person: barred } = await learner(app, 'Emil')
  const account = (await findCredentials(app.sql, barred.email))?.user ?? { id: '', email: '' }
  await suspendAccount(app.deps, account, { reason: 'of the gallery', notify: false })
  add('account suspended', 'visitor', '/login', await openBrowser(app).logIn(barred))

  for (let tries = 0; tries < CONFIRM_TRIES; tries += 1)
    await ben.submit('/account/password-confirmation', { password: 'wrong' })
  add(
    'logged out for guessing',
    'visitor',
    '/account/password-confirmation',
    await ben.submit('/account/password-confirmation', { password: 'wrong' }),
  )

  await addSecondStep({ app, add })
  await addLoginCode({ app, mailbox, add })
  await addPasskeyPages({ app: await startApp({}, { databaseUrl, mailbox, atPublicUrl: true }), add })

  const inFiles = await startApp({ MAIL_DIRECTORY: directory }, { databaseUrl })
  const developer = openBrowser(inFiles)
  add('outbox without a mail', 'visitor', '/dev/outbox', await developer.get('/dev/outbox'))
  await openBrowser(inFiles).signUp({ ...somebody('Carl'), password: PASSWORD })
  await eventually('the mail', async () => (await developer.get('/dev/outbox')).text.includes('<article'))
  add('outbox', 'visitor', '/dev/outbox', await developer.get('/dev/outbox'))
}
