/** What stands behind passkeys, guard by guard. Ada owns the account; Eve is somebody else. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { SettingsService } from '@simplewebauthn/server'
import { openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import {
  addPasskey,
  logInWith,
  loginOptions,
  makeAuthenticator,
  PASSKEYS,
  registerOptions,
  sendAssertion,
} from '../../support/authenticator.ts'
import { newNetwork, useUp } from '../../support/guessing.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForReset, confirm, NEW_PASSWORD, open, resetBy, VERIFY } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, somebody } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'
import { decode } from '../../support/tokens.ts'

const mailbox = await openMailbox()
const withMail = await startApp({ TRUST_PROXY: '1' }, { mailbox, atPublicUrl: true })
/** The same site without mail, where nobody confirms an address. */
const app = await startApp({ TRUST_PROXY: '1', PUBLIC_URL: withMail.url }, { databaseUrl: withMail.databaseUrl })
const MINUTE = 60_000
const CALLS = '/api/auth/passkey'

const made = (options: Parameters<ReturnType<typeof makeAuthenticator>['create']>[0], ways = {}) => ({
  credential: JSON.stringify(makeAuthenticator(withMail.url).create(options, ways)),
})
const send = (browser: Browser, body: { credential: string }) => browser.submitTo('/account', PASSKEYS, body)

async function owner(name = 'Ada') {
  const { person, browser } = await learner(app, name)
  return { person, browser, passkey: await addPasskey(withMail, browser) }
}

/** Calls come from the site’s own pages. */
const apiOf = ({ agent }: Browser) => openApi(app, { Origin: withMail.url }, agent)

const listed = async (browser: Browser): Promise<{ id: string; name: string }[]> =>
  (await apiOf(browser).get(`${CALLS}/list-user-passkeys`)).body

async function isRefused(passkey: Awaited<ReturnType<typeof addPasskey>>): Promise<void> {
  const browser = openBrowser(withMail)
  assert.equal((await logInWith(browser, passkey)).status, 422)
  assert.equal(await browser.whoAmI(), undefined)
}

describe('a new passkey', () => {
  it('that was made for another origin, another site or another end is not added', async () => {
    const { browser } = await learner(app, 'Ada')
    for (const ways of [{ origin: 'https://evil.example' }, { rpId: 'evil.example' }, { type: 'webauthn.get' }]) {
      assert.equal((await send(browser, made(await registerOptions(browser), ways))).status, 422)
    }
    assert.deepEqual(await listed(browser), [])
  })

  it('that was asked for in a frame of another site is not added', async () => {
    const { browser } = await learner(app, 'Ada')
    assert.equal((await send(browser, made(await registerOptions(browser), { framed: true }))).status, 422)
    assert.deepEqual(await listed(browser), [])
  })

  it('has nobody asked about the certificates that come with it', () => {
    for (const identifier of [
      'android-key',
      'android-safetynet',
      'apple',
      'fido-u2f',
      'packed',
      'tpm',
      'mds',
    ] as const) {
      assert.deepEqual(SettingsService.getRootCertificates({ identifier }), [], identifier)
    }
  })

  it('of which two are made for one challenge is one', async () => {
    const { browser } = await learner(app, 'Ada')
    const options = await registerOptions(browser)
    assert.equal((await send(browser, made(options))).status, 303)
    assert.equal((await send(browser, made(options))).status, 422)
    assert.equal((await listed(browser)).length, 1)
  })

  it('that was begun in one account is not added to another, in the same browser', async () => {
    const { browser } = await learner(app, 'Ada')
    const begun = made(await registerOptions(browser))
    await browser.logOut()
    assert.equal((await browser.signUp(somebody('Eve'))).status, 303)
    assert.equal((await send(browser, begun)).status, 422)
    assert.deepEqual(await listed(browser), [])
  })

  it('that was begun before a new password is not added after it', async () => {
    const { person, browser } = await learner(app, 'Ada')
    const begun = made(await registerOptions(browser))
    const change = { currentPassword: person.password, newPassword: NEW_PASSWORD }
    assert.equal((await browser.submit('/account/password-change', change)).status, 303)
    assert.equal((await send(browser, begun)).status, 422)
    assert.deepEqual(await listed(browser), [])
  })

  it('that was made for the challenge of a login is not added', async () => {
    const { browser } = await learner(app, 'Ada')
    const options = await loginOptions(browser)
    assert.equal((await send(browser, made(options, { rpId: options.rpId }))).status, 422)
    assert.deepEqual(await listed(browser), [])
  })

  it('is added once the address is confirmed, where there is mail', async () => {
    const { person, browser } = await learner(withMail, 'Ada')
    const early = await browser.get(`${CALLS}/generate-register-options`)
    assert.deepEqual([early.status, early.body.code], [403, 'EMAIL_NOT_VERIFIED'])
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
    await addPasskey(withMail, browser)
  })
})

