/** A password that is known from leaks is refused where somebody chooses one, if the operator has named a service to ask. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { apiLearner, openApi } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { type Behaviour, prefixOf, startLeakService } from '../support/leaked-passwords.ts'
import { openMailbox } from '../support/mailbox.ts'
import { askForReset, leads, NEW_PASSWORD, RESET, resetBy, secretOf } from '../support/mailed.ts'
import { learner, openBrowser, PASSWORD, problemsOf, somebody } from '../support/people.ts'

const LEAKED = 'monday tulip bicycle 1987'
/** Typed with a combining accent. It leaked, and is asked for, with the composed letter. */
const ACCENTED = { typed: 'cafe\u0301 monday tulip', leaked: 'caf\u00e9 monday tulip' }
const MESSAGE = 'This password is known from data leaks. Choose another one, and change it wherever else you use it'
const REFUSAL = {
  code: 'PASSWORD_COMPROMISED',
  message: 'The password you entered has been compromised. Please choose a different password.',
}

const service = await startLeakService(LEAKED, ACCENTED.leaked)
const mailbox = await openMailbox()
const app = await startApp({ BREACHED_PASSWORDS_URL: service.url }, { atPublicUrl: true, mailbox, patient: true })
/** The same site with the second that it really waits. */
const impatient = await startApp({ BREACHED_PASSWORDS_URL: service.url }, { databaseUrl: app.databaseUrl })
/** The same site before its operator named a service. */
const unasking = await startApp({}, { databaseUrl: app.databaseUrl })

const signUp = (password: string, site = app) => openBrowser(site).signUp({ ...somebody('Ada'), password })

/** How often the service is asked meanwhile. */
async function questionsDuring(work: () => Promise<unknown>): Promise<number> {
  const before = service.asked.length
  await work()
  return service.asked.length - before
}

describe('a leaked password', () => {
  it('[P09] is refused at sign-up, with what to do, and the next one is taken', async () => {
    const ada = somebody('Ada')
    const browser = openBrowser(app)
    const refused = await browser.signUp({ ...ada, password: LEAKED })
    assert.equal(refused.status, 422)
    assert.deepEqual(problemsOf(refused.text), [{ href: '#new-password', message: MESSAGE }])
    assert.ok(refused.text.includes(ada.email), 'the form comes back filled in')
    assert.ok(!refused.text.includes(LEAKED), 'without the password')
    assert.equal(await browser.whoAmI(), undefined)
    assert.equal((await browser.signUp(ada)).status, 303)
  })

  it('is refused alike for an address with an account and without', async () => {
    const { person } = await learner(app, 'Ada')
    const known = await openBrowser(app).signUp({ ...person, password: LEAKED })
    assert.equal(known.status, 422)
    assert.deepEqual(problemsOf(known.text), [{ href: '#new-password', message: MESSAGE }])
  })

  it('is found however its letters were typed', async () => {
    assert.equal((await signUp(ACCENTED.typed)).status, 422)
    assert.equal((await signUp(ACCENTED.leaked)).status, 422)
  })

  it('[P09] is refused at a change, and nothing has changed', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const change = (newPassword: string) =>
      browser.submit('/account/password-change', { currentPassword: person.password, newPassword })
    const refused = await change(LEAKED)
    assert.equal(refused.status, 422)
    assert.deepEqual(problemsOf(refused.text), [{ href: '#new-password', message: MESSAGE }])
    assert.equal((await openBrowser(app).logIn(person)).status, 303)
    assert.deepEqual(leads(await change(NEW_PASSWORD)), [303, '/account'])
  })

  it('[P09] is refused at a reset, and the link stays good', async () => {
    const { person } = await learner(app, 'Ada')
    const browser = openBrowser(app)
    const letter = await askForReset(browser, mailbox, person.email)
    const refused = await resetBy(browser, letter, LEAKED)
    assert.equal(refused.status, 422)
    assert.deepEqual(problemsOf(refused.text), [{ href: '#new-password', message: MESSAGE }])
    assert.deepEqual(leads(await browser.submit(RESET.page, { password: NEW_PASSWORD })), [
      303,
      '/login?done=password-reset',
    ])
  })

  it("[P09] gets Better Auth's code at the API, at sign-up, change and reset", async () => {
    const { person, api } = await apiLearner(app, 'Ada')
    const refusedWith = ({ status, body }: Awaited<ReturnType<typeof api.post>>) =>
      assert.deepEqual([status, body], [400, REFUSAL])
    refusedWith(await openApi(app).signUp({ ...somebody('Ben'), password: LEAKED }))
    refusedWith(await api.post('/api/auth/change-password', { currentPassword: person.password, newPassword: LEAKED }))
    const token = secretOf(await askForReset(openBrowser(app), mailbox, person.email))
    refusedWith(await openApi(app).post('/api/auth/reset-password', { newPassword: LEAKED, token }))
    const next = await openApi(app).post('/api/auth/reset-password', { newPassword: NEW_PASSWORD, token })
    assert.equal(next.status, 200)
  })
})

