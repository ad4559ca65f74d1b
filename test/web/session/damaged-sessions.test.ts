/** Damaged rows in the table of sessions: a row that cannot be parsed as our session counts as no session. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiOf, bearer, openApi } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { encode, PROFILE } from '../../support/learning.ts'
import { learner, openBrowser } from '../../support/people.ts'
import { idWithin, onlySessionOf, sessionCookieOf } from '../../support/sessions.ts'

const app = await startApp({}, { atPublicUrl: true })

type Sess = { userId: string; remembered: boolean; loggedInAt: number; confirmedAt: number }

/** What is written into the row instead, as JSON. */
const DAMAGED: Record<string, (sess: Sess) => unknown> = {
  'only the user': ({ userId }) => ({ userId }),
  'no word on being remembered': ({ remembered: _, ...rest }) => rest,
  'a text for being remembered': (sess) => ({ ...sess, remembered: 'yes' }),
  'a number for being remembered': (sess) => ({ ...sess, remembered: 1 }),
  'no time of the login': ({ loggedInAt: _, ...rest }) => rest,
  'a text for the time of the login': (sess) => ({ ...sess, loggedInAt: 'yesterday' }),
  'digits in a text for the time of the login': (sess) => ({ ...sess, loggedInAt: String(sess.loggedInAt) }),
  'null for the time of the login': (sess) => ({ ...sess, loggedInAt: null }),
  'a login before time began': (sess) => ({ ...sess, loggedInAt: -1 }),
  'a login after the end of all calendars': (sess) => ({ ...sess, loggedInAt: 1e300 }),
  'a text for the time of the password': (sess) => ({ ...sess, confirmedAt: 'now' }),
  'null for the time of the password': (sess) => ({ ...sess, confirmedAt: null }),
  'a number for the message': (sess) => ({ ...sess, flash: 7 }),
  'a list for the message': (sess) => ({ ...sess, flash: ['name-saved'] }),
  'null for the message': (sess) => ({ ...sess, flash: null }),
  'a number for the form that waits': (sess) => ({ ...sess, kept: 7 }),
}

/** A learner who is logged in and whose row is then overwritten. */
async function withRow(change: (sess: Sess) => unknown) {
  const { person, browser } = await learner(app, 'Ada')
  const api = apiOf(app, browser)
  const token = await api.token()
  const { refreshToken } = (await api.post('/api/auth/refresh-token', {})).body
  const form = encode({ ...PROFILE, _csrf: await browser.token('/profile') })
  const { sid, sess } = await onlySessionOf(app, person)
  const changed = JSON.stringify(change(JSON.parse(sess)))
  await app.sql`update sessions set sess = ${changed}::text::json where sid = ${sid}`
  const logged = app.log().length
  return {
    person,
    browser,
    api,
    token,
    refreshToken,
    form,
    sid,
    isThere: async () => (await app.sql`select 1 as one from sessions where sid = ${sid}`).length > 0,
    /** The log lines about it since then. */
    lines: () =>
      (app
        .log()
        .slice(logged)
        .match(/.*a damaged session was removed.*/g) ?? []) as string[],
  }
}

