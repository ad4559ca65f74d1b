/** A row of the table of sessions that is not as the app writes it: nobody is logged in by half a session. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiOf, openApi } from '../support/api.ts'
import { startApp } from '../support/app.ts'
import { learner, openBrowser } from '../support/people.ts'
import { onlySessionOf, sessionsOf } from '../support/sessions.ts'

const app = await startApp({}, { atPublicUrl: true })

const DAMAGES: Record<string, (whole: Record<string, unknown>) => unknown> = {
  'only the user': ({ userId }) => ({ userId }),
  'no moment of the login': ({ loggedInAt: _, ...rest }) => rest,
  'a moment that is a text': (whole) => ({ ...whole, loggedInAt: String(whole.loggedInAt) }),
  'a moment that is no number': (whole) => ({ ...whole, loggedInAt: null }),
  'a confirmation that is a text': (whole) => ({ ...whole, confirmedAt: 'now' }),
  'remembered, in words': (whole) => ({ ...whole, remembered: 'yes' }),
  'a message that is a number': (whole) => ({ ...whole, flash: 7 }),
  'a message that is an object': (whole) => ({ ...whole, flash: { startsWith: 1 } }),
}

describe('a damaged session', () => {
  for (const [name, damage] of Object.entries(DAMAGES)) {
    it(`is no session, and is removed: ${name}`, async () => {
      const { person, browser } = await learner(app, 'Ada')
      const api = apiOf(app, browser)
      const { refreshToken } = (await api.post('/api/auth/refresh-token', {})).body
      const { sid, sess } = await onlySessionOf(app, person)
      const damaged = JSON.stringify(damage(JSON.parse(sess)))
      await app.sql`update sessions set sess = ${damaged}::text::json where sid = ${sid}`
      const lines = () => app.log().split('a damaged session was removed').length - 1
      const before = lines()

      if (!/message|confirmation/.test(name)) {
        const refreshed = await openApi(app).post('/api/auth/refresh', { refreshToken })
        assert.equal(refreshed.status, 401)
      }
      assert.equal(await browser.whoAmI(), undefined)
      assert.equal((await app.sql`select 1 from sessions where sid = ${sid}`).length, 0)
      assert.equal(lines() - before, 1)
      assert.equal((await browser.get('/dashboard')).headers.location, '/login?next=%2Fdashboard')
      assert.equal((await api.get('/api/auth/get-session')).body, null)
      // The same browser can do what every visitor can.
      assert.equal((await browser.logIn(person, { next: '/' })).status, 303)
      assert.equal(await browser.whoAmI(), 'Ada')
      assert.equal((await sessionsOf(app, person)).length, 1)
    })
  }
})

describe('a hash that no password can match', () => {
  it('is told to the operator, once an hour for an account, and to nobody else', async () => {
    const { person } = await learner(app, 'Ada')
    const { person: other } = await learner(app, 'Ben')
    await app.sql`update users set password_hash = left(password_hash, 40) where email = ${person.email}`
    const lines = () => app.log().split('no password can match the hash').length - 1
    const attempt = async (email: string) => (await openBrowser(app).logIn({ ...person, email })).status
    assert.deepEqual([await attempt(person.email), await attempt(person.email)], [422, 422])
    assert.equal(lines(), 1)
    app.advance(61 * 60_000)
    await attempt(person.email)
    assert.equal(lines(), 2)
    assert.equal(await attempt(other.email), 303)
    assert.equal(lines(), 2)
    assert.doesNotMatch(app.log(), /\$2b\$/)
  })
})
