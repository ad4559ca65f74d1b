/** Passkeys as their owners use them, and what somebody tries who is not. Ada owns the account; Eve attacks. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiOf } from '../../support/api.ts'
import { BEHIND_TLS, startApp } from '../../support/app.ts'
import {
  addPasskey,
  logInWith,
  loginOptions,
  makeAuthenticator,
  PASSKEYS,
  passkeyIds,
  registerOptions,
  sendAssertion,
} from '../../support/authenticator.ts'
import { type Browser, learner, openBrowser, type Person, problemsOf, somebody } from '../../support/people.ts'

const app = await startApp({}, { atPublicUrl: true })
const other = await startApp({ PUBLIC_URL: app.url }, { databaseUrl: app.databaseUrl })
const MINUTE = 60_000

async function owner() {
  const { person, browser } = await learner(app, 'Ada')
  return { person, browser, passkey: await addPasskey(app, browser) }
}

const events = ({ email }: Person) => app.sql<{ kind: string }>`
  select kind from activity where user_id = (select id from users where email = ${email})`

async function refused(browser: Browser, sent: ReturnType<typeof sendAssertion>): Promise<void> {
  const { status, text } = await sent
  assert.equal(status, 422)
  assert.match(problemsOf(text)[0]?.message ?? '', /passkey/)
  assert.equal(await browser.whoAmI(), undefined)
}

describe('a passkey', () => {
  it('logs its owner in without the password, and leads where they wanted to go', async () => {
    const { person, passkey } = await owner()
    const phone = openBrowser(app)
    const assertion = passkey.get(await loginOptions(phone))
    const sent = await sendAssertion(phone, assertion, { next: '/account', remember: 'yes' })
    assert.deepEqual([sent.status, sent.headers.location], [303, '/account'])
    assert.equal(await phone.whoAmI(), person.name)
    const rows = await app.sql<{ amr: string[] }>`
      select amr from sessions where user_id = (select id from users where email = ${person.email}) order by seen_at`
    assert.deepEqual(rows.at(-1)?.amr, ['hwk', 'user', 'mfa'])
  })

  it('gets a name and is removed on its page, without JavaScript', async () => {
    const { browser, passkey } = await owner()
    const [id = ''] = await passkeyIds(browser)
    assert.equal((await browser.submitTo(`${PASSKEYS}/${id}`, `${PASSKEYS}/${id}`, { name: '' })).status, 422)
    await browser.submitTo(`${PASSKEYS}/${id}`, `${PASSKEYS}/${id}`, { name: 'Blue key' })
    assert.match((await browser.get(PASSKEYS)).text, /Blue key/)
    assert.equal((await browser.submitTo(`${PASSKEYS}/${id}`, `${PASSKEYS}/${id}/remove`)).status, 303)
    assert.deepEqual(await passkeyIds(browser), [])
    const phone = openBrowser(app)
    await refused(phone, logInWith(phone, passkey))
  })

  it('[M52] of somebody else, or that nobody has, is none: its page, its name and its end', async () => {
    const ada = await owner()
    const eve = await owner()
    const [id = ''] = await passkeyIds(ada.browser)
    for (const other of [id, 'nowhere', '%00', '%F0%9F%94%91']) {
      const page = `${PASSKEYS}/${other}`
      assert.equal((await eve.browser.get(page)).status, 404, page)
      assert.equal((await eve.browser.submitTo(PASSKEYS, page, { name: 'Mine' })).status, 404, page)
      assert.equal((await eve.browser.submitTo(PASSKEYS, `${page}/remove`)).status, 303, page)
    }
    const api = apiOf(app, eve.browser)
    for (const call of ['update', 'delete']) {
      const sent = await api.post(`/api/auth/passkey/${call}-passkey`, { id, name: 'Mine' })
      assert.deepEqual([sent.status, sent.body.code], [404, 'PASSKEY_NOT_FOUND'])
    }
    assert.deepEqual(await passkeyIds(ada.browser), [id])
    assert.doesNotMatch((await ada.browser.get(PASSKEYS)).text, /Mine/)
  })

  it('is added only after the password', async () => {
    const { browser } = await learner(app, 'Ada')
    app.advance(11 * MINUTE)
    assert.match((await browser.get(PASSKEYS)).headers.location ?? '', /password-confirmation/)
    const { text } = await browser.get('/api/auth/passkey/generate-register-options')
    assert.match(text, /SESSION_NOT_FRESH/)
  })

  it('is one of ten at most', async () => {
    const { browser } = await owner()
    for (let count = 1; count < 10; count += 1) await addPasskey(app, browser)
    const credential = JSON.stringify(makeAuthenticator(app.url).create(await registerOptions(browser)))
    assert.equal((await browser.submitTo('/account', PASSKEYS, { credential })).status, 422)
    assert.equal((await passkeyIds(browser)).length, 10)
  })

  it('that always counts zero works again and again', async () => {
    const { passkey } = await owner()
    for (let tries = 0; tries < 3; tries += 1) assert.equal((await logInWith(openBrowser(app), passkey)).status, 303)
  })
})

describe('somebody else', () => {
  it('[M40] cannot use what was signed for another origin or another site', async () => {
    const { passkey } = await owner()
    for (const ways of [{ origin: 'https://evil.example' }, { rpId: 'evil.example' }, { type: 'webauthn.create' }]) {
      const eve = openBrowser(app)
      await refused(eve, logInWith(eve, passkey, ways))
    }
  })

  it('[M41] cannot use a passkey for the account of another user', async () => {
    const ada = await owner()
    const eve = await owner()
    const browser = openBrowser(app)
    const [row] = await app.sql<{ handle: string }>`
      select handle from passkey_handles where user_id = (select id from users where email = ${ada.person.email})`
    await refused(browser, logInWith(browser, eve.passkey, { userHandle: row?.handle ?? assert.fail() }))
    const forged = { ...eve.passkey.get(await loginOptions(browser)), id: ada.passkey.id, rawId: ada.passkey.id }
    await refused(browser, sendAssertion(browser, forged))
    // Nor can what was made for one account be added to another.
    const made = makeAuthenticator(app.url).create(await registerOptions(eve.browser))
    const sent = await ada.browser.submit(PASSKEYS, { credential: JSON.stringify(made) })
    assert.equal(sent.status, 422)
  })

  it('[M42] is refused with a copied authenticator, and its owner sees it', async () => {
    const { person, passkey } = await owner()
    assert.equal((await logInWith(openBrowser(app), passkey, { count: 7 })).status, 303)
    for (const count of [7, 3, 0]) {
      const eve = openBrowser(app)
      await refused(eve, logInWith(eve, passkey, { count }))
    }
    assert.equal((await events(person)).filter(({ kind }) => kind === 'passkey-copied').length, 3)
    // The same counter from two at the same moment is one too many as well.
    const both = await Promise.all([0, 1].map(() => logInWith(openBrowser(app), passkey, { count: 8 })))
    assert.deepEqual(both.map(({ status }) => status).toSorted(), [303, 422])
    assert.equal((await events(person)).filter(({ kind }) => kind === 'passkey-copied').length, 4)
    assert.equal((await logInWith(openBrowser(app), passkey, { count: 9 })).status, 303)
  })

  it('[M43] cannot send an answer twice, not even to another process', async () => {
    const { passkey } = await owner()
    const phone = openBrowser(app)
    const assertion = passkey.get(await loginOptions(phone))
    assert.equal((await sendAssertion(phone, assertion)).status, 303)
    await phone.logOut()
    const cookie = `matricula-passkey=${phone.cookie('matricula-passkey') ?? assert.fail()}`
    await refused(phone, sendAssertion(phone, assertion))
    const sent = await fetch(`${other.url}/api/auth/passkey/verify-authentication`, {
      method: 'POST',
      headers: { Cookie: cookie, Origin: app.url, 'Content-Type': 'application/json' },
      body: JSON.stringify({ response: assertion }),
    })
    assert.deepEqual([sent.status, (await sent.json()).code], [400, 'CHALLENGE_NOT_FOUND'])
  })

  it('[M44] cannot send it from another browser, nor after five minutes', async () => {
    const { passkey } = await owner()
    const [phone, eve] = [openBrowser(app), openBrowser(app)]
    const assertion = passkey.get(await loginOptions(phone))
    await loginOptions(eve)
    await refused(eve, sendAssertion(eve, assertion))
    app.advance(5 * MINUTE + 1)
    await refused(phone, sendAssertion(phone, assertion))
  })

  it('[M55] cannot answer the challenge of one purpose for the other', async () => {
    const { browser, passkey } = await owner()
    const made = makeAuthenticator(app.url).create({
      ...(await registerOptions(browser)),
      ...(await loginOptions(browser)),
    })
    assert.equal((await browser.submit(PASSKEYS, { credential: JSON.stringify(made) })).status, 422)
    const signed = passkey.get({
      ...(await loginOptions(browser)),
      challenge: (await registerOptions(browser)).challenge,
    })
    const sent = await browser.submitTo('/account', '/login/passkey', { credential: JSON.stringify(signed) })
    assert.equal(sent.status, 422)
  })

  it('[M56] cannot make the site another one, by headers, proxies or a trusted origin', async () => {
    const elsewhere = 'https://front.example.org'
    const site = await startApp({ ...BEHIND_TLS, TRUSTED_ORIGINS: elsewhere })
    const headers = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'evil.example', Origin: BEHIND_TLS.PUBLIC_URL }
    const cookies = new Map<string, string>()
    const call = async (path: string, body?: object) => {
      const Cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
      const sent = await fetch(`${site.url}/api/auth/${path}`, {
        headers: { ...headers, Cookie, 'Content-Type': 'application/json' },
        ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
      })
      for (const line of sent.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        cookies.set(name, value)
      }
      return sent
    }
    assert.equal((await call('sign-up/email', somebody('Ada'))).status, 200)
    const options = await (await call('passkey/generate-register-options')).json()
    assert.equal(options.rp.id, 'learn.example.org')
    const key = makeAuthenticator(BEHIND_TLS.PUBLIC_URL)
    for (const ways of [{ origin: elsewhere }, { origin: site.url }, { rpId: '127.0.0.1' }, { rpId: 'example.org' }]) {
      assert.equal((await call('passkey/verify-registration', { response: key.create(options, ways) })).status, 400)
    }
    assert.equal((await call('passkey/verify-registration', { response: key.create(options) })).status, 200)
    const asked = await (await call('passkey/generate-authenticate-options')).json()
    assert.equal(asked.rpId, 'learn.example.org')
    for (const ways of [{ origin: elsewhere }, { origin: site.url }, { rpId: '127.0.0.1' }, { rpId: 'example.org' }]) {
      assert.equal((await call('passkey/verify-authentication', { response: key.get(asked, ways) })).status, 400)
    }
    assert.equal((await call('passkey/verify-authentication', { response: key.get(asked) })).status, 200)
  })

  it('[M45] is refused where the authenticator has not checked who holds it', async () => {
    const { passkey } = await owner()
    const eve = openBrowser(app)
    await refused(eve, logInWith(eve, passkey, { unverified: true }))
    const { browser } = await learner(app, 'Ada')
    const made = makeAuthenticator(app.url).create(await registerOptions(browser), { unverified: true })
    assert.equal((await browser.submit(PASSKEYS, { credential: JSON.stringify(made) })).status, 422)
  })

  it('[M46] cannot remove the last way in, nor can its owner by mistake', async () => {
    const { person, browser } = await owner()
    await app.sql`update users set password_hash = null where email = ${person.email}`
    const [id = ''] = await passkeyIds(browser)
    const page = `${PASSKEYS}/${id}`
    const kept = await browser.submitTo(page, `${page}/remove`)
    assert.equal(kept.status, 422)
    assert.match(kept.text, /only way into your account/)
    await addPasskey(app, browser)
    assert.equal((await browser.submitTo(page, `${page}/remove`)).status, 303)
  })

  it('[M51] cannot remove the last two ways in at once, nor can its owner with two presses', async () => {
    const { person, browser } = await owner()
    await addPasskey(app, browser)
    await app.sql`update users set password_hash = null where email = ${person.email}`
    for (let round = 0; round < 5; round += 1) {
      const ids = await passkeyIds(browser)
      assert.equal(ids.length, 2)
      const _csrf = await browser.token(PASSKEYS)
      const sent = await Promise.all(ids.map((id) => browser.post(`${PASSKEYS}/${id}/remove`, { _csrf })))
      assert.deepEqual(sent.map(({ status }) => status).toSorted(), [303, 422])
      await addPasskey(app, browser)
    }
  })

  it('[M50] gets one session at most from answers to one challenge at the same moment, also at two processes', async () => {
    const { person, passkey } = await owner()
    const phone = openBrowser(app)
    const options = await loginOptions(phone)
    const cookie = `matricula-passkey=${phone.cookie('matricula-passkey') ?? assert.fail()}`
    const sent = await Promise.all(
      [app, other, app, other, app, other].map(({ url }) =>
        fetch(`${url}/api/auth/passkey/verify-authentication`, {
          method: 'POST',
          headers: { Cookie: cookie, Origin: app.url, 'Content-Type': 'application/json' },
          body: JSON.stringify({ response: passkey.get(options) }),
        }),
      ),
    )
    assert.deepEqual(sent.map(({ status }) => status).toSorted(), [200, 400, 400, 400, 400, 400])
    const sessions = await app.sql`
      select 1 from sessions where user_id = (select id from users where email = ${person.email})`
    assert.equal(sessions.length, 2)
  })

  it('[M47] learns from the options of a login nothing of accounts', async () => {
    const { browser } = await owner()
    const stranger = openBrowser(app)
    const told = [await loginOptions(browser), await loginOptions(stranger)]
    for (const options of told) {
      assert.deepEqual(Object.keys(options).sort(), ['challenge', 'rpId', 'timeout', 'userVerification'])
    }
  })

  it('[M48] cannot get in by a passkey of a suspended or a deleted account', async () => {
    const { person, passkey } = await owner()
    await app.sql`update all_users set suspended_at = now() where email = ${person.email}`
    const phone = openBrowser(app)
    const told = await logInWith(phone, passkey)
    assert.equal(told.status, 403)
    assert.match(told.text, /suspended/)
    await app.sql`update all_users set suspended_at = null, delete_at = now() + interval '7 days' where email = ${person.email}`
    await refused(phone, logInWith(phone, passkey))
    await app.sql`delete from all_users where email = ${person.email}`
    const left = await app.sql`select 1 from passkeys where credential_id = ${passkey.id}`
    assert.equal(left.length, 0)
  })

  it('[M49] with an id of a session from before the login has nothing', async () => {
    const { passkey } = await owner()
    const { browser } = await learner(app, 'Eve')
    const before = browser.cookie('matricula')
    assert.equal((await browser.get('/account')).status, 200)
    const assertion = passkey.get(await loginOptions(browser))
    const sent = await browser.submitTo('/account', '/login/passkey', { credential: JSON.stringify(assertion) })
    assert.equal(sent.status, 303)
    assert.notEqual(browser.cookie('matricula'), before)
    assert.equal(await browser.whoAmI(), 'Ada')
    assert.equal(await openBrowser(app, { Cookie: `matricula=${before}` }).whoAmI(), undefined)
  })
})