describe('a passkey', () => {
  it('that answers a challenge which nobody here has made does not log in', async () => {
    const { passkey } = await owner()
    const eve = openBrowser(app)
    const { rpId = '' } = await loginOptions(eve)
    const [nonce, mac] = [16, 32].map((bytes) => randomBytes(bytes).toString('base64url'))
    const challenge = Buffer.from(`${nonce}.${app.deps.now() + MINUTE}.${mac}`).toString('base64url')
    const _csrf = await eve.token('/login')
    const credential = JSON.stringify(passkey.get({ challenge, rpId }))
    assert.equal((await eve.post('/login/passkey', { _csrf, credential })).status, 422)
    assert.equal(await eve.whoAmI(), undefined)
  })

  it('that somebody else has signed with does not log in, whatever it is called', async () => {
    const { person, passkey } = await owner()
    const { passkey: own } = await owner('Eve')
    const [row] = await app.sql<{ handle: string }>`
      select handle from passkey_handles where user_id = (select id from users where email = ${person.email})`
    const eve = openBrowser(app)
    const signed = own.get(await loginOptions(eve), { userHandle: row?.handle ?? assert.fail('Ada has one') })
    const sent = await sendAssertion(eve, { ...signed, id: passkey.id, rawId: passkey.id })
    assert.equal(sent.status, 422)
    assert.equal(await eve.whoAmI(), undefined)
  })

  it('is told in tokens from a hardware key once its authenticator has said that it can be copied', async () => {
    const { passkey } = await owner()
    for (const [synced, way] of [
      [false, 'hwk'],
      [true, 'swk'],
      [false, 'swk'],
    ] as const) {
      const phone = openBrowser(withMail)
      assert.equal((await logInWith(phone, passkey, { synced })).status, 303)
      const { token } = (await apiOf(phone).get('/api/auth/token')).body
      assert.deepEqual(decode(token).claims.amr, [way, 'user', 'mfa'])
    }
    const { browser } = await learner(app, 'Ada')
    const copied = await addPasskey(withMail, browser, { synced: true })
    const phone = openBrowser(withMail)
    assert.equal((await logInWith(phone, copied, { synced: true })).status, 303)
    const { token } = (await apiOf(phone).get('/api/auth/token')).body
    assert.deepEqual(decode(token).claims.amr, ['swk', 'user', 'mfa'])
  })

  it('that was asked for in a frame of another site does not log in', async () => {
    const { passkey } = await owner()
    const eve = openBrowser(app)
    assert.equal((await logInWith(eve, passkey, { framed: true })).status, 422)
    assert.equal(await eve.whoAmI(), undefined)
  })

  it('from one network ends with two hundred wrong answers, and one that is right costs nothing', async () => {
    const { passkey } = await owner()
    const network = newNetwork()
    await useUp(app, 'passkeysByNetwork', network, 199)
    const [ada, eve] = [0, 1].map(() => openBrowser(app, { 'X-Forwarded-For': network }))
    if (!ada || !eve) assert.fail('two browsers')
    assert.equal((await logInWith(ada, passkey)).status, 303)
    assert.equal((await logInWith(eve, passkey, { unverified: true })).status, 422, 'the two hundredth')
    const paused = await logInWith(eve, passkey)
    assert.equal(paused.status, 429)
    assert.match(paused.headers['retry-after'] ?? '', /^[1-9]\d*$/)
  })

  it('that could not be looked up costs its network nothing', async () => {
    const { passkey } = await owner()
    const network = newNetwork()
    const ada = openBrowser(app, { 'X-Forwarded-For': network })
    const form = await loginOptions(ada)
    await app.sql`alter table passkey_handles rename to handles_away`
    try {
      assert.ok((await sendAssertion(ada, passkey.get(form))).status >= 500)
    } finally {
      await app.sql`alter table handles_away rename to passkey_handles`
    }
    const key = app.deps.rateLimits.keyOf('passkeysByNetwork', network)
    await eventually('the try to be given back', async () => {
      const [row] = await app.sql<{ points: number }>`select points from rate_limits where key = ${key}`
      return row?.points === 0
    })
  })

  it('of somebody else is neither seen, named nor removed, by a page or a call', async () => {
    const { browser, passkey } = await owner()
    const before = await listed(browser)
    const id = before[0]?.id ?? assert.fail('Ada has one')
    const { browser: eve } = await owner('Eve')
    const page = `${PASSKEYS}/${id}`
    assert.equal((await eve.get(page)).status, 404)
    assert.equal((await eve.submitTo('/account', page, { name: 'Mine' })).status, 404)
    await eve.submitTo('/account', `${page}/remove`)
    const api = apiOf(eve)
    const changes: [string, object][] = [
      ['update-passkey', { id, name: 'Mine' }],
      ['delete-passkey', { id }],
    ]
    for (const [call, body] of changes) {
      const answer = await api.post(`${CALLS}/${call}`, body)
      assert.deepEqual([answer.status, answer.body.code], [404, 'PASSKEY_NOT_FOUND'], call)
    }
    assert.deepEqual(await listed(browser), before)
    assert.equal((await logInWith(openBrowser(app), passkey)).status, 303)
  })

  it('is neither named, removed nor added ten minutes after the password', async () => {
    const { browser } = await owner()
    const before = await listed(browser)
    const { id } = before[0] ?? assert.fail('Ada has one')
    const begun = makeAuthenticator(withMail.url).create(await registerOptions(browser))
    app.advance(11 * MINUTE)
    const pages: [string, Record<string, string>][] = [
      [`${PASSKEYS}/${id}`, { name: 'Other' }],
      [`${PASSKEYS}/${id}/remove`, {}],
      [PASSKEYS, { credential: JSON.stringify(begun) }],
    ]
    for (const [page, body] of pages) {
      const { status, headers } = await browser.submitTo('/account', page, body)
      assert.equal(status, 303)
      assert.match(headers.location ?? '', /^\/account\/password-confirmation/, page)
    }
    const api = apiOf(browser)
    const calls: [string, object][] = [
      ['delete-passkey', { id }],
      ['verify-registration', { response: begun }],
    ]
    for (const [call, body] of calls) {
      const answer = await api.post(`${CALLS}/${call}`, body)
      assert.deepEqual([answer.status, answer.body.code], [403, 'SESSION_NOT_FRESH'], call)
    }
    assert.deepEqual(await listed(browser), before)
  })

  it('of whoever made the account goes with a reset by the owner of the address', async () => {
    const { person, passkey } = await owner()
    const ada = openBrowser(withMail)
    assert.equal((await resetBy(ada, await askForReset(ada, mailbox, person.email))).status, 303)
    await isRefused(passkey)
  })

  it('goes with “It was not me”', async () => {
    const { person, browser } = await learner(withMail, 'Ada')
    await confirm(browser, await mailbox.letterTo(person.email, VERIFY.subject))
    const passkey = await addPasskey(withMail, browser)
    const ada = openBrowser(withMail)
    await open(ada, await mailbox.letterTo(person.email, /passkey/i))
    assert.equal((await ada.submit('/not-me/confirm', {})).status, 303)
    await isRefused(passkey)
  })
})