describe('a damaged row', () => {
  for (const [name, damage] of Object.entries(DAMAGED)) {
    it(`with ${name} is nobody's session, and goes, with one line in the log`, async () => {
      const { browser, sid, isThere, lines } = await withRow(damage)
      const id = idWithin(sessionCookieOf(browser))
      assert.equal(await browser.whoAmI(), undefined)
      assert.equal(await isThere(), false)
      assert.equal((await browser.get('/dashboard')).headers.location, '/login?next=%2Fdashboard')
      assert.equal(lines().length, 1)
      assert.equal(
        lines().some((line) => line.includes(sid) || line.includes(id)),
        false,
      )
    })

    it(`with ${name} takes no form, and is no fault of ours`, async () => {
      const { person, browser, form, isThere, lines } = await withRow(damage)
      const { status } = await browser.post('/profile', form)
      assert.ok(status < 500, `answered with ${status}`)
      const saved = await app.sql`
        select 1 as one from profiles join users on users.id = user_id where email = ${person.email}`
      assert.deepEqual([...saved], [])
      assert.equal(await isThere(), false)
      assert.equal(lines().length, 1)
    })

    it(`with ${name} is none to a program, by cookie, by token and by refresh token`, async () => {
      const { api, token, refreshToken } = await withRow(damage)
      assert.equal((await openApi(app).get('/api/me', bearer(token))).status, 401)
      const refreshed = await openApi(app).post('/api/auth/refresh', { refreshToken })
      assert.deepEqual([refreshed.status, refreshed.body.code], [401, 'INVALID_REFRESH_TOKEN'])
      assert.equal((await api.get('/api/auth/get-session')).text, 'null')
    })
  }

  it('goes when its refresh token is used too, with one line', async () => {
    const { refreshToken, isThere, lines } = await withRow(({ userId }) => ({ userId }))
    await openApi(app).post('/api/auth/refresh', { refreshToken })
    assert.equal(await isThere(), false)
    assert.equal(lines().length, 1)
  })

  it('leaves one line, however many requests come at once', async () => {
    const { browser, lines } = await withRow(({ userId }) => ({ userId }))
    const pages = await Promise.all(Array.from({ length: 10 }, () => browser.get('/')))
    assert.deepEqual([...new Set(pages.map(({ status }) => status))], [200])
    assert.equal(lines().length, 1)
  })

  it('takes no other session of its owner along', async () => {
    const { person, browser } = await withRow(({ userId }) => ({ userId }))
    const phone = openBrowser(app)
    await phone.logIn(person)
    assert.equal(await browser.whoAmI(), undefined)
    assert.equal(await phone.whoAmI(), 'Ada')
  })
})

/** Rows that the table itself refuses, because it reads the user from them. */
const REFUSED: Record<string, (sess: Sess) => unknown> = {
  'no user': ({ userId: _, ...rest }) => rest,
  'null for the user': (sess) => ({ ...sess, userId: null }),
  'a user who is not there': (sess) => ({ ...sess, userId: 'nobody' }),
  'a list of users': (sess) => ({ ...sess, userId: [sess.userId] }),
  'nothing at all': () => ({}),
  'a list': (sess) => [sess],
  'a text': (sess) => JSON.stringify(sess),
  'a number': () => 1,
  null: () => null,
}

describe('the table', () => {
  for (const [name, damage] of Object.entries(REFUSED)) {
    it(`takes no row with ${name}`, () => assert.rejects(withRow(damage), { code: /^(23502|23503)$/ }))
  }
})

/** Not what this version writes, but still a session. */
const SOUND: Record<string, (sess: Sess) => unknown> = {
  'without the time of the password, as an older version wrote it': ({ confirmedAt: _, ...rest }) => rest,
  'with more than is known, as a newer version may write it': (sess) => ({ ...sess, colour: 'red', cookie: {} }),
  'with a message that is not known': (sess) => ({ ...sess, flash: 'something-new' }),
  'with its keys in another order': (sess) => Object.fromEntries(Object.entries(sess).reverse()),
}

describe('a row that is sound', () => {
  for (const [name, change] of Object.entries(SOUND)) {
    it(`${name}, is a session`, async () => {
      const { browser, form, token, refreshToken, lines } = await withRow(change)
      assert.equal(await browser.whoAmI(), 'Ada')
      assert.equal((await browser.post('/profile', form)).status, 303)
      assert.equal((await openApi(app).get('/api/me', bearer(token))).status, 200)
      assert.equal((await openApi(app).post('/api/auth/refresh', { refreshToken })).status, 200)
      assert.deepEqual(lines(), [])
    })
  }
})

it('nothing of it was a fault in the log', () => {
  assert.doesNotMatch(app.log(), /request failed/)
})