describe('the service', () => {
  it('is told five digits and nothing else, and asked for padding', async () => {
    const password = 'somebody counts the lanterns'
    await signUp(password)
    const { method, path, headers } = service.asked.at(-1) ?? assert.fail()
    assert.deepEqual([method, path], ['GET', `/range/${prefixOf(password)}`])
    assert.match(path, /^\/range\/[0-9A-F]{5}$/)
    assert.equal(headers['add-padding'], 'true')
    for (const name of ['cookie', 'referer', 'authorization', 'x-forwarded-for']) assert.equal(headers[name], undefined)
  })

  it('is asked once for each password that is chosen', async () => {
    assert.equal(await questionsDuring(() => signUp(PASSWORD)), 1)
  })

  it('is not asked for what our own rules refuse', async () => {
    const asked = await questionsDuring(async () => {
      for (const password of ['', 'short', 'password1', 'x'.repeat(129), 'aaaaaaaaaa']) await signUp(password)
      await openBrowser(app).signUp({ ...somebody('Ada'), email: 'not an address', password: LEAKED })
    })
    assert.equal(asked, 0)
  })

  it('is not asked at a login, so whoever has such a password can still log in and change it', async () => {
    const ada = { ...somebody('Ada'), password: LEAKED }
    assert.equal((await openBrowser(unasking).signUp(ada)).status, 303)
    const asked = await questionsDuring(async () => {
      assert.equal((await openBrowser(app).logIn(ada)).status, 303)
      assert.equal((await openApi(app).signIn(ada)).status, 200)
    })
    assert.equal(asked, 0)
  })

  it('is not asked by somebody without a good link', async () => {
    const asked = await questionsDuring(async () => {
      const answer = await openApi(app).post('/api/auth/reset-password', { newPassword: LEAKED, token: 'x'.repeat(24) })
      assert.equal(answer.body.code, 'INVALID_TOKEN')
    })
    assert.equal(asked, 0)
  })

  it('is not asked where none is named', async () => {
    const asked = await questionsDuring(() => openBrowser(unasking).signUp({ ...somebody('Ada'), password: LEAKED }))
    assert.equal(asked, 0)
  })

  it('is spoken of on the privacy page, where one is named', async () => {
    assert.match((await openBrowser(app).get('/privacy')).text, /known from data leaks/)
    assert.doesNotMatch((await openBrowser(unasking).get('/privacy')).text, /data leaks/)
  })
})

const SUFFIX = createHash('sha1').update(LEAKED).digest('hex').toUpperCase().slice(5)
/** What becomes of the password. An answer that says nothing of it also lets it pass, and the operator hears of that. */
const REFUSED = { status: 422, told: false }
const PASSES = { status: 303, told: false }
const UNKNOWN = { status: 303, told: true }

const ANSWERS: [name: string, behaviour: Behaviour, outcome: typeof PASSES][] = [
  ['its line alone', (res, { line }) => res.end(line), REFUSED],
  ['lines ended by LF', (res, { line, padding }) => res.end(`${padding}\n${line}\n`.replaceAll('\r', '')), REFUSED],
  ['digits in lower case', (res, { line }) => res.end(line.toLowerCase()), REFUSED],
  ['its line first', (res, { line, padding }) => res.end(`${line}\r\n${padding}`), REFUSED],
  ['its line in pieces', inPieces, REFUSED],
  ['its line as padding', (res, { padding }) => res.end(`${padding}\r\n${SUFFIX}:0`), PASSES],
  ['its line as padding of many noughts', (res) => res.end(`${SUFFIX}:000`), PASSES],
  ['a line that only begins like it', (res) => res.end(`${SUFFIX}A:9`), UNKNOWN],
  ['a line that only ends like it', (res) => res.end(`A${SUFFIX}:9`), UNKNOWN],
  ['its line without a count', (res, { padding }) => res.end(`${padding}\r\n${SUFFIX}:`), PASSES],
  ['a count below nothing', (res, { padding }) => res.end(`${padding}\r\n${SUFFIX}:-3`), PASSES],
  ['an empty answer', (res) => res.end(), PASSES],
  ['its line, and more than a list can hold', (res, { line }) => res.end(`${line}\r\n${'A'.repeat(300_000)}`), UNKNOWN],
  ['a page', (res) => res.end(`<!doctype html><p>${SUFFIX}:42</p>`), UNKNOWN],
  ['its line with 500', (res, { line }) => res.writeHead(500).end(line), UNKNOWN],
  ['its line with 404', (res, { line }) => res.writeHead(404).end(line), UNKNOWN],
  ['429', (res) => res.writeHead(429, { 'Retry-After': '2' }).end(), UNKNOWN],
  ['a redirect to one that knows it', elsewhere, UNKNOWN],
  ['a hang-up', (res) => res.destroy(), UNKNOWN],
]

/** What comes too late, or never ends. */
const TOO_SLOW: typeof ANSWERS = [
  ['nothing at all', () => {}, UNKNOWN],
  ['a beginning and then nothing', (res, { line }) => res.write(`${line}\r\n`), UNKNOWN],
  ['one line after another without an end', (res, { line }) => drip(res, line), UNKNOWN],
]

function inPieces(res: Parameters<Behaviour>[0], { line }: { line: string }): void {
  res.write(line.slice(0, 20))
  setTimeout(() => res.end(line.slice(20)), 20)
}

function elsewhere(res: Parameters<Behaviour>[0]): void {
  if (service.asked.at(-1)?.path === '/known') res.end(`${SUFFIX}:42`)
  else res.writeHead(302, { Location: '/known' }).end()
}

function drip(res: Parameters<Behaviour>[0], line: string): void {
  const timer = setInterval(() => res.write(`${line}\r\n`), 50)
  res.once('close', () => clearInterval(timer))
}

describe('a service that answers with', () => {
  const all = [...ANSWERS.map((row) => [app, row] as const), ...TOO_SLOW.map((row) => [impatient, row] as const)]
  for (const [site, [name, behaviour, { status, told }]] of all) {
    it(`${name} ${status === PASSES.status ? 'lets the password pass' : 'has it refused'}`, async () => {
      // Another hour, so that the log may speak again.
      site.advance(60 * 60_000)
      const logged = site.log().length
      service.behaviour = behaviour
      const answer = await signUp(LEAKED, site).finally(() => {
        service.behaviour = service.honest
      })
      assert.equal(answer.status, status)
      const lines = site.log().slice(logged)
      assert.equal(lines.includes('leaked passwords were not looked up'), told, lines)
      assert.doesNotMatch(lines, new RegExp(`${prefixOf(LEAKED)}|${SUFFIX}|${service.url}`, 'i'))
    })
  }

  it('503, while many sign up, is told to the operator once in an hour', async () => {
    app.advance(60 * 60_000)
    const logged = app.log().length
    service.behaviour = (res) => res.writeHead(503).end()
    for (let person = 0; person < 3; person += 1) assert.equal((await signUp(LEAKED)).status, PASSES.status)
    service.behaviour = service.honest
    assert.equal(app.log().slice(logged).split('leaked passwords were not looked up').length, 2)
    assert.match(app.log().slice(logged), /"reason":"status 503"/)
  })

  it('nothing, since it is not there, lets everybody in', async () => {
    const alone = await startApp({ BREACHED_PASSWORDS_URL: 'http://127.0.0.1:9/range/' })
    assert.equal((await openBrowser(alone).signUp({ ...somebody('Ada'), password: LEAKED })).status, PASSES.status)
    assert.match(alone.log(), /leaked passwords were not looked up/)
  })
})
